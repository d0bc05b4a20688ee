"""Values as bytes: what is read has the type that was written, or was refused when it was written.

An integer of 64 bits is its decimal digits, so that INCR works on it. Everything else is the byte `TAG` and
MessagePack, where types that MessagePack does not know are extensions of our own. An instance of a class carries a
label; reading never imports and never calls what stored data names, so data of a stranger can at worst be wrong.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from msgspec.msgpack import Ext

from swe_db.errors import CacheTypeError
from swe_db.redis.cache.codec_classes import Plan, plan_of

__all__ = ["DEPTH", "NATIVE", "TAG", "Packer", "Reader", "dumps"]

TAG: Final = b"\x01"
DEPTH: Final = 100  # a value that nests deeper, or holds itself, is refused

INTEGER_MIN: Final = -(2**63)
INTEGER_MAX: Final = 2**63 - 1
MICROSECOND: Final = dt.timedelta(microseconds=1)

# The numbers are part of what is stored: none may change or be used again.
BIG, TUPLE, SET, FROZENSET, DICT, DECIMAL, UUID_, DATE, TIME, TIMEDELTA, DATETIME, OBJECT = range(1, 13)

NATIVE: Final = frozenset({type(None), bool, float, str, bytes})

encode: Final = msgspec.msgpack.Encoder().encode


class Packer:
    """Turns values into what MessagePack has.

    Args:
        plans: The plans by label of the classes that will be known where the value is read; None: of any.
    """

    native: ClassVar = NATIVE

    def __init__(self, plans: Mapping[str, Plan] | None = None) -> None:
        self._plans = plans

    def pack(self, value: Any, depth: int = DEPTH) -> Any:  # noqa: ANN401
        """Return a value as MessagePack has it.

        Raises:
            CacheTypeError: It would not come back as it is.
        """
        kind = type(value)
        if kind in self.native or (kind is int and INTEGER_MIN <= value <= INTEGER_MAX):
            return value
        if not depth:
            raise CacheTypeError(f"the value nests deeper than {DEPTH}, or holds itself: cache something flatter")
        if kind is dict:
            return self.dict(value, depth - 1)
        if kind is list:
            return self._items(value, depth - 1)
        if kind in SCALARS:
            code, content = SCALARS[kind]
            return Ext(code, encode(content(value)))
        if kind in COLLECTIONS:
            return self.collection(value, depth - 1)
        return self.object(value, depth - 1)

    def dict(self, value: Any, depth: int) -> Any:  # noqa: ANN401
        """Pack a dict: a map if its keys are text, else pairs."""
        native, packed = self.native, {}
        for key, item in value.items():
            if type(key) is not str:
                return Ext(DICT, encode([self._items(pair, depth) for pair in value.items()]))
            packed[key] = item if type(item) in native else self.pack(item, depth)
        return packed

    def collection(self, value: Any, depth: int) -> Ext:  # noqa: ANN401
        """Pack a tuple, a set or a frozenset."""
        return Ext(COLLECTIONS[type(value)], encode(self._items(value, depth)))

    def object(self, value: Any, depth: int) -> Ext:  # noqa: ANN401
        """Pack an instance of a class that has a plan."""
        cls: type[Any] = type(value)
        plan = plan_of(cls)
        if plan is None:
            raise CacheTypeError(
                f"a {cls.__module__}.{cls.__qualname__} cannot be cached: it would not come back as it is. "
                "Cache a dataclass, a msgspec.Struct, a NamedTuple, an Enum or a built-in type instead"
            )
        if self._plans is not None and plan.label not in self._plans:
            raise CacheTypeError(
                f"a {cls.__module__}.{cls.__qualname__} could not be read again: name it in the return annotation "
                "of the cached function, or in type="
            )
        return Ext(OBJECT, encode([plan.label, [self.pack(part, depth) for part in plan.parts(value)]]))

    def _items(self, items: Iterable[Any], depth: int) -> list[Any]:
        native = self.native
        return [item if type(item) in native else self.pack(item, depth) for item in items]


class Reader:
    """Turns bytes into values.

    Args:
        plans: The plans by label of the classes whose instances may be read.
    """

    def __init__(self, plans: Mapping[str, Plan]) -> None:
        self._plans = plans
        self._decode = msgspec.msgpack.Decoder(ext_hook=self._extension).decode

    def loads(self, data: bytes) -> Any:  # noqa: ANN401
        """Return the value that `dumps` made bytes of.

        Raises:
            CacheTypeError: The bytes are not whole, were not written by `dumps`, or hold an instance of another class.
        """
        try:
            if data[:1] == TAG:
                return self._decode(memoryview(data)[1:])
            return _integer(data)
        except CacheTypeError:
            raise
        except Exception as error:
            raise CacheTypeError("it was not written by this cache, or is damaged: delete it") from error

    def _extension(self, code: int, data: memoryview) -> Any:  # noqa: ANN401
        content = self._decode(data)
        return self._object(*content) if code == OBJECT else READERS[code](content)

    def _object(self, label: str, parts: list[Any]) -> Any:  # noqa: ANN401
        plan = self._plans.get(label)
        if plan is not None:
            return plan.whole(parts)
        name = label.partition("#")[0]
        if name in {known.partition("#")[0] for known in self._plans}:
            raise CacheTypeError(f"it holds a {name} with other fields than the class has now: delete it")
        raise CacheTypeError(f"it holds a {name}: say type={name.rpartition('.')[2]}, or a type with that class in it")


def dumps(value: object, packer: Packer) -> bytes:
    """Return a value as bytes.

    Raises:
        CacheTypeError: It would not come back as it is.
    """
    if type(value) is int and INTEGER_MIN <= value <= INTEGER_MAX:
        return b"%d" % value
    try:
        return TAG + encode(packer.pack(value))
    except UnicodeEncodeError as error:
        raise CacheTypeError(f"the value has text that is not Unicode: {error}") from error
    except (ValueError, OverflowError) as error:
        raise CacheTypeError(f"the value cannot be cached: {error}") from error


def _integer(data: bytes) -> int:
    value = int(data)
    if b"%d" % value != data:
        raise ValueError("not the digits of an integer")
    return value


def _signed(value: int) -> bytes:
    return value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)


def _zone(zone: dt.tzinfo | None) -> Any:  # noqa: ANN401
    """Return a time zone as what `_zone_of` takes: None, a name of the tz database, or an offset and its name."""
    if zone is None:
        return None
    if type(zone) is dt.timezone:
        offset, name = zone.utcoffset(None), zone.tzname(None)
        return [offset // MICROSECOND, None if name == dt.timezone(offset).tzname(None) else name]
    if type(zone) is ZoneInfo and zone.key is not None:
        return zone.key
    raise CacheTypeError(f"the time zone {zone!r} cannot be cached: take datetime.timezone or zoneinfo.ZoneInfo")


def _zone_of(content: Any) -> dt.tzinfo | None:  # noqa: ANN401
    if content is None:
        return None
    if isinstance(content, str):
        return ZoneInfo(content)
    offset, name = content
    return dt.timezone(offset * MICROSECOND) if name is None else dt.timezone(offset * MICROSECOND, name)


def _clock(value: dt.datetime | dt.time) -> list[Any]:
    return [value.replace(tzinfo=None).isoformat(), value.fold, _zone(value.tzinfo)]


def _datetime_of(content: list[Any]) -> dt.datetime:
    text, fold, zone = content
    return dt.datetime.fromisoformat(text).replace(fold=fold, tzinfo=_zone_of(zone))


def _time_of(content: list[Any]) -> dt.time:
    text, fold, zone = content
    return dt.time.fromisoformat(text).replace(fold=fold, tzinfo=_zone_of(zone))


def _timedelta(value: dt.timedelta) -> list[int]:
    return [value.days, value.seconds, value.microseconds]


SCALARS: Final[Mapping[type, tuple[int, Callable[[Any], Any]]]] = {
    int: (BIG, _signed),
    Decimal: (DECIMAL, str),
    UUID: (UUID_, lambda value: value.bytes),
    dt.date: (DATE, dt.date.isoformat),
    dt.time: (TIME, _clock),
    dt.timedelta: (TIMEDELTA, _timedelta),
    dt.datetime: (DATETIME, _clock),
}

COLLECTIONS: Final[Mapping[type, int]] = {tuple: TUPLE, set: SET, frozenset: FROZENSET}

READERS: Final[Mapping[int, Callable[[Any], Any]]] = {
    BIG: lambda content: int.from_bytes(content, "big", signed=True),
    TUPLE: tuple,
    SET: set,
    FROZENSET: frozenset,
    DICT: dict,
    DECIMAL: Decimal,
    UUID_: lambda content: UUID(bytes=content),
    DATE: dt.date.fromisoformat,
    TIME: _time_of,
    TIMEDELTA: lambda content: dt.timedelta(*content),
    DATETIME: _datetime_of,
}
