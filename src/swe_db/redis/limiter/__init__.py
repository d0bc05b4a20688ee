"""Rate limits."""

from __future__ import annotations

from swe_db.redis.limiter.rate_limiter import (
    AsyncRateLimiter,
    RateLimiter,
    RateLimitResult,
    aget_rate_limiter,
    get_rate_limiter,
)

__all__ = ["AsyncRateLimiter", "RateLimitResult", "RateLimiter", "aget_rate_limiter", "get_rate_limiter"]
