"""What both twins of the rate limiter do: keys, decisions, and what happens while Redis is down."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from swe_db.errors import ConfigError, RedisServiceError, RedisUnavailableError
from swe_db.redis.arguments import one_of, text, whole
from swe_db.redis.durations import Duration, milliseconds
from swe_db.redis.limiter.local import Answer, LocalLimiter
from swe_db.redis.limiter.outage import Outage
from swe_db.redis.steps import Command, Script, Steps

__all__ = ["Algorithm", "OnError", "RateLimitCore", "RateLimitResult"]

Algorithm: TypeAlias = Literal["sliding_window", "sliding_log", "gcra"]
OnError: TypeAlias = Literal["raise", "allow", "deny", "local"]

SCRIPTS: Final = {algorithm: Script(f"limiter/{algorithm}.lua") for algorithm in get_args(Algorithm)}

# Lua counts in doubles: up to here, all that the scripts compute is exact.
MAX_PRODUCT: Final = 2**52

logger = logging.getLogger("swe_db")


@dataclass(frozen=True, slots=True)
class RateLimitResult:
    """What a limiter decided.

    Attributes:
        allowed: Whether the hit was counted and may go on; of `peek`, whether it would.
        limit: The limiter's limit.
        remaining: How much more would be allowed at this moment.
        reset_after: Seconds until all of the limit is there again if nobody hits.
        retry_after: Seconds after which the same hit is allowed if nobody else hits, exact to the millisecond: one
            millisecond earlier it is not. 0.0 if it was allowed, `math.inf` if it costs more than the limit.
        degraded: Whether Redis did not answer and `on_error` decided.
    """

    allowed: bool
    limit: int
    remaining: int
    reset_after: float
    retry_after: float
    degraded: bool = False

    def headers(self) -> dict[str, str]:
        """Return the usual headers of an HTTP response.

        `X-RateLimit-Reset` is seconds from now, as `Retry-After` is (RFC 9110, 10.2.3), so that no clock matters. Both
        are rounded up. `Retry-After` is there if the hit was denied and can pass later.
        """
        headers = {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(math.ceil(self.reset_after)),
        }
        if not self.allowed and self.retry_after < math.inf:
            headers["Retry-After"] = str(math.ceil(self.retry_after))
        return headers


class RateLimitCore:
    """A limiter without a client.

    Args:
        limit: Hits in a window.
        window: Its length.
        algorithm: How it counts.
        prefix: What its keys begin with.
        on_error: What to do while Redis is down.

    Raises:
        ConfigError: One of them makes no sense.
    """

    def __init__(self, limit: int, window: Duration, algorithm: Algorithm, prefix: str, on_error: OnError) -> None:
        self.limit = whole(limit, "limit", least=1)
        self.window = milliseconds(window, "window")
        one_of(algorithm, "algorithm", get_args(Algorithm))
        one_of(on_error, "on_error", get_args(OnError))
        self.on_error = on_error
        if self.limit * self.window > MAX_PRODUCT:
            raise ConfigError(
                f"limit {limit} in {self.window} ms: limit x milliseconds is beyond 2^52, where counting would not be "
                "exact; take a shorter window"
            )
        self._script = SCRIPTS[algorithm]
        # Other limits of the same identifier count by themselves.
        self._prefix = f"{text(prefix, 'prefix')}:limit:{algorithm}:{self.limit}:{self.window}:"
        self._local = LocalLimiter(algorithm, self.limit, self.window)
        self._outage = Outage(f"on_error={on_error!r} decides on rate limits", at_end=self._local.clear)

    def key(self, identifier: str) -> str:
        """Return the Redis key of an identifier.

        Raises:
            ConfigError: It is none.
        """
        return self._prefix + text(identifier, "identifier")

    def hit(self, identifier: str, cost: int) -> Steps[RateLimitResult]:
        """Decide on a hit, and count it if it is allowed."""
        return self._decided(identifier, cost, counts=True)

    def peek(self, identifier: str, cost: int) -> Steps[RateLimitResult]:
        """Decide on a hit without counting it."""
        return self._decided(identifier, cost, counts=False)

    def remaining(self, identifier: str) -> Steps[int]:
        """Return how much more is allowed."""
        return (yield from self.peek(identifier, 1)).remaining

    def reset(self, identifier: str) -> Steps[None]:
        """Forget an identifier's hits."""
        yield Command(("DEL", self.key(identifier)))

    def _decided(self, identifier: str, cost: int, *, counts: bool) -> Steps[RateLimitResult]:
        key, cost = self.key(identifier), whole(cost, "cost", least=1)
        call = self._script((key,), self.limit, self.window, cost, int(counts))
        if self.on_error == "raise":
            return self._result((yield call))
        if self._outage.forbids():
            return self._substitute(identifier, cost, counts=counts)
        try:
            with self._outage.attempt():
                answer = yield call
        except RedisServiceError as error:
            if not isinstance(error, RedisUnavailableError):  # of an outage the log tells once
                logger.warning("%s; on_error=%r decides on this rate limit", error, self.on_error)
            return self._substitute(identifier, cost, counts=counts)
        return self._result(answer)

    def _result(self, answer: Answer, *, degraded: bool = False) -> RateLimitResult:
        allowed, remaining, retry, reset = answer
        wait = math.inf if retry < 0 else retry / 1000
        return RateLimitResult(allowed == 1, self.limit, remaining, reset / 1000, wait, degraded)

    def _substitute(self, identifier: str, cost: int, *, counts: bool) -> RateLimitResult:
        """Return what `on_error` says."""
        if self.on_error == "local":
            now = time.monotonic_ns() // 1_000_000
            return self._result(self._local.hit(identifier, now, cost, counts=counts), degraded=True)
        if cost > self.limit:
            return self._result((0, self.limit, -1, 0), degraded=True)
        if self.on_error == "allow":
            return self._result((1, self.limit - cost if counts else self.limit, 0, 0), degraded=True)
        wait = math.ceil(self._outage.ends_in * 1000)
        return self._result((0, 0, max(1, wait), max(1, wait)), degraded=True)
