"""What a message is on the wire, for pub/sub and for streams.

`bytes` and `str` travel as they are, so that others can read and write them. Everything else of Python's builtins that
comes back as it went in is msgpack behind one byte, 0xC1, with which neither UTF-8 text nor msgpack begins. Nothing is
ever unpickled.
"""

from __future__ import annotations

from typing import Final

import msgspec

from swe_db.errors import CacheTypeError

__all__ = ["decode", "encode"]

TAG: Final = b"\xc1"


def encode(message: object) -> bytes:
    """Return a message as bytes.

    Raises:
        CacheTypeError: It would not come back as it is: a tuple, a set, an object of a class of yours.
    """
    if isinstance(message, bytes) and not message.startswith(TAG):
        return message
    try:
        if isinstance(message, str):
            return message.encode()
        packed = msgspec.msgpack.encode(message)
        comes_back = _same(message, msgspec.msgpack.decode(packed))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise CacheTypeError(f"a message of type {type(message).__name__} cannot be sent: {error}") from error
    if not comes_back:
        raise CacheTypeError(
            f"a message of type {type(message).__name__} would not come back as it is: send None, bool, int, float, "
            "str, bytes, and lists and dicts of them"
        )
    return TAG + packed


def decode(payload: bytes) -> object:
    """Return what was sent; of bytes without our tag a `str` if they are UTF-8, else the bytes."""
    try:
        return msgspec.msgpack.decode(payload[1:]) if payload.startswith(TAG) else payload.decode()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return payload


def _same(one: object, other: object) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return all(map(_same, one, other)) and all(map(_same, one.values(), other.values()))
    if isinstance(one, list) and isinstance(other, list):
        return all(map(_same, one, other))
    return one == other or one != one  # noqa: PLR0124 - a NaN is not equal to itself
