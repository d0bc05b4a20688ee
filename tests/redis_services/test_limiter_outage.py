"""What the rate limiter does while Redis is down, through both twins."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
import redis
import redis.asyncio

from support.proxy import proxy_before
from support.twins import Loop, Twin
from swe_db.errors import RedisServiceError, RedisUnavailableError
from swe_db.faults import RedisProxy
from swe_db.redis.limiter import AsyncRateLimiter, RateLimiter
from swe_db.redis.limiter import core as limiter_core
from swe_db.redis.limiter import outage as limiter_outage

ALGORITHMS: Final = ("sliding_window", "sliding_log", "gcra")

pytestmark = pytest.mark.places("local", reason="a proxy stands before one server that has an address")


@pytest.fixture
def proxy(redis_place: Any) -> Iterator[RedisProxy]:
    """A proxy before an empty Redis."""
    redis_place[1].inspector.flushall()
    with proxy_before(redis_place[1].server.url) as proxy:
        yield proxy


@pytest.fixture(params=["sync", "async"])
def make(request: pytest.FixtureRequest, proxy: RedisProxy, loop: Loop) -> Iterator[Callable[..., Any]]:
    """What makes limiters that reach their Redis through the proxy."""
    ends: list[Callable[[], object]] = []

    def make(*arguments: Any, timeout: float = 30, **options: Any) -> Any:
        if request.param == "sync":
            client = redis.Redis.from_url(proxy.url, socket_timeout=timeout)
            ends.append(client.close)
            return RateLimiter(*arguments, client=client, **options)
        aclient = loop.call(redis.asyncio.Redis.from_url, proxy.url, socket_timeout=timeout)
        ends.append(lambda: loop.call(aclient.aclose))
        return Twin(loop.call(AsyncRateLimiter, *arguments, client=aclient, **options), loop)

    yield make
    for end in ends:
        end()


class Clock:
    """Stands for the module `time`, and goes when it is told to.

    Attributes:
        now: In seconds.
    """

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic_ns(self) -> int:
        """Return the time in nanoseconds."""
        return round(self.now * 1_000_000_000)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis is asked every 50 ms whether it is back."""
    monkeypatch.setattr(limiter_outage, "PERIOD", 0.05)


def test_without_a_policy_it_is_an_error(make: Any, proxy: RedisProxy) -> None:
    """Every method raises, each time, and after the outage the count goes on."""
    limit = make(2, 60)
    limit.hit("a")
    with proxy.outage():
        for method in (limit.hit, limit.peek, limit.remaining, limit.reset):
            with pytest.raises(RedisUnavailableError):
                method("a")
    assert limit.hit("a").remaining == 0


def test_allow_lets_all_in(make: Any, proxy: RedisProxy, short: None) -> None:
    """Everything passes and says so, except what could never pass; nothing of it is counted afterwards."""
    limit = make(2, 60, on_error="allow")
    limit.hit("a")
    with proxy.outage():
        results = [limit.hit("a") for _ in range(5)]
        assert all(result.allowed and result.degraded for result in results)
        assert limit.peek("a").remaining == 2
        never = limit.hit("a", cost=3)
        assert (never.allowed, never.retry_after) == (False, math.inf)
    time.sleep(0.06)
    result = limit.hit("a")
    assert (result.degraded, result.remaining) == (False, 0)


def test_deny_lets_nobody_in(make: Any, proxy: RedisProxy, short: None) -> None:
    """Nothing passes; retry_after is when Redis is asked again."""
    limit = make(2, 60, on_error="deny")
    with proxy.outage():
        results = [limit.hit("a") for _ in range(5)]
        assert not any(result.allowed for result in results)
        assert all(result.degraded and 0 < result.retry_after <= 0.06 for result in results)
        assert limit.remaining("a") == 0
        retry_after = limit.hit("a").retry_after
    time.sleep(retry_after + 0.001)
    assert limit.hit("a").allowed


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_local_goes_on_counting_in_the_process(
    make: Any, proxy: RedisProxy, short: None, algorithm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each identifier gets its limit from this process; when Redis is back it counts, and the process forgets."""
    clock = Clock()
    monkeypatch.setattr(limiter_core, "time", clock)
    limit = make(2, 60, algorithm=algorithm, on_error="local")
    with proxy.outage():
        results = [limit.hit("a") for _ in range(4)]
        assert [result.allowed for result in results] == [True, True, False, False]
        assert all(result.degraded for result in results)
        assert limit.hit("b").remaining == 1
        clock.now += results[-1].retry_after
        assert limit.hit("a").allowed
    time.sleep(0.06)
    assert limit.hit("a").remaining == 1
    with proxy.outage():
        assert limit.hit("a").remaining == 1


@pytest.mark.parametrize("policy", ["allow", "deny", "local"])
def test_a_reset_is_done_or_an_error(make: Any, proxy: RedisProxy, policy: str) -> None:
    """A reset that Redis has not heard of is never taken for done."""
    limit = make(2, 60, on_error=policy)
    with proxy.outage(), pytest.raises(RedisUnavailableError):
        limit.reset("a")


def test_not_every_caller_waits_for_a_redis_that_hangs(
    make: Any, proxy: RedisProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Redis that takes commands and does not answer costs one timeout a period, not one a call."""
    monkeypatch.setattr(limiter_outage, "PERIOD", 3600)
    limit = make(2, 60, on_error="allow", timeout=0.2)
    proxy.drop_replies("EVALSHA", times=1000, then="silence")
    assert all(limit.hit("a").allowed for _ in range(50))
    assert proxy.count("EVALSHA") <= 1  # none if the machine is so slow that even connecting takes too long


def test_an_outage_is_told_once(make: Any, proxy: RedisProxy, short: None, caplog: pytest.LogCaptureFixture) -> None:
    """The log has one warning when it begins and one when it is over."""
    caplog.set_level(logging.WARNING, logger="swe_db")
    limit = make(2, 60, on_error="allow")
    with proxy.outage():
        for _ in range(3):
            limit.hit("a")
            time.sleep(0.06)
    limit.hit("a")
    begun, over = [record.getMessage() for record in caplog.records]
    assert "Redis does not answer" in begun
    assert "on_error='allow'" in begun
    assert over == "Redis answers again"


@pytest.mark.parametrize("policy", ["allow", "deny", "local"])
def test_a_redis_that_refuses_is_covered_too(
    make: Any, redis_place: Any, policy: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What is no limit under an identifier's key is told in the log and decided by the policy, for it alone."""
    limit = make(2, 60, on_error=policy)
    limit.hit("a")
    client = redis_place[1].inspector
    (key,) = client.keys()
    client.set(key, "not a limit")
    assert limit.hit("a").allowed == (policy != "deny")
    assert "WRONGTYPE" in caplog.text
    assert not limit.hit("b").degraded
    with pytest.raises(RedisServiceError, match="WRONGTYPE"):
        make(2, 60).hit("a")


def test_a_lost_reply_counts_too_much_and_never_too_little(make: Any, proxy: RedisProxy) -> None:
    """A hit whose reply was lost has been counted, though its caller got an error."""
    limit = make(3, 60)
    limit.hit("a")
    proxy.drop_replies("EVALSHA")
    with pytest.raises(RedisUnavailableError):
        limit.hit("a")
    assert limit.remaining("a") == 1
