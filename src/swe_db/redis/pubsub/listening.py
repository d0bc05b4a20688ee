"""What one connection of a subscription does, as acts that say what is to be done and do not do it.

It never ends by itself: it subscribes, reads, notices that the server is gone, comes back and says what may be missing.
A thread of one twin takes the acts, a task of the other. It is to loops that read what `steps` is to commands.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias

import redis.exceptions

from swe_db.errors import RedisServiceError
from swe_db.redis.pubsub.channels import Channels
from swe_db.redis.pubsub.mailbox import Entry, Gap, Message
from swe_db.redis.pubsub.payload import decode
from swe_db.redis.steps import UNAVAILABLE

__all__ = ["Act", "Acts", "Confirmed", "Deliver", "Listening", "Open", "Pause", "Read", "Send", "Topic", "now", "pause"]

logger = logging.getLogger(__name__)

Kind: TypeAlias = Literal["channel", "pattern", "shard"]

SUBSCRIBE: Final[dict[Kind, bytes]] = {"channel": b"SUBSCRIBE", "pattern": b"PSUBSCRIBE", "shard": b"SSUBSCRIBE"}
UNSUBSCRIBED: Final = frozenset({b"unsubscribe", b"punsubscribe", b"sunsubscribe"})
SHORTEST_PAUSE: Final = 0.05  # seconds
LONGEST_PAUSE: Final = 2.0

# A server that answers one of these may take the subscription a moment later, or another server may.
PASSING: Final = (
    *UNAVAILABLE,
    OSError,
    redis.exceptions.MovedError,
    redis.exceptions.AskError,
    redis.exceptions.RedisClusterException,
)
# redis-py takes these for errors of the connection.
REFUSALS: Final = (redis.exceptions.AuthenticationError, redis.exceptions.AuthorizationError)


@dataclass(frozen=True, slots=True)
class Topic:
    """What is subscribed to.

    Attributes:
        kind: `channel`, `pattern`, or `shard` for a channel of sharded pub/sub.
        name: Its name on the wire, prefix included.
    """

    kind: Kind
    name: bytes


@dataclass(frozen=True, slots=True)
class Open:
    """Close the connection, if there is one, and open a new one.

    Attributes:
        again: Whether the one before was lost, so that the server may have moved.
    """

    again: bool


@dataclass(frozen=True, slots=True)
class Send:
    """Send a command and do not wait for the reply."""

    arguments: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """Wait for what the server sends; the answer is the reply, None if nothing came.

    Attributes:
        seconds: How long.
    """

    seconds: float


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait.

    Attributes:
        seconds: How long.
    """

    seconds: float


@dataclass(frozen=True, slots=True)
class Deliver:
    """Put an entry into the mailbox, and wait until it takes it."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The server has confirmed every subscription of this connection, for the first time."""


Act: TypeAlias = Open | Send | Read | Pause | Deliver | Confirmed
Acts: TypeAlias = Generator[Act, Any, None]


def now() -> datetime:
    """Return what time it is."""
    return datetime.now(UTC)


class Listening:
    """One connection's work.

    Args:
        topics: What is subscribed to; on a cluster, sharded ones of one slot.
        channels: Takes the prefix off.
        heartbeat: Seconds of silence after which the server is asked whether it is there; after as many more it is
            given up.
        clock: Says what time it is.
        jitter: Gives numbers between 0 and 1.

    Attributes:
        connected: Whether the server has confirmed the subscription and is not known to be gone.
        trouble: The last error.
    """

    def __init__(
        self,
        topics: Sequence[Topic],
        channels: Channels,
        heartbeat: float,
        *,
        clock: Callable[[], datetime] = now,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.topics = tuple(topics)
        self.connected = False
        self.trouble: Exception | None = None
        self._channels = channels
        self.heartbeat = heartbeat
        self._clock = clock
        self._jitter = jitter
        self._heard: datetime | None = None
        self._loss = ""
        self._failures = 0

    def acts(self) -> Acts:
        """Give the acts, without end.

        Raises:
            RedisServiceError: The server refused before it has confirmed anything.
        """
        while True:
            try:
                yield Open(again=self.trouble is not None)
                yield from self._subscribe()
                yield from self._listen()
            except Exception as error:  # noqa: BLE001 - whatever it is, the subscriber wants to be subscribed
                self._note(error)
            yield Pause(pause(self._failures, self._jitter()))
            self._failures += 1

    def _subscribe(self) -> Acts:
        for command in _commands(self.topics):
            yield Send(command)
        awaited = {(SUBSCRIBE[topic.kind].lower(), topic.name) for topic in self.topics}
        early: list[Message] = []
        while awaited:
            reply = yield Read(self.heartbeat)
            if reply is None:
                raise ConnectionError(f"no answer to a subscription for {self.heartbeat} s")
            awaited.discard((reply[0], reply[1]))
            early += self._messages(reply)
        lost_since, self._heard = self._heard, self._clock()
        self._failures = 0
        self.connected = True
        if lost_since is None:
            yield Confirmed()
        else:
            yield Deliver(Gap("disconnected", lost_since, self._heard, None, self._loss))
        for message in early:
            yield Deliver(message)

    def _listen(self) -> Acts:
        asked = False
        while True:
            reply = yield Read(self.heartbeat)
            if reply is None and asked:
                raise ConnectionError(f"nothing was heard of the server for {2 * self.heartbeat} s")
            if reply is None:
                yield Send((b"PING",))
                asked = True
                continue
            asked = False
            self._heard = self._clock()
            for message in self._messages(reply):
                yield Deliver(message)

    def _messages(self, reply: Sequence[bytes]) -> Iterator[Message]:
        match reply:
            case [b"message" | b"smessage", channel, payload]:
                sharded = reply[0] == b"smessage"
                yield Message(self._channels.plain(channel), decode(payload), None, payload, sharded)
            case [b"pmessage", pattern, channel, payload]:
                names = self._channels.plain(channel), self._channels.plain_pattern(pattern)
                yield Message(names[0], decode(payload), names[1], payload)
            case [kind, channel, _] if kind in UNSUBSCRIBED:  # we never ask for it: the slot has moved
                raise ConnectionError(f"the server has ended the subscription to {self._channels.plain(channel)}")

    def _note(self, error: Exception) -> None:
        if self._heard is None and (isinstance(error, REFUSALS) or not isinstance(error, PASSING)):
            raise _refusal(error, self.topics) from error
        if self.connected:
            logger.warning("a subscription has lost its server and goes on trying to come back: %s", error)
            self._loss = str(error)
        self.connected = False
        self.trouble = error


def pause(failures: int, jitter: float) -> float:
    """Return how many seconds to wait before another attempt.

    Args:
        failures: How many attempts have failed since the last that did not.
        jitter: A number between 0 and 1, so that not everybody comes at once.
    """
    longest = min(LONGEST_PAUSE, SHORTEST_PAUSE * 2.0 ** min(failures, 16))
    return longest * (1 + jitter) / 2


def _commands(topics: Sequence[Topic]) -> Iterator[tuple[bytes, ...]]:
    """Yield one command for each kind; sharded channels of one connection lie in one slot."""
    for kind, command in SUBSCRIBE.items():
        names = [topic.name for topic in topics if topic.kind == kind]
        if names:
            yield (command, *names)


def _refusal(error: Exception, topics: Sequence[Topic]) -> RedisServiceError:
    if "unknown command" in str(error).lower() and any(topic.kind == "shard" for topic in topics):
        return RedisServiceError(f"sharded pub/sub needs Redis 7 or Valkey: {error}")
    return RedisServiceError(f"Redis refuses the subscription: {error}")
