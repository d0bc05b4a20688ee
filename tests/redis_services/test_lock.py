"""The lock, through both twins, on every Redis."""

from __future__ import annotations

import math
import threading
import time
from datetime import timedelta
from typing import Any, Final

import pytest
import redis
import redis.asyncio

from support.twins import Twin
from swe_db.errors import ConfigError, LockLostError, LockNotOwnedError
from swe_db.redis.lock import AsyncDistributedLock, DistributedLock, LockStatus, hold
from swe_db.redis.lock.core import fence_key

pytestmark = pytest.mark.places("local", "fake", reason="the tests marked otherwise show that the others are alike")

# Clients that connect to nothing.
CLIENTS: Final = {DistributedLock: redis.Redis(), AsyncDistributedLock: redis.asyncio.Redis()}

EVERYWHERE: Final = pytest.mark.places(
    "local", "client", "fake", "embedded", "tls", "acl", "sentinel", "cluster", reason="all there are"
)


def lock(place: Any, name: str = "a", *arguments: Any, **options: Any) -> Any:
    """Return a lock on a place."""
    return place.make(DistributedLock, AsyncDistributedLock, name, *arguments, **options)


def in_one_task(lock: Any, *calls: Any) -> list[Any]:
    """Call methods, by name or by (name, arguments…), one after the other in one thread or task."""
    named = [(call, ()) if isinstance(call, str) else (call[0], call[1:]) for call in calls]
    if not isinstance(lock, Twin):
        return [getattr(lock, name)(*arguments) for name, arguments in named]

    async def work() -> list[Any]:
        return [await getattr(lock.twin, name)(*arguments) for name, arguments in named]

    results: list[Any] = lock._loop.run(work())
    return results


@EVERYWHERE
def test_one_holder_at_a_time(place: Any) -> None:
    """Who comes second gets it when the first has released, and not before."""
    first, second = lock(place), lock(place)
    assert first.acquire()
    assert not second.acquire(blocking=False)
    assert not second.acquire(timeout=0)
    assert not second.acquire(timeout=0.05)
    assert first.release()
    assert second.acquire(blocking=False)
    assert second.release()


def test_names_do_not_meet(place: Any) -> None:
    """Locks of other names are others."""
    assert lock(place, "a").acquire()
    assert lock(place, "b").acquire(blocking=False)


def test_who_holds_it_may_acquire_again(place: Any) -> None:
    """A second acquire of the holder is true and keeps the fencing token; one release ends it."""
    first = lock(place)
    assert in_one_task(first, "acquire", "acquire", ("acquire", False)) == [True, True, True]
    assert first.fencing_token == int(place.client.hget(fence_key("a"), "number"))
    assert first.release()
    assert lock(place).acquire(blocking=False)


@EVERYWHERE
def test_only_its_holder_releases(place: Any) -> None:
    """A release by another, or a second one, is False and leaves the lock alone."""
    first, second = lock(place), lock(place)
    assert first.acquire()
    assert second.release() is False
    assert first.owned()
    assert first.release() is True
    assert second.acquire()
    assert first.release() is False
    assert second.owned()


def test_it_ends_by_itself(place: Any) -> None:
    """After its time another gets it; the first one knows, and its release is False and harms nobody."""
    first, second = lock(place, ttl=0.1), lock(place)
    assert first.acquire()
    assert second.acquire(timeout=30)
    assert not first.owned()
    assert first.lost.is_set()
    with pytest.raises(LockLostError, match="'a'"):
        first.check()
    assert first.release() is False
    assert second.owned()


def test_the_deadline_here_comes_first(place: Any) -> None:
    """The lock counts as lost here before the server lets anybody else have it."""
    first = lock(place, ttl=0.1)
    for _ in range(3):
        assert first.acquire()
        until = time.monotonic() + 10
        while place.client.get("a") is not None and time.monotonic() < until:
            pass
        assert first.lost.is_set()


def test_lost_can_be_waited_for(place: Any) -> None:
    """Waiting for the loss ends when the lock's time is over, and says so."""
    first, other = lock(place, ttl=0.1), lock(place, "b", ttl=60)
    assert first.acquire()
    assert other.acquire()
    lost = first.lost
    if place.twin == "sync":
        assert not other.lost.wait(0.01)
        assert lost.wait(30)
    else:
        assert first._loop.run(lost.wait())
    assert first.valid_for() == 0.0


def test_a_released_lock_is_not_lost(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for the loss of a lock that was released in time is not told of one, also when its time is over."""
    first = lock(place, ttl=60)
    assert first.acquire()
    lost = first.lost
    assert first.release()
    later = hold.clock() + 3600
    monkeypatch.setattr(hold, "clock", lambda: later)
    assert not lost.is_set()
    assert not first.lost.is_set()


def test_a_deleted_key_is_noticed(place: Any) -> None:
    """Asked whether it holds the lock, Redis is believed: after an eviction or FLUSHALL extend raises."""
    first = lock(place)
    assert first.acquire()
    place.client.flushall()
    first.check()
    assert not first.owned()
    with pytest.raises(LockLostError):
        first.extend()
    assert first.lost.is_set()
    with pytest.raises(LockLostError):
        first.check()
    with pytest.raises(LockLostError):
        first.extend()
    assert first.release() is False


@EVERYWHERE
def test_extend_lets_it_last(place: Any) -> None:
    """Extended, it lasts as long as asked for from now, here and on the server; it is never shortened."""
    first = lock(place, ttl=60)
    assert first.acquire()
    assert first.extend(600)
    assert 500 < first.valid_for() <= 600
    assert 500_000 < place.client.pttl("a") <= 600_000
    assert first.extend(timedelta(seconds=20))
    assert first.extend()
    assert 500_000 < place.client.pttl("a") <= 600_000
    assert first.valid_for() > 500


def test_who_holds_nothing_cannot_extend(place: Any) -> None:
    """Extend and check are errors for those who do not hold the lock, and valid_for is 0."""
    first, second = lock(place), lock(place)
    assert first.acquire()
    for call in (second.extend, second.check):
        with pytest.raises(LockNotOwnedError, match="'a'"):
            call()
    assert (second.valid_for(), second.fencing_token, second.lost.is_set()) == (0.0, None, False)


@EVERYWHERE
def test_status_tells_what_redis_knows(place: Any) -> None:
    """Nobody, oneself, another, and a lock that is not ours."""
    first, second = lock(place, ttl=60), lock(place)
    nobody = LockStatus(locked=False, owned=False, ttl=None, fencing_token=None)
    assert first.status() == nobody
    assert not first.locked()
    assert first.acquire()
    own, others = first.status(), second.status()
    assert (own.locked, own.owned, own.fencing_token) == (True, True, first.fencing_token)
    assert (others.locked, others.owned, others.fencing_token) == (True, False, first.fencing_token)
    assert 30 < own.ttl <= 60
    assert second.locked()
    assert first.release()
    assert first.status() == nobody
    place.client.set("a", "somebody")
    assert first.status() == LockStatus(locked=True, owned=False, ttl=None, fencing_token=None)


def test_with_acquires_and_releases(place: Any) -> None:
    """The block runs with the lock held, and no longer."""
    first = lock(place)
    with first as held:
        assert held is first
        assert held.owned()
    assert not first.locked()
    with pytest.raises(ValueError, match="mine"), first:
        raise ValueError("mine")
    assert not first.locked()


def test_with_says_if_the_lock_was_lost(place: Any) -> None:
    """A block that outlived its lock ends in an error, unless it failed itself or released."""
    first = lock(place, ttl=0.03)
    with pytest.raises(LockLostError, match="'a'"), first:
        time.sleep(0.05)
    with pytest.raises(ValueError, match="mine"), first:  # noqa: PT012 - it has to be lost first
        time.sleep(0.05)
        raise ValueError("mine")
    with first:
        first.release()


def test_clients_that_decode_work(place: Any) -> None:
    """A client with decode_responses=True is as good."""
    client = place.server.connect(decode_responses=True)
    with DistributedLock("a", client=client) as held:
        assert held.owned()
        assert held.status().owned
        assert held.status().fencing_token == held.fencing_token
    client.close()


def test_who_waits_gets_it_soon(place: Any) -> None:
    """A waiter takes the lock when it is released, long before its time would be over."""
    first, second = lock(place, ttl=60), lock(place)
    assert first.acquire()
    threading.Timer(0.1, place.client.delete, ["a"]).start()
    assert second.acquire(timeout=20)


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        (("",), {}, "name is ''"),
        ((None,), {}, "name is None"),
        (("\udc80",), {}, "half a character"),
        (("a", 0), {}, "ttl is 0"),
        (("a", -1), {}, "ttl is -1"),
        (("a", math.inf), {}, "ttl is inf"),
        (("a", "30"), {}, "ttl is '30'"),
        (("a",), {"prefix": ""}, "prefix is ''"),
        (("a",), {"min_replicas": -1}, "min_replicas is -1"),
        (("a",), {"min_replicas": True}, "min_replicas is True"),
    ],
)
@pytest.mark.parametrize("kind", CLIENTS)
def test_a_lock_that_makes_no_sense_is_refused(
    kind: Any, arguments: tuple[Any, ...], options: dict[str, Any], said: str
) -> None:
    """The message names the argument and its value."""
    with pytest.raises(ConfigError, match=said):
        kind(*arguments, client=CLIENTS[kind], **options)


def test_a_timeout_that_makes_no_sense_is_refused(place: Any) -> None:
    """Nothing is sent for it."""
    for options in ({"timeout": -1}, {"timeout": "1"}, {"timeout": True}, {"blocking": False, "timeout": 1}):
        with pytest.raises(ConfigError, match="timeout"):
            lock(place).acquire(**options)
    assert place.client.keys() == []
