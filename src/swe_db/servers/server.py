"""What a running server is to the rest of swe-db, whichever backend it came from."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from swe_db.servers.address import PostgresAddress, RedisAddress

if TYPE_CHECKING:
    import redis
    import redis.asyncio

__all__ = ["PostgresServer", "RedisServer"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class PostgresServer:
    """A Postgres server.

    Attributes:
        address: Its maintenance database over TCP, as everybody reaches it.
        admin: The same by the shortest way, which the fixtures' own connections take.
        version: Its version as text, `15.18`.
        backend: Where it came from: `url`, `local`, …
        owned: Whether we started it, so that it serves nobody else.
        stop: Ends it, if it is ours.
    """

    address: PostgresAddress
    admin: PostgresAddress
    version: str
    backend: str
    owned: bool
    stop: Callable[[], None] = dataclasses.field(repr=False)

    @property
    def url(self) -> str:
        """A libpq URL of its maintenance database, password included."""
        return self.address.url


@dataclasses.dataclass(frozen=True, kw_only=True)
class RedisServer:
    """A Redis server, or the logical database of one that was leased to us.

    Attributes:
        address: The logical database.
        version: The server's version as text, `7.0.15`.
        backend: Where it came from: `url`, `local`, …
        owned: Whether we started the server, so that it serves nobody else.
        stop: Ends it, or gives the leased database back.
        claim: Makes sure that a leased database is still ours; raises `IsolationError`.
    """

    address: RedisAddress
    version: str
    backend: str
    owned: bool
    stop: Callable[[], None] = dataclasses.field(repr=False)
    claim: Callable[[], None] = dataclasses.field(repr=False, default=lambda: None)

    @property
    def url(self) -> str:
        """A URL for redis-py, password included; TCP always."""
        return self.address.url

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
