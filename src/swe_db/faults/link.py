"""One client's connection through a proxy, and the one to the server that was made for it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from swe_db.faults.fault import ReplyFault
    from swe_db.faults.proxy import Proxy

__all__ = ["Link"]

PIECE: Final = 1 << 16  # bytes
PIECES: Final = 64  # that may wait for their time
Late: TypeAlias = "asyncio.Queue[tuple[float, bytes]]"


class Link:
    """A connection of a client.

    Args:
        proxy: Says what is to go wrong.
        reader: What the client sends.
        writer: Where to the client.
    """

    def __init__(self, proxy: Proxy[Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._reader = reader
        self._writer = writer
        self._server: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._passing: asyncio.Task[Any] | None = None
        self._given = 0
        self._is_over = False
        self.silenced_by: ReplyFault | None = None
        writer.transport.set_write_buffer_limits(high=0)  # what is drained has been sent

    @property
    def has_client(self) -> bool:
        """Whether the client's end is still there."""
        return not self._writer.transport.is_closing()

    async def serve(self) -> None:
        """Pass on what both sides send until one of them ends, and let the server finish what it was asked."""
        self._passing = connecting = asyncio.create_task(self._proxy.connect())
        await asyncio.wait([connecting])
        if connecting.cancelled() or connecting.exception() is not None:
            self.cut()
            return
        reader, writer = self._server = connecting.result()
        late: Late = asyncio.Queue(PIECES)
        requests = asyncio.create_task(self._pass_requests(writer))
        reading = asyncio.create_task(self._read_replies(reader, late))
        self._passing = asyncio.create_task(self._pass_replies(late))
        await asyncio.wait([self._passing])
        requests.cancel()
        await asyncio.gather(requests, self._passing, self._end_client(), return_exceptions=True)
        _say_that_all_is_sent(writer)
        while not reading.done() or not late.empty():
            if not (await late.get())[1]:
                break
        await asyncio.gather(reading, _closed(writer), return_exceptions=True)

    def cut(self) -> None:
        """End the client's connection at once, also where a forked process holds it open."""
        self._is_over = True
        _abort(self._writer)
        if self._passing is not None:
            self._passing.cancel()

    def abort(self) -> None:
        """End both connections at once."""
        self.cut()
        if self._server is not None:
            _abort(self._server[1])

    def requests(self, data: bytes) -> bytes:
        """Return what the server is given of what the client sent."""
        return data

    def replies(self, data: bytes) -> bytes:
        """Return what the client is given of what the server sent."""
        return data

    def part(self, raw: bytes, fault: ReplyFault | None, *, ends: bool) -> bytes:
        """Return what the client is given of a part of a reply.

        Args:
            raw: The part.
            fault: What takes the reply, None if nothing does.
            ends: Whether it is the reply's last.
        """
        is_lost = self._is_over or self.silenced_by is not None
        if fault is None or fault.is_undone:
            return b"" if is_lost else raw
        given = b"" if is_lost else raw[: fault.after - self._given]
        self._given += len(given)
        if ends:
            self._given = 0
            fault.happened()
            self._is_over |= fault.then == "cut"
            self.silenced_by = self.silenced_by or fault
        return given

    async def _pass_requests(self, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await self._reader.read(PIECE):
                writer.write(self.requests(data))
                await writer.drain()
            writer.write_eof()
        except OSError:
            self.cut()

    async def _read_replies(self, reader: asyncio.StreamReader, late: Late) -> None:
        """Say of each piece when its time has come; none overtakes another."""
        clock = asyncio.get_running_loop()
        due = 0.0
        with contextlib.suppress(OSError):  # a server that has gone has sent all that it had
            while data := await reader.read(PIECE):
                due = max(due, clock.time() + self._proxy.delay())
                await late.put((due, data))
        await late.put((due, b""))

    async def _pass_replies(self, late: Late) -> None:
        clock = asyncio.get_running_loop()
        while not self._is_over:
            due, data = await late.get()
            if due > clock.time():
                await asyncio.sleep(due - clock.time())
            if not data:
                return
            data = self.replies(data)
            data, is_last = self._proxy.cut_short(data)
            self._is_over |= is_last
            self._writer.write(data)
            await self._writer.drain()

    async def _end_client(self) -> None:
        if self._is_over:
            self.cut()
            return
        _say_that_all_is_sent(self._writer)
        await _closed(self._writer)


def _say_that_all_is_sent(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):  # the other side may have gone
        writer.write_eof()


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def _abort(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
    writer.transport.abort()
