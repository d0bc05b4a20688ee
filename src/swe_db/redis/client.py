"""Clients of Redis for production code: retries, a pool that waits, TLS, Sentinel and Cluster; made on redis-py."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self, TypeVar, cast

import redis
import redis.asyncio

from swe_db.errors import ConfigError
from swe_db.redis.connection import async_redis, sync_redis
from swe_db.redis.connection.given import Given, agiven, given
from swe_db.redis.connection.health import Health, asked
from swe_db.redis.connection.settings import Settings
from swe_db.redis.connection.tls import TLSConfig
from swe_db.redis.durations import Duration
from swe_db.redis.steps import Connected, arun, run

__all__ = [
    "AsyncRedisClient",
    "Health",
    "RedisClient",
    "TLSConfig",
    "aconnected",
    "aget_redis_client",
    "connected",
    "get_redis_client",
]

C = TypeVar("C", bound="BaseClient")


class BaseClient:
    """What both twins are made with.

    Args:
        url: `redis://`, `rediss://` (TLS), `unix://`, `redis+sentinel://host:port,host:port/service/db`,
            `redis+cluster://host:port,host:port`; the last two with `rediss` for TLS. What its query says, in
            redis-py's names, goes before the arguments.
        max_connections: How many connections `raw` may have, and `once` likewise; on a cluster, to each node.
        pool_timeout: Seconds to wait for one that is free; then it is a `RedisUnavailableError`.
        retries: How often a command is sent again after its connection broke, with growing waits in between.
        health_check_interval: Seconds for which a connection is trusted without asking it first, None for ever.
        socket_timeout: Seconds to wait for a reply, None for ever; a blocking command must be shorter.
        socket_connect_timeout: Seconds to wait for a connection.
        tls: Whom to trust, and who we are; for URLs that begin with `rediss`.
        client_name: What `CLIENT LIST` shows.
        decode_responses: Whether replies of `raw` and `once` are text; to the managers it is all the same.

    Raises:
        ConfigError: Something of that makes no sense.
    """

    def __init__(  # noqa: PLR0913 - a client has many settings, all with a default
        self,
        url: str,
        *,
        max_connections: int = 50,
        pool_timeout: Duration = 5.0,
        retries: int = 3,
        health_check_interval: Duration | None = 30.0,
        socket_timeout: Duration | None = 5.0,
        socket_connect_timeout: Duration | None = 5.0,
        tls: TLSConfig | None = None,
        client_name: str | None = None,
        decode_responses: bool = False,
    ) -> None:
        self._settings = Settings.of(
            url,
            max_connections=max_connections,
            pool_timeout=pool_timeout,
            retries=retries,
            health_check_interval=health_check_interval,
            socket_timeout=socket_timeout,
            socket_connect_timeout=socket_connect_timeout,
            tls=tls,
            client_name=client_name,
            decode_responses=decode_responses,
        )
        # Those of the process before a fork, and of its loops, stay here untouched: they are not ours to close.
        self._clients: dict[tuple[object, ...], Any] = {}

    @property
    def settings(self) -> Settings:
        """All that it was made with; clients with equal settings are alike."""
        return self._settings

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._settings.address.shown!r})"


class RedisClient(BaseClient):
    """A Redis, for any number of threads; a forked process gets connections of its own. See `BaseClient`."""

    @property
    def raw(self) -> Any:  # noqa: ANN401 - Redis and RedisCluster have no common type
        """redis-py's client; it sends a command again when its connection broke."""
        return self._client(once=False)

    @property
    def once(self) -> Any:  # noqa: ANN401
        """redis-py's client for what must not run twice: it sends nothing again."""
        return self._client(once=True)

    def health_check(self) -> Health:
        """Ask the server how it is, once; that it cannot be reached is an answer, no error."""
        health = run(_Impatient(self), asked())
        return _counted(health, [sync_redis.usage(client) for client in self._own()])

    def close(self) -> None:
        """Close the connections that this process has, those in use, too; who uses the client then opens new ones."""
        for client in self._own():
            sync_redis.close(client)

    def _client(self, *, once: bool) -> sync_redis.Client:
        key = (os.getpid(), once)
        if key not in self._clients:
            # Two threads may get here, the first to come back wins: a lock could be held while another thread forks.
            self._clients.setdefault(key, sync_redis.make(self._settings, once=once))
        client: sync_redis.Client = self._clients[key]
        return client

    def _own(self) -> list[sync_redis.Client]:
        return [client for (process, *_), client in list(self._clients.items()) if process == os.getpid()]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncRedisClient(BaseClient):
    """A Redis for asyncio, on any number of event loops, each with connections of its own. See `BaseClient`.

    Its connections are closed with the loop by whatever ends loops in an orderly way, as `asyncio.run` does.
    """

    @property
    def raw(self) -> Any:  # noqa: ANN401 - Redis and RedisCluster have no common type
        """The client of redis.asyncio for the running loop; it sends a command again when its connection broke."""
        return self._client(once=False)

    @property
    def once(self) -> Any:  # noqa: ANN401
        """The client of redis.asyncio for what must not run twice: it sends nothing again."""
        return self._client(once=True)

    async def health_check(self) -> Health:
        """Ask the server how it is, once; that it cannot be reached is an answer, no error."""
        health = await arun(_Impatient(self), asked())
        return _counted(health, [async_redis.usage(each.client) for each in self._own()])

    async def close(self) -> None:
        """Close the connections on the running loop, those in use, too; who uses the client then opens new ones."""
        for each in self._own():
            await async_redis.close(each.client)

    def _client(self, *, once: bool) -> async_redis.Client:
        loop = _running_loop()
        key = (os.getpid(), loop, once)
        if key not in self._clients:
            self._forget_closed_loops()
            self._clients[key] = _OnLoop(async_redis.make(self._settings, once=once))
        found: _OnLoop = self._clients[key]
        return found.client

    def _own(self) -> list[_OnLoop]:
        own = (os.getpid(), _running_loop())
        return [found for (process, loop, _), found in list(self._clients.items()) if (process, loop) == own]

    def _forget_closed_loops(self) -> None:
        for key in list(self._clients):
            process, loop, _ = key
            if process == os.getpid() and isinstance(loop, asyncio.AbstractEventLoop) and loop.is_closed():
                del self._clients[key]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class _OnLoop:
    """A client, and what closes it with its loop.

    Loops have no hook for their end but this one: they close the asynchronous generators that were begun on them.
    """

    def __init__(self, client: async_redis.Client) -> None:
        self.client = client
        self._end = _closed_in_the_end(client)
        with contextlib.suppress(StopIteration):
            self._end.asend(None).send(None)  # to its yield, where nothing is awaited


async def _closed_in_the_end(client: async_redis.Client) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        await async_redis.close(client)


@dataclass(frozen=True, slots=True)
class _Impatient:
    """Sends everything once; a cluster's client connects where it is asked for, not before."""

    client: RedisClient | AsyncRedisClient

    @property
    def raw(self) -> Any:  # noqa: ANN401
        return self.client.once

    once = raw


def _running_loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise ConfigError(
            "an AsyncRedisClient is used where no event loop runs: use it in a coroutine, or take a RedisClient"
        ) from None


def _counted(health: Health, usages: Sequence[tuple[int, int]]) -> Health:
    """Return a health with the connections that are in use, and that there may be."""
    return replace(health, in_use=sum(used for used, _ in usages), max=sum(allowed for _, allowed in usages))


def get_redis_client(url: str | None = None, **options: Any) -> RedisClient:  # noqa: ANN401 - as in RedisClient
    """Return the client of this process for a URL and options; the same for the same ones.

    Args:
        url: A URL as in `RedisClient`, None for that of the environment variable REDIS_URL.
        options: As in `RedisClient`.

    Raises:
        ConfigError: There is no URL, or something makes no sense.
    """
    return _singletons.take(RedisClient, _url(url), options)


def aget_redis_client(url: str | None = None, **options: Any) -> AsyncRedisClient:  # noqa: ANN401
    """The same for asyncio; no coroutine, so that it can be called where no loop runs yet.

    It is one client for all event loops of the process, and has connections of its own on each.
    """
    return _singletons.take(AsyncRedisClient, _url(url), options)


def _url(url: str | None) -> str:
    url = url or os.environ.get("REDIS_URL")
    if not url:
        raise ConfigError(
            "no Redis is named: set the environment variable REDIS_URL, e.g. to redis://localhost:6379, or pass a "
            "client or a URL"
        )
    return url


class Singletons:
    """The clients of a process that all its parts share.

    It needs no lock: what puts a client into the dictionary is atomic, and nothing is connected before.
    """

    def __init__(self) -> None:
        self._clients: dict[tuple[int, type[BaseClient], Settings], BaseClient] = {}
        self._asked: dict[tuple[object, ...], BaseClient] = {}

    def take(self, kind: type[C], url: str, options: Mapping[str, Any]) -> C:
        """Return the client that was taken first of those that are alike, in this process.

        Args:
            kind: Its class.
            url: Its URL.
            options: Its arguments. To read all of it takes half a millisecond, so the same words are read once.
        """
        asked = (os.getpid(), kind, url, repr(sorted(options.items())))
        if asked not in self._asked:
            client = kind(url, **options)
            self._asked[asked] = self._clients.setdefault((os.getpid(), kind, client.settings), client)
        return cast("C", self._asked[asked])


_singletons: Final = Singletons()


def connected(client: Any = None) -> Connected:  # noqa: ANN401 - what users may give by mistake
    """Return what a manager sends through.

    Args:
        client: A `RedisClient`, or a client of redis-py: `Redis`, `RedisCluster`, one that a `Sentinel` made, or that
            of fakeredis; None for `get_redis_client()`.

    Raises:
        ConfigError: It is none of these, or one for asyncio.
    """
    match client:
        case None:
            return get_redis_client()
        case RedisClient() | Given():
            return client
        case redis.Redis() | redis.RedisCluster():
            return given(client)
        case AsyncRedisClient() | redis.asyncio.Redis() | redis.asyncio.RedisCluster():
            raise ConfigError(
                f"{_named(client)} is for asyncio, and this manager is not: take its Async twin, or give a RedisClient"
            )
    raise ConfigError(f"{_named(client)} is no client of Redis: give a RedisClient, or a client of redis-py")


def aconnected(client: Any = None) -> Connected:  # noqa: ANN401
    """The same for asyncio: an `AsyncRedisClient`, a client of redis.asyncio, or None for `aget_redis_client()`."""
    match client:
        case None:
            return aget_redis_client()
        case AsyncRedisClient() | Given():
            return client
        case redis.asyncio.Redis() | redis.asyncio.RedisCluster():
            return agiven(client)
        case RedisClient() | redis.Redis() | redis.RedisCluster():
            raise ConfigError(
                f"{_named(client)} is not for asyncio, and this manager is: take its twin without Async, or give an "
                "AsyncRedisClient"
            )
    raise ConfigError(f"{_named(client)} is no client of Redis: give an AsyncRedisClient, or one of redis.asyncio")


def _named(client: object) -> str:
    """Return the kind of a client: its own words may hold a password."""
    return f"the client, a {type(client).__module__}.{type(client).__qualname__},"
