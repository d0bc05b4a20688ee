"""Services on Redis, for production code as much as for tests: client, cache, rate limits, sessions, locks, pub/sub.

The names below load what they need when they are first used. Nothing here knows of Postgres or pytest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from swe_db.lazy import loader

if TYPE_CHECKING:
    from swe_db.redis.cache import (
        AsyncCachedFunction,
        AsyncCacheManager,
        CachedFunction,
        CacheManager,
        CircuitBreaker,
        aget_cache_manager,
        cache_result,
        get_cache_manager,
    )
    from swe_db.redis.client import (
        AsyncRedisClient,
        Health,
        RedisClient,
        TLSConfig,
        aget_redis_client,
        get_redis_client,
    )
    from swe_db.redis.limiter import AsyncRateLimiter, RateLimiter, RateLimitResult, aget_rate_limiter, get_rate_limiter
    from swe_db.redis.lock import AsyncDistributedLock, DistributedLock, LockStatus
    from swe_db.redis.pubsub import (
        AsyncDurableStream,
        AsyncPubSubManager,
        AsyncSubscription,
        Delivery,
        DurableStream,
        Gap,
        Message,
        PubSubManager,
        Subscription,
        aget_pubsub_manager,
        get_pubsub_manager,
    )
    from swe_db.redis.sessions import (
        AsyncSessionManager,
        Session,
        SessionManager,
        aget_session_manager,
        get_session_manager,
    )

__all__ = [
    "AsyncCacheManager",
    "AsyncCachedFunction",
    "AsyncDistributedLock",
    "AsyncDurableStream",
    "AsyncPubSubManager",
    "AsyncRateLimiter",
    "AsyncRedisClient",
    "AsyncSessionManager",
    "AsyncSubscription",
    "CacheManager",
    "CachedFunction",
    "CircuitBreaker",
    "Delivery",
    "DistributedLock",
    "DurableStream",
    "Gap",
    "Health",
    "LockStatus",
    "Message",
    "PubSubManager",
    "RateLimitResult",
    "RateLimiter",
    "RedisClient",
    "Session",
    "SessionManager",
    "Subscription",
    "TLSConfig",
    "aget_cache_manager",
    "aget_pubsub_manager",
    "aget_rate_limiter",
    "aget_redis_client",
    "aget_session_manager",
    "cache_result",
    "get_cache_manager",
    "get_pubsub_manager",
    "get_rate_limiter",
    "get_redis_client",
    "get_session_manager",
]

HOMES: Final = {
    "cache": (
        "AsyncCacheManager",
        "AsyncCachedFunction",
        "CacheManager",
        "CachedFunction",
        "CircuitBreaker",
        "aget_cache_manager",
        "cache_result",
        "get_cache_manager",
    ),
    "client": ("AsyncRedisClient", "Health", "RedisClient", "TLSConfig", "aget_redis_client", "get_redis_client"),
    "limiter": ("AsyncRateLimiter", "RateLimitResult", "RateLimiter", "aget_rate_limiter", "get_rate_limiter"),
    "lock": ("AsyncDistributedLock", "DistributedLock", "LockStatus"),
    "pubsub": (
        "AsyncDurableStream",
        "AsyncPubSubManager",
        "AsyncSubscription",
        "Delivery",
        "DurableStream",
        "Gap",
        "Message",
        "PubSubManager",
        "Subscription",
        "aget_pubsub_manager",
        "get_pubsub_manager",
    ),
    "sessions": ("AsyncSessionManager", "Session", "SessionManager", "aget_session_manager", "get_session_manager"),
}


if not TYPE_CHECKING:  # so that type checkers refuse a name that is not there
    __getattr__ = loader(__name__, HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
