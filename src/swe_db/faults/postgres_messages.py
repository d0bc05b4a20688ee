"""Postgres' protocol cut into messages, https://www.postgresql.org/docs/15/protocol-message-formats.html."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["CANCEL", "ENCRYPTION", "Message", "Stream", "cancel_request"]

LENGTH: Final = 4  # bytes of an integer
ENCRYPTION: Final = (80877103, 80877104)  # the client asks for TLS or GSS; one byte is the answer
CANCEL: Final = 80877102


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Attributes:
        raw: Its bytes as they were sent.
        kind: The letter that it begins with, empty for a client's first message, which has none.
        body: What comes after its length.
    """

    raw: bytes
    kind: bytes
    body: bytes

    @property
    def code(self) -> int:
        """What a client's first message asks for."""
        return int.from_bytes(self.body[:LENGTH], "big")

    def texts(self, count: int) -> list[str]:
        """Return the texts that it begins with, each of which ends in a zero."""
        return [part.decode(errors="replace") for part in self.body.split(b"\0", count)[:count]]


class Stream:
    """What one side of a connection has sent and nobody has taken yet."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def add(self, data: bytes) -> None:
        """Put in what has come."""
        self._buffer += data

    @property
    def first(self) -> int | None:
        """The next byte, None if there is none yet."""
        return self._buffer[0] if self._buffer else None

    def byte(self) -> bytes:
        """Take one byte, none if none has come yet."""
        return self._taken(min(1, len(self._buffer)))

    def rest(self) -> bytes:
        """Take all that there is."""
        return self._taken(len(self._buffer))

    def message(self, *, with_kind: bool = True) -> Message | None:
        """Take a whole message, None if it has not come yet.

        Args:
            with_kind: Whether it begins with a letter, as all do but a client's first.
        """
        begin = int(with_kind)
        if len(self._buffer) < begin + LENGTH:
            return None
        length = int.from_bytes(self._buffer[begin : begin + LENGTH], "big")
        if len(self._buffer) < begin + length:
            return None
        raw = self._taken(begin + max(length, LENGTH))
        return Message(raw, raw[:begin], raw[begin + LENGTH :])

    def _taken(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken


def cancel_request(key: bytes) -> bytes:
    """Return the message that makes a server give up what a session does.

    Args:
        key: What the server had sent as the session's key, its process included.
    """
    body = CANCEL.to_bytes(LENGTH, "big") + key
    return (len(body) + LENGTH).to_bytes(LENGTH, "big") + body
