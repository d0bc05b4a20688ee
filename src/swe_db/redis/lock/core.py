"""What both twins of the lock do."""

from __future__ import annotations

import functools
import itertools
import logging
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import redis
import redis.asyncio
from redis.crc import key_slot

from swe_db.errors import ConfigError, LockError, LockLostError, LockNotOwnedError, RedisServiceError
from swe_db.redis.arguments import text, whole
from swe_db.redis.durations import Duration, milliseconds, seconds
from swe_db.redis.lock.hold import Hold, Holds, LostEvent, clock
from swe_db.redis.steps import Batch, Command, Compute, Connected, Pause, Script, Steps

__all__ = ["LockCore", "LockStatus", "fence_key", "waiting_time"]

ACQUIRE: Final = Script("lock/acquire.lua")
EXTEND: Final = Script("lock/extend.lua")
RELEASE: Final = Script("lock/release.lua")
STATUS: Final = Script("lock/status.lua")

DAY: Final = 86_400_000  # milliseconds

# The local deadline comes before the server's by the time that a request takes, and by this part of the lease: two
# clocks may run at different speeds.
DRIFT: Final = 0.01

FIRST_PAUSE: Final = 0.01  # seconds
LONGEST_PAUSE: Final = 0.2
REPLICAS_PATIENCE: Final = 1000  # milliseconds

logger = logging.getLogger("swe_db")


@dataclass(frozen=True, slots=True)
class LockStatus:
    """What Redis says about a lock.

    Attributes:
        locked: Whether somebody holds it.
        owned: Whether the caller does.
        ttl: Seconds until it ends by itself; None if nobody holds it, or if it has no end.
        fencing_token: The holder's; None if nobody holds it, or if the holder is no lock of ours.
    """

    locked: bool
    owned: bool
    ttl: float | None
    fencing_token: int | None


class LockCore:
    """A lock, whose steps somebody takes.

    Args:
        name: The lock's name.
        ttl: How long it lasts without being extended.
        connected: What its steps are taken with.
        prefix: What its key begins with, None for a key that is the name.
        min_replicas: How many replicas have to know of it.
        new_lost: Makes the event that tells of a loss.

    Attributes:
        start_renewal: Begins to extend a hold and returns what stops that; None if holds are not extended.

    Raises:
        ConfigError: One of them makes no sense.
    """

    def __init__(  # noqa: PLR0913 - each is an option of the lock
        self,
        name: str,
        ttl: Duration,
        *,
        connected: Connected,
        prefix: str | None,
        min_replicas: int,
        new_lost: Callable[[], LostEvent],
    ) -> None:
        self.key = text(name, "name") if prefix is None else f"{text(prefix, 'prefix')}:lock:{text(name, 'name')}"
        self.ttl = milliseconds(ttl, "ttl")
        self.connected = connected
        self.holds = Holds()
        self._keys = (self.key, fence_key(self.key))
        self._min_replicas = whole(min_replicas, "min_replicas", least=0)
        self._new_lost = new_lost
        self.start_renewal: Callable[[Hold], Callable[[], object]] | None = None

    @property
    def lost(self) -> LostEvent:
        """The event of the caller's hold; where it has none, of the newest there was, or one that is never set."""
        hold = self.holds.of_caller()
        return hold.lost if hold else self.holds.latest or self._new_lost()

    def check(self) -> None:
        """Raise an error if the caller does not hold the lock, for all that is known here."""
        self._held().check()

    def acquire(self, patience: float) -> Steps[bool]:
        """Take the lock, trying for so many seconds, at least once."""
        if self._min_replicas:
            self._refuse_cluster()
        end = clock() + patience
        hold = self.holds.own() or self.holds.adopt()
        if hold is not None and hold.is_leaving:
            # Not with the same token again: a release of it may be on its way yet.
            yield from self._released(hold)
            hold = None
        elif hold is not None and hold.fencing_token is not None:
            if (yield from self._held_still(hold)):
                return True
            hold = None
        attempt = 0
        while True:
            hold, left = yield from self._asked(hold)
            if hold is not None:
                if self.start_renewal is not None:
                    yield from self._renewed(hold, self.start_renewal)
                return True
            now = clock()
            if now >= end:
                return False
            yield Pause(min(_pause(attempt, left), end - now))
            attempt += 1

    def enter(self) -> Steps[None]:
        """Take the lock for a `with`, or note that one is inside another.

        Raises:
            LockLostError: The outer one has lost the lock.
        """
        hold = self.holds.own()
        if hold is None or hold.fencing_token is None or hold.is_leaving:
            yield from self.acquire(math.inf)
            return
        hold.check()
        hold.depth += 1

    def leave(self, *, failed: bool) -> Steps[None]:
        """Release the lock at the end of a `with`, whose block has failed or not.

        Raises:
            LockLostError: It was lost while the block ran, and the block has not failed.
        """
        hold = self.holds.of_caller()
        if hold is None:
            return
        if hold.depth:
            hold.depth -= 1
            return
        released = not hold.lost.is_set()
        try:
            released = yield from self.release()
        except RedisServiceError as error:
            logger.warning("the lock %r was not released and ends by itself: %s", self.key, error)
        if not released and not failed:
            raise LockLostError(f"the lock {self.key!r} was lost: somebody else may have held it meanwhile")

    def release(self) -> Steps[bool]:
        """Release the caller's hold; it is forgotten once Redis has answered."""
        hold = self.holds.of_caller()
        if hold is not None:
            return (yield from self._released(hold))
        if self.holds.is_any:
            logger.warning("the lock %r is not released: another task or thread holds it", self.key)
        return False

    def extend(self, ttl: Duration | None) -> Steps[bool]:
        """Let the caller's hold last at least so long from now."""
        lease = self.ttl if ttl is None else milliseconds(ttl, "ttl")
        hold = self._held()
        hold.check()
        if not (yield from self._extended(hold, lease)):
            hold.check()
        return True

    def locked(self) -> Steps[bool]:
        """Tell whether somebody holds the lock."""
        return bool((yield Command(("EXISTS", self.key))))

    def owned(self) -> Steps[bool]:
        """Tell whether Redis knows the caller as the holder."""
        hold = self.holds.of_caller()
        if hold is None:
            return False
        return _is_holder(hold, (yield Command(("GET", self.key))))

    def status(self) -> Steps[LockStatus]:
        """Return what Redis says about the lock."""
        hold = self.holds.of_caller()
        holder, left, number = yield STATUS(self._keys)
        return LockStatus(
            locked=holder != b"",
            owned=hold is not None and _is_holder(hold, holder),
            ttl=left / 1000 if left >= 0 else None,
            fencing_token=int(number) if number else None,
        )

    def renewal(self, hold: Hold, wait: Callable[[float], Any]) -> Steps[None]:
        """Extend a hold until it is lost, or until `wait`, which waits for so many seconds, says that it is over."""
        pause = self.ttl / 3000
        while not (yield Compute(functools.partial(wait, pause))):
            pause = self.ttl / 3000
            try:
                yield from self._extended(hold, self.ttl)
            except RedisServiceError as error:
                logger.warning("the lock %r is not extended, trying again: %s", self.key, error)
                pause = min(self.ttl / 20_000, 1.0)
            if hold.lost.is_set():
                hold.lost.set()
                logger.error("the lock %r is lost while it was held", self.key)
                return

    def abandoned(self) -> Steps[bool] | None:
        """Return what gives back a lock that the caller, which is cancelled, has asked for without an answer."""
        hold = self.holds.own()
        return None if hold is None or hold.fencing_token is not None else self._released(hold)

    def _refuse_cluster(self) -> None:
        if isinstance(self.connected.raw, redis.RedisCluster | redis.asyncio.RedisCluster):
            raise ConfigError(
                f"the lock {self.key!r} has min_replicas={self._min_replicas}, which Redis Cluster cannot keep: its "
                "clients do not send WAIT where the lock was written"
            )

    def _held(self) -> Hold:
        hold = self.holds.of_caller()
        if hold is None:
            raise LockNotOwnedError(f"the lock {self.key!r} is not held by this task or thread")
        return hold

    def _held_still(self, hold: Hold) -> Steps[bool]:
        """Tell whether a hold still holds the lock, and forget it if not."""
        if not hold.lost.is_set() and (yield from self._extended(hold, self.ttl)):
            return True
        hold.end_renewal()
        self.holds.remove(hold)
        return False

    def _asked(self, hold: Hold | None) -> Steps[tuple[Hold | None, int]]:
        """Ask for the lock once; return the hold, or how many milliseconds its holder has left."""
        if hold is None:
            hold = Hold(self.key, self._new_lost())
            self.holds.add(hold)
        started = clock()
        if self._min_replicas:
            taken, number = yield from self._replicated(hold)
        else:
            taken, number = yield ACQUIRE(self._keys, hold.token, self.ttl, DAY)
        if not taken:
            self.holds.remove(hold)
            return None, number
        hold.keep_until(started + _seconds(self.ttl))
        if hold.lost.is_set():  # the answer has come so late that the lock may have ended already
            yield from self._released(hold)
            return None, 0
        hold.fencing_token = number
        self.holds.latest = hold.lost
        return hold, 0

    def _replicated(self, hold: Hold) -> Steps[list[int]]:
        """Ask for the lock once, and for the replicas that have it.

        Raises:
            LockError: They are too few.
        """
        # WAIT speaks of what its own connection has written, so both have to go through one.
        script = Command(("EVAL", ACQUIRE.text, len(self._keys), *self._keys, hold.token, self.ttl, DAY))
        patience = min(REPLICAS_PATIENCE, max(1, self.ttl // 3))
        answer: list[int]
        answer, replicas = yield Batch((script, Command(("WAIT", self._min_replicas, patience))))
        if answer[0] and replicas < self._min_replicas:
            yield from self._released(hold)
            raise LockError(
                f"{replicas} of {self._min_replicas} replicas heard of the lock {self.key!r} within {patience} ms, so "
                "it was given back: look at the replication of this Redis, or take a lower min_replicas"
            )
        return answer

    def _renewed(self, hold: Hold, start: Callable[[Hold], Callable[[], object]]) -> Steps[None]:
        """Begin to extend a hold."""
        try:
            hold.stop_renewal = start(hold)
        except RuntimeError as error:
            yield from self._released(hold)
            raise LockError(f"nothing can be started that would extend the lock {self.key!r}: {error}") from error

    def _extended(self, hold: Hold, lease: int) -> Steps[bool]:
        """Extend a hold, and tell whether it still held the lock."""
        started = clock()
        is_held = (yield EXTEND(self._keys, hold.token, lease, DAY)) == 1
        if is_held and not hold.lost.is_set():
            hold.keep_until(started + _seconds(lease))
            return True
        if not hold.is_leaving:
            hold.lost.set()  # for good, also if only its time had come
        return False

    def _released(self, hold: Hold) -> Steps[bool]:
        hold.is_leaving = True
        hold.end_renewal()
        was_held: bool = (yield RELEASE(self._keys, hold.token, hold.fencing_token or 0)) == 1
        self.holds.remove(hold)
        if was_held:
            hold.lost.deadline = math.inf
        else:
            hold.lost.set()
        return was_held


def waiting_time(timeout: Duration | None, *, blocking: bool) -> float:
    """Return for how many seconds to try.

    Raises:
        ConfigError: The arguments make no sense.
    """
    if not blocking:
        if timeout is not None:
            raise ConfigError(f"timeout is {timeout!r} though blocking is False: give one of them")
        return 0.0
    if timeout is None:
        return math.inf
    is_zero = not isinstance(timeout, bool) and timeout in (0, timedelta(0))
    return 0.0 if is_zero else seconds(timeout, "timeout")


def fence_key(key: str) -> str:
    """Return a key for the fence of a lock that is in the hash slot of the lock's.

    Of a key with a hash tag, text between the first { and the next }, the tag decides on the slot; of others all of it.
    https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags
    """
    _, _, rest = key.partition("{")
    tag, closed, _ = rest.partition("}")
    if tag and closed:
        return f"{key}:fence"
    if "}" not in key:
        return f"{{{key}}}:fence"
    slot = key_slot(key.encode())
    tag = next(tag for tag in map(str, itertools.count()) if key_slot(tag.encode()) == slot)
    return f"{{{tag}}}:{key}:fence"


def _is_holder(hold: Hold, token: bytes | None) -> bool:
    """Tell whether a hold is the one that Redis knows, and note if it is not any more."""
    if token == hold.token.encode():
        return True
    if hold.is_live:
        hold.lost.set()
    return False


def _seconds(lease: int) -> float:
    """Return for how many seconds a lease in milliseconds counts here."""
    return lease / 1000 * (1 - DRIFT)


def _pause(attempt: int, left: int) -> float:
    """Return how long to wait before asking again: longer each time, but not longer than the holder has left."""
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(attempt, 10))
    pause = random.uniform(longest / 2, longest)  # noqa: S311 - so that those who wait do not all come at once
    return pause if left < 0 else min(pause, (left + 1) / 1000)
