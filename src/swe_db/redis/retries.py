"""How often redis-py sends a command again, and how long it waits before."""

from __future__ import annotations

from typing import Any, Final, TypeVar

import redis
from redis.backoff import EqualJitterBackoff, NoBackoff

__all__ = ["PASSING", "cluster_without_retries", "with_retries"]

R = TypeVar("R")

# Seconds: the first wait is 50 to 100 ms, each other twice the one before.
BASE: Final = 0.05
LONGEST: Final = 1.0

# What redis-py's own Retry does not take for an error that passes.
PASSING: Final = [redis.exceptions.ClusterDownError, redis.exceptions.SlotNotCoveredError]


def with_retries(retry: type[R], retries: int) -> R:
    """Return a Retry of redis-py or of redis.asyncio: exponential waits with jitter.

    It is always passed on: without one a client that is made from a pool never sends anything again (`redis-py#3828`).

    Args:
        retry: The class.
        retries: How often.
    """
    backoff = EqualJitterBackoff(cap=LONGEST, base=BASE) if retries else NoBackoff()
    return retry(backoff, retries)  # type: ignore[call-arg]


def cluster_without_retries(retry: type[R]) -> dict[str, Any]:
    """Return the options of a client of a cluster that sends nothing twice; redis-py 6 has another way than 5.

    Args:
        retry: The class.
    """
    if int(redis.__version__.partition(".")[0]) >= 6:
        return {"retry": with_retries(retry, 0)}
    is_sync = retry is redis.retry.Retry
    return {"cluster_error_retry_attempts": 0, **({} if is_sync else {"connection_error_retry_attempts": 0})}
