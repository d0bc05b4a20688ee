"""A lock's keys: those that others know, the fence beside it, and the hash slot of both."""

from __future__ import annotations

import itertools
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.crc import key_slot

from swe_db.errors import RedisServiceError
from swe_db.redis.lock import AsyncDistributedLock, DistributedLock
from swe_db.redis.lock.core import fence_key

pytestmark = pytest.mark.places("local", "fake", reason="the tests marked otherwise show that the others are alike")

EVERYWHERE: Final = pytest.mark.places(
    "local", "client", "fake", "embedded", "tls", "acl", "sentinel", "cluster", reason="all there are"
)


def lock(place: Any, name: str = "a", *arguments: Any, **options: Any) -> Any:
    """Return a lock on a place."""
    return place.make(DistributedLock, AsyncDistributedLock, name, *arguments, **options)


def fence(place: Any, name: str = "a") -> dict[bytes, bytes]:
    """Return what the fence of a lock holds."""
    found: dict[bytes, bytes] = place.client.hgetall(fence_key(name))
    return found


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
        assert taken.acquire(timeout=30)
        numbers.append(taken.fencing_token)
        return taken

    next_one().release()
    next_one(ttl=0.05)
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
