"""Classes whose instances the codec takes apart: dataclasses, structs of msgspec, named tuples and enums.

Stored data names a class by a label and no class is ever imported by it: whoever reads says which classes may come.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import hashlib
import inspect
import operator
import re
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

import msgspec

from swe_db.errors import CacheTypeError

__all__ = ["Plan", "plan_of"]

Class: TypeAlias = type[Any]

PLANS: Final = 1024  # classes whose plans are kept
ADDRESS: Final = re.compile(r" at 0x[0-9a-fA-F]+")  # in what `repr` says of many objects, other in each process


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """How the instances of a class are taken apart and put together.

    Attributes:
        label: The class's name; it changes with the fields, so that an entry written for others is not taken.
        parts: Returns what an instance consists of.
        whole: Makes the instance of its parts. No `__init__` runs, since that could change what went in.
    """

    label: str
    parts: Callable[[Any], list[Any]]
    whole: Callable[[list[Any]], Any]


def plan_of(cls: Class) -> Plan | None:
    """Return the plan of a class, or None if its instances cannot be taken apart."""
    hashable: Any = cls  # to mypy no class is
    return _kept_plan(hashable)


@functools.lru_cache(maxsize=PLANS)
def _kept_plan(cls: Any) -> Plan | None:  # noqa: ANN401
    if issubclass(cls, enum.Enum):
        return Plan(_name(cls), _names_of_member, functools.partial(_member, cls))
    fields = _fields(cls)
    if fields is None or _hidden_slots(cls, fields):
        return None
    if issubclass(cls, msgspec.Struct):
        make: Callable[[list[Any]], Any] = functools.partial(_struct, cls, fields)
    elif issubclass(cls, tuple):
        make = functools.partial(_named_tuple, cls, fields)
    elif not _is_plain(cls):
        return None
    else:
        make = functools.partial(_dataclass, cls, fields)
    return Plan(_label(cls, fields), functools.partial(_parts, fields), make)


def _name(cls: Class) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _fields(cls: Class) -> tuple[str, ...] | None:
    if issubclass(cls, msgspec.Struct):
        return cls.__struct_fields__
    if dataclasses.is_dataclass(cls):
        return tuple(field.name for field in dataclasses.fields(cls))
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return tuple(cls._fields)
    return None


def _is_plain(cls: Class) -> bool:
    """Tell whether instances have no state but their attributes; a dict's or an exception's has."""
    try:
        object.__new__(cls)
    except TypeError:
        return False
    return True


def _hidden_slots(cls: Class, fields: Iterable[str]) -> set[str]:
    """Return the slots that are no fields: a value in one of them would be lost."""
    slots: set[str] = set()
    for base in cls.__mro__:
        own = base.__dict__.get("__slots__", ())
        slots.update([own] if isinstance(own, str) else own)
    return slots - set(fields) - {"__dict__", "__weakref__"}


def _label(cls: Class, fields: Iterable[str]) -> str:
    annotations: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        annotations |= inspect.get_annotations(base)
    text = ADDRESS.sub("", "\n".join(f"{name}: {annotations.get(name)}" for name in fields))
    return f"{_name(cls)}#{hashlib.blake2b(text.encode(), digest_size=4).hexdigest()}"


def _parts(fields: tuple[str, ...], value: Any) -> list[Any]:  # noqa: ANN401
    cls = type(value)
    others = getattr(value, "__dict__", {}).keys() - set(fields)
    lost = {name for name in others if not isinstance(getattr(cls, name, None), functools.cached_property)}
    if lost:
        raise CacheTypeError(f"a {_name(cls)} has attributes that are no fields and would be lost: {sorted(lost)}")
    try:
        return [getattr(value, name) for name in fields]
    except AttributeError as error:
        raise CacheTypeError(f"a {_name(cls)} has a field without a value: {error}") from error


def _dataclass(cls: Class, fields: tuple[str, ...], parts: list[Any]) -> Any:  # noqa: ANN401
    value = object.__new__(cls)
    for name, part in zip(fields, parts, strict=True):
        object.__setattr__(value, name, part)
    return value


def _named_tuple(cls: Class, fields: tuple[str, ...], parts: list[Any]) -> Any:  # noqa: ANN401
    _check_number(fields, parts)
    return tuple.__new__(cls, parts)


def _struct(cls: Class, fields: tuple[str, ...], parts: list[Any]) -> Any:  # noqa: ANN401
    value = cls(**dict(zip(fields, parts, strict=True)))
    if hasattr(cls, "__post_init__"):  # it has run, and may have changed something
        for name, part in zip(fields, parts, strict=True):
            getattr(cls, name).__set__(value, part)  # where the struct is frozen, too
    return value


def _check_number(fields: tuple[str, ...], parts: list[Any]) -> None:
    if len(fields) != len(parts):
        raise ValueError(f"{len(parts)} values for {len(fields)} fields")


def _names_of_member(member: enum.Enum) -> list[str]:
    """Return the names that a member is made of: its own, or those of the flags in it."""
    cls = type(member)
    if cls.__members__.get(str(member.name)) is member:
        return [str(member.name)]
    names = [str(flag.name) for flag in member] if isinstance(member, enum.Flag) else []
    if not isinstance(member, enum.Flag) or _member(cls, names) != member:
        raise CacheTypeError(f"{member!r} is no member of {_name(cls)}")
    return names


def _member(cls: Class, names: list[str]) -> Any:  # noqa: ANN401
    members = [cls[name] for name in names]
    return functools.reduce(operator.or_, members) if members else cls(0)
