"""The services on Redis in the tests of a project: nothing is mocked, and nothing has to be set up."""

import asyncio
from collections.abc import Callable

import pytest
import redis

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


def test_a_request(
    swe_cache: CacheManager,
    swe_rate_limiter: Callable[..., RateLimiter],
    swe_sessions: SessionManager,
    swe_lock: Callable[..., DistributedLock],
    swe_pubsub: PubSubManager,
) -> None:
    """A user signs in, works on a task within the limit, and others hear of it."""
    token, session = swe_sessions.create("7", {"role": "manager"})
    assert swe_sessions.get(token).data == {"role": "manager"}
    limiter = swe_rate_limiter(2, 60)
    assert [limiter.hit(session.user_id).allowed for _ in range(3)] == [True, True, False]
    with swe_pubsub.subscribe("tasks") as subscription, swe_lock("task:1") as lock:
        assert lock.owned()
        swe_cache.set("task:1", {"state": "done", "labels": ("api", "db")}, ttl=60)
        swe_pubsub.publish("tasks", {"id": 1})
        assert subscription.get(timeout=5).data == {"id": 1}
    assert swe_cache.get("task:1") == {"state": "done", "labels": ("api", "db")}
    swe_sessions.delete(token)
    assert swe_sessions.get(token) is None


@pytest.mark.asyncio
async def test_a_request_for_asyncio(
    swe_async_cache: AsyncCacheManager,
    swe_async_rate_limiter: Callable[..., AsyncRateLimiter],
    swe_async_sessions: AsyncSessionManager,
    swe_async_lock: Callable[..., AsyncDistributedLock],
    swe_async_pubsub: AsyncPubSubManager,
) -> None:
    """The same with the asyncio twins, on the test's own event loop."""
    token, session = await swe_async_sessions.create("7", {"role": "manager"})
    assert (await swe_async_sessions.get(token)).data == {"role": "manager"}
    limiter = swe_async_rate_limiter(2, 60)
    assert [(await limiter.hit(session.user_id)).allowed for _ in range(3)] == [True, True, False]
    async with swe_async_pubsub.subscribe("tasks") as subscription, swe_async_lock("task:1"):
        await swe_async_cache.set("task:1", (1, 2), ttl=60)
        await swe_async_pubsub.publish("tasks", {"id": 1})
        message = await asyncio.wait_for(anext(aiter(subscription)), 5)
        assert message.data == {"id": 1}
    assert await swe_async_cache.get("task:1") == (1, 2)


def test_the_next_one_finds_nothing(
    swe_redis: redis.Redis, swe_cache: CacheManager, swe_rate_limiter: Callable[..., RateLimiter]
) -> None:
    """What the tests above left is gone."""
    assert swe_redis.keys() == []
    assert swe_cache.get("task:1") is None
    assert swe_rate_limiter(1, 60).hit("7").allowed
