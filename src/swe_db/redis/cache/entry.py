"""Entries of the cache as bytes: a value, and for one that was computed or has tags also when it holds.

A plain entry is the value's bytes alone. Others begin with the byte `MARK`, then come 16 random bytes of their own,
by which a script sees that the entry is still the same, the length of the rest of the head, the head, and the value.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

__all__ = ["SEEN", "Entry", "entry_of", "token"]

MARK: Final = b"\x02"
TOKEN: Final = 16  # bytes
SEEN: Final = 1 + TOKEN  # the bytes at the start by which an entry is told from another
HEAD: Final = SEEN + 4


class Head(msgspec.Struct, array_like=True):
    """What an entry tells about its value.

    Attributes:
        cost: How long the value took to compute, in seconds; 0 if it was not computed.
        generations: The generation of each tag under which the value was computed.
    """

    cost: float
    generations: dict[str, bytes]


encode: Final = msgspec.msgpack.Encoder().encode
decode: Final = msgspec.msgpack.Decoder(Head).decode


@dataclass(frozen=True, slots=True)
class Entry:
    """What is stored under a key.

    Attributes:
        payload: The value's bytes.
        cost: How long the value took to compute, in seconds; 0 if it was not computed.
        generations: The generation of each tag under which the value was computed.
    """

    payload: bytes
    cost: float = 0.0
    generations: Mapping[str, bytes] = field(default_factory=dict)

    def dumps(self) -> bytes:
        """Return it as bytes."""
        if not self.cost and not self.generations:
            return self.payload
        head = encode(Head(self.cost, dict(self.generations)))
        return b"".join((MARK, token(), len(head).to_bytes(4, "big"), head, self.payload))


def entry_of(data: bytes) -> Entry:
    """Return the entry of these bytes; the payload of damaged ones cannot be read."""
    if data[:1] != MARK:
        return Entry(data)
    end = HEAD + int.from_bytes(data[SEEN:HEAD], "big")
    try:
        head = decode(data[HEAD:end])
    except msgspec.MsgspecError:
        return Entry(data)
    return Entry(data[end:], head.cost, head.generations)


def token() -> bytes:
    """Return bytes that no other call returns."""
    return secrets.token_bytes(TOKEN)
