"""Redis' protocol cut into messages: a client's commands, or a server's replies."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

__all__ = ["Message", "Parser"]

Value: TypeAlias = "bytes | list[Value] | None"

END: Final = b"\r\n"
STRINGS: Final = b"$!="  # a length, then that many bytes
AGGREGATES: Final = b"*~>"  # a number, then so many values
MAPS: Final = b"%|"  # a number, then twice as many values


@dataclass(frozen=True, slots=True)
class Message:
    """One command or one reply.

    Attributes:
        raw: Its bytes as they were sent.
        value: What they mean: bytes, a list, or None for nothing.
    """

    raw: bytes
    value: Value

    @property
    def words(self) -> tuple[bytes, ...]:
        """A command's name and arguments; for a reply what its list begins with."""
        if isinstance(self.value, list):
            return tuple(each for each in self.value if isinstance(each, bytes))
        return tuple((self.value or b"").split())  # a command typed by hand

    @property
    def is_push(self) -> bool:
        """Whether RESP3 marks it as no reply to a command."""
        return self.raw.startswith(b">")


class Parser:
    """Takes what one side of a connection sends, in pieces of any size, and gives whole messages (RESP2 and RESP3)."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._position = 0
        self._work = self._value()

    def feed(self, data: bytes) -> Iterator[Message]:
        """Yield the messages that `data` completes.

        Raises:
            ValueError: What comes next is no message; `rest` gives it.
        """
        self._buffer += data
        while True:
            try:
                next(self._work)
            except StopIteration as end:
                raw = bytes(self._buffer[: self._position])
                del self._buffer[: self._position]
                self._position = 0
                self._work = self._value()
                yield Message(raw, end.value)
            else:
                return  # it waits for more

    def rest(self) -> bytes:
        """Take what has come and makes no whole message."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        self._position = 0
        self._work = self._value()
        return rest

    def _value(self) -> Generator[None, None, Value]:
        line = yield from self._line()
        kind, rest = line[:1], line[1:]
        if kind in STRINGS and kind:
            return (yield from self._bytes(int(rest)))
        if kind in AGGREGATES and kind:
            return (yield from self._list(int(rest)))
        if kind in MAPS and kind:
            attributes_or_map = yield from self._list(2 * int(rest))
            return (yield from self._value()) if kind == b"|" else attributes_or_map
        return rest if kind in b"+-:,#(_" else line

    def _line(self) -> Generator[None, None, bytes]:
        while (end := self._buffer.find(END, self._position)) < 0:
            yield
        return self._taken(end, len(END))

    def _bytes(self, length: int) -> Generator[None, None, bytes | None]:
        if length < 0:
            return None
        while len(self._buffer) < self._position + length + len(END):
            yield
        return self._taken(self._position + length, len(END))

    def _list(self, length: int) -> Generator[None, None, list[Value] | None]:
        if length < 0:
            return None
        values: list[Value] = []
        for _ in range(length):
            values.append((yield from self._value()))  # noqa: PERF401 - there is no comprehension of `yield from`
        return values

    def _taken(self, end: int, skipped: int) -> bytes:
        taken = bytes(self._buffer[self._position : end])
        self._position = end + skipped
        return taken
