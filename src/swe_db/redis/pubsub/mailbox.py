"""What waits for a subscriber: messages and gaps in their order, no more than a number of messages."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, Literal, TypeAlias

from swe_db.errors import ConfigError

__all__ = ["Entry", "Gap", "Mailbox", "Message", "Overflow", "Reason"]

Overflow: TypeAlias = Literal["drop_oldest", "block"]
Reason: TypeAlias = Literal["disconnected", "overflow"]

OVERFLOWS: Final = ("drop_oldest", "block")


@dataclasses.dataclass(frozen=True, slots=True)
class Message:
    """A message of a channel.

    Attributes:
        channel: The channel, without the manager's prefix.
        data: What was sent; of what others sent a `str` if it is UTF-8, else bytes.
        pattern: The pattern that it was subscribed to by, None if it was by name.
        raw: The payload as it was on the wire.
        sharded: Whether it came by sharded pub/sub.
    """

    channel: str
    data: object
    pattern: str | None = None
    raw: bytes = dataclasses.field(default=b"", repr=False)
    sharded: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Gap:
    """Messages are missing here, or may be.

    Attributes:
        reason: `disconnected`: the connection was lost, and what was published until it was back is too. `overflow`:
            the subscriber was too slow, and the oldest messages were dropped.
        since: Since when messages may be missing, by this machine's clock; after a disconnect, when the server was
            heard for the last time.
        until: Until when.
        dropped: How many messages are missing, None if nobody can know.
        detail: What happened, in words.
    """

    reason: Reason
    since: datetime
    until: datetime
    dropped: int | None
    detail: str


Entry: TypeAlias = Message | Gap


class Mailbox:
    """The queue of a subscription; it waits for nothing, so that both twins can wait in their own way.

    Args:
        maxsize: How many messages it holds. Gaps come on top: no more than two before each message.
        overflow: What happens when it is full.
        clock: Says what time it is.
    """

    def __init__(self, maxsize: int, overflow: Overflow, clock: Callable[[], datetime]) -> None:
        if type(maxsize) is not int or maxsize < 1:
            raise ConfigError(f"maxsize is {maxsize!r}: give a number of messages, at least 1")
        if overflow not in OVERFLOWS:
            raise ConfigError(f"overflow is {overflow!r}: give one of {', '.join(OVERFLOWS)}")
        self._maxsize = maxsize
        self._drops = overflow == "drop_oldest"
        self._clock = clock
        self._entries: deque[Entry] = deque()
        self._messages = 0

    def __bool__(self) -> bool:
        return bool(self._entries)

    @property
    def is_full(self) -> bool:
        """Whether another message costs the oldest."""
        return self._messages >= self._maxsize

    def takes(self, entry: Entry) -> bool:
        """Return whether there is room for an entry, or room can be made."""
        return self._drops or isinstance(entry, Gap) or not self.is_full

    def put(self, entry: Entry) -> None:
        """Add an entry; where there is no room the oldest message goes, and a gap takes its place."""
        if isinstance(entry, Gap):
            last = self._pop_last_gaps()
            self._entries.extend(_merged([*last, entry]))
            return
        if self.is_full:
            self._drop_oldest()
        self._entries.append(entry)
        self._messages += 1

    def pop(self) -> Entry:
        """Return the oldest entry."""
        entry = self._entries.popleft()
        self._messages -= isinstance(entry, Message)
        return entry

    def _drop_oldest(self) -> None:
        gaps = []
        while isinstance(entry := self.pop(), Gap):
            gaps.append(entry)
        now = self._clock()
        gaps.append(Gap("overflow", now, now, 1, f"more than {self._maxsize} messages were waiting"))
        while self._entries and isinstance(following := self._entries[0], Gap):
            gaps.append(following)
            self._entries.popleft()
        self._entries.extendleft(reversed(_merged(gaps)))

    def _pop_last_gaps(self) -> list[Gap]:
        gaps: list[Gap] = []
        while self._entries and isinstance(last := self._entries[-1], Gap):
            gaps.insert(0, last)
            self._entries.pop()
        return gaps


def _merged(gaps: Sequence[Gap]) -> list[Gap]:
    """Return gaps that no message lies between, one of each reason: nobody could tell more of them apart."""
    merged: dict[Reason, Gap] = {}
    for gap in gaps:
        first = merged.get(gap.reason)
        merged[gap.reason] = gap if first is None else _joined(first, gap)
    return list(merged.values())


def _joined(first: Gap, second: Gap) -> Gap:
    known = first.dropped is not None and second.dropped is not None
    dropped = (first.dropped or 0) + (second.dropped or 0) if known else None
    return dataclasses.replace(first, until=second.until, dropped=dropped)
