"""A circuit breaker: after a failure nobody waits for Redis again before some time has passed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from swe_db.redis.durations import Duration, seconds

__all__ = ["CircuitBreaker"]


class CircuitBreaker:
    """Closed while Redis answers; open after a failure. When `period` is over, one call tries.

    Safe to share between threads and tasks of one process.

    Args:
        period: How long it stays open, in seconds or as a timedelta. A try that never tells how it went
            is followed by another one after the same time.
        clock: Returns seconds; tests pass their own.

    Raises:
        ConfigError: The period is not above 0.
    """

    def __init__(self, period: Duration = 5.0, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._period = seconds(period, "period")
        self._clock = clock
        self._lock = threading.Lock()
        self._next_try: float | None = None  # None: closed

    @property
    def is_open(self) -> bool:
        """Whether Redis failed, and has not answered since."""
        return self._next_try is not None

    def allows(self) -> bool:
        """Tell whether to ask Redis now; whoever gets True says `succeeded` or `failed` afterwards."""
        return self._next_try is None or self._may_try()

    def succeeded(self) -> None:
        """Say that Redis answered."""
        if self._next_try is not None:
            with self._lock:
                self._next_try = None

    def failed(self) -> bool:
        """Say that Redis did not answer, and return whether it was thought to do so before."""
        with self._lock:
            was_closed = self._next_try is None
            self._next_try = self._clock() + self._period
            return was_closed

    def _may_try(self) -> bool:
        with self._lock:
            now = self._clock()
            if self._next_try is not None:
                if now < self._next_try:
                    return False
                self._next_try = now + self._period
            return True
