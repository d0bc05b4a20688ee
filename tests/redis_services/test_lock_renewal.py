"""A lock that is extended while it is held, through both twins."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from typing import Any

import pytest

from swe_db.errors import LockLostError
from swe_db.redis.lock import AsyncDistributedLock, DistributedLock

pytestmark = pytest.mark.places("local", "fake", reason="the tests marked otherwise show that the others are alike")


def lock(place: Any, name: str = "a", *arguments: Any, **options: Any) -> Any:
    """Return a lock on a place."""
    return place.make(DistributedLock, AsyncDistributedLock, name, *arguments, **options)


def test_once_lost_it_stays_lost(place: Any) -> None:
    """What counts as lost here is not taken back, though Redis still knows the holder and would extend it."""
    first = lock(place, ttl=10)
    assert first.acquire()
    first.lost.deadline = 0.0
    steps = first._core.renewal(first._core.holds.of_caller(), lambda _: False)
    next(steps)
    extend = steps.send(False)
    assert extend.script.name == "lock/extend.lua"
    with pytest.raises(StopIteration):
        steps.send(1)
    first.lost.deadline = math.inf
    assert first.lost.is_set()
    with pytest.raises(LockLostError):
        first.extend()


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
