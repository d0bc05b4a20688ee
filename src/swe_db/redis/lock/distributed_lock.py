"""Locks that all processes share."""

from __future__ import annotations

import asyncio
import functools
from typing import Any, Self

from swe_db.redis.client import aconnected, connected
from swe_db.redis.durations import Duration
from swe_db.redis.lock.core import LockCore, LockStatus, waiting_time
from swe_db.redis.lock.hold import AsyncLost, Lost
from swe_db.redis.lock.renewal import renew_in_task, renew_in_thread
from swe_db.redis.steps import Steps, arun, run

__all__ = ["AsyncDistributedLock", "DistributedLock", "LockStatus"]


class _Lock:
    """What both twins tell without asking Redis."""

    _core: LockCore

    @property
    def key(self) -> str:
        """The key in Redis: the name itself, which keeps out redis-py's own Lock of it, or one below `prefix`."""
        return self._core.key

    @property
    def fencing_token(self) -> int | None:
        """A number higher than that of every holder before; None if the caller does not hold the lock.

        Give it to what the lock protects, and let that refuse a number lower than one that it has seen.
        """
        hold = self._core.holds.of_caller()
        return hold.fencing_token if hold else None

    def valid_for(self) -> float:
        """Return for how many seconds nobody else can have the lock, for all that is known here: 0.0 if not held."""
        hold = self._core.holds.of_caller()
        return hold.valid_for() if hold else 0.0

    def check(self) -> None:
        """Go on only if the caller holds the lock, for all that is known here; Redis is not asked.

        Raises:
            LockLostError: It was lost.
            LockNotOwnedError: The caller does not hold it.
        """
        self._core.check()


class DistributedLock(_Lock):
    """A lock that one holder has at a time, among all processes that use its name on one Redis.

    A task, or a thread outside of tasks, is a holder: one object may be shared, and what one acquired no other
    releases. For a task or thread that has ended, whoever calls next may release. `with` may be nested.

    It is advisory, and true on one Redis primary without failover, eviction or a clock that jumps. A holder that is
    stopped or cut off for longer than `ttl` has lost it and learns that from `lost` and `check`. What must not be done
    by two at once in any case needs `fencing_token`. See docs/redis.md.

    Args:
        name: The lock's name.
        ttl: How long it lasts unless it is extended, well above the time of a request; seconds or a timedelta.
        client: A RedisClient or a client of redis-py; without one, the default of this process.
        prefix: What its key begins with, None for a key that is the name itself.
        auto_renew: Whether to extend it every third of `ttl` while it is held, in a thread.
        min_replicas: How many replicas must have heard of it before it counts as acquired. Not on Redis Cluster.

    Raises:
        ConfigError: An argument makes no sense.
    """

    def __init__(  # noqa: PLR0913 - each is an option
        self,
        name: str,
        ttl: Duration = 30,
        *,
        client: Any = None,  # noqa: ANN401 - clients of redis-py have no common type
        prefix: str | None = None,
        auto_renew: bool = False,
        min_replicas: int = 0,
    ) -> None:
        self._connected = connected(client)
        self._core = LockCore(
            name, ttl, connected=self._connected, prefix=prefix, min_replicas=min_replicas, new_lost=Lost
        )
        if auto_renew:
            self._core.start_renewal = functools.partial(renew_in_thread, self._core)

    @property
    def lost(self) -> Lost:
        """An event that is set when the caller's lock is lost; it may be waited for in any thread.

        It is set when Redis says so, and when the time for which the lock surely lasts is over.
        """
        lost: Lost = self._core.lost  # type: ignore[assignment]
        return lost

    def acquire(self, blocking: bool = True, timeout: Duration | None = None) -> bool:
        """Take the lock; who holds it already keeps it, as one does whose reply was lost and who tries again.

        Args:
            blocking: Whether to wait for it.
            timeout: For how long; seconds from 0 on, a timedelta, or None for ever.

        Returns:
            Whether the caller holds it now.

        Raises:
            ConfigError: The arguments make no sense.
            LockError: Too few replicas heard of it, or it could not be extended; it was given back.
            RedisServiceError: Redis does not answer, or refuses. The lock may be held all the same: acquire it again,
                or release it, or it ends by itself.
        """
        return run(self._connected, self._core.acquire(waiting_time(timeout, blocking=blocking)))

    def release(self) -> bool:
        """Release the caller's lock.

        Returns:
            True if the caller held it until now, or until an earlier release whose reply was lost. False if it does not
            hold it, or had lost it.

        Raises:
            RedisServiceError: Redis does not answer, or refuses. The lock is no longer extended; release it again, or
                it ends by itself.
        """
        return run(self._connected, self._core.release())

    def extend(self, ttl: Duration | None = None) -> bool:
        """Let the lock last at least so long from now, `ttl` of the lock by default; it is never shortened.

        Returns:
            True, as redis-py does.

        Raises:
            LockLostError: It was lost.
            LockNotOwnedError: The caller does not hold it.
            RedisServiceError: Redis does not answer, or refuses.
        """
        return run(self._connected, self._core.extend(ttl))

    def locked(self) -> bool:
        """Return whether anybody holds the lock."""
        return run(self._connected, self._core.locked())

    def owned(self) -> bool:
        """Return whether Redis knows the caller as the holder."""
        return run(self._connected, self._core.owned())

    def status(self) -> LockStatus:
        """Return what Redis says about the lock."""
        return run(self._connected, self._core.status())

    def __enter__(self) -> Self:
        run(self._connected, self._core.enter())
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        run(self._connected, self._core.leave(failed=error is not None))


class AsyncDistributedLock(_Lock):
    """The same for asyncio; with `auto_renew` it is extended in a task."""

    def __init__(  # noqa: PLR0913 - each is an option
        self,
        name: str,
        ttl: Duration = 30,
        *,
        client: Any = None,  # noqa: ANN401 - clients of redis-py have no common type
        prefix: str | None = None,
        auto_renew: bool = False,
        min_replicas: int = 0,
    ) -> None:
        self._connected = aconnected(client)
        self._core = LockCore(
            name, ttl, connected=self._connected, prefix=prefix, min_replicas=min_replicas, new_lost=AsyncLost
        )
        if auto_renew:
            self._core.start_renewal = functools.partial(renew_in_task, self._core)
        self._returns: set[asyncio.Task[bool]] = set()

    @property
    def lost(self) -> AsyncLost:
        """An event that is set when the caller's lock is lost; `await lock.lost.wait()` in any task of the loop."""
        lost: AsyncLost = self._core.lost  # type: ignore[assignment]
        return lost

    async def acquire(
        self,
        blocking: bool = True,
        timeout: Duration | None = None,  # noqa: ASYNC109 - as its twin has it
    ) -> bool:
        """Take the lock; the rest is as in `DistributedLock.acquire`. If it is cancelled, the lock is given back."""
        try:
            return await arun(self._connected, self._core.acquire(waiting_time(timeout, blocking=blocking)))
        except asyncio.CancelledError:
            self._give_back(self._core.abandoned())
            raise

    async def release(self) -> bool:
        """Release the caller's lock; the rest is as in `DistributedLock.release`."""
        return await arun(self._connected, self._core.release())

    async def extend(self, ttl: Duration | None = None) -> bool:
        """Let the lock last at least so long from now; the rest is as in `DistributedLock.extend`."""
        return await arun(self._connected, self._core.extend(ttl))

    async def locked(self) -> bool:
        """Return whether anybody holds the lock."""
        return await arun(self._connected, self._core.locked())

    async def owned(self) -> bool:
        """Return whether Redis knows the caller as the holder."""
        return await arun(self._connected, self._core.owned())

    async def status(self) -> LockStatus:
        """Return what Redis says about the lock."""
        return await arun(self._connected, self._core.status())

    async def __aenter__(self) -> Self:
        try:
            await arun(self._connected, self._core.enter())
        except asyncio.CancelledError:
            self._give_back(self._core.abandoned())
            raise
        return self

    async def __aexit__(self, kind: object, error: object, traceback: object) -> None:
        await arun(self._connected, self._core.leave(failed=error is not None))

    def _give_back(self, steps: Steps[bool] | None) -> None:
        """Take steps in the background: who is cancelled must not wait."""
        if steps is None:
            return
        task = asyncio.create_task(arun(self._connected, steps))
        self._returns.add(task)
        task.add_done_callback(self._returned)

    def _returned(self, task: asyncio.Task[bool]) -> None:
        self._returns.discard(task)
        if not task.cancelled():
            task.exception()  # if Redis does not answer, the lock ends by itself
