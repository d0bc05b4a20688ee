"""A TCP proxy before a server, which does to connections what a bad network does.

`Proxy` knows nothing of what is sent; `RedisProxy` knows commands and their replies. Both serve from a thread of their
own, so that clients may be sync or async, in any thread, loop or process.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections import deque
from collections.abc import Coroutine, Iterator
from typing import Any, Final, Self, TypeVar
from urllib.parse import unquote, urlsplit, urlunsplit

from support.resp import Message, Parser
from swe_db.servers.process import PortReservation

__all__ = ["DroppedReply", "Proxy", "RedisProxy"]

T = TypeVar("T")

HOST: Final = "127.0.0.1"
PIECE: Final = 1 << 16  # bytes
PATIENCE: Final = 10.0  # seconds

# What clients send when they connect; a fault that names no command means none of these.
SET_UP: Final = frozenset({b"HELLO", b"AUTH", b"SELECT", b"CLIENT", b"READONLY", b"PING"})
# After one of these the server sends messages that are no replies.
SUBSCRIBING: Final = frozenset({b"SUBSCRIBE", b"PSUBSCRIBE", b"SSUBSCRIBE"})
PUBSUB: Final = SUBSCRIBING | {b"UNSUBSCRIBE", b"PUNSUBSCRIBE", b"SUNSUBSCRIBE"}
PUSHED: Final = PUBSUB | {b"MESSAGE", b"PMESSAGE", b"SMESSAGE"}


class Link:
    """One client's connection, and the one to the server that was made for it."""

    def __init__(self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._reader = reader
        self._writer = writer
        self._writers = [writer]
        self.is_over = False

    async def serve(self) -> None:
        """Pass on what both sides send until one of them ends."""
        with contextlib.suppress(OSError):  # the server may be gone, too
            server_reader, server_writer = await self._proxy.connect()
            self._writers.append(server_writer)
            pumps = (
                asyncio.create_task(self._pump_requests(self._reader, server_writer)),
                asyncio.create_task(self._pump_replies(server_reader, self._writer)),
            )
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            self.cut()
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        self.cut()

    def cut(self) -> None:
        """End both connections at once, also where a forked process holds them open."""
        for writer in self._writers:
            with contextlib.suppress(OSError):
                writer.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
            writer.transport.abort()

    def requests(self, data: bytes) -> bytes:
        """Return what the server is given of what the client sent."""
        return data

    def replies(self, data: bytes) -> bytes:
        """Return what the client is given of what the server sent, and say by `is_over` if it is the last."""
        return data

    async def _pump_requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(PIECE):
            writer.write(self.requests(data))
            await writer.drain()

    async def _pump_replies(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(PIECE):
            if self._proxy.latency:
                await asyncio.sleep(self._proxy.latency)
            writer.write(self.replies(data))
            await writer.drain()
            if self.is_over:
                return


class Proxy:
    """A TCP proxy on 127.0.0.1.

    Args:
        host: The server's host, or the path of its Unix socket.
        port: The server's port, None for a Unix socket.

    Attributes:
        port: The proxy's own port.
        latency: Seconds by which every piece that the server sends is late.
    """

    def __init__(self, host: str, port: int | None) -> None:
        self.latency = 0.0
        self._target = host, port
        self._links: dict[Link, asyncio.Task[None] | None] = {}
        self._listener: asyncio.Server | None = None
        self._reservation = PortReservation()
        self.port = self._reservation.port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self.accept()

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._links)

    def cut(self) -> None:
        """End all connections; new ones are accepted."""
        self._run(self._cut())

    def refuse(self) -> None:
        """Refuse new connections; those that are there stay."""
        self._run(self._refuse())

    def accept(self) -> None:
        """Accept new connections again."""
        self._run(self._accept())

    @contextlib.contextmanager
    def outage(self) -> Iterator[None]:
        """The server is not there in the meantime: no connection stays, none can be made."""
        self.refuse()
        self.cut()
        try:
            yield
        finally:
            self.accept()

    def close(self) -> None:
        """End all connections and the proxy; done twice, it does nothing."""
        if self._loop.is_closed():
            return
        self.refuse()
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()
        self._reservation.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the server."""
        host, port = self._target
        if port is None:
            return await asyncio.open_unix_connection(host)
        return await asyncio.open_connection(host, port)

    def link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Link:
        """Return what serves a new client."""
        return Link(self, reader, writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = self.link(reader, writer)
        self._links[link] = asyncio.current_task()
        try:
            await link.serve()
        finally:
            del self._links[link]

    async def _cut(self) -> None:
        for link in self._links:
            link.cut()

    async def _refuse(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def _accept(self) -> None:
        if self._listener is None:
            self._listener = await asyncio.start_server(self._serve, HOST, self.port)

    async def _end(self) -> None:
        await self._cut()
        tasks = [task for task in self._links.values() if task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # transports close in the loop's next turn

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)


class DroppedReply:
    """A fault: the server runs a command, and the client never sees the reply.

    Attributes:
        word: The command's name or one of its arguments, None for any command.
    """

    def __init__(self, word: str | None, *, nth: int, times: int, hang: bool) -> None:
        self.word = None if word is None else word.encode().upper()
        self.hang = hang
        self._skip = nth - 1
        self._left = times
        self._done = threading.Event()

    @property
    def has_happened(self) -> bool:
        """Whether the last of the replies has been swallowed, so that all these commands have run."""
        return self._done.is_set()

    def wait(self, timeout: float = PATIENCE) -> None:
        """Wait until it has happened.

        Raises:
            TimeoutError: It has not.
        """
        if not self._done.wait(timeout):
            raise TimeoutError(f"no reply to {self.word or b'any command'!r} was dropped within {timeout:g} s")

    def takes(self, words: tuple[bytes, ...]) -> bool:
        """Tell whether the reply to this command is to be dropped."""
        upper = [word.upper() for word in words]
        matches = upper[0] not in SET_UP if self.word is None else self.word in upper
        if not matches or self._left == 0:
            return False
        if self._skip:
            self._skip -= 1
            return False
        self._left -= 1
        return True

    def swallowed(self) -> None:
        """Note that one reply has been swallowed."""
        if self._left == 0:
            self._done.set()


class RedisLink(Link):
    """A client of Redis: every command waits for its reply."""

    def __init__(self, proxy: RedisProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(proxy, reader, writer)
        self._redis = proxy
        self._commands = Parser()
        self._replies = Parser()
        self._awaited: deque[DroppedReply | None] = deque()
        self._is_subscribed = False
        self._is_deaf = False

    def requests(self, data: bytes) -> bytes:
        """Note what the client waits for."""
        for command in self._commands.feed(data):
            if not command.words:
                continue
            fault = self._redis.fault(command.words)
            name = command.words[0].upper()
            self._is_subscribed |= name in SUBSCRIBING
            if name not in PUBSUB:
                self._awaited.append(fault)
        return data

    def replies(self, data: bytes) -> bytes:
        """Keep back the reply that is to be dropped, and all that come after it."""
        passed_on = b""
        for reply in self._replies.feed(data):
            fault = None if self._is_pushed(reply) else self._next()
            if fault is not None:
                fault.swallowed()
                self._is_deaf = True
                self.is_over |= not fault.hang
            if not self._is_deaf:
                passed_on += reply.raw
        return passed_on

    def _next(self) -> DroppedReply | None:
        return self._awaited.popleft() if self._awaited else None

    def _is_pushed(self, reply: Message) -> bool:
        first = reply.words[0].upper() if isinstance(reply.value, list) and reply.words else b""
        return reply.is_push or (self._is_subscribed and first in PUSHED)


class RedisProxy(Proxy):
    """A proxy before a Redis, which can lose replies, too.

    Args:
        url: The server's URL, `redis://…` with a host or `unix://…`.

    Attributes:
        commands: Every command that went to the server, in the order in which they came.
    """

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self.commands: list[tuple[bytes, ...]] = []
        self._faults: list[DroppedReply] = []
        self._lock = threading.Lock()
        if self._parts.scheme == "unix":
            super().__init__(unquote(self._parts.path), None)
        else:
            super().__init__(self._parts.hostname or HOST, self._parts.port or 6379)

    @property
    def url(self) -> str:
        """The server's URL with the proxy in its place, password included."""
        userinfo, at, _ = self._parts.netloc.rpartition("@")
        is_socket = self._parts.scheme == "unix"
        path = "" if is_socket else self._parts.path
        netloc = f"{userinfo}{at}{HOST}:{self.port}"
        return urlunsplit(("redis" if is_socket else self._parts.scheme, netloc, path, self._parts.query, ""))

    def drop_reply(self, word: str | None = None, *, nth: int = 1, times: int = 1, hang: bool = False) -> DroppedReply:
        """Lose the reply to a command that is yet to come: the server runs it, the client never hears of it.

        Args:
            word: The command's name or one of its arguments, in any case: `SET`, `evalsha`, a key, a script's digest;
                None for any
                command but those that clients send when they connect. What redis-py calls `incr` is `INCRBY`.
            nth: Which of the matching commands, 1 for the next.
            times: For how many of them, from that on.
            hang: Whether the client's connection stays open and silent, instead of being closed.
        """
        fault = DroppedReply(word, nth=nth, times=times, hang=hang)
        with self._lock:
            self._faults.append(fault)
        return fault

    def count(self, word: str) -> int:
        """Return how many commands with this name or argument have gone to the server."""
        wanted = word.encode().upper()
        return sum(wanted in (each.upper() for each in command) for command in list(self.commands))

    def link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Link:
        """Return what serves a new client."""
        return RedisLink(self, reader, writer)

    def fault(self, words: tuple[bytes, ...]) -> DroppedReply | None:
        """Note a command, and return the fault that takes its reply."""
        self.commands.append(words)
        with self._lock:
            return next((fault for fault in self._faults if fault.takes(words)), None)
