"""Clients of redis.asyncio made from settings; `sync_redis` is its twin."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final, TypeAlias

import redis
from redis.asyncio import (
    BlockingConnectionPool,
    Connection,
    Redis,
    RedisCluster,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.exceptions import AuthenticationError, AuthorizationError, RedisClusterException

from swe_db.redis.retries import PASSING, cluster_without_retries, with_retries
from swe_db.redis.settings import Settings
from swe_db.redis.steps import NotSentError, is_unreachable_cluster
from swe_db.redis.sync_redis import EXHAUSTED, exhausted

__all__ = ["Client", "Cluster", "close", "make", "usage"]

Client: TypeAlias = "Redis | Cluster"

UNLIMITED: Final = 2**31


class Pool(BlockingConnectionPool):
    """A pool that waits for a free connection, and says so when there was none to send a command on."""

    async def get_connection(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - redis-py's own signature
        """Return a connection, which is connected."""
        try:
            return await super().get_connection(*arguments, **options)
        except (AuthenticationError, AuthorizationError):
            raise
        except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError) as error:
            is_exhausted = str(error).startswith(EXHAUSTED)
            said = exhausted(self.max_connections, self.timeout or 0) if is_exhausted else str(error)
            raise NotSentError(said) from error

    @property
    def in_use(self) -> int:
        """How many connections are in use."""
        return len(self._in_use_connections)


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
        self._free = asyncio.Semaphore(settings.max_connections)
        self._again = with_retries(Retry, retries)
        self._again.update_supported_errors(PASSING)
        super().__init__(
            startup_nodes=self._seeds(),
            max_connections=UNLIMITED,  # redis-py raises where there is none, so the wait is ours
            ssl=settings.address.is_encrypted,
            **cluster_without_retries(Retry),
            **settings.options,
        )
        self.in_use = 0

    @property
    def max_connections(self) -> int:
        """How many commands may be under way at a time."""
        return self._settings.max_connections

    async def execute_command(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - redis-py's own signature
        """Send a command, again where that may help."""
        async with self._turn():
            return await self._again.call_with_retry(
                lambda: self._send(*arguments, **options), lambda _: self._look_anew()
            )

    async def _send(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        try:
            return await super().execute_command(*arguments, **options)
        except RedisClusterException as error:
            if is_unreachable_cluster(error):
                raise redis.exceptions.ConnectionError(str(error)) from error
            raise

    async def _look_anew(self) -> None:
        """Let it ask the nodes of the URL again, which redis-py forgets when they do not answer."""
        for node in self._seeds():
            self.nodes_manager.startup_nodes.setdefault(
                node.name, ClusterNode(node.host, node.port, **self.connection_kwargs)
            )

    def _seeds(self) -> list[ClusterNode]:
        return [ClusterNode(host, port) for host, port in self._settings.address.nodes]

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait until fewer commands are under way than there may be connections to a node."""
        timeout = self._settings.pool_timeout
        try:
            async with asyncio.timeout(timeout):
                await self._free.acquire()
        except TimeoutError as error:
            raise NotSentError(exhausted(self.max_connections, timeout)) from error
        self.in_use += 1
        try:
            yield
        finally:
            self.in_use -= 1
            self._free.release()


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
    options = {**pool, **settings.options, "retry": with_retries(Retry, retries)}
    if not settings.address.is_sentinel:
        return Redis(connection_pool=Pool(connection_class=_connection_class(settings), **options))
    sentinel_options = {**settings.sentinel_options, "retry": with_retries(Retry, 0)}
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
        return
    pool = client.connection_pool
    await pool.disconnect()
    if isinstance(pool, SentinelPool):
        for sentinel in pool.sentinel_manager.sentinels:
            await sentinel.aclose()


def usage(client: Client) -> tuple[int, int]:
    """Return how many connections of a client are in use, and how many it may have."""
    source: Any = client if isinstance(client, Cluster) else client.connection_pool
    return source.in_use, source.max_connections
