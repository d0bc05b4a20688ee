"""A TCP proxy before a server, which does to connections what a bad network does.

`Proxy` knows nothing of what is sent; `PostgresProxy` and `RedisProxy` know requests and their replies. Each serves
from a thread of its own, so that clients may be sync or async, in any thread, loop or process.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final, Generic, Self, TypeVar

from swe_db.errors import ConfigError, ServerError
from swe_db.faults.fault import PATIENCE, ByteFault, Fault, ReplyFault, Then
from swe_db.faults.link import Link
from swe_db.servers.process import PortReservation

__all__ = ["HOST", "Proxy", "no_restart"]

T = TypeVar("T")
Request = TypeVar("Request")

HOST: Final = "127.0.0.1"
BACKLOG: Final = 128
CONNECTING: Final = 10.0  # seconds
ENDING: Final = 2.0  # seconds in which a server ends the connections of clients that have gone
STOPPING: Final = 10.0  # seconds in which the proxy's thread ends


def no_restart() -> None:
    """Restart no server.

    Raises:
        ConfigError: Always.
    """
    raise ConfigError("this proxy does not know how to restart its server")


class Proxy(ABC, Generic[Request]):
    """A TCP proxy on 127.0.0.1.

    Args:
        host: The server's host.
        port: The server's port.
        reservation: The proxy's own port, which the caller releases; a new one if None.
        restart: Restarts the server and returns when it can be used.
    """

    def __init__(
        self,
        host: str,
        port: int,
        reservation: PortReservation | None = None,
        restart: Callable[[], object] = no_restart,
    ) -> None:
        self._target = host, port
        self._restart = restart
        self._reservation = reservation or PortReservation()
        self._owns_port = reservation is None
        self._links: dict[Link, asyncio.Task[None] | None] = {}
        self._listener: tuple[asyncio.Server, socket.socket] | None = None
        self._refusals: list[object] = []
        self._latencies: list[tuple[float, float]] = []
        self._reply_faults: list[ReplyFault] = []
        self._byte_faults: list[ByteFault] = []
        self._random = random.Random(0)  # noqa: S311 - the same jitter in every run
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="swe-db-proxy", daemon=True)
        self._thread.start()
        self._run(self._listen())

    @property
    def host(self) -> str:
        """The proxy's own host."""
        return HOST

    @property
    def port(self) -> int:
        """The proxy's own port."""
        return self._reservation.port

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return sum(link.has_client for link in list(self._links))

    def latency(self, seconds: float, *, jitter: float = 0.0) -> Fault:
        """Let everything that the server sends come late; the last latency that was asked for counts.

        What has come from the server before the latency is undone still comes late.

        Args:
            seconds: By how much.
            jitter: By how much more at most, at random but the same in every run.

        Raises:
            ConfigError: One of them is negative.
        """
        if seconds < 0 or jitter < 0:
            raise ConfigError(f"latency({seconds:g}, jitter={jitter:g}): give seconds that are not negative")
        return self._listed(self._latencies, (seconds, jitter))

    def drop_replies(
        self, to: str | None = None, *, nth: int = 1, times: int | None = 1, then: Then = "cut"
    ) -> ReplyFault:
        """Lose the reply to a request that is yet to come: the server does it, the client never hears of it.

        Args:
            to: Which request: for Redis a command's name or one of its arguments (`INCRBY`, a key, a script's digest),
                for Postgres a text that the statement holds, in upper or lower case. None for any but those that
                clients send on their own, as when they connect.
            nth: Which of the matching requests, 1 for the next.
            times: For how many of them, from that on; None for all.
            then: `cut` ends the client's connection, `silence` leaves it open, with nothing coming any more; it ends
                when the fault is undone.

        Raises:
            ConfigError: An argument makes no sense.
        """
        return self._reply_fault(to, nth=nth, times=times, after=0, then=then)

    def cut(self, to: str | None = None, *, after: int | None = None, nth: int = 1) -> Fault:
        """End connections, now or in the middle of a reply; new ones are accepted.

        Args:
            to: End that connection on which a reply to such a request comes, see `drop_replies`; None for now, or for
                whatever is sent.
            after: How many bytes of the reply the client still gets; without `to`, how many bytes all clients together
                get from now on. A statement or command that has begun goes on in the server.
            nth: Which of the matching requests, 1 for the next.

        Raises:
            ConfigError: An argument makes no sense.
        """
        if to is not None:
            return self._reply_fault(to, nth=nth, times=1, after=1 if after is None else after, then="cut")
        if after is None:
            self._run(self._cut())
            return Fault()
        if after < 0:
            raise ConfigError(f"cut(after={after}): give a number of bytes that is not negative")
        fault = ByteFault(after)
        return fault.undone_by(self._listed(self._byte_faults, fault).undo)

    def refuse(self) -> Fault:
        """Refuse new connections until `accept`, or to the end of a `with` block; those that are there stay."""
        refusal = object()
        self._run(self._refuse(refusal))
        return Fault(lambda: self._run(self._accept(refusal)))

    def accept(self) -> None:
        """Accept new connections again."""
        self._run(self._accept(None))

    def outage(self) -> Fault:
        """Let the server not be there: no connection stays, none can be made, until `accept` or the end of a `with`."""
        refusal = self.refuse()
        self.cut()
        return refusal

    def restart_server(self) -> None:
        """Restart the server itself, with its port and its data, and wait until it can be used.

        All its connections end, also those that do not lead through the proxy.

        Raises:
            ConfigError: It is not ours alone.
            ServerError: It does not start again.
        """
        with self.refuse():
            self._restart()

    def restore(self) -> None:
        """Undo all faults; connections on which replies were lost end."""
        self._run(self._restore())

    def close(self) -> None:
        """End all connections and the proxy; done twice, it does nothing."""
        if self._loop.is_closed():
            return
        try:
            self._run(self._end())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(STOPPING)
            self._loop.close()
            if self._owns_port:
                self._reservation.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Link:
        """Return what serves a new client."""

    @abstractmethod
    def matches(self, request: Request, to: str | None) -> bool:
        """Tell whether a request is one that a fault means; see `drop_replies`."""

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the server.

        Raises:
            OSError: It is not there, or does not answer in time.
        """
        host, port = self._target
        return await asyncio.wait_for(asyncio.open_connection(host, port), CONNECTING)

    def delay(self) -> float:
        """Return by how many seconds what has just come is late."""
        if not self._latencies:
            return 0.0
        seconds, jitter = self._latencies[-1]
        return seconds + self._random.random() * jitter

    def cut_short(self, data: bytes) -> tuple[bytes, bool]:
        """Return what of these bytes is passed on, and whether the connection ends then."""
        for fault in self._byte_faults:
            kept = fault.taken(len(data))
            if kept is not None:
                return data[:kept], True
        return data, False

    def fault(self, request: Request) -> ReplyFault | None:
        """Return what takes the reply to a request."""
        return next(
            (fault for fault in self._reply_faults if self.matches(request, fault.to) and fault.takes()),
            None,
        )

    async def abandon(self, links: Iterable[Link]) -> None:
        """Make the server give up what clients that have gone had asked for."""

    def _reply_fault(self, to: str | None, *, nth: int, times: int | None, after: int, then: Then) -> ReplyFault:
        if nth < 1 or (times is not None and times < 1) or after < 0 or then not in {"cut", "silence"} or to == "":
            raise ConfigError(
                f"to={to!r}, nth={nth}, times={times}, after={after}, then={then!r} make no fault: to is not empty, "
                "nth and times are at least 1, after is at least 0, and then is 'cut' or 'silence'"
            )
        fault = ReplyFault(to, nth=nth, times=times, after=after, then=then)
        listed = self._listed(self._reply_faults, fault)

        def undo() -> None:
            listed.undo()
            self._run(self._end_silence([fault]))

        return fault.undone_by(undo)

    def _listed(self, faults: list[T], fault: T) -> Fault:
        """Put a fault into effect, for all that the proxy's thread sees from now on."""

        async def add() -> None:
            faults.append(fault)

        async def remove() -> None:
            faults[:] = [each for each in faults if each is not fault]

        self._run(add())
        return Fault(lambda: self._run(remove()))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = self.link(reader, writer)
        self._links[link] = asyncio.current_task()
        try:
            await link.serve()
        finally:
            del self._links[link]

    async def _cut(self) -> None:
        for link in list(self._links):
            link.cut()

    async def _end_silence(self, faults: list[ReplyFault]) -> None:
        for fault in faults:
            fault.is_undone = True
        for link in list(self._links):
            if link.silenced_by is not None and link.silenced_by.is_undone:
                link.cut()

    async def _listen(self) -> None:
        if self._listener is None:
            listening = socket.socket()
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((HOST, self.port))
            server = await asyncio.start_server(self._serve, sock=listening, backlog=BACKLOG)
            self._listener = server, listening

    async def _refuse(self, refusal: object) -> None:
        self._refusals.append(refusal)
        listener, self._listener = self._listener, None
        if listener is not None:
            listener[1].shutdown(socket.SHUT_RDWR)  # a forked process may have it too
            listener[0].close()

    async def _accept(self, refusal: object | None) -> None:
        self._refusals = [each for each in self._refusals if refusal is not None and each is not refusal]
        if not self._refusals:
            await self._listen()

    async def _restore(self) -> None:
        await self._end_silence(self._reply_faults)
        self._latencies.clear()
        self._reply_faults.clear()
        self._byte_faults.clear()
        await self._accept(None)

    async def _end(self) -> None:
        await self._refuse(self)
        await self._cut()
        tasks = [task for task in self._links.values() if task is not None]
        if tasks:
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(self.abandon(list(self._links)), ENDING)
            await asyncio.wait(tasks, timeout=ENDING)
        for link in list(self._links):
            link.abort()
        if tasks:
            await asyncio.wait(tasks, timeout=ENDING)
        await asyncio.sleep(0)  # transports close in the loop's next turn

    def _run(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Do something in the proxy's thread and wait for it; nothing once the proxy is closed.

        Raises:
            ServerError: It takes too long.
        """
        if self._loop.is_closed():
            work.close()
            return None
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(PATIENCE)
        except TimeoutError:
            future.cancel()
            host, port = self._target
            raise ServerError(
                f"The proxy before {host}:{port} has not done what it was asked within {PATIENCE:g} s. "
                "Check that the server answers, and that nothing holds up this process."
            ) from None
