"""A proxy before a Postgres: it knows statements and their replies."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from swe_db.faults.link import Link
from swe_db.faults.postgres_messages import ENCRYPTION, Message, Stream, cancel_request
from swe_db.faults.proxy import HOST, Proxy, no_restart
from swe_db.servers.address import PostgresAddress
from swe_db.servers.process import PortReservation

if TYPE_CHECKING:
    from swe_db.faults.fault import ReplyFault

__all__ = ["PostgresProxy"]

# What drivers and their pools send on their own; a fault that names no statement means none of these.
CHORES: Final = re.compile(
    r"\s*(BEGIN|START|SAVEPOINT|RELEASE|ROLLBACK|ABORT|SET|RESET|SHOW|DISCARD|DEALLOCATE|SELECT\s+1\s*;?\s*$|;?\s*$)",
    re.IGNORECASE,
)
TLS: Final = 0x16  # what TLS without a question begins with

# Letters of messages, those of the client first.
QUERY, PARSE, BIND, SYNC, FLUSH = b"Q", b"P", b"B", b"S", b"H"
ASKING: Final = frozenset(b"QPBDECFS")
READY, KEY, COPY_IN, COPY_BOTH = b"Z", b"K", b"G", b"W"
ENDS_OF_COMMANDS: Final = frozenset({b"C", b"E", b"I", b"s"})


@dataclass(slots=True)
class Unit:
    """What a client sends before it waits: a simple query, or all up to a Sync. The server says it is ready after it.

    Attributes:
        fault: What takes the reply.
        is_flushed: Whether the client waits for the reply to a part of it.
        is_sent: Whether the client has sent all of it.
    """

    fault: ReplyFault | None = None
    is_flushed: bool = False
    is_sent: bool = False


class PostgresLink(Link):
    """A client of Postgres."""

    def __init__(self, proxy: PostgresProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(proxy, reader, writer)
        self._postgres = proxy
        self._from_client = Stream()
        self._from_server = Stream()
        self._is_begun = False
        self._is_ready = False
        self._is_opaque = False  # encrypted: nothing can be read
        self._is_copying = False
        self._answers = 0  # single bytes that the server owes
        self._prepared: dict[str, str] = {}
        self._units: deque[Unit] = deque()
        self.key: bytes | None = None

    @property
    def is_busy(self) -> bool:
        """Whether the server has been asked for something and has not ended it."""
        return bool(self._units)

    def requests(self, data: bytes) -> bytes:
        """Note what the client waits for."""
        self._from_client.add(data)
        while not self._is_opaque and (message := self._request()) is not None:
            if message.kind:
                self._note(message)
        return data

    def _request(self) -> Message | None:
        if self._is_begun:
            return self._from_client.message()
        if self._from_client.first == TLS:
            self._is_opaque = True
            return None
        message = self._from_client.message(with_kind=False)
        if message is not None:
            self._answers += message.code in ENCRYPTION
            self._is_begun = message.code not in ENCRYPTION
        return message

    def _note(self, message: Message) -> None:
        if self._is_copying and message.kind == SYNC:  # the server passes over the first Sync after a COPY
            return
        if message.kind == FLUSH and self._units:
            self._units[-1].is_flushed = True
        if message.kind[0] not in ASKING:
            return
        if not self._units or self._units[-1].is_sent:
            self._units.append(Unit())
        unit = self._units[-1]
        unit.is_flushed = False
        unit.is_sent = message.kind in {QUERY, SYNC, b"F"}
        statement = self._statement(message)
        if statement is not None:
            self._postgres.statements.append(statement)
            unit.fault = unit.fault or self._postgres.fault(statement)

    def _statement(self, message: Message) -> str | None:
        """Return the text of the statement that a message runs, None if it runs none."""
        if message.kind == QUERY:
            return message.texts(1)[0]
        if message.kind == PARSE:
            name, text = message.texts(2)
            self._prepared[name] = text
        if message.kind == BIND:
            return self._prepared.get(message.texts(2)[1], "")
        return None

    def replies(self, data: bytes) -> bytes:
        """Keep back the reply that is to be lost, and all that come after it."""
        self._from_server.add(data)
        parts: list[bytes] = []
        while self._answers and not self._is_opaque and (answer := self._from_server.byte()):
            self._answers -= 1
            self._is_opaque = answer != b"N"
            parts.append(answer)
        if self._is_opaque:
            return b"".join([*parts, self._from_server.rest()])
        while (message := self._from_server.message()) is not None:
            parts.append(self._reply(message))
        return b"".join(parts)

    def _reply(self, message: Message) -> bytes:
        if message.kind == KEY:
            self.key = message.body
        self._is_copying = message.kind in {COPY_IN, COPY_BOTH} or (self._is_copying and message.kind != READY)
        if not self._is_ready or not self._units:
            self._is_ready |= message.kind == READY
            return self.part(message.raw, None, ends=False)
        unit = self._units[0]
        if message.kind == READY:
            self._units.popleft()
        if message.kind in {COPY_IN, COPY_BOTH}:  # without it the client would not send what it has
            return self.part(message.raw, None, ends=False)
        ends_early = unit.is_flushed and not unit.is_sent and message.kind in ENDS_OF_COMMANDS
        fault = unit.fault
        if ends_early:
            unit.fault = None
        return self.part(message.raw, fault, ends=message.kind == READY or ends_early)


class PostgresProxy(Proxy[str]):
    """A proxy before a Postgres. What is encrypted passes, but no statement can be told in it.

    Args:
        address: The database; whoever connects gives name and password himself.
        reservation: The proxy's own port, which the caller releases; a new one if None.
        restart: Restarts the server and returns when it can be used.

    Attributes:
        statements: Every statement that went to the server, in the order in which they came.
    """

    def __init__(
        self,
        address: PostgresAddress,
        reservation: PortReservation | None = None,
        restart: Callable[[], object] = no_restart,
    ) -> None:
        self.statements: list[str] = []
        self._server = address
        super().__init__(address.host, address.port, reservation, restart)

    @property
    def address(self) -> PostgresAddress:
        """The database as it is reached through the proxy."""
        return replace(self._server, host=HOST, port=self.port)

    @property
    def url(self) -> str:
        """The database's URL with the proxy in the server's place, password included."""
        return self.address.url

    @property
    def environment(self) -> dict[str, str]:
        """DATABASE_URL and the PG* variables that lead a subprocess through the proxy."""
        return {"DATABASE_URL": self.url, **self.address.environment}

    def sqlalchemy_url(self, driver: str = "psycopg") -> str:
        """Return the URL as SQLAlchemy takes it: `postgresql+psycopg://…`.

        Args:
            driver: The DBAPI: `psycopg`, `asyncpg`, `psycopg2`, …
        """
        return self.address.sqlalchemy_url(driver)

    def count(self, text: str) -> int:
        """Return how many statements that hold this text, in upper or lower case, have gone to the server."""
        return sum(self.matches(statement, text) for statement in list(self.statements))

    def link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Link:
        """Return what serves a new client."""
        return PostgresLink(self, reader, writer)

    def matches(self, request: str, to: str | None) -> bool:
        """Tell whether a statement holds this text."""
        return not CHORES.match(request) if to is None else to.upper() in request.upper()

    async def abandon(self, links: Iterable[Link]) -> None:
        """Cancel what clients that have gone had asked for; else it would be found in the database after the test."""
        for link in links:
            if isinstance(link, PostgresLink) and link.is_busy and link.key is not None:
                reader, writer = await self.connect()
                with contextlib.closing(writer):
                    writer.write(cancel_request(link.key))
                    await reader.read()  # the server ends the connection when it has passed it on
