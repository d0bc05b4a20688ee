"""The cache, and functions whose results it keeps."""

from __future__ import annotations

from swe_db.redis.cache.async_manager import AsyncCacheManager, aget_cache_manager
from swe_db.redis.cache.breaker import CircuitBreaker
from swe_db.redis.cache.decorator import AsyncCachedFunction, CachedFunction, cache_result
from swe_db.redis.cache.manager import CacheManager, get_cache_manager

__all__ = [
    "AsyncCacheManager",
    "AsyncCachedFunction",
    "CacheManager",
    "CachedFunction",
    "CircuitBreaker",
    "aget_cache_manager",
    "cache_result",
    "get_cache_manager",
]
