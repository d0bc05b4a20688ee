"""One lock object in the hands of several tasks or threads: what one has acquired, no other releases."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from swe_db.errors import LockLostError, LockNotOwnedError
from swe_db.redis.lock import AsyncDistributedLock, DistributedLock


@pytest.fixture
def shared(place: Any) -> Any:
    """A lock object; with it, on the loop for the async twin, a function is run to its end."""
    return place.make(DistributedLock, AsyncDistributedLock, "a", ttl=20)


pytestmark = pytest.mark.places("local", "fake", reason="it is about this process, not about Redis")

# What a test is about has no meaning for the other twin.
sync_only: Final = pytest.mark.parametrize("place", ["sync"], indirect=True)
async_only: Final = pytest.mark.parametrize("place", ["async"], indirect=True)


@async_only
def test_tasks_take_turns(shared: Any, place: Any) -> None:
    """Of ten tasks with one object, one at a time is inside."""
    inside, most = 0, 0

    async def visit() -> None:
        nonlocal inside, most
        async with shared.twin:
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.001)
            inside -= 1

    async def work() -> None:
        await asyncio.gather(*(visit() for _ in range(10)))

    shared._loop.run(work())
    assert (inside, most) == (0, 1)


@sync_only
def test_threads_take_turns(shared: Any, place: Any) -> None:
    """Of six threads with one object, one at a time is inside."""
    inside, most = 0, 0

    def visit(_: int) -> None:
        nonlocal inside, most
        with shared:
            inside += 1
            most = max(most, inside)
            shared.check()
            inside -= 1

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(visit, range(12)))
    assert (inside, most) == (0, 1)


@async_only
def test_a_task_does_not_release_what_another_holds(shared: Any, place: Any) -> None:
    """A was too slow and lost it, B has it: A's release is False, twice, and B's lock is there."""
    lock = shared.twin

    async def work() -> None:
        acquired, released = asyncio.Event(), asyncio.Event()

        async def slow() -> None:
            assert await lock.acquire()
            place.client.delete("a")  # its time is over
            acquired.set()
            await released.wait()
            assert await lock.release() is False
            assert await lock.release() is False
            with pytest.raises(LockNotOwnedError):
                lock.check()

        async def other() -> None:
            await acquired.wait()
            assert await lock.acquire()
            released.set()
            await first
            assert await lock.owned()
            lock.check()
            assert await lock.release() is True

        first = asyncio.create_task(slow())
        await other()

    shared._loop.run(work())


@sync_only
def test_a_thread_does_not_release_what_another_holds(
    shared: Any, place: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A thread that got nothing releases nothing, as the log says, and has nothing to check or to extend."""
    assert shared.acquire()

    def other() -> None:
        assert not shared.acquire(timeout=0.02)
        assert shared.release() is False
        assert not shared.owned()
        assert shared.fencing_token is None
        for call in (shared.check, shared.extend):
            with pytest.raises(LockNotOwnedError):
                call()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(other).result()
    assert "another task or thread holds it" in caplog.text
    assert shared.owned()
    assert shared.release() is True


@async_only
def test_each_task_sees_its_own_loss(shared: Any, place: Any) -> None:
    """`lost` and the fencing token are those of the task that looks."""
    lock = shared.twin

    async def work() -> None:
        assert await lock.acquire()
        mine, number = lock.lost, lock.fencing_token
        place.client.delete("a")

        async def other() -> None:
            assert await lock.acquire()
            assert not lock.lost.is_set()
            assert lock.fencing_token > number
            with pytest.raises(LockLostError):
                await first_extends
            assert mine.is_set()
            assert not lock.lost.is_set()
            assert await lock.release()

        first_extends = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(other())
        await asyncio.sleep(0.01)
        try:
            await lock.extend()
        except LockLostError as error:
            first_extends.set_exception(error)
        await task
        assert lock.lost is mine
        assert lock.fencing_token == number

    shared._loop.run(work())


@async_only
def test_wait_for_may_acquire(shared: Any, place: Any) -> None:
    """`wait_for` of older Pythons acquires in a task of its own; who waited may release, and nobody may join."""
    lock = shared.twin

    async def acquire() -> bool:
        return await asyncio.create_task(lock.acquire(blocking=False))

    async def work() -> None:
        assert await acquire()
        assert not await acquire()
        lock.check()
        assert lock.valid_for() > 0
        assert await lock.owned()
        assert await lock.release()
        assert not await lock.locked()

    shared._loop.run(work())


@async_only
def test_of_tasks_that_are_over_the_lost_hold_goes_first(shared: Any, place: Any) -> None:
    """Two acquired through wait_for, one of them lost it: the first release is that one's, whoever calls."""
    lock = shared.twin

    async def work() -> None:
        assert await asyncio.create_task(lock.acquire())
        place.client.delete("a")
        assert not await lock.owned()
        with pytest.raises(LockLostError):
            await lock.extend()
        assert await asyncio.create_task(lock.acquire())
        assert await lock.release() is False
        assert await lock.owned()
        assert await lock.release() is True

    shared._loop.run(work())


@sync_only
def test_a_thread_that_ended_leaves_its_lock_to_others(shared: Any, place: Any) -> None:
    """What a thread of the past acquired may be released by whoever calls."""
    thread = threading.Thread(target=shared.acquire)
    thread.start()
    thread.join()
    assert not shared.acquire(blocking=False)
    assert shared.owned()
    assert shared.release() is True


@async_only
def test_tasks_share_a_sync_lock_one_at_a_time(place: Any, shared: Any) -> None:
    """The sync lock in an event loop tells tasks apart, too."""
    lock = DistributedLock("b", client=place.client)

    async def work() -> None:
        assert lock.acquire()

        async def other() -> bool:
            return lock.acquire(blocking=False)

        assert not await asyncio.create_task(other())
        assert lock.release()

    shared._loop.run(work())


def test_with_may_be_nested(shared: Any, place: Any) -> None:
    """Only the outermost `with` releases; after an acquire, none does."""
    if place.twin == "sync":
        with shared, shared:
            pass
        assert not shared.locked()
        with shared:
            with shared:
                assert shared.owned()
            assert shared.owned()
        assert shared.acquire()
        with shared:
            pass
        assert shared.release()
        return

    async def work() -> None:
        lock = shared.twin
        async with lock:
            async with lock:
                assert await lock.owned()
            assert await lock.owned()
        assert not await lock.locked()
        assert await lock.acquire()
        async with lock:
            pass
        assert await lock.release()

    shared._loop.run(work())


@sync_only
def test_a_with_inside_a_lost_one_is_an_error(shared: Any, place: Any) -> None:
    """A nested block does not quietly acquire anew what the outer one believes to hold."""
    with pytest.raises(LockLostError), shared:  # noqa: PT012 - that of the outer block would come after its own
        place.client.delete("a")
        assert not shared.owned()
        with pytest.raises(LockLostError), shared:
            raise AssertionError


@async_only
@pytest.mark.parametrize("turns", range(12))
def test_a_cancelled_acquire_leaves_no_lock(shared: Any, place: Any, turns: int) -> None:
    """Cancelled at whatever point, an acquire leaves either a lock that its task knows of, or none."""
    lock = shared.twin

    async def work() -> bool:
        task = asyncio.create_task(lock.acquire())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return False
        return True

    acquired = shared._loop.run(work())
    other = DistributedLock("a", client=place.client)
    assert other.acquire(timeout=0 if acquired else 15) != acquired


@sync_only
@pytest.mark.places("local", reason="a forked process has a fakeredis of its own")
def test_a_fork_does_not_hold_its_parents_lock(shared: Any, place: Any) -> None:
    """A forked process has nothing to release, and what it does leaves its parent's lock alone."""
    assert shared.acquire()
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        held = shared.fencing_token is not None or shared.owned() or shared.acquire(blocking=False)
        os._exit(int(held or shared.release()))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert shared.owned()
    assert shared.release()
