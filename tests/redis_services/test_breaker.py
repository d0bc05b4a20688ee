"""When the circuit breaker lets calls through."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from swe_db.errors import ConfigError
from swe_db.redis.cache.breaker import CircuitBreaker


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    """A breaker with a period of 5 seconds."""
    return CircuitBreaker(5.0, clock=clock)


def test_all_pass_while_redis_answers(breaker: CircuitBreaker) -> None:
    """A closed breaker lets every call through."""
    assert all(breaker.allows() for _ in range(3))
    breaker.succeeded()
    assert breaker.allows()
    assert not breaker.is_open


def test_none_passes_for_a_period_after_a_failure(breaker: CircuitBreaker, clock: Clock) -> None:
    """After one failure nobody else waits for Redis before the period is over."""
    assert breaker.failed()
    assert breaker.is_open
    clock.now += 4.99
    assert not breaker.allows()


def test_one_tries_when_the_period_is_over(breaker: CircuitBreaker, clock: Clock) -> None:
    """One call tries, the others do not wait for it; when it succeeds, all pass."""
    breaker.failed()
    clock.now += 5
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    breaker.succeeded()
    assert not breaker.is_open
    assert all(breaker.allows() for _ in range(3))


def test_a_try_that_fails_begins_the_period_anew(breaker: CircuitBreaker, clock: Clock) -> None:
    """There is one try a period for as long as Redis does not answer, and only the first failure is news."""
    breaker.failed()
    for _ in range(3):
        clock.now += 5
        assert breaker.allows()
        clock.now += 1
        assert not breaker.failed()
        clock.now += 4.99
        assert not breaker.allows()


def test_a_try_that_is_never_heard_of_is_followed_by_another(breaker: CircuitBreaker, clock: Clock) -> None:
    """A call that tries and is cancelled does not keep the breaker open for ever."""
    breaker.failed()
    clock.now += 5
    assert breaker.allows()
    clock.now += 4.99
    assert not breaker.allows()
    clock.now += 0.01
    assert breaker.allows()


def test_one_of_many_threads_tries(breaker: CircuitBreaker, clock: Clock) -> None:
    """Of many threads that ask at once one gets through."""
    breaker.failed()
    for _ in range(20):
        clock.now += 5
        start = threading.Barrier(8)

        def ask(start: threading.Barrier = start) -> bool:
            start.wait()
            return breaker.allows()

        with ThreadPoolExecutor(8) as pool:
            assert sum(future.result() for future in [pool.submit(ask) for _ in range(8)]) == 1


@pytest.mark.parametrize("period", [0, -1, float("inf")])
def test_a_period_is_above_0(period: float) -> None:
    """A period that makes no sense is refused."""
    with pytest.raises(ConfigError, match="period is"):
        CircuitBreaker(period)
