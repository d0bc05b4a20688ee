"""A proxy before a Redis: it knows commands and their replies."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, TypeAlias

from swe_db.faults.link import Link
from swe_db.faults.proxy import HOST, Proxy, no_restart
from swe_db.faults.resp import Message, Parser
from swe_db.servers.address import RedisAddress
from swe_db.servers.process import PortReservation

if TYPE_CHECKING:
    from swe_db.faults.fault import ReplyFault

__all__ = ["SET_UP", "RedisProxy"]

Words: TypeAlias = tuple[bytes, ...]
TLS: Final = 0x16  # what TLS begins with

# What clients send when they connect; a fault that names no command means none of these.
SET_UP: Final = frozenset({b"HELLO", b"AUTH", b"SELECT", b"CLIENT", b"READONLY", b"PING"})
# After one of these the server sends messages that are no replies.
SUBSCRIBING: Final = frozenset({b"SUBSCRIBE", b"PSUBSCRIBE", b"SSUBSCRIBE"})
PUBSUB: Final = SUBSCRIBING | {b"UNSUBSCRIBE", b"PUNSUBSCRIBE", b"SUNSUBSCRIBE"}
PUSHED: Final = PUBSUB | {b"MESSAGE", b"PMESSAGE", b"SMESSAGE"}


class RedisLink(Link):
    """A client of Redis: every command waits for its reply."""

    def __init__(self, proxy: RedisProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(proxy, reader, writer)
        self._redis = proxy
        self._commands = Parser()
        self._replies = Parser()
        self._awaited: deque[ReplyFault | None] = deque()
        self._is_subscribed = False
        self._is_begun = False
        self._is_opaque = False  # encrypted: nothing can be read
        self._is_senseless = False  # the client keeps no protocol: the server will say so

    def requests(self, data: bytes) -> bytes:
        """Note what the client waits for."""
        if not self._is_begun:
            self._is_begun = True
            self._is_opaque = data[0] == TLS
        if not self._is_opaque and not self._is_senseless:
            try:
                self._note(data)
            except ValueError:
                self._is_senseless = True
        return data

    def _note(self, data: bytes) -> None:
        for command in self._commands.feed(data):
            if not command.words:
                continue
            self._redis.commands.append(command.words)
            fault = self._redis.fault(command.words)
            name = command.words[0].upper()
            self._is_subscribed |= name in SUBSCRIBING
            if name not in PUBSUB:
                self._awaited.append(fault)

    def replies(self, data: bytes) -> bytes:
        """Keep back the reply that is to be lost, and all that come after it."""
        if self._is_opaque:
            return self.part(data, None, ends=False)
        return b"".join(self._parts(data))

    def _parts(self, data: bytes) -> Iterator[bytes]:
        try:
            for reply in self._replies.feed(data):
                yield self.part(reply.raw, None if self._is_pushed(reply) else self._next(), ends=True)
        except ValueError:
            self._is_opaque = True
            yield self.part(self._replies.rest(), None, ends=False)

    def _next(self) -> ReplyFault | None:
        return self._awaited.popleft() if self._awaited else None

    def _is_pushed(self, reply: Message) -> bool:
        first = reply.words[0].upper() if isinstance(reply.value, list) and reply.words else b""
        return reply.is_push or (self._is_subscribed and first in PUSHED)


class RedisProxy(Proxy[Words]):
    """A proxy before a Redis. What is encrypted passes, but no command can be told in it.

    Args:
        address: The server; whoever connects gives name and password himself.
        reservation: The proxy's own port, which the caller releases; a new one if None.
        restart: Restarts the server and returns when it can be used.

    Attributes:
        commands: Every command that went to the server, in the order in which they came.
    """

    def __init__(
        self,
        address: RedisAddress,
        reservation: PortReservation | None = None,
        restart: Callable[[], object] = no_restart,
    ) -> None:
        self._address = address
        self.commands: list[Words] = []
        super().__init__(address.host, address.port, reservation, restart)

    @property
    def url(self) -> str:
        """The server's URL with the proxy in its place, password included."""
        return dataclasses.replace(self._address, host=HOST, port=self.port).url

    @property
    def environment(self) -> dict[str, str]:
        """REDIS_URL, which leads a subprocess through the proxy."""
        return {"REDIS_URL": self.url}

    def count(self, word: str) -> int:
        """Return how many commands with this name or argument have gone to the server."""
        return sum(self.matches(command, word) for command in list(self.commands))

    def link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Link:
        """Return what serves a new client."""
        return RedisLink(self, reader, writer)

    def matches(self, request: Words, to: str | None) -> bool:
        """Tell whether a command has this name or argument."""
        if to is None:
            return request[0].upper() not in SET_UP
        return to.encode().upper() in {word.upper() for word in request}
