"""The key of a call: equal for equal arguments however they are passed, and for no others."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Final

from msgspec.msgpack import Encoder, Ext

from swe_db.errors import CacheTypeError
from swe_db.redis.cache.codec import DEPTH, NATIVE, Packer

__all__ = ["Arguments"]

encode: Final = Encoder().encode

# Beside the extensions of the codec, whose numbers are below 64.
UNORDERED: Final = 64
KEYED: Final = 65
TEXT: Final = 66


class Arguments:
    """The arguments of a function.

    Args:
        function: The function.
        ignore: The names of those that do not matter.

    Raises:
        CacheTypeError: The function has no such parameter.
    """

    def __init__(self, function: Callable[..., Any], ignore: Iterable[str]) -> None:
        self._function = f"{function.__module__}.{function.__qualname__}"
        self._signature = inspect.signature(function)
        self._ignore = frozenset([ignore] if isinstance(ignore, str) else ignore)
        self._packer = CanonicalPacker()
        unknown = self._ignore - self._signature.parameters.keys()
        if unknown:
            raise CacheTypeError(f"ignore names {sorted(unknown)}: {self._function} has no such parameter")

    @property
    def counts_instance(self) -> bool:
        """Whether the first argument is an instance or a class, and is not ignored."""
        first = next(iter(self._signature.parameters), None)
        return first in {"self", "cls"} and first not in self._ignore

    def key(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        """Return the key of a call.

        Raises:
            CacheTypeError: An argument cannot be told from others by its value.
            TypeError: The function does not take these arguments.
        """
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        digest = hashlib.blake2b(digest_size=16)
        for name, value in bound.arguments.items():
            if name not in self._ignore:
                digest.update(encode([name, self._packed(name, value)]))
        return f"{self._function}:{digest.hexdigest()}"

    def _packed(self, name: str, value: object) -> Any:  # noqa: ANN401
        try:
            return self._packer.pack(value)
        except CacheTypeError as error:
            raise CacheTypeError(
                f"the argument {name} of {self._function} is a {type(value).__qualname__}, which makes no key: give "
                f"its class a __cache_key__, or say ignore=({name!r},), or key=… ({error})"
            ) from None


class CanonicalPacker(Packer):
    """Packs equal values alike: sets and dicts in an order of their own, objects by their `__cache_key__`."""

    native: ClassVar = NATIVE - {str}

    def pack(self, value: Any, depth: int = DEPTH) -> Any:  # noqa: ANN401
        """Return a value as MessagePack has it."""
        if type(value) is str:
            return value if value.isascii() else Ext(TEXT, value.encode("utf-8", "surrogatepass"))
        return super().pack(value, depth)

    def collection(self, value: Any, depth: int) -> Ext:  # noqa: ANN401
        """Pack a tuple, a set or a frozenset."""
        if type(value) is tuple:
            return super().collection(value, depth)
        return Ext(UNORDERED, encode([type(value).__name__, sorted(encode(self.pack(item, depth)) for item in value)]))

    def dict(self, value: Any, depth: int) -> Ext:  # noqa: ANN401
        """Pack a dict."""
        pairs = ((self.pack(key, depth), self.pack(item, depth)) for key, item in value.items())
        return Ext(UNORDERED, encode(["dict", sorted(map(encode, pairs))]))

    def object(self, value: Any, depth: int) -> Ext:  # noqa: ANN401
        """Pack an instance of a class."""
        cls = type(value)
        if not hasattr(cls, "__cache_key__"):
            return super().object(value, depth)
        key = value.__cache_key__
        packed = self.pack(key() if callable(key) else key, depth)
        return Ext(KEYED, encode([f"{cls.__module__}.{cls.__qualname__}", packed]))
