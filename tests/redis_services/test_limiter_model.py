"""The limiter's scripts decide as the rules say, with time given to them: against models that know no formula."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swe_db.redis.client import connected
from swe_db.redis.limiter.core import SCRIPTS
from swe_db.redis.limiter.local import LocalLimiter
from swe_db.redis.steps import run

pytestmark = pytest.mark.places("local", "fake", reason="a script decides alike on every Redis")

ALGORITHMS: Final = ("sliding_window", "sliding_log", "gcra")
START: Final = 1_700_000_000_000
KEY: Final = "limits"

limits = st.integers(1, 12)
windows = st.one_of(st.integers(1, 40), st.sampled_from([1000, 86_400_000]))


class Log:
    """At most `limit` in any stretch of `window`: the rule itself."""

    def __init__(self, limit: int, window: int) -> None:
        self.limit, self.window = limit, window
        self.hits: list[int] = []

    def used(self, now: int) -> int:
        """Return how many hits count at a time."""
        return sum(hit > now - self.window for hit in self.hits)

    def allows(self, now: int, cost: int) -> bool:
        """Tell whether a hit is allowed."""
        return self.used(now) + cost <= self.limit

    def add(self, now: int, cost: int) -> None:
        """Count a hit."""
        self.hits += [now] * cost

    def step_back(self, now: int, last: int) -> None:
        """Go on from a time before the last hit."""
        self.hits = [hit - last + now for hit in self.hits]


class Window(Log):
    """Hits of this window, and those of the one before by how much of it the trailing window covers."""

    start = -1

    def used(self, now: int) -> int:
        """Return how many hits count at a time."""
        if not self.hits or now >= self.start + 2 * self.window:
            return 0
        begin = self.start if now < self.start + self.window else self.start + self.window
        current = sum(begin <= hit for hit in self.hits)
        previous = sum(begin - self.window <= hit < begin for hit in self.hits)
        return previous * (self.window - (now - begin)) // self.window + current

    def add(self, now: int, cost: int) -> None:
        """Count a hit."""
        if not self.hits or now >= self.start + 2 * self.window:
            self.start, self.hits = now, []
        elif now >= self.start + self.window:
            self.start += self.window
        self.hits += [now] * cost

    def step_back(self, now: int, last: int) -> None:
        """Go on from a time before the window's start; within the window nothing has to be done."""
        if now < self.start:
            shift = self.start - now
            self.start -= shift
            # What was hit in this window stays in it, at its very start.
            self.hits = [min(hit - shift, now) if hit >= now + shift else hit - shift for hit in self.hits]


class Bucket(Log):
    """A hit takes slots of window / limit, of which `limit` may lie ahead. Times are in units of 1 / limit ms."""

    end = 0

    def allows(self, now: int, cost: int) -> bool:
        """Tell whether a hit is allowed."""
        return max(self.end, now * self.limit) + cost * self.window <= (now + self.window) * self.limit

    def used(self, now: int) -> int:
        """Return how many slots are not free."""
        return next(used for used in range(self.limit + 1) if self.allows(now, self.limit - used) or used == self.limit)

    def add(self, now: int, cost: int) -> None:
        """Count a hit."""
        self.end = max(self.end, now * self.limit) + cost * self.window

    def step_back(self, now: int, last: int) -> None:
        """Go on from a time before the last hit."""
        self.end -= (last - now) * self.limit


MODELS: Final[dict[str, Callable[[int, int], Log]]] = {"sliding_window": Window, "sliding_log": Log, "gcra": Bucket}


@dataclasses.dataclass
class Real:
    """A script on a Redis, which is told what time it is."""

    client: Any
    algorithm: str
    limit: int
    window: int

    def hit(self, now: int, cost: int, *, counts: bool) -> list[int]:
        """Call the script."""
        call = SCRIPTS[self.algorithm]((KEY,), self.limit, self.window, cost, int(counts), START + now)

        def steps() -> Any:
            return (yield call)

        answer: list[int] = run(connected(self.client), steps())
        return answer


@pytest.fixture
def client(redis_place: Any) -> Any:
    """A client of one Redis."""
    return redis_place[1].inspector


steps = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 5), st.booleans()), max_size=12)
backs = st.lists(st.tuples(st.integers(-60, 30), st.integers(1, 5), st.booleans()), max_size=12)
thorough = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@thorough
@given(limit=limits, window=windows, steps=steps)
def test_a_script_decides_as_its_model(
    client: Any, algorithm: str, limit: int, window: int, steps: list[tuple[int, int, bool]]
) -> None:
    """Every decision and every count of what remains is the model's, and looking changes neither."""
    client.delete(KEY)
    real, model, now = Real(client, algorithm, limit, window), MODELS[algorithm](limit, window), 0
    for later, cost, counts in steps:
        now += later * max(1, window // 40)
        allowed, remaining, _, _ = real.hit(now, cost, counts=counts)
        assert allowed == model.allows(now, cost)
        if allowed and counts:
            model.add(now, cost)
        assert remaining == limit - model.used(now)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@thorough
@given(limit=limits, window=windows, steps=backs)
def test_times_to_wait_are_exact(
    client: Any, algorithm: str, limit: int, window: int, steps: list[tuple[int, int, bool]]
) -> None:
    """A hit passes after retry_after and not a millisecond earlier, reset likewise, also after a step back."""
    client.delete(KEY)
    real, now = Real(client, algorithm, limit, window), 10_000
    for later, cost, counts in steps:
        now += later * max(1, window // 40)
        allowed, remaining, retry, reset = real.hit(now, cost, counts=counts)
        if not allowed and cost <= limit:
            assert real.hit(now + retry - 1, cost, counts=False)[0] == 0
            assert real.hit(now + retry, cost, counts=False)[0] == 1
        assert (retry == -1) == (cost > limit)
        assert (reset == 0) == (remaining == limit)
        assert real.hit(now + reset, 1, counts=False)[1] == limit
        if reset:
            assert real.hit(now + reset - 1, 1, counts=False)[1] < limit


@pytest.mark.places("local", reason="the tests before show that fakeredis is alike")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@thorough
@given(limit=limits, window=windows, steps=steps)
def test_the_limiter_of_the_process_decides_as_the_script(
    client: Any, algorithm: str, limit: int, window: int, steps: list[tuple[int, int, bool]]
) -> None:
    """What on_error='local' counts with gives the very answers that the script gives."""
    client.delete(KEY)
    real, local, now = Real(client, algorithm, limit, window), LocalLimiter(algorithm, limit, window), 0
    for later, cost, counts in steps:
        now += later * max(1, window // 40)
        assert list(local.hit("a", START + now, cost, counts=counts)) == real.hit(now, cost, counts=counts)


@pytest.mark.places("local", reason="the tests before show that fakeredis is alike")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@thorough
@given(limit=limits, window=windows, steps=backs)
def test_a_clock_that_steps_back_is_followed(
    client: Any, algorithm: str, limit: int, window: int, steps: list[tuple[int, int, bool]]
) -> None:
    """After a step back time goes on from there: what was counted counts as long as it would have from the last hit."""
    client.delete(KEY)
    real, model, now, last = Real(client, algorithm, limit, window), MODELS[algorithm](limit, window), 10_000, 0
    for later, cost, counts in steps:
        now += later * max(1, window // 40)
        if now < last:
            model.step_back(now, last)
            last = now
        allowed, remaining, _, _ = real.hit(now, cost, counts=counts)
        assert allowed == model.allows(now, cost)
        if allowed and counts:
            model.add(now, cost)
            last = now
        assert remaining == max(0, limit - model.used(now))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_clock_an_hour_behind_locks_nobody_out(client: Any, algorithm: str) -> None:
    """Who is denied after a step back of an hour waits no longer than the window."""
    client.delete(KEY)
    real = Real(client, algorithm, 2, 1000)
    assert real.hit(10_000_000, 2, counts=True)[0] == 1
    before = 10_000_000 - 3_600_000
    allowed, _, retry, _ = real.hit(before, 1, counts=True)
    assert allowed == 0
    assert retry <= 1001
    assert real.hit(before + retry, 1, counts=True)[0] == 1


@pytest.mark.places("local", reason="the tests before show that fakeredis is alike")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@thorough
@given(limit=limits, window=windows, steps=steps)
def test_what_is_promised_holds_for_any_stretch_of_time(
    client: Any, algorithm: str, limit: int, window: int, steps: list[tuple[int, int, bool]]
) -> None:
    """In any stretch of a window: the log admits the limit, the window twice that, GCRA the limit and its rate."""
    client.delete(KEY)
    real, now = Real(client, algorithm, limit, window), 0
    admitted: list[int] = []
    for later, cost, _ in steps * 3:
        now += later * max(1, window // 40)
        if real.hit(now, cost, counts=True)[0]:
            admitted += [now] * cost
    for begin in admitted:
        stretch = [hit - begin for hit in admitted if begin <= hit < begin + window]
        if algorithm == "sliding_log":
            assert len(stretch) <= limit
        elif algorithm == "sliding_window":
            assert len(stretch) <= 2 * limit
        else:
            assert all(i <= limit + limit * later / window for i, later in enumerate(stretch, start=1))


@pytest.mark.places("local", reason="the tests before show that fakeredis is alike")
@thorough
@given(limit=limits, window=windows, steps=steps)
def test_a_sliding_window_admits_its_limit(
    client: Any, limit: int, window: int, steps: list[tuple[int, int, bool]]
) -> None:
    """Each of its windows, which follow one another from a first hit, admits at most the limit."""
    client.delete(KEY)
    real, now, start, count = Real(client, "sliding_window", limit, window), 0, 0, 0
    for later, cost, _ in steps * 3:
        now += later * max(1, window // 40)
        if not real.hit(now, cost, counts=True)[0]:
            continue
        if not count or now >= start + 2 * window:
            start, count = now, 0
        elif now >= start + window:
            start, count = start + window, 0
        count += cost
        assert count <= limit


def test_the_sliding_window_can_admit_twice_its_limit(client: Any) -> None:
    """The bound of twice the limit is reached, so that nothing better may be promised for the sliding window."""
    client.delete(KEY)
    real = Real(client, "sliding_window", 2, 1000)
    assert real.hit(0, 1, counts=True)[0] == 1
    assert [real.hit(now, 1, counts=True)[0] for now in (1999, 1999, 2001, 2501)] == [1, 1, 1, 1]
