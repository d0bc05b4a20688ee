"""How often redis-py sends a command again, and how long it waits before."""

from __future__ import annotations

from typing import Any, Final, TypeVar

import redis
import redis.asyncio
from redis.backoff import EqualJitterBackoff, NoBackoff

__all__ = ["PASSING", "cluster_retries", "patience", "with_retries"]

R = TypeVar("R")

# Seconds: the first wait is 50 to 100 ms, each other twice the one before.
BASE: Final = 0.05
LONGEST: Final = 1.0

BROKEN: Final = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError)
# What passes on a cluster beside that, and what redis-py's Retry does not know.
PASSING: Final = [redis.exceptions.ClusterDownError, redis.exceptions.SlotNotCoveredError]

SINCE: Final = (6, 0)  # the version of redis-py in which clusters got a Retry


def patience(retry: type[R], retries: int) -> R:
    """Return a Retry of redis-py or of redis.asyncio: exponential waits with jitter.

    Args:
        retry: The class.
        retries: How often.
    """
    backoff = EqualJitterBackoff(cap=LONGEST, base=BASE) if retries else NoBackoff()
    return retry(backoff, retries)  # type: ignore[call-arg]


def with_retries(retry: type[R], retries: int) -> dict[str, Any]:
    """Return the options of a pool whose connections retry.

    They are always passed on: without them a client that is made from a URL or a pool never sends anything again, and
    before redis-py 6 it does so after the errors of the list only.

    Args:
        retry: The class.
        retries: How often.
    """
    return {"retry": patience(retry, retries), "retry_on_error": list(BROKEN) if retries else []}


def cluster_retries(retry: type[R], *, once: bool) -> dict[str, Any]:
    """Return the options of a cluster's client that sends nothing again by itself; who uses it does that, with waits.

    Args:
        retry: The class.
        once: Whether nothing is sent twice; otherwise the asyncio client of redis-py 5 tries twice, since with less its
            pipelines do not try at all.
    """
    if redis.VERSION >= SINCE:
        return {"retry": patience(retry, 0)}
    if retry is not redis.asyncio.retry.Retry:
        return {"cluster_error_retry_attempts": 0}
    return {"cluster_error_retry_attempts": 0 if once else 1, "connection_error_retry_attempts": 0}
