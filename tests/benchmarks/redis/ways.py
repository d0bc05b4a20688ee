"""What is done with each service, and how others do the same: with clients that are not for asyncio."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import limits
import redis
import redis_lock
from dogpile.cache import make_region

from benchmarks.redis.measuring import Act
from swe_db.redis.cache import CacheManager
from swe_db.redis.cache.decorator import cache_result
from swe_db.redis.client import RedisClient
from swe_db.redis.limiter import RateLimiter
from swe_db.redis.lock import DistributedLock
from swe_db.redis.sessions import SessionManager

__all__ = ["LIMIT", "PERIOD", "THINGS", "VALUE", "bare", "ours", "theirs"]

# What is measured, by what it is called in the tables.
THINGS: Final = (
    "cache get",
    "cache set",
    "cached function, hit",
    "lock, acquire and release",
    "rate limit, sliding window",
    "rate limit, log",
    "rate limit, GCRA",
    "session get",
)
VALUE: Final = {
    "id": 4711,
    "name": "Ada Lovelace",
    "email": "ada@example.com",
    "roles": ["admin", "engineer"],
    "preferences": {"theme": "dark", "page": 50, "beta": True},
    "score": 0.97,
    "manager": None,
}
LIMIT: Final = 1_000_000  # hits, so that all are allowed
PERIOD: Final = 3600  # seconds


def ours(url: str) -> dict[str, Act]:
    """Return our way of each thing, on a Redis."""
    client = RedisClient(url)
    cache, sessions = CacheManager(client), SessionManager(client)
    cache.set("user", VALUE, ttl=PERIOD)
    lock = DistributedLock("benchmark", client=client)
    window, log, gcra = (
        RateLimiter(LIMIT, PERIOD, algorithm=algorithm, client=client, prefix=algorithm)
        for algorithm in ("sliding_window", "sliding_log", "gcra")
    )
    token, _ = sessions.create("ada", VALUE)

    @cache_result(ttl=PERIOD, cache=cache)
    def user(number: int) -> dict[str, Any]:
        return {**VALUE, "id": number}

    acts: tuple[Act, ...] = (
        lambda: cache.get("user"),
        lambda: cache.set("user", VALUE, ttl=PERIOD),
        lambda: user(4711),
        lambda: (lock.acquire(), lock.release()),
        lambda: window.hit("ada"),
        lambda: log.hit("ada"),
        lambda: gcra.hit("ada"),
        lambda: sessions.get(token),
    )
    return dict(zip(THINGS, acts, strict=True))


def bare(url: str, commands: Mapping[str, list[tuple[bytes, ...]]]) -> dict[str, Act]:
    """Return what our way of each thing sends, sent by redis-py alone."""
    client = redis.Redis.from_url(url)
    return {thing: _sending(client.execute_command, sent) for thing, sent in commands.items()}


def _sending(execute: Callable[..., object], commands: list[tuple[bytes, ...]]) -> Act:
    def act() -> None:
        for command in commands:
            execute(*command)

    return act


def theirs(url: str) -> dict[str, dict[str, Act]]:
    """Return how others do each thing, by their names."""
    client = redis.Redis.from_url(url)
    storage = limits.storage.RedisStorage(url)
    item = limits.RateLimitItemPerHour(LIMIT)
    window = limits.strategies.SlidingWindowCounterRateLimiter(storage)
    log = limits.strategies.MovingWindowRateLimiter(storage)
    region = make_region().configure("dogpile.cache.redis", expiration_time=PERIOD, arguments={"url": url})
    region.set("user", VALUE)
    redis_pys = client.lock("benchmark: redis-py", timeout=30)
    redis_locks = redis_lock.Lock(client, "benchmark: python-redis-lock", expire=30)

    def user(number: int) -> dict[str, Any]:
        return {**VALUE, "id": number}

    kept = region.cache_on_arguments()(user)
    return {
        "cache get": {"dogpile.cache": lambda: region.get("user")},
        "cache set": {"dogpile.cache": lambda: region.set("user", VALUE)},
        "cached function, hit": {"dogpile.cache": lambda: kept(4711)},
        "lock, acquire and release": {
            "redis-py": lambda: (redis_pys.acquire(), redis_pys.release()),
            "python-redis-lock": lambda: (redis_locks.acquire(), redis_locks.release()),
        },
        "rate limit, sliding window": {"limits": lambda: window.hit(item, "window")},
        "rate limit, log": {"limits": lambda: log.hit(item, "log")},
    }
