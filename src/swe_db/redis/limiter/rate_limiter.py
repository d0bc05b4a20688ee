"""Rate limits that all processes share."""

from __future__ import annotations

import functools
from typing import Any, Final

from swe_db.redis.client import aconnected, connected
from swe_db.redis.durations import Duration
from swe_db.redis.limiter.core import Algorithm, OnError, RateLimitCore, RateLimitResult
from swe_db.redis.steps import arun, run

__all__ = ["AsyncRateLimiter", "RateLimitResult", "RateLimiter", "aget_rate_limiter", "get_rate_limiter"]

# How many limiters of a process are kept; one that is not is made anew, and counts on with the others in Redis.
KEPT: Final = 1024


class RateLimiter:
    """At most `limit` hits in `window`, for each identifier.

    Time is the server's, so that the clocks of clients do not matter; a server whose clock steps back makes nobody wait
    until it is back. Decision and counting are one script on one key. A hit that is denied counts for nothing.

    `sliding_window` keeps two counters an identifier and admits at most `limit` in each of its windows, which follow
    one another from a first hit, and at most twice as many in any stretch of time of that length. `sliding_log`
    remembers every hit and admits at most `limit` in any such stretch. `gcra` keeps two numbers and admits `limit` at
    once, then one per window / limit.

    Args:
        limit: How many hits, at least 1.
        window: In seconds, or a timedelta; counted in milliseconds.
        algorithm: How to count.
        client: A RedisClient or a client of redis-py; without one, the default of this process.
        prefix: What the keys begin with. They also name the limit: other limits of an identifier count by themselves.
        on_error: What to do while Redis does not answer, or refuses: `raise`; `allow` or `deny` everything; `local`,
            count in this process. Except with `raise`, a Redis that is down is asked once a second by one caller, and
            nobody else waits.

    Raises:
        ConfigError: An argument makes no sense, or limit x window in milliseconds is beyond 2^52.
    """

    def __init__(  # noqa: PLR0913 - each is an option
        self,
        limit: int,
        window: Duration,
        *,
        algorithm: Algorithm = "sliding_window",
        client: Any = None,  # noqa: ANN401 - clients of redis-py have no common type
        prefix: str = "swe",
        on_error: OnError = "raise",
    ) -> None:
        self._core = RateLimitCore(limit, window, algorithm, prefix, on_error)
        self._connected = connected(client)

    def hit(self, identifier: str, cost: int = 1) -> RateLimitResult:
        """Count a hit if it is allowed.

        It is sent again if its reply is lost, and may then count twice: too much, never too little.

        Args:
            identifier: Whose: a user, an address, a token.
            cost: How many hits it is worth.

        Raises:
            ConfigError: An argument makes no sense.
            RedisServiceError: Redis does not answer, or refuses, and `on_error` is `raise`.
        """
        return run(self._connected, self._core.hit(identifier, cost))

    def peek(self, identifier: str, cost: int = 1) -> RateLimitResult:
        """Return what a hit would be told, without counting it; the rest is as in `hit`."""
        return run(self._connected, self._core.peek(identifier, cost))

    def remaining(self, identifier: str) -> int:
        """Return how much more would be allowed at this moment; the rest is as in `hit`."""
        return run(self._connected, self._core.remaining(identifier))

    def reset(self, identifier: str) -> None:
        """Forget an identifier's hits.

        Raises:
            ConfigError: The identifier makes no sense.
            RedisServiceError: Redis does not answer, or refuses, whatever `on_error` is.
        """
        run(self._connected, self._core.reset(identifier))


class AsyncRateLimiter:
    """The same for asyncio."""

    def __init__(  # noqa: PLR0913 - each is an option
        self,
        limit: int,
        window: Duration,
        *,
        algorithm: Algorithm = "sliding_window",
        client: Any = None,  # noqa: ANN401 - clients of redis-py have no common type
        prefix: str = "swe",
        on_error: OnError = "raise",
    ) -> None:
        self._core = RateLimitCore(limit, window, algorithm, prefix, on_error)
        self._connected = aconnected(client)

    async def hit(self, identifier: str, cost: int = 1) -> RateLimitResult:
        """Count a hit if it is allowed; the rest is as in `RateLimiter.hit`."""
        return await arun(self._connected, self._core.hit(identifier, cost))

    async def peek(self, identifier: str, cost: int = 1) -> RateLimitResult:
        """Return what a hit would be told, without counting it."""
        return await arun(self._connected, self._core.peek(identifier, cost))

    async def remaining(self, identifier: str) -> int:
        """Return how much more would be allowed at this moment."""
        return await arun(self._connected, self._core.remaining(identifier))

    async def reset(self, identifier: str) -> None:
        """Forget an identifier's hits."""
        await arun(self._connected, self._core.reset(identifier))


def get_rate_limiter(  # noqa: PLR0913 - as in RateLimiter
    limit: int,
    window: Duration,
    *,
    algorithm: Algorithm = "sliding_window",
    client: Any = None,  # noqa: ANN401
    prefix: str = "swe",
    on_error: OnError = "raise",
) -> RateLimiter:
    """Return the limiter of this process for these arguments, which are those of `RateLimiter`."""
    through: Any = connected(client)
    return _kept(through, limit, window, algorithm=algorithm, prefix=prefix, on_error=on_error)


def aget_rate_limiter(  # noqa: PLR0913 - as in RateLimiter
    limit: int,
    window: Duration,
    *,
    algorithm: Algorithm = "sliding_window",
    client: Any = None,  # noqa: ANN401
    prefix: str = "swe",
    on_error: OnError = "raise",
) -> AsyncRateLimiter:
    """The same for asyncio; no coroutine, so that it can be called where no loop runs yet."""
    through: Any = aconnected(client)
    return _akept(through, limit, window, algorithm=algorithm, prefix=prefix, on_error=on_error)


@functools.lru_cache(maxsize=KEPT)
def _kept(client: Any, limit: int, window: Duration, **options: Any) -> RateLimiter:  # noqa: ANN401
    return RateLimiter(limit, window, client=client, **options)


@functools.lru_cache(maxsize=KEPT)
def _akept(client: Any, limit: int, window: Duration, **options: Any) -> AsyncRateLimiter:  # noqa: ANN401
    return AsyncRateLimiter(limit, window, client=client, **options)
