"""The rate limiter's algorithms in this process, for while Redis is down. They decide exactly as the scripts do."""

from __future__ import annotations

import bisect
import functools
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

__all__ = ["ALGORITHMS", "Answer", "LocalLimiter"]

# (1 if allowed, remaining, ms until such a hit passes or -1 for never, ms until nothing counts any more)
Answer: TypeAlias = tuple[int, int, int, int]

# Identifiers that are remembered; whoever has been idle longest is forgotten first.
CAPACITY: Final = 10_000


class Counter(Protocol):
    """What has been counted for one identifier."""

    def hit(self, now: int, cost: int, *, counts: bool) -> Answer:
        """Decide on a hit at a time in milliseconds, and count it if it is allowed and `counts`."""


@dataclass(slots=True)
class SlidingWindow:
    """As limiter/sliding_window.lua."""

    limit: int
    window: int
    start: int = 0
    current: int = 0
    previous: int = 0

    def hit(self, now: int, cost: int, *, counts: bool) -> Answer:
        """Decide on a hit."""
        start, current, previous = self._at(now)
        elapsed = now - start
        used = previous * (self.window - elapsed) // self.window + current
        allowed = used + cost <= self.limit
        retry = 0 if allowed else self._retry(cost, elapsed, current, previous)
        if allowed and counts:
            current, used = current + cost, used + cost
            self.start, self.current, self.previous = start, current, previous
        return int(allowed), max(0, self.limit - used), retry, self._reset(elapsed, current, previous)

    def _at(self, now: int) -> tuple[int, int, int]:
        """Return start, current and previous at a time."""
        if now >= self.start + 2 * self.window or not self.current:
            return now, 0, 0
        if now >= self.start + self.window:
            return self.start + self.window, 0, self.current
        return self.start, self.current, self.previous

    def _weighs(self, count: int, room: int) -> int:
        """Return how far into a window `count` hits of the one before weigh no more than `room`."""
        return self.window + -self.window * (room + 1) // count + 1

    def _retry(self, cost: int, elapsed: int, current: int, previous: int) -> int:
        if cost > self.limit:
            return -1
        if current + cost <= self.limit:
            return self._weighs(previous, self.limit - cost - current) - elapsed
        return self.window - elapsed + self._weighs(current, self.limit - cost)

    def _reset(self, elapsed: int, current: int, previous: int) -> int:
        if current:
            return self.window - elapsed + self._weighs(current, 0)
        return max(0, self._weighs(previous, 0) - elapsed) if previous else 0


@dataclass(slots=True)
class SlidingLog:
    """As limiter/sliding_log.lua."""

    limit: int
    window: int
    times: list[int] = field(default_factory=list)

    def hit(self, now: int, cost: int, *, counts: bool) -> Answer:
        """Decide on a hit."""
        del self.times[: bisect.bisect_right(self.times, now - self.window)]
        excess = len(self.times) + cost - self.limit
        retry = 0
        if cost > self.limit:
            retry = -1
        elif excess > 0:
            retry = self.times[excess - 1] + self.window - now
        elif counts:
            self.times += [now] * cost
        reset = self.times[-1] + self.window - now if self.times else 0
        return int(excess <= 0), self.limit - len(self.times), retry, reset


@dataclass(slots=True)
class Gcra:
    """As limiter/gcra.lua."""

    limit: int
    window: int
    time: int = 0
    level: int = 0

    def hit(self, now: int, cost: int, *, counts: bool) -> Answer:
        """Decide on a hit."""
        self.level = max(0, self.level - (now - self.time) * self.limit)
        self.time = now
        excess = self.level + (cost - self.limit) * self.window
        retry = 0
        if cost > self.limit:
            retry = -1
        elif excess > 0:
            retry = -(-excess // self.limit)
        elif counts:
            self.level += cost * self.window
        remaining = (self.limit * self.window - self.level) // self.window
        return int(excess <= 0), remaining, retry, -(-self.level // self.limit)


ALGORITHMS: Final[dict[str, Callable[[int, int], Counter]]] = {
    "sliding_window": SlidingWindow,
    "sliding_log": SlidingLog,
    "gcra": Gcra,
}


class LocalLimiter:
    """Counts in this process, for all threads and tasks of it.

    Args:
        algorithm: A name of `ALGORITHMS`.
        limit: Hits in a window.
        window: In milliseconds.
    """

    def __init__(self, algorithm: str, limit: int, window: int) -> None:
        self._new = functools.partial(ALGORITHMS[algorithm], limit, window)
        self._counters: OrderedDict[str, Counter] = OrderedDict()
        self._lock = threading.Lock()

    def hit(self, identifier: str, now: int, cost: int, *, counts: bool) -> Answer:
        """Decide on a hit at a time in milliseconds, and count it if it is allowed and `counts`."""
        with self._lock:
            counter = self._counters.get(identifier) or self._new()
            self._counters[identifier] = counter
            self._counters.move_to_end(identifier)
            if len(self._counters) > CAPACITY:
                self._counters.popitem(last=False)
            return counter.hit(now, cost, counts=counts)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._counters.clear()
