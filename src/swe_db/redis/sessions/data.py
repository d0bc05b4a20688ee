"""How a session keeps its data: each value of its own, in msgpack, and only what comes back as it went in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from swe_db.errors import CacheTypeError

__all__ = ["decoded", "encoded", "is_unicode"]

# Names of data are told from the session's own fields by this.
MARK: Final = "data:"
REMOVED: Final = b""
SMALLEST: Final = -(2**63)
LARGEST: Final = 2**64 - 1
DEEPEST: Final = 100
PLAIN: Final = (str, int, float, bool, bytes, list, dict, datetime, type(None))


def encoded(data: Mapping[str, Any]) -> tuple[str | bytes, ...]:
    """Return fields and values in turn; None is an empty value, which means that there is none.

    Raises:
        CacheTypeError: Something would not come back as it went in.
    """
    if not isinstance(data, Mapping):
        raise CacheTypeError(f"the session's data is a {type(data).__name__}: give a dictionary")
    parts: list[str | bytes] = []
    for name, value in data.items():
        _check(name, "a name in the session's data", (str,))
        parts += MARK + name, REMOVED if value is None else _packed(name, value)
    return tuple(parts)


def decoded(fields: Mapping[bytes, bytes]) -> dict[str, Any]:
    """Return the data among the fields of a session.

    Raises:
        ValueError: Some of it is not ours.
    """
    mark = MARK.encode()
    try:
        return {
            field[len(mark) :].decode(): msgspec.msgpack.decode(value)
            for field, value in fields.items()
            if field.startswith(mark)
        }
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error


def is_unicode(text: str) -> bool:
    """Tell whether text can be sent: a lone surrogate cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _packed(name: str, value: object) -> bytes:
    _check(value, f"the session's {name!r}")
    return msgspec.msgpack.encode(value)


def _check(value: object, what: str, types: tuple[type, ...] = PLAIN, depth: int = 0) -> None:
    """Refuse what msgpack would give back as something else, subclasses too."""
    kind = type(value)
    if kind not in types:
        raise CacheTypeError(f"{what} is, or has, a {kind.__name__}, which would not come back as it went in")
    if depth > DEEPEST:
        raise CacheTypeError(f"{what} is nested more than {DEEPEST} levels deep, or holds itself")
    match value:
        case str() if not is_unicode(value):
            raise CacheTypeError(f"{what} has text that is no Unicode: a lone surrogate")
        case int() if not SMALLEST <= value <= LARGEST:
            raise CacheTypeError(f"{what} has an integer of more than 64 bits")
        case datetime() if value.tzinfo is not UTC:
            raise CacheTypeError(f"{what} has a date and time that is not in UTC: give one with tzinfo=datetime.UTC")
        case list():
            for each in value:
                _check(each, what, depth=depth + 1)
        case dict():
            for key, each in value.items():
                _check(key, f"a key in {what}", (str,))
                _check(each, what, depth=depth + 1)
