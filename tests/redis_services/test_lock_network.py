"""The lock while the network is bad: lost replies, outages, a Redis that hangs. Each test runs for both twins."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
import redis.asyncio
import redis.asyncio.retry
from redis.backoff import NoBackoff
from redis.retry import Retry

from support.hurrying import hurry
from support.proxy import proxy_before
from support.subscribing import eventually
from support.twins import Loop, Twin
from swe_db.errors import LockError, LockLostError, RedisUnavailableError
from swe_db.faults import RedisProxy
from swe_db.redis.lock import AsyncDistributedLock, DistributedLock
from swe_db.redis.lock.core import EXTEND
from swe_db.redis.steps import Compute

pytestmark = pytest.mark.places("local", reason="a proxy stands before one server that has an address")


@pytest.fixture
def client(redis_place: Any) -> Any:
    """A client that goes past the proxy, on an empty Redis."""
    client = redis_place[1].inspector
    client.flushall()
    return client


@pytest.fixture
def proxy(redis_place: Any, client: Any) -> Iterator[RedisProxy]:
    """A proxy before Redis."""
    with proxy_before(redis_place[1].server.url) as proxy:
        yield proxy


@pytest.fixture(params=["sync", "async"])
def make(request: pytest.FixtureRequest, proxy: RedisProxy, loop: Loop) -> Iterator[Callable[..., Any]]:
    """What makes locks named a that reach their Redis through the proxy, with a client that sends again or not."""
    clients: list[Any] = []
    aclients: list[Any] = []

    def make(ttl: float, *, retries: int = 0, timeout: float = 30, **options: Any) -> Any:
        settings: dict[str, Any] = {"socket_timeout": timeout, "retry_on_error": [redis.ConnectionError]}
        if request.param == "sync":
            retry = Retry(NoBackoff(), retries)
            clients.append(redis.Redis.from_url(proxy.url, retry=retry, **settings))
            return DistributedLock("a", ttl, client=clients[-1], **options)
        aretry = redis.asyncio.retry.Retry(NoBackoff(), retries)
        aclients.append(loop.call(redis.asyncio.Redis.from_url, proxy.url, retry=aretry, **settings))
        return Twin(loop.call(AsyncDistributedLock, "a", ttl, client=aclients[-1], **options), loop)

    yield make
    for made in clients:
        made.close()
    for made in aclients:
        loop.call(made.aclose)


def known(lock: Any) -> Any:
    """Have the server know the scripts, and return the lock."""
    assert lock.acquire()
    assert lock.extend()
    assert lock.release()
    return lock


def test_an_acquire_that_is_sent_again_holds(make: Any, proxy: RedisProxy, client: Any) -> None:
    """The client sends again what it had no reply to: the lock is held, and known to be held."""
    lock = known(make(20, retries=1))
    dropped = proxy.drop_replies("EVALSHA")
    assert lock.acquire()
    assert dropped.has_happened
    assert lock.owned()
    assert lock.release()
    assert client.get("a") is None


def test_an_acquire_may_be_repeated(make: Any, proxy: RedisProxy, client: Any) -> None:
    """After an error the lock may be held: acquired again it is, with one token, and one release ends it."""
    lock = known(make(20))
    proxy.drop_replies("EVALSHA")
    with pytest.raises(RedisUnavailableError):
        lock.acquire()
    token = client.get("a")
    assert token is not None
    assert lock.valid_for() == 0.0
    assert lock.acquire(blocking=False)
    assert client.get("a") == token
    assert lock.fencing_token == int(client.hget("{a}:fence", "number"))
    assert lock.release()
    assert client.get("a") is None


def test_an_acquire_that_failed_may_be_released(make: Any, proxy: RedisProxy, client: Any) -> None:
    """Who does not want to try again releases, and leaves nothing behind."""
    lock = known(make(20))
    proxy.drop_replies("EVALSHA")
    with pytest.raises(RedisUnavailableError):
        lock.acquire()
    assert client.get("a") is not None
    assert lock.release()
    assert client.get("a") is None


def test_a_release_that_is_sent_again_is_true(make: Any, proxy: RedisProxy) -> None:
    """The first has released, the second finds nothing to release, and the caller hears that it was released."""
    lock = known(make(20, retries=1))
    assert lock.acquire()
    dropped = proxy.drop_replies("EVALSHA")
    assert lock.release() is True
    assert dropped.has_happened
    assert not lock.lost.is_set()


@pytest.mark.parametrize("others", [0, 1, 3])
@pytest.mark.parametrize("last_holds", [False, True])
def test_a_release_may_be_repeated(make: Any, proxy: RedisProxy, client: Any, others: int, last_holds: bool) -> None:
    """Repeated after an error, it is true also if others have had the lock since, and it does not take it from them."""
    lock = known(make(20))
    assert lock.acquire()
    proxy.drop_replies("EVALSHA")
    with pytest.raises(RedisUnavailableError):
        lock.release()
    for _ in range(others):
        other = DistributedLock("a", client=client)
        assert other.acquire(blocking=False)
        assert other.release()
    if last_holds:
        other = DistributedLock("a", client=client)
        assert other.acquire(blocking=False)
    assert lock.release() is True
    assert not lock.lost.is_set()
    if last_holds:
        assert other.owned()


def test_a_release_that_was_not_heard_may_be_repeated(make: Any, proxy: RedisProxy, client: Any) -> None:
    """The holder keeps its token until Redis has answered."""
    lock = known(make(20))
    assert lock.acquire()
    with proxy.outage(), pytest.raises(RedisUnavailableError):
        lock.release()
    assert client.get("a") is not None
    assert lock.release() is True
    assert client.get("a") is None


def test_a_release_that_comes_late_does_no_harm(make: Any, proxy: RedisProxy, client: Any) -> None:
    """Who acquires after a release that failed gets another token: the old release may be on its way yet."""
    lock = known(make(20))
    assert lock.acquire()
    token, number = client.get("a"), lock.fencing_token
    with proxy.outage(), pytest.raises(RedisUnavailableError):
        lock.release()
    assert lock.acquire(blocking=False)
    assert client.get("a") != token
    assert lock.fencing_token > number
    assert lock.release()


def test_a_loss_is_not_taken_for_a_release(make: Any, proxy: RedisProxy, client: Any) -> None:
    """A lock that was lost to another is not taken for released, though that one has released since."""
    lock = known(make(20))
    assert lock.acquire()
    client.delete("a")
    for _ in range(2):
        with DistributedLock("a", client=client):
            pass
    assert lock.release() is False
    assert lock.lost.is_set()


def test_a_short_outage_does_no_harm(
    make: Any, proxy: RedisProxy, client: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Renewal tries again until Redis is back, and the lock was held all the time."""
    lock = hurry(monkeypatch, make(60, auto_renew=True))
    assert lock.acquire()
    with proxy.outage():
        eventually(lambda: caplog.text.count("is not extended, trying again") > 1)
        lock.check()
        client.pexpire("a", 30_000)
        deadline = lock.lost.deadline
    eventually(lambda: client.pttl("a") > 30_000 and lock.lost.deadline > deadline)
    lock.check()
    assert lock.owned()
    assert lock.release()


def test_a_long_outage_is_a_loss_before_the_server_says_so(make: Any, proxy: RedisProxy, client: Any) -> None:
    """Cut off, the holder knows that the lock is lost as soon as anybody else can have it."""
    lock = make(0.5, auto_renew=True)
    assert lock.acquire()
    with proxy.outage():
        until = time.monotonic() + 10
        while client.get("a") is not None and time.monotonic() < until:
            pass
        assert lock.lost.is_set()
        with pytest.raises(LockLostError):
            lock.check()
        assert lock.valid_for() == 0.0
    assert lock.release() is False


def test_a_renewal_that_hangs_is_a_loss(make: Any, proxy: RedisProxy) -> None:
    """The loss does not wait for the renewal's answer."""
    lock = make(0.25, auto_renew=True, timeout=600)
    fault = proxy.drop_replies(EXTEND.digest, then="silence")
    assert lock.acquire()
    fault.wait()
    eventually(lock.lost.is_set)


def test_a_renewal_that_dies_says_so(make: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    """Whatever ends the renewal, the holder is told, and the log has the reason."""
    lock = make(20, auto_renew=True)

    def broken(hold: Any, wait: Any) -> Any:
        yield Compute(lambda: 1 / 0)

    monkeypatch.setattr(lock._core, "renewal", broken)
    assert lock.acquire()
    eventually(lambda: "division by zero" in caplog.text)
    with pytest.raises(LockLostError):
        lock.check()


@pytest.mark.parametrize("make", ["sync"], indirect=True)  # a task can always be started
def test_without_a_thread_there_is_no_lock(make: Any, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """If nothing can renew it, the lock is given back and the caller told."""

    def refuse(thread: Any) -> None:
        raise RuntimeError("can't start new thread")

    lock = make(20, auto_renew=True)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(LockError, match="can't start new thread"):
        lock.acquire()
    assert client.get("a") is None
    assert not lock.owned()


@pytest.mark.parametrize("make", ["async"], indirect=True)  # a thread cannot be cancelled
def test_a_renewal_that_others_cancel_says_so(make: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Who cancels all tasks ends the renewal too, and the log says so."""
    caplog.set_level(logging.WARNING, logger="swe_db")
    lock = make(20, auto_renew=True)
    assert lock.acquire()

    async def cancel() -> None:
        for task in asyncio.all_tasks():
            if task.get_name().startswith("extends"):
                task.cancel()

    lock._loop.run(cancel())
    assert lock.release()
    assert "not extended any more" in caplog.text


def test_the_end_of_a_with_needs_no_redis(
    make: Any, proxy: RedisProxy, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """What ran with the lock held has run well: that it cannot be released is no error, and it ends by itself."""
    caplog.set_level(logging.WARNING, logger="swe_db")
    lock = make(20)
    with lock:
        proxy.refuse()
        proxy.cut()
    assert client.get("a") is not None
    assert "was not released" in caplog.text
    proxy.accept()
    with lock:
        assert lock.owned()
    assert client.get("a") is None


def test_the_end_of_a_with_says_if_it_was_too_late(make: Any, proxy: RedisProxy) -> None:
    """If the lock's time was over before its block, that is an error, with Redis or without."""
    lock = make(0.05)
    with pytest.raises(LockLostError), lock:  # noqa: PT012 - it has to be lost first
        proxy.refuse()
        proxy.cut()
        time.sleep(0.06)
    proxy.accept()


def test_a_reply_that_comes_too_late_is_no_lock(make: Any, proxy: RedisProxy) -> None:
    """An answer that took longer than the lock lasts proves nothing, and is not taken for a lock."""
    known(make(20))
    lock = make(0.05)
    proxy.latency(0.1)
    assert not lock.acquire(blocking=False)
    proxy.latency(0)
    assert lock.acquire(timeout=30)


@pytest.mark.parametrize("make", ["async"], indirect=True)  # a thread cannot be cancelled
def test_a_cancelled_acquire_that_redis_heard_is_given_back(make: Any, proxy: RedisProxy, client: Any) -> None:
    """Cancelled when it has the lock and does not know it, an acquire gives it back in the background."""
    lock = known(make(120))
    dropped = proxy.drop_replies("EVALSHA", then="silence")

    async def work() -> None:
        task = asyncio.create_task(lock.twin.acquire())
        await asyncio.to_thread(dropped.wait)
        # Python 3.11's wait_for, in which redis-py sends, swallows what cancels it in the turn in which it ends.
        for _ in range(100):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    lock._loop.run(work())
    assert DistributedLock("a", client=client).acquire(timeout=30)
