"""The rate limiter, through both twins, on every Redis."""

from __future__ import annotations

import asyncio
import math
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Final

import pytest

from swe_db.errors import ConfigError
from swe_db.redis.limiter import (
    AsyncRateLimiter,
    RateLimiter,
    RateLimitResult,
    aget_rate_limiter,
    get_rate_limiter,
)

pytestmark = pytest.mark.places("local", "fake", reason="the first test shows that the others are alike")

EVERYWHERE: Final = ("local", "client", "fake", "embedded", "tls", "acl", "sentinel", "cluster")
ALGORITHMS: Final = ("sliding_window", "sliding_log", "gcra")


@pytest.fixture(params=ALGORITHMS)
def algorithm(request: pytest.FixtureRequest) -> str:
    """Each algorithm."""
    name: str = request.param
    return name


def limiter(place: Any, *arguments: Any, **options: Any) -> Any:
    """Return a limiter on a place."""
    return place.make(RateLimiter, AsyncRateLimiter, *arguments, **options)


@pytest.mark.places(*EVERYWHERE, reason="all there are")
def test_it_counts_on_every_redis(place: Any, algorithm: str) -> None:
    """A limiter counts, looks, denies, forgets and refuses alike wherever it runs."""
    limit = limiter(place, 3, 60, algorithm=algorithm)
    assert limit.peek("a").remaining == 3
    assert [limit.hit("a", cost=2).allowed, limit.hit("a", cost=2).allowed, limit.hit("a").allowed] == [
        True,
        False,
        True,
    ]
    denied = limit.hit("a")
    assert (denied.allowed, denied.remaining) == (False, 0)
    assert 0 < denied.retry_after <= denied.reset_after <= 120
    assert limit.hit("{b}").remaining == 2
    limit.reset("a")
    assert limit.remaining("a") == 3


def test_hits_pass_up_to_the_limit(place: Any, algorithm: str) -> None:
    """Exactly `limit` hits pass; what remains is told each time."""
    limit = limiter(place, 3, 60, algorithm=algorithm)
    results = [limit.hit("a") for _ in range(5)]
    assert [result.allowed for result in results] == [True, True, True, False, False]
    assert [result.remaining for result in results] == [2, 1, 0, 0, 0]
    assert [result.retry_after > 0 for result in results] == [False, False, False, True, True]
    assert all(0 < result.reset_after <= 120 for result in results)


def test_a_hit_passes_after_retry_after(place: Any, algorithm: str) -> None:
    """Who waits as long as told is let in, by the server's real clock."""
    limit = limiter(place, 2, 0.2, algorithm=algorithm)
    name, retry_after = denied(limit)
    time.sleep(retry_after)
    assert limit.hit(name).allowed


def denied(limit: Any) -> tuple[str, float]:
    """Return somebody who has just been denied, and for how long; on a slow machine it may take a few."""
    for name in map(str, range(100)):
        limit.hit(name, cost=2)
        result = limit.hit(name)
        if not result.allowed:
            return name, result.retry_after
    raise AssertionError("nobody is denied")


def test_after_reset_after_all_is_there(place: Any, algorithm: str) -> None:
    """After reset_after the whole limit is there again."""
    limit = limiter(place, 2, 0.1, algorithm=algorithm)
    time.sleep(limit.hit("a").reset_after)
    assert limit.remaining("a") == 2


def test_a_cost_counts_as_so_many_hits(place: Any, algorithm: str) -> None:
    """A hit of cost 3 needs room for three and takes it; one that finds too little takes nothing."""
    limit = limiter(place, 5, 60, algorithm=algorithm)
    assert limit.hit("a", cost=3).remaining == 2
    assert not limit.hit("a", cost=3).allowed
    assert limit.hit("a", cost=2).allowed


def test_more_than_the_limit_never_passes(place: Any, algorithm: str) -> None:
    """A cost above the limit is denied with an infinite retry_after and no Retry-After, and takes nothing."""
    limit = limiter(place, 5, 60, algorithm=algorithm)
    result = limit.hit("a", cost=6)
    assert (result.allowed, result.retry_after, result.remaining) == (False, math.inf, 5)
    assert "Retry-After" not in result.headers()
    assert place.client.keys() == []


def test_looking_takes_nothing(place: Any, algorithm: str) -> None:
    """Peek and remaining tell what a hit would be told, and leave nothing behind."""
    limit = limiter(place, 2, 60, algorithm=algorithm)
    assert limit.peek("a") == RateLimitResult(allowed=True, limit=2, remaining=2, reset_after=0.0, retry_after=0.0)
    assert limit.remaining("a") == 2
    assert place.client.keys() == []
    limit.hit("a", cost=2)
    assert not limit.peek("a").allowed
    assert limit.peek("a", cost=2).retry_after >= limit.peek("a", cost=1).retry_after > 0


def test_denials_cost_nothing(place: Any, algorithm: str) -> None:
    """A client that hammers is let in again no later than one that waits: a denial writes nothing."""
    limit = limiter(place, 2, 60, algorithm=algorithm)
    limit.hit("a", cost=2)
    (key,) = place.client.keys()
    before = place.client.dump(key)
    assert not any(limit.hit("a").allowed for _ in range(20))
    assert place.client.dump(key) == before


def test_reset_forgets(place: Any) -> None:
    """After a reset all of the limit is there; doing it for nobody does nothing."""
    limit = limiter(place, 2, 60)
    limit.hit("a", cost=2)
    limit.hit("b")
    limit.reset("a")
    limit.reset("nobody")
    assert (limit.remaining("a"), limit.remaining("b")) == (2, 1)


def test_no_key_stays_for_ever(place: Any, algorithm: str) -> None:
    """One key an identifier, below the prefix, which ends by itself at the latest two windows after the last hit."""
    limit = limiter(place, 5, 60, algorithm=algorithm, prefix="mine")
    for identifier in ("a", "a", "{b}", "c:d", "é"):
        limit.hit(identifier)
    keys = place.client.keys()
    assert len(keys) == 4
    assert all(key.startswith(f"mine:limit:{algorithm}:5:60000:".encode()) for key in keys)
    assert all(0 < place.client.pttl(key) <= 120_000 for key in keys)


def test_identifiers_and_limits_count_by_themselves(place: Any) -> None:
    """Other identifiers, limits, windows and prefixes do not meet."""
    limiter(place, 1, 60).hit("a")
    assert not limiter(place, 1, 60).hit("a").allowed
    assert limiter(place, 1, 60).hit("b").allowed
    assert limiter(place, 2, 60).remaining("a") == 2
    assert limiter(place, 1, 61).hit("a").allowed
    assert limiter(place, 1, 60, prefix="p").hit("a").allowed


def test_a_window_is_seconds_or_a_timedelta(place: Any) -> None:
    """A timedelta and its seconds are the same limit."""
    limiter(place, 1, 60.5).hit("a")
    assert not limiter(place, 1, timedelta(milliseconds=60_500)).hit("a").allowed


@pytest.mark.places("local", reason="fakeredis has the clock of this process")
def test_the_clock_of_the_client_does_not_matter(place: Any, algorithm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client whose clock is hours ahead neither gets more nor takes more than its share."""
    honest = limiter(place, 2, 60, algorithm=algorithm)
    ahead = limiter(place, 2, 60, algorithm=algorithm)
    assert honest.hit("a").allowed
    with monkeypatch.context() as patch:
        for name in ("time", "monotonic"):
            real = getattr(time, name)
            patch.setattr(time, name, lambda real=real: real() + 7200)
        assert [ahead.hit("a").allowed for _ in range(3)] == [True, False, False]
    place.client.delete(*place.client.keys())
    assert [honest.hit("a").allowed for _ in range(3)] == [True, True, False]


def test_what_is_sent_holds_no_time(place: Any, algorithm: str) -> None:
    """Nothing of what a hit sends depends on when it is sent: all of it is the call's."""
    core = RateLimiter(7, 60, algorithm=algorithm, client=place.client)._core  # type: ignore[arg-type]
    steps = core.hit("a", 2)
    assert next(steps).arguments == (7, 60_000, 2, 1)  # type: ignore[union-attr]
    steps.close()


def test_threads_and_tasks_get_no_more_than_the_limit(place: Any, algorithm: str) -> None:
    """Of 80 hits at once exactly 25 pass, with one limiter for all and with one each."""
    options: dict[str, Any] = {"algorithm": algorithm}
    if place.twin == "sync":
        shared = limiter(place, 25, 3600, **options)
        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(lambda _: shared.hit("a"), range(80)))
    else:
        one = limiter(place, 25, 3600, **options)
        other = limiter(place, 25, 3600, **options)
        results = one._loop.run(_at_once([one.twin, other.twin] * 40))
    assert sum(result.allowed for result in results) == 25
    assert sorted(result.remaining for result in results if result.allowed) == list(range(25))


async def _at_once(limiters: list[AsyncRateLimiter]) -> list[RateLimitResult]:
    return await asyncio.gather(*(limiter.hit("a") for limiter in limiters))


def test_a_window_begins_with_a_hit(place: Any) -> None:
    """After a window without hits the next begins with the next hit, not at a multiple of the window."""
    limit = limiter(place, 1, 60)
    first = limit.hit("a")
    assert 59.9 < first.reset_after <= 60.001
    assert 30 < limit.hit("a").retry_after <= 60.001


def test_clients_that_decode_work(place: Any) -> None:
    """A client with decode_responses=True is as good."""
    client = place.server.connect(decode_responses=True)
    limit = RateLimiter(1, 60, client=client)
    assert [limit.hit("a").allowed for _ in range(2)] == [True, False]
    client.close()


def test_headers_say_it_in_whole_seconds() -> None:
    """Seconds are rounded up, so that who waits as long as told is let in."""
    denied = RateLimitResult(allowed=False, limit=10, remaining=0, reset_after=59.2, retry_after=0.001)
    assert denied.headers() == {
        "X-RateLimit-Limit": "10",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": "60",
        "Retry-After": "1",
    }
    allowed = RateLimitResult(allowed=True, limit=10, remaining=9, reset_after=6.0, retry_after=0.0)
    assert allowed.headers() == {
        "X-RateLimit-Limit": "10",
        "X-RateLimit-Remaining": "9",
        "X-RateLimit-Reset": "6",
    }


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        ((0, 60), {}, "limit is 0"),
        ((-1, 60), {}, "limit is -1"),
        ((1.5, 60), {}, "limit is 1.5"),
        ((True, 60), {}, "limit is True"),
        ((1, 0), {}, "window is 0"),
        ((1, -1), {}, "window is -1"),
        ((1, math.inf), {}, "window is inf"),
        ((1, math.nan), {}, "window is nan"),
        ((1, "60"), {}, "window is '60'"),
        ((1, 60), {"algorithm": "fixed"}, "algorithm is 'fixed'.*gcra"),
        ((1, 60), {"on_error": "ignore"}, "on_error is 'ignore'.*local"),
        ((1, 60), {"prefix": ""}, "prefix is ''"),
        ((10**9, 86_400 * 365), {}, "beyond 2\\^52"),
    ],
)
@pytest.mark.parametrize("kind", [RateLimiter, AsyncRateLimiter])
def test_a_limit_that_makes_no_sense_is_refused(
    kind: Any, arguments: tuple[Any, ...], options: dict[str, Any], said: str
) -> None:
    """The message names the argument and its value."""
    with pytest.raises(ConfigError, match=said):
        kind(*arguments, client=object(), **options)


def test_an_identifier_that_makes_no_sense_is_refused(place: Any) -> None:
    """An empty one would be everybody's who has none; it is refused whatever on_error is."""
    limit = limiter(place, 1, 60, on_error="allow")
    for identifier in ("", None, 7, b"a", "\ud800"):
        for method in (limit.hit, limit.peek, limit.remaining, limit.reset):
            with pytest.raises(ConfigError, match="identifier"):
                method(identifier)


def test_a_cost_that_makes_no_sense_is_refused(place: Any) -> None:
    """A cost of 0 or less would give hits away."""
    limit = limiter(place, 1, 60)
    for cost in (0, -1, 1.0, True, "1", None):
        for method in (limit.hit, limit.peek):
            with pytest.raises(ConfigError, match="cost"):
                method("a", cost=cost)


def test_a_process_has_one_limiter_for_the_same_arguments(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same arguments give the same limiter, which counts on the default Redis; others give others."""
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    if place.twin == "sync":
        get, client = get_rate_limiter, place.client
    else:
        get, client = aget_rate_limiter, place.server.connect_async()  # type: ignore[assignment]
    assert get(5, 60) is get(5, 60.0)
    assert len({id(get(5, 60)), id(get(6, 60)), id(get(5, 61)), id(get(5, 60, algorithm="gcra"))}) == 4
    assert get(5, 60, client=client) is get(5, 60, client=client) is not get(5, 60)
    with pytest.raises(ConfigError, match="limit is 0"):
        get(0, 60)
