"""What a reader expects: the classes that an annotation names, and whether a value is what the annotation says."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import functools
import inspect
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

import msgspec

from swe_db.errors import CacheTypeError
from swe_db.redis.cache.codec import Packer, Reader, dumps
from swe_db.redis.cache.codec_classes import Plan, plan_of

__all__ = ["Hint", "Shape", "return_hint", "shape_of"]

Hint: TypeAlias = Any  # an annotation: a class, `list[int]`, `User | None`

SHAPES: Final = 1024  # annotations whose shapes are kept

SEQUENCES: Final = (
    list,
    set,
    frozenset,
    collections.abc.Sequence,
    collections.abc.MutableSequence,
    collections.abc.Set,
    collections.abc.MutableSet,
    collections.abc.Collection,
)
MAPPINGS: Final = (dict, collections.abc.Mapping, collections.abc.MutableMapping)

# PEP 484: where a float is wanted an int will do.
PROMOTED: Final[Mapping[type, tuple[type, ...]]] = {float: (float, int), complex: (complex, float, int)}


@dataclasses.dataclass(frozen=True, slots=True)
class Shape:
    """What a reader expects.

    Attributes:
        hint: The annotation; Any expects nothing.
        reader: Reads what was written; instances only of the classes that the annotation names.
        packer: Refuses what the reader could not read.
    """

    hint: Hint
    reader: Reader
    packer: Packer

    def dumps(self, value: object) -> bytes:
        """Return a value as bytes that `loads` takes.

        Raises:
            CacheTypeError: It would not come back as it is, or is not what the annotation says.
        """
        self._check(value)
        return dumps(value, self.packer)

    def loads(self, data: bytes) -> Any:  # noqa: ANN401
        """Return the value of these bytes.

        Raises:
            CacheTypeError: It cannot be read, or is not what the annotation says.
        """
        value = self.reader.loads(data)
        self._check(value)
        return value

    def _check(self, value: object) -> None:
        if self.hint is not Any and not _conforms(value, self.hint):
            raise CacheTypeError(f"it is a {type(value).__qualname__}, not a {_shown(self.hint)}")


def shape_of(hint: Hint) -> Shape:
    """Return what a reader of this annotation expects."""
    try:
        return _kept_shape(hint)
    except TypeError:  # not hashable
        return _shape(hint)


def return_hint(function: Callable[..., Any]) -> Hint:
    """Return what a function is annotated to return; Any if it does not say, or if that cannot be resolved."""
    function = inspect.unwrap(function)
    hint = getattr(function, "__annotations__", {}).get("return", Any)
    names = dict(getattr(function, "__globals__", {}))
    cells = getattr(function, "__closure__", None) or ()
    for name, cell in zip(function.__code__.co_freevars if cells else (), cells, strict=True):
        try:
            names[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    holder = types.SimpleNamespace(__annotations__={"return": hint})
    try:
        return typing.get_type_hints(holder, names, include_extras=False)["return"]
    except Exception:  # noqa: BLE001 - an annotation may be any expression
        return Any


def _shape(hint: Hint) -> Shape:
    plans = {plan.label: plan for plan in _plans(hint, set())}
    return Shape(hint, Reader(plans), Packer(plans))


_kept_shape: Final = functools.lru_cache(maxsize=SHAPES)(_shape)


def _plans(hint: Hint, seen: set[int]) -> Iterator[Plan]:
    """Yield the plans of all classes that an annotation names, and of those that their fields name."""
    if id(hint) in seen:
        return
    seen.add(id(hint))
    for argument in typing.get_args(hint):
        yield from _plans(argument, seen)
    cls = _origin(hint) or _named(hint)
    if cls is not hint:
        yield from _plans(cls, seen)
    elif isinstance(cls, enum.Enum):  # in a Literal
        yield from _plans(type(cls), seen)
    elif isinstance(cls, type) and (plan := plan_of(cls)) is not None:
        yield plan
    if isinstance(cls, type) and _has_fields(cls):
        for field in _field_hints(cls):
            yield from _plans(field, seen)


def _has_fields(cls: type) -> bool:
    return (
        dataclasses.is_dataclass(cls)
        or issubclass(cls, msgspec.Struct)
        or (issubclass(cls, tuple) and hasattr(cls, "_fields"))
        or typing.is_typeddict(cls)
    )


def _field_hints(cls: type) -> list[Any]:
    try:
        return list(typing.get_type_hints(cls).values())
    except Exception:  # noqa: BLE001 - an annotation may be any expression
        return []


def _conforms(value: object, hint: Hint) -> bool:
    """Tell whether a value may be what an annotation says; what is not known here passes."""
    origin, arguments = _origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        return any(_conforms(value, argument) for argument in arguments)
    if origin is typing.Literal:
        return any(type(value) is type(argument) and value == argument for argument in arguments)
    named = _named(hint)
    if named is not hint:
        return _conforms(value, named)
    cls = origin or hint
    if not isinstance(cls, type):
        return True
    return _is_instance(value, cls) and _items_conform(value, cls, arguments)


def _origin(hint: Hint) -> Any:  # noqa: ANN401
    return typing.get_origin(hint)


def _named(hint: Hint) -> Hint:
    """Return what a name stands for: a NewType's type, an alias's value, the type that is annotated."""
    if hint is None:
        return types.NoneType
    if _origin(hint) is typing.Annotated:
        return typing.get_args(hint)[0]
    if isinstance(hint, type):
        return hint
    return getattr(hint, "__value__", None) or getattr(hint, "__supertype__", None) or hint


def _is_instance(value: object, cls: type) -> bool:
    if typing.is_typeddict(cls):
        return isinstance(value, dict)
    try:
        return isinstance(value, PROMOTED.get(cls, cls))
    except TypeError:  # a protocol that cannot be asked
        return True


def _items_conform(value: Any, cls: type, arguments: tuple[Any, ...]) -> bool:  # noqa: ANN401
    if cls in SEQUENCES and arguments and not isinstance(value, str | bytes):
        return all(_conforms(item, arguments[0]) for item in value)
    if cls in MAPPINGS and arguments:
        return all(_conforms(key, arguments[0]) and _conforms(item, arguments[1]) for key, item in value.items())
    if cls is tuple and arguments:
        if arguments[-1] is Ellipsis:
            return all(_conforms(item, arguments[0]) for item in value)
        hints = () if arguments == ((),) else arguments
        return len(value) == len(hints) and all(map(_conforms, value, hints))
    return True


def _shown(hint: Hint) -> str:
    return hint.__qualname__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)
