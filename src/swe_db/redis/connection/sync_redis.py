"""Clients of redis-py made from settings; `async_redis` is its twin."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

import redis
from redis.cluster import ClusterNode
from redis.connection import BlockingConnectionPool, Connection, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import AuthenticationError, AuthorizationError, RedisClusterException
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool

from swe_db.redis.connection.address import bracketed
from swe_db.redis.connection.retries import PASSING, cluster_retries, patience, with_retries
from swe_db.redis.connection.settings import Settings
from swe_db.redis.steps import NotSentError, is_unreachable_cluster

__all__ = ["Client", "Cluster", "close", "exhausted", "make", "reason", "unreachable", "usage"]

Client: TypeAlias = "redis.Redis | Cluster"

EXHAUSTED: Final = "No connection available"  # redis-py's words


def exhausted(connections: int, timeout: float) -> str:
    """Return what is said where no connection became free."""
    return (
        f"all {connections} connections are in use, and none became free within {timeout:g} s; "
        "raise max_connections or pool_timeout, or look for what holds them"
    )


def reason(error: Exception) -> str:
    """Return why a connection could not be made; of TLS redis.asyncio 5 says no more than a number."""
    cause = error.__cause__ or error.__context__
    said = str(cause.args[-1]) if isinstance(cause, ssl.SSLError) else ""
    return str(error) if said in str(error) else f"{error} {said}"


class Pool(BlockingConnectionPool):
    """A pool that waits for a free connection, and says so when there was none to send a command on."""

    def get_connection(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - redis-py's own signature
        """Return a connection, which is connected."""
        try:
            return super().get_connection(*arguments, **options)
        except (AuthenticationError, AuthorizationError):
            raise
        except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError) as error:
            is_exhausted = str(error).startswith(EXHAUSTED)
            raise NotSentError(
                exhausted(self.max_connections, self.timeout) if is_exhausted else reason(error)
            ) from error

    @property
    def in_use(self) -> int:
        """How many connections are in use."""
        return int(self.max_connections - self.pool.qsize())


class SocketConnection(UnixDomainSocketConnection):
    """A connection over a Unix socket that has its time-out, which redis-py 5 forgets."""

    def __init__(self, *, socket_timeout: float | None = None, **options: Any) -> None:  # noqa: ANN401
        super().__init__(socket_timeout=socket_timeout, **options)
        self.socket_timeout = socket_timeout


class SentinelPool(SentinelConnectionPool, Pool):
    """The same for the master that Sentinels know."""

    def disconnect(self, inuse_connections: bool = True) -> None:
        """Disconnect all connections, or those that nobody uses."""
        if inuse_connections:
            super().disconnect()
            return
        # The blocking pool of redis-py 5 knows no such difference.
        for connection in list(self.pool.queue):
            if connection is not None:
                connection.disconnect()


class Cluster(redis.RedisCluster):
    """A client of a cluster that waits between its retries, as other clients do.

    Args:
        settings: Where the cluster is, and how to connect.
        retries: How often a command is sent again.
    """

    def __init__(self, settings: Settings, retries: int) -> None:
        address = settings.address
        self._again = patience(Retry, retries)
        self._again.update_supported_errors(PASSING)
        (host, port), *others = address.nodes
        scheme = "rediss" if address.is_encrypted else "redis"
        super().__init__(
            url=f"{scheme}://{bracketed(host)}:{port}",  # only from a URL it takes a class of pools
            startup_nodes=[ClusterNode(host, port) for host, port in others],
            connection_pool_class=Pool,
            max_connections=settings.max_connections,
            timeout=settings.pool_timeout,
            **cluster_retries(Retry, once=retries == 0),
            **settings.options,
        )

    def execute_command(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - redis-py's own signature
        """Send a command, again where that may help."""
        return self._again.call_with_retry(lambda: self._send(*arguments, **options), lambda _: None)

    def _send(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        with unreachable():
            return super().execute_command(*arguments, **options)


@contextlib.contextmanager
def unreachable() -> Iterator[None]:
    """See to it that a cluster of which no node answers is tried again as a server is."""
    try:
        yield
    except RedisClusterException as error:
        if is_unreachable_cluster(error):
            raise redis.exceptions.ConnectionError(str(error)) from error
        raise


def make(settings: Settings, *, once: bool) -> Client:
    """Make a client; only that of a cluster connects at once.

    Args:
        settings: Where Redis is, and how to connect.
        once: Whether nothing is sent twice.
    """
    retries = 0 if once else settings.retries
    if settings.address.is_cluster:
        return _cluster(settings, retries)
    pool = {"max_connections": settings.max_connections, "timeout": settings.pool_timeout}
    options = {**pool, **settings.options, **with_retries(Retry, retries)}
    if not settings.address.is_sentinel:
        return redis.Redis(connection_pool=Pool(connection_class=_connection_class(settings), **options))
    sentinel_options = {**settings.sentinel_options, **with_retries(Retry, 0)}
    sentinel = Sentinel(settings.address.nodes, sentinel_kwargs=sentinel_options)
    options["ssl"] = settings.address.is_encrypted
    return redis.Redis(connection_pool=SentinelPool(settings.address.service, sentinel, **options))


def _cluster(settings: Settings, retries: int) -> Cluster:
    def connect() -> Cluster:
        with unreachable():
            return Cluster(settings, retries)

    return patience(Retry, retries).call_with_retry(connect, lambda _: None)


def _connection_class(settings: Settings) -> type[Connection | UnixDomainSocketConnection]:
    if settings.address.socket:
        return SocketConnection
    return SSLConnection if settings.address.is_encrypted else Connection


def close(client: Client) -> None:
    """Close the connections of a client."""
    if isinstance(client, Cluster):
        client.close()
        return
    pool = client.connection_pool
    pool.disconnect()
    if isinstance(pool, SentinelPool):
        for sentinel in pool.sentinel_manager.sentinels:
            sentinel.close()


def usage(client: Client) -> tuple[int, int]:
    """Return how many connections of a client are in use, and how many it may have."""
    nodes = [node.redis_connection for node in client.get_nodes()] if isinstance(client, Cluster) else [client]
    pools: list[Any] = [node.connection_pool for node in nodes if node is not None]
    return sum(pool.in_use for pool in pools), sum(pool.max_connections for pool in pools)
