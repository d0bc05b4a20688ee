"""What a running server is to the rest of swe-db, whichever backend it came from."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from swe_db.errors import ServerGoneError
from swe_db.servers.address import PostgresAddress, RedisAddress
from swe_db.servers.connect import connect

if TYPE_CHECKING:
    import redis
    import redis.asyncio

__all__ = ["PostgresServer", "RedisServer", "watched"]

TIMEOUT: Final = 5  # seconds


@dataclasses.dataclass(frozen=True, kw_only=True)
class PostgresServer:
    """A Postgres server.

    Attributes:
        address: Its maintenance database over TCP, as everybody reaches it.
        admin: The same by the shortest way, which the fixtures' own connections take.
        version: Its version as text, `15.18`.
        backend: Where it came from: `url`, `local`, …
        owned: Whether we started it, so that it serves nobody else.
        container: The id of its container, None if it runs in none.
        stop: Ends it, if it is ours.
        obituary: Tells what is known of its end, None if it runs or nothing is known.
        shortage: Tells, by the words of a failure, what it needs that is full; None if nothing is known to be.
        log: The file that it logs to, None where it is not at hand.
        restart: Restarts it with its port and its data, None where it serves others too or cannot be restarted.
        dump: Writes the database of a name to a file with pg_dump, None where we have none for it.
    """

    address: PostgresAddress
    admin: PostgresAddress
    version: str
    backend: str
    owned: bool
    container: str | None = None
    stop: Callable[[], None] = dataclasses.field(repr=False)
    obituary: Callable[[], str | None] = dataclasses.field(repr=False, default=lambda: None)
    shortage: Callable[[str], str | None] = dataclasses.field(repr=False, default=lambda _: None)
    log: Path | None = dataclasses.field(repr=False, default=None)
    restart: Callable[[], None] | None = dataclasses.field(repr=False, default=None)
    dump: Callable[[str, IO[bytes]], None] | None = dataclasses.field(repr=False, default=None)

    @property
    def url(self) -> str:
        """A libpq URL of its maintenance database, password included."""
        return self.address.url

    @property
    def shown(self) -> str:
        """What it is called in messages."""
        return f"Postgres server {self.address.shown} ({self.backend})"

    def obstacle(self) -> str | None:
        """Ask it for a connection and return why it gives none, None if it does."""
        import psycopg  # noqa: PLC0415 - 59 ms that a run without a server need not pay

        try:
            connect(self.admin, connect_timeout=TIMEOUT).close()
        except psycopg.Error as error:
            return str(error)
        return None


@dataclasses.dataclass(frozen=True, kw_only=True)
class RedisServer:
    """A Redis server, or the logical database of one that was leased to us.

    Attributes:
        address: The logical database.
        admin: The same as a user whom no test knows, None where there is none.
        version: The server's version as text, `7.0.15`.
        backend: Where it came from: `url`, `local`, …
        owned: Whether we started the server, so that it serves nobody else.
        container: The id of its container, None if it runs in none.
        stop: Ends it, or gives the leased database back.
        claim: Makes sure that a leased database is still ours; raises `IsolationError`.
        obituary: Tells what is known of its end, None if it runs or nothing is known.
        shortage: Tells, by the words of a failure, what it needs that is full; None if nothing is known to be.
        restart: Restarts it with its port and its data, None where it serves others too or cannot be restarted.
    """

    address: RedisAddress
    admin: RedisAddress | None = dataclasses.field(repr=False, default=None)
    version: str
    backend: str
    owned: bool
    container: str | None = None
    stop: Callable[[], None] = dataclasses.field(repr=False)
    claim: Callable[[], None] = dataclasses.field(repr=False, default=lambda: None)
    obituary: Callable[[], str | None] = dataclasses.field(repr=False, default=lambda: None)
    shortage: Callable[[str], str | None] = dataclasses.field(repr=False, default=lambda _: None)
    restart: Callable[[], None] | None = dataclasses.field(repr=False, default=None)

    @property
    def url(self) -> str:
        """A URL for redis-py, password included; TCP always."""
        return self.address.url

    @property
    def shown(self) -> str:
        """What it is called in messages."""
        return f"Redis server {self.address.shown} ({self.backend})"

    def obstacle(self) -> str | None:
        """Ask it for an answer and return why it gives none, None if it does."""
        import redis  # noqa: PLC0415

        try:
            with self.connect(socket_connect_timeout=TIMEOUT, socket_timeout=TIMEOUT) as client:
                client.ping()
        except redis.exceptions.RedisError as error:
            return str(error)
        return None

    @property
    def has_url(self) -> bool:
        """Whether other processes can reach it."""
        return True

    def connect(self, **options: Any) -> redis.Redis:  # noqa: ANN401 - redis-py's own
        """Return a client with redis-py's defaults, by the shortest way.

        Args:
            options: What `redis.Redis` takes.
        """
        import redis  # noqa: PLC0415 - 47 ms that a run without a server need not pay

        return redis.Redis.from_url(self.address.connection_url, **options)

    def connect_async(self, **options: Any) -> redis.asyncio.Redis:  # noqa: ANN401 - redis-py's own
        """Return an asyncio client; the rest is as in `connect`."""
        from redis.asyncio import Redis  # noqa: PLC0415

        return Redis.from_url(self.address.connection_url, **options)


@contextlib.contextmanager
def watched(server: PostgresServer | RedisServer) -> Iterator[None]:
    """Do something with a server that was there before.

    Raises:
        ServerGoneError: It failed since the server has gone or has no room; other failures stay what they are.
    """
    try:
        yield
    except Exception as error:
        obstacle = server.obstacle()
        shortage = server.shortage(str(error))
        if shortage is not None:
            raise ServerGoneError(f"the {server.shown} cannot go on: {shortage}") from error
        if obstacle is None:
            raise
        raise ServerGoneError(
            f"the {server.shown} has gone in the middle of the run: {server.obituary() or obstacle}"
        ) from error
