"""The lock, through both twins, on every Redis."""

from __future__ import annotations

import asyncio
import itertools
import math
import threading
import time
from datetime import timedelta
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.crc import key_slot

from support.twins import Twin
from swe_db.errors import ConfigError, LockLostError, LockNotOwnedError, RedisServiceError
from swe_db.redis.lock import AsyncDistributedLock, DistributedLock, LockStatus
from swe_db.redis.lock_core import fence_key

pytestmark = pytest.mark.places("local", "fake", reason="the tests marked otherwise show that the others are alike")

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


def fence(place: Any, name: str = "a") -> dict[bytes, bytes]:
    """Return what the fence of a lock holds."""
    found: dict[bytes, bytes] = place.client.hgetall(fence_key(name))
    return found


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
    assert first.fencing_token == int(fence(place)[b"number"])
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
    assert second.acquire(timeout=5)
    assert not first.owned()
    assert first.lost.is_set()
    with pytest.raises(LockLostError, match="'a'"):
        first.check()
    assert first.release() is False
    assert second.owned()


def test_the_deadline_here_comes_first(place: Any) -> None:
    """The lock counts as lost here before the server lets anybody else have it."""
    first = lock(place, ttl=0.3)
    assert first.acquire()
    assert first.valid_for() <= place.client.pttl("a") / 1000
    while not first.lost.is_set():
        time.sleep(0.0002)
    assert place.client.get("a") is not None


def test_lost_can_be_waited_for(place: Any) -> None:
    """Waiting for the loss ends when the lock's time is over, and says so."""
    first = lock(place, ttl=0.1)
    assert first.acquire()
    lost = first.lost
    if place.twin == "sync":
        assert not lost.wait(0.01)
        assert lost.wait(5)
    else:
        assert first._loop.run(lost.wait())
    assert first.valid_for() == 0.0


def test_a_released_lock_is_not_lost(place: Any) -> None:
    """Who waits for the loss of a lock that was released in time is not told of one, also when its time is over."""
    first = lock(place, ttl=0.05)
    assert first.acquire()
    lost = first.lost
    assert first.release()
    time.sleep(0.08)
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
    first = lock(place, ttl=10)
    assert first.acquire()
    assert first.extend(60)
    assert 59 < first.valid_for() <= 60
    assert 59_000 < place.client.pttl("a") <= 60_000
    assert first.extend(timedelta(seconds=20))
    assert first.extend()
    assert 59_000 < place.client.pttl("a") <= 60_000
    assert first.valid_for() > 59


def test_who_holds_nothing_cannot_extend(place: Any) -> None:
    """Extend and check are errors for those who do not hold the lock, and valid_for is 0."""
    first, second = lock(place), lock(place)
    assert first.acquire()
    for call in (second.extend, second.check):
        with pytest.raises(LockNotOwnedError, match="'a'"):
            call()
    assert (second.valid_for(), second.fencing_token, second.lost.is_set()) == (0.0, None, False)


def test_once_lost_it_stays_lost(place: Any) -> None:
    """What counts as lost here is not taken back, though Redis still knows the holder and would extend it."""
    first = lock(place, ttl=10)
    assert first.acquire()
    first.lost.deadline = 0.0
    steps = first._core.renewal(first._core.holds.latest, lambda _: False)
    next(steps)
    extend = steps.send(False)
    assert extend.script.name == "lock_extend.lua"
    with pytest.raises(StopIteration):
        steps.send(1)
    first.lost.deadline = math.inf
    assert first.lost.is_set()
    with pytest.raises(LockLostError):
        first.extend()


@EVERYWHERE
def test_status_tells_what_redis_knows(place: Any) -> None:
    """Nobody, oneself, another, and a lock that is not ours."""
    first, second = lock(place, ttl=10), lock(place)
    nobody = LockStatus(locked=False, owned=False, ttl=None, fencing_token=None)
    assert first.status() == nobody
    assert not first.locked()
    assert first.acquire()
    own, others = first.status(), second.status()
    assert (own.locked, own.owned, own.fencing_token) == (True, True, first.fencing_token)
    assert (others.locked, others.owned, others.fencing_token) == (True, False, first.fencing_token)
    assert 9 < own.ttl <= 10
    assert second.locked()
    assert first.release()
    assert first.status() == nobody
    place.client.set("a", "somebody")
    assert first.status() == LockStatus(locked=True, owned=False, ttl=None, fencing_token=None)


def test_locks_of_redis_py_are_kept_out(place: Any) -> None:
    """A lock of redis-py on the same name waits for ours."""
    first = lock(place)
    theirs = place.client.lock("a", timeout=10)
    assert first.key == "a"
    assert first.acquire()
    assert not theirs.acquire(blocking=False)
    assert first.release()
    assert theirs.acquire(blocking=False)
    theirs.release()


def test_locks_of_redis_py_keep_out(place: Any) -> None:
    """Ours waits for a lock of redis-py on the same name, also for one without an end, and does not release it."""
    first = lock(place)
    theirs = place.client.lock("a")
    assert theirs.acquire(blocking=False)
    assert not first.acquire(timeout=0.05)
    assert first.release() is False
    assert theirs.owned()
    theirs.release()
    assert first.acquire(blocking=False)


def test_with_a_prefix_it_has_a_key_of_its_own(place: Any) -> None:
    """The prefix comes before the name, and a lock without one does not meet it."""
    first = lock(place, prefix="swe")
    assert first.key == "swe:lock:a"
    assert first.acquire()
    assert lock(place).acquire(blocking=False)
    assert sorted(place.client.keys()) == [b"a", b"swe:lock:a", b"{a}:fence", b"{swe:lock:a}:fence"]


@EVERYWHERE
def test_fencing_tokens_rise(place: Any) -> None:
    """Each holder's number is higher than the one before, over a release, an expiry and FLUSHALL."""
    numbers = []

    def next_one(**options: Any) -> Any:
        taken = lock(place, **options)
        assert taken.acquire(timeout=5)
        numbers.append(taken.fencing_token)
        return taken

    next_one().release()
    next_one(ttl=0.02)
    next_one()
    place.client.flushall()
    next_one()
    assert all(before < after for before, after in itertools.pairwise(numbers))


def test_fencing_tokens_rise_though_the_clock_steps_back(place: Any) -> None:
    """A number that is ahead of the server's clock is followed by the next one."""
    future = 8_000_000_000_000_000
    place.client.hset(fence_key("a"), mapping={"number": future, "token": "", "unbroken": future})
    first = lock(place)
    assert first.acquire()
    assert first.fencing_token == future + 1
    assert fence(place)[b"number"] == str(future + 1).encode()


@EVERYWHERE
def test_the_fence_outlives_the_lock(place: Any) -> None:
    """It stays a day longer than the lock, extended or not, and not for ever; and its loss harms nobody."""
    day = 86_400_000
    first = lock(place, ttl=10)
    assert first.acquire()
    assert day < place.client.pttl(fence_key("a")) <= day + 10_000
    assert first.extend(3 * 86_400)
    assert 3 * day < place.client.pttl(fence_key("a")) <= 4 * day
    number = first.fencing_token
    place.client.delete(fence_key("a"))
    assert first.status().fencing_token is None
    assert first.extend()
    assert first.release()
    assert not place.client.exists(fence_key("a"))  # no key without an end comes of it
    assert first.acquire()
    assert first.fencing_token > number


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


@EVERYWHERE
def test_a_name_may_hold_braces(place: Any) -> None:
    """The script finds lock and fence whatever the name is."""
    for name in ("{a}b", "a}b", "{}", "{", "}", "{a", "é{ü}", " "):
        with lock(place, name) as held:
            assert place.client.get(name) is not None
            assert held.fencing_token is not None


@settings(max_examples=40, deadline=None)
@given(st.text("{}ab:é", min_size=1, max_size=8))
def test_lock_and_fence_are_in_one_slot(key: str) -> None:
    """Whatever braces a name holds, the two keys are in one hash slot, and they are two."""
    assert key_slot(fence_key(key).encode()) == key_slot(key.encode())
    assert fence_key(key) != key


def test_what_is_no_lock_is_an_error(place: Any) -> None:
    """A key of another type is not overwritten."""
    place.client.rpush("a", "mine")
    with pytest.raises(RedisServiceError, match="WRONGTYPE"):
        lock(place).acquire()
    assert place.client.lrange("a", 0, -1) == [b"mine"]


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


@pytest.mark.places("local", reason="it takes time")
def test_auto_renew_keeps_it(place: Any) -> None:
    """A lock that is renewed lasts as long as it is held and ends with its release."""
    first = lock(place, ttl=0.5, auto_renew=True)
    assert first.acquire()
    until = time.monotonic() + 0.8
    while time.monotonic() < until:
        assert place.client.get("a") is not None
        first.check()
        time.sleep(0.01)
    assert first.release()
    assert place.client.get("a") is None


def test_renewal_ends_with_the_hold(place: Any) -> None:
    """After the release no thread and no task goes on, and acquiring again begins anew."""
    first = lock(place, ttl=30, auto_renew=True)
    for _ in range(3):
        assert first.acquire()
        assert len(renewals(place, first)) == 1
        assert first.release()
        until = time.monotonic() + 10
        while renewals(place, first) and time.monotonic() < until:
            time.sleep(0.001)
        assert renewals(place, first) == []


def renewals(place: Any, lock: Any) -> list[Any]:
    """Return the threads or tasks that extend a lock."""
    names = [thread.name for thread in threading.enumerate()]
    if place.twin == "async":

        async def tasks() -> list[str]:
            return [task.get_name() for task in asyncio.all_tasks()]

        names = lock._loop.run(tasks())
    return [name for name in names if name.startswith("extends the lock")]


def test_renewal_tells_of_a_loss(place: Any) -> None:
    """A lock that is gone is noticed by the renewal, long before its time is over."""
    first = lock(place, ttl=60, auto_renew=True)
    first._core.ttl = 150  # renews every 50 ms
    assert first.acquire()
    assert first.extend(60)
    place.client.delete("a")
    until = time.monotonic() + 10
    while not first.lost.is_set() and time.monotonic() < until:
        time.sleep(0.005)
    assert first.lost.is_set()
    with pytest.raises(LockLostError):
        first.check()


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
@pytest.mark.parametrize("kind", [DistributedLock, AsyncDistributedLock])
def test_a_lock_that_makes_no_sense_is_refused(
    kind: Any, arguments: tuple[Any, ...], options: dict[str, Any], said: str
) -> None:
    """The message names the argument and its value."""
    with pytest.raises(ConfigError, match=said):
        kind(*arguments, client=object(), **options)


def test_a_timeout_that_makes_no_sense_is_refused(place: Any) -> None:
    """Nothing is sent for it."""
    for options in ({"timeout": -1}, {"timeout": "1"}, {"timeout": True}, {"blocking": False, "timeout": 1}):
        with pytest.raises(ConfigError, match="timeout"):
            lock(place).acquire(**options)
    assert place.client.keys() == []
