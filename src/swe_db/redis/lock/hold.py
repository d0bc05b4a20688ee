"""What one acquire of a lock got, and whose it is."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final, Literal, Protocol, TypeAlias

from swe_db.errors import LockLostError, LockNotOwnedError

__all__ = ["AsyncLost", "Hold", "Holds", "Lost", "LostEvent", "Owner", "clock", "current"]

# Seconds after which who waits for a loss looks again; the system's calls take no infinity.
POLL: Final = 1.0

Owner: TypeAlias = "threading.Thread | asyncio.Task[Any]"

if sys.platform == "linux":

    def clock() -> float:
        """Return seconds that go on while the machine is suspended."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

else:
    clock: Final = time.monotonic


class _Forks:
    """How often a process has come out of another: a look at it is no system call, as one at its number is."""

    count = 0

    def note(self) -> None:
        """Note that this is a new process."""
        self.count += 1


FORKS: Final = _Forks()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=FORKS.note)


def current() -> Owner:
    """Return the running task, or the running thread where there is none."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    return task or threading.current_thread()


def has_ended(owner: Owner) -> bool:
    """Tell whether a task or thread is over."""
    return owner.done() if isinstance(owner, asyncio.Task) else not owner.is_alive()


class LostEvent(Protocol):
    """An event that is set when a lock is lost: by `set`, or because its time has come.

    Attributes:
        deadline: When the lock may be somebody else's, by `clock`.
    """

    deadline: float

    def is_set(self) -> bool:
        """Tell whether it is."""

    def set(self) -> None:
        """Set it."""


class Lost:
    """Set when a lock is lost, for threads: no thread has to run for it, a stopped process sees it when it goes on.

    It is used as `threading.Event`, which takes longer to make than a lock should; only who waits needs one.
    """

    def __init__(self) -> None:
        self.deadline = math.inf
        self._is_set = False
        self._waiting: threading.Event | None = None

    def is_set(self) -> bool:
        """Tell whether the lock is lost."""
        return self._is_set or clock() >= self.deadline

    def set(self) -> None:
        """Tell everybody that it is."""
        self._is_set = True
        if self._waiting is not None:
            self._waiting.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the lock is lost, or for so many seconds, and tell whether it is lost."""
        if self._waiting is None:
            self._waiting = threading.Event()
        end = math.inf if timeout is None else clock() + timeout
        while not self.is_set():
            now = clock()
            if now >= end:
                return False
            self._waiting.wait(min(POLL, end - now, self.deadline - now))
        return True


class AsyncLost(asyncio.Event):
    """Set when a lock is lost, for tasks."""

    deadline = math.inf

    def is_set(self) -> bool:
        """Tell whether the lock is lost."""
        return super().is_set() or clock() >= self.deadline

    async def wait(self) -> Literal[True]:
        """Wait until the lock is lost."""
        while not self.is_set():
            left = min(POLL, self.deadline - clock())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(super().wait(), left)
        return True


class Hold:
    """What one acquire got. What is public may be used from any thread or task.

    Attributes:
        token: What Redis knows its holder by.
        owner: The task or thread that acquired.
        fencing_token: Higher than that of everybody before; None until Redis has answered.
        lost: Set when the lock is lost.
        depth: How many `with` are inside the one that acquired.
        is_leaving: Whether it is being released, and may be already if the reply was lost.
    """

    __slots__ = ("_key", "depth", "fencing_token", "is_leaving", "lost", "owner", "stop_renewal", "token")

    def __init__(self, key: str, lost: LostEvent) -> None:
        self._key = key
        self.token = os.urandom(16).hex()
        self.owner = current()
        self.fencing_token: int | None = None
        self.lost = lost
        self.depth = 0
        self.is_leaving = False
        self.stop_renewal: Callable[[], object] | None = None

    @property
    def is_live(self) -> bool:
        """Whether it is held for all that is known here."""
        return self.fencing_token is not None and not self.is_leaving and not self.lost.is_set()

    def valid_for(self) -> float:
        """Return for how many seconds nobody else can have the lock."""
        return max(0.0, self.lost.deadline - clock()) if self.is_live else 0.0

    def check(self) -> None:
        """Raise an error if the lock is not held.

        Raises:
            LockLostError: It was lost.
            LockNotOwnedError: It is not held, or being released.
        """
        if self.lost.is_set():
            raise LockLostError(f"the lock {self._key!r} is lost: somebody else may hold it")
        if not self.is_live:
            raise LockNotOwnedError(f"the lock {self._key!r} is not held by this task or thread")

    def keep_until(self, deadline: float) -> None:
        """Note that it lasts at least until then."""
        self.lost.deadline = deadline if self.lost.deadline == math.inf else max(self.lost.deadline, deadline)

    def end_renewal(self) -> None:
        """Stop extending it."""
        if self.stop_renewal is not None:
            self.stop_renewal()
            self.stop_renewal = None


class Holds:
    """The holds of one lock object, each of one task or thread, from being asked for until it is released.

    A process that was forked begins without any: they are its parent's.

    Attributes:
        latest: The event of the one that was acquired last.
    """

    def __init__(self) -> None:
        self._adopting = threading.Lock()
        self._holds: list[Hold] = []
        self._forks = FORKS.count
        self.latest: LostEvent | None = None

    @property
    def is_any(self) -> bool:
        """Whether anybody holds the lock, or has asked for it, through this object."""
        return bool(self._holds)

    def add(self, hold: Hold) -> None:
        """Note a hold that is asked for."""
        self._holds.append(hold)

    def remove(self, hold: Hold) -> None:
        """Forget a hold."""
        if hold in self._holds:  # if not, it was of another process
            self._holds.remove(hold)

    def own(self) -> Hold | None:
        """Return what the caller acquired itself; it is what every call asks first."""
        if self._forks != FORKS.count:
            self._forks, self._holds, self.latest = FORKS.count, [], None
        if not self._holds:
            return None
        caller = current()
        return next((hold for hold in list(self._holds) if hold.owner is caller), None)

    def of_caller(self) -> Hold | None:
        """Return what the caller acquired, or what a task or thread that is over did, such as that of `wait_for`.

        Of those, one that is lost comes first: whoever calls, nobody's live hold is taken for a lost one.
        """
        return self.own() or min(self._orphans(), key=lambda hold: not hold.lost.is_set(), default=None)

    def adopt(self) -> Hold | None:
        """Make a hold the caller's own that nobody believes to hold: acquiring or releasing it has failed."""
        if not self._holds:
            return None
        with self._adopting:
            for hold in self._orphans():
                if hold.fencing_token is None or hold.is_leaving:
                    hold.owner = current()
                    return hold
        return None

    def _orphans(self) -> list[Hold]:
        return [hold for hold in list(self._holds) if has_ended(hold.owner)]
