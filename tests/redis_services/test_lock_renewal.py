"""A lock that is extended while it is held, through both twins."""

from __future__ import annotations

import asyncio
import math
import threading
from typing import Any

import pytest

from support.hurrying import hurry
from support.subscribing import eventually
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


def test_auto_renew_keeps_it(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that is renewed lasts, here and on the server, as long as it is held and ends with its release."""
    first = hurry(monkeypatch, lock(place, ttl=60, auto_renew=True))
    assert first.acquire()
    for _ in range(3):
        wait_for_renewal(place, first)
    first.check()
    assert first.release()
    assert place.client.get("a") is None


def wait_for_renewal(place: Any, lock: Any) -> None:
    """Wait until a lock's time was set anew, in this process and on the server."""
    deadline = lock.lost.deadline
    place.client.pexpire("a", 30_000)
    eventually(lambda: place.client.pttl("a") > 30_000 and lock.lost.deadline > deadline)


def test_renewal_ends_with_the_hold(place: Any) -> None:
    """After the release no thread and no task goes on, and acquiring again begins anew."""
    first = lock(place, ttl=30, auto_renew=True)
    for _ in range(3):
        assert first.acquire()
        assert len(renewals(place, first)) == 1
        assert first.release()
        eventually(lambda: renewals(place, first) == [])


def renewals(place: Any, lock: Any) -> list[Any]:
    """Return the threads or tasks that extend a lock."""
    names = [thread.name for thread in threading.enumerate()]
    if place.twin == "async":

        async def tasks() -> list[str]:
            return [task.get_name() for task in asyncio.all_tasks()]

        names = lock._loop.run(tasks())
    return [name for name in names if name.startswith("extends the lock")]


def test_renewal_tells_of_a_loss(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that is gone is noticed by the renewal, long before its time is over."""
    first = hurry(monkeypatch, lock(place, ttl=120, auto_renew=True))
    assert first.acquire()
    place.client.delete("a")
    eventually(first.lost.is_set)
    with pytest.raises(LockLostError):
        first.check()
