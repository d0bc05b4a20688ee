"""Clients of redis.asyncio made from settings; `sync_redis` is its twin."""

from __future__ import annotations

import asyncio
from typing import Any, Final, TypeAlias

import redis
from redis.asyncio import Connection, ConnectionPool, Redis, RedisCluster, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.exceptions import AuthenticationError, AuthorizationError

from swe_db.redis.retries import PASSING, cluster_retries, patience, with_retries
from swe_db.redis.settings import Settings
from swe_db.redis.steps import NotSentError
from swe_db.redis.sync_redis import exhausted, reason, unreachable

__all__ = ["Client", "Cluster", "close", "make", "usage"]

Client: TypeAlias = "Redis | Cluster"

UNLIMITED: Final = 2**31


class Turns:
    """So many turns at a time; whoever comes when there is none waits for one, but not for ever.

    Args:
        limit: How many.
        timeout: Seconds to wait.
    """

    def __init__(self, limit: int, timeout: float) -> None:
        self._limit = limit
        self._timeout = timeout
        self._free = asyncio.Semaphore(limit)

    async def take(self) -> None:
        """Wait for a turn."""
        try:
            async with asyncio.timeout(self._timeout):
                await self._free.acquire()
        except TimeoutError as error:
            raise NotSentError(exhausted(self._limit, self._timeout)) from error

    def give_back(self) -> None:
        """Let somebody else have it."""
        self._free.release()


class Pool(ConnectionPool):
    """A pool that waits for a free connection, and says so when there was none to send a command on.

    That of redis.asyncio waits for itself in version 5 when a connection cannot be made.

    Args:
        max_connections: How many connections it may have.
        timeout: Seconds to wait for one.
        options: What each connection is told.
    """

    def __init__(self, *, max_connections: int, timeout: float, **options: Any) -> None:  # noqa: ANN401
        super().__init__(max_connections=UNLIMITED, **options)
        self.limit = max_connections
        self._turns = Turns(max_connections, timeout)
        self._lent: set[AbstractConnection] = set()

    async def get_connection(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - redis-py's own signature
        """Return a connection, which is connected."""
        await self._turns.take()
        try:
            connection = await super().get_connection(*arguments, **options)
        except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError) as error:
            self._turns.give_back()
            if isinstance(error, AuthenticationError | AuthorizationError):
                raise
            raise NotSentError(reason(error)) from error
        except BaseException:
            self._turns.give_back()
            raise
        self._lent.add(connection)
        return connection

    async def release(self, connection: AbstractConnection) -> None:
        """Take a connection back; redis-py also does so with one that it could not connect."""
        try:
            await super().release(connection)
        finally:
            if connection in self._lent:
                self._lent.remove(connection)
                self._turns.give_back()

    @property
    def in_use(self) -> int:
        """How many connections are in use."""
        return len(self._lent)


class SentinelPool(SentinelConnectionPool, Pool):
    """The same for the master that Sentinels know."""


class Cluster(RedisCluster):
    """A client of a cluster that waits between its retries, and for a free connection, as other clients do.

    Args:
        settings: Where the cluster is, and how to connect.
        retries: How often a command is sent again.
    """

    def __init__(self, settings: Settings, retries: int) -> None:
        self._settings = settings
        self._turns = Turns(settings.max_connections, settings.pool_timeout)
        self._again = patience(Retry, retries)
        self._again.update_supported_errors(PASSING)
        super().__init__(
            startup_nodes=[ClusterNode(host, port) for host, port in settings.address.nodes],
            max_connections=UNLIMITED,  # redis-py raises where there is none, so the wait is ours
            ssl=settings.address.is_encrypted,
            **cluster_retries(Retry, once=retries == 0),
            **settings.options,
        )
        self.in_use = 0

    @property
    def limit(self) -> int:
        """How many commands may be under way at a time."""
        return self._settings.max_connections

    async def execute_command(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - redis-py's own signature
        """Send a command, again where that may help."""
        await self._turns.take()
        self.in_use += 1
        try:
            return await self._again.call_with_retry(lambda: self._send(*arguments, **options), _nothing)
        finally:
            self.in_use -= 1
            self._turns.give_back()

    async def _send(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        with unreachable():
            # redis-py does so too, but lets a second task go on before the first has found the nodes.
            await self.initialize()
            return await super().execute_command(*arguments, **options)


async def _nothing(_: Exception) -> None:
    """What is to be done after an error."""


def make(settings: Settings, *, once: bool) -> Client:
    """Make a client, which connects when it is used.

    Args:
        settings: Where Redis is, and how to connect.
        once: Whether nothing is sent twice.
    """
    retries = 0 if once else settings.retries
    if settings.address.is_cluster:
        return Cluster(settings, retries)
    pool = {"max_connections": settings.max_connections, "timeout": settings.pool_timeout}
    options = {**pool, **settings.options, **with_retries(Retry, retries)}
    if not settings.address.is_sentinel:
        return Redis(connection_pool=Pool(connection_class=_connection_class(settings), **options))
    sentinel_options = {**settings.sentinel_options, **with_retries(Retry, 0)}
    sentinel = Sentinel(settings.address.nodes, sentinel_kwargs=sentinel_options)
    options["ssl"] = settings.address.is_encrypted
    return Redis(connection_pool=SentinelPool(settings.address.service, sentinel, **options))


def _connection_class(settings: Settings) -> type[Connection | UnixDomainSocketConnection]:
    if settings.address.socket:
        return UnixDomainSocketConnection
    return SSLConnection if settings.address.is_encrypted else Connection


async def close(client: Client) -> None:
    """Close the connections of a client, those that are in use, too."""
    if isinstance(client, Cluster):
        await client.aclose()
        for nodes in ("nodes_cache", "startup_nodes"):  # which redis-py 8 leaves open after a connection broke
            await client.nodes_manager.aclose(nodes)
        return
    pool = client.connection_pool
    await pool.disconnect()
    if isinstance(pool, SentinelPool):
        for sentinel in pool.sentinel_manager.sentinels:
            await sentinel.aclose()


def usage(client: Client) -> tuple[int, int]:
    """Return how many connections of a client are in use, and how many it may have."""
    source: Any = client if isinstance(client, Cluster) else client.connection_pool
    return source.in_use, source.limit
