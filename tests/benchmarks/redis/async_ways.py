"""What is done with each service, and how others do the same: with asyncio."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import aiocache
import cashews
import limits
import redis.asyncio

from benchmarks.redis.measuring import AsyncAct
from benchmarks.redis.ways import LIMIT, PERIOD, THINGS, VALUE
from swe_db.redis.cache.async_manager import AsyncCacheManager
from swe_db.redis.cache.decorator import cache_result
from swe_db.redis.client import AsyncRedisClient
from swe_db.redis.limiter import AsyncRateLimiter
from swe_db.redis.lock import AsyncDistributedLock
from swe_db.redis.sessions import AsyncSessionManager

__all__ = ["abare", "aours", "atheirs"]


async def aours(url: str) -> dict[str, AsyncAct]:
    """Return our way of each thing, on a Redis."""
    client = AsyncRedisClient(url)
    cache, sessions = AsyncCacheManager(client), AsyncSessionManager(client)
    await cache.set("user", VALUE, ttl=PERIOD)
    lock = AsyncDistributedLock("benchmark", client=client)
    window, log, gcra = (
        AsyncRateLimiter(LIMIT, PERIOD, algorithm=algorithm, client=client, prefix=algorithm)
        for algorithm in ("sliding_window", "sliding_log", "gcra")
    )
    token, _ = await sessions.create("ada", VALUE)

    @cache_result(ttl=PERIOD, cache=cache)
    async def user(number: int) -> dict[str, Any]:
        return {**VALUE, "id": number}

    async def locking() -> None:
        await lock.acquire()
        await lock.release()

    acts: tuple[AsyncAct, ...] = (
        lambda: cache.get("user"),
        lambda: cache.set("user", VALUE, ttl=PERIOD),
        lambda: user(4711),
        locking,
        lambda: window.hit("ada"),
        lambda: log.hit("ada"),
        lambda: gcra.hit("ada"),
        lambda: sessions.get(token),
    )
    return dict(zip(THINGS, acts, strict=True))


def abare(url: str, commands: Mapping[str, list[tuple[bytes, ...]]]) -> dict[str, AsyncAct]:
    """Return what our way of each thing sends, sent by redis-py alone."""
    client = redis.asyncio.Redis.from_url(url)
    return {thing: _sending(client.execute_command, sent) for thing, sent in commands.items()}


def _sending(execute: Callable[..., Awaitable[object]], commands: list[tuple[bytes, ...]]) -> AsyncAct:
    async def act() -> None:
        for command in commands:
            await execute(*command)

    return act


async def atheirs(url: str) -> dict[str, dict[str, AsyncAct]]:
    """Return how others do each thing, by their names."""
    things: dict[str, dict[str, AsyncAct]] = {thing: {} for thing in THINGS}
    for name, ways in (
        ("cashews", await _cashews(url)),
        ("aiocache", await _aiocache(url)),
        ("limits", _limits(url)),
        ("redis-py", _redis_py(url)),
    ):
        for thing, act in ways.items():
            things[thing][name] = act
    return things


async def _cashews(url: str) -> dict[str, AsyncAct]:
    cache = cashews.Cache()
    cache.setup(url)
    await cache.set("user", VALUE, expire=PERIOD)

    async def user(number: int) -> dict[str, Any]:
        return {**VALUE, "id": number}

    kept = cache(ttl=PERIOD, key="benchmark:{number}")(user)

    async def locking() -> None:
        async with cache.lock("benchmark: cashews", expire=30):
            pass

    return {
        "cache get": lambda: cache.get("user"),
        "cache set": lambda: cache.set("user", VALUE, expire=PERIOD),
        "cached function, hit": lambda: kept(4711),
        "lock, acquire and release": locking,
    }


async def _aiocache(url: str) -> dict[str, AsyncAct]:
    parts = urlsplit(url)
    where = {"endpoint": parts.hostname, "port": parts.port, "password": parts.password}
    cache = aiocache.RedisCache(**where, serializer=aiocache.serializers.PickleSerializer())
    await cache.set("user", VALUE, ttl=PERIOD)

    async def user(number: int) -> dict[str, Any]:
        return {**VALUE, "id": number}

    kept = aiocache.cached(
        ttl=PERIOD, cache=aiocache.RedisCache, serializer=aiocache.serializers.PickleSerializer(), **where
    )(user)
    return {
        "cache get": lambda: cache.get("user"),
        "cache set": lambda: cache.set("user", VALUE, ttl=PERIOD),
        "cached function, hit": lambda: kept(4711),
    }


def _limits(url: str) -> dict[str, AsyncAct]:
    storage = limits.aio.storage.RedisStorage(f"async+{url}", implementation="redispy")
    item = limits.RateLimitItemPerHour(LIMIT)
    window = limits.aio.strategies.SlidingWindowCounterRateLimiter(storage)
    log = limits.aio.strategies.MovingWindowRateLimiter(storage)
    return {
        "rate limit, sliding window": lambda: window.hit(item, "window: asyncio"),
        "rate limit, log": lambda: log.hit(item, "log: asyncio"),
    }


def _redis_py(url: str) -> dict[str, AsyncAct]:
    lock = redis.asyncio.Redis.from_url(url).lock("benchmark: redis-py", timeout=30)

    async def locking() -> None:
        await lock.acquire()
        await lock.release()

    return {"lock, acquire and release": locking}
