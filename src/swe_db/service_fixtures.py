"""The fixtures with the managers of `swe_db.redis`, ready on the test's own Redis; names and scopes are a contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import pytest

from swe_db.async_fixtures import async_fixture_name, channel_prefix

if TYPE_CHECKING:
    import redis
    import redis.asyncio

    from swe_db.redis import (
        AsyncCacheManager,
        AsyncDistributedLock,
        AsyncPubSubManager,
        AsyncRateLimiter,
        AsyncSessionManager,
        CacheManager,
        DistributedLock,
        PubSubManager,
        RateLimiter,
        SessionManager,
    )

__all__ = [
    "swe_async_cache",
    "swe_async_lock",
    "swe_async_pubsub",
    "swe_async_rate_limiter",
    "swe_async_sessions",
    "swe_cache",
    "swe_lock",
    "swe_pubsub",
    "swe_rate_limiter",
    "swe_sessions",
]


@pytest.fixture
def swe_cache(swe_redis: redis.Redis) -> CacheManager:
    """A CacheManager on this test's Redis."""
    from swe_db.redis import CacheManager  # noqa: PLC0415 - most tests need none of it

    return CacheManager(swe_redis)


@pytest.fixture
def swe_async_cache(swe_async_redis: redis.asyncio.Redis) -> AsyncCacheManager:
    """An AsyncCacheManager on this test's Redis."""
    from swe_db.redis import AsyncCacheManager  # noqa: PLC0415

    return AsyncCacheManager(swe_async_redis)


@pytest.fixture
def swe_rate_limiter(swe_redis: redis.Redis) -> Callable[..., RateLimiter]:
    """Makes rate limiters on this test's Redis: `swe_rate_limiter(limit, window, **options)`."""
    from swe_db.redis import RateLimiter  # noqa: PLC0415

    return partial(RateLimiter, client=swe_redis)


@pytest.fixture
def swe_async_rate_limiter(swe_async_redis: redis.asyncio.Redis) -> Callable[..., AsyncRateLimiter]:
    """Makes rate limiters for asyncio on this test's Redis: `swe_async_rate_limiter(limit, window, **options)`."""
    from swe_db.redis import AsyncRateLimiter  # noqa: PLC0415

    return partial(AsyncRateLimiter, client=swe_async_redis)


@pytest.fixture
def swe_sessions(swe_redis: redis.Redis) -> SessionManager:
    """A SessionManager on this test's Redis."""
    from swe_db.redis import SessionManager  # noqa: PLC0415

    return SessionManager(swe_redis)


@pytest.fixture
def swe_async_sessions(swe_async_redis: redis.asyncio.Redis) -> AsyncSessionManager:
    """An AsyncSessionManager on this test's Redis."""
    from swe_db.redis import AsyncSessionManager  # noqa: PLC0415

    return AsyncSessionManager(swe_async_redis)


@pytest.fixture
def swe_lock(swe_redis: redis.Redis) -> Callable[..., DistributedLock]:
    """Makes locks on this test's Redis: `swe_lock(name, **options)`."""
    from swe_db.redis import DistributedLock  # noqa: PLC0415

    return partial(DistributedLock, client=swe_redis)


@pytest.fixture
def swe_async_lock(swe_async_redis: redis.asyncio.Redis) -> Callable[..., AsyncDistributedLock]:
    """Makes locks for asyncio on this test's Redis: `swe_async_lock(name, **options)`."""
    from swe_db.redis import AsyncDistributedLock  # noqa: PLC0415

    return partial(AsyncDistributedLock, client=swe_async_redis)


@pytest.fixture
def swe_pubsub(request: pytest.FixtureRequest, swe_redis: redis.Redis) -> Iterator[PubSubManager]:
    """A PubSubManager on this test's Redis, whose channels are the test's own."""
    from swe_db.redis import PubSubManager  # noqa: PLC0415

    with PubSubManager(swe_redis, prefix=channel_prefix(request)) as manager:
        yield manager


@pytest.fixture
def swe_async_pubsub(request: pytest.FixtureRequest) -> AsyncPubSubManager:
    """An AsyncPubSubManager on this test's Redis, whose channels are the test's own."""
    manager: AsyncPubSubManager = request.getfixturevalue(async_fixture_name(request, "pubsub"))
    return manager
