"""Durable messages on Redis Streams: at least once. What was published is handed out until somebody acknowledges it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import secrets
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from swe_db.errors import ConfigError, RedisServiceError, RedisUnavailableError
from swe_db.redis.durations import Duration, milliseconds
from swe_db.redis.pubsub.listening import pause
from swe_db.redis.pubsub.payload import decode, encode
from swe_db.redis.pubsub.wires import socket_timeout
from swe_db.redis.steps import Command, Connected, Pause, Script, Steps, arun, run

__all__ = ["AsyncDurableStream", "Delivery", "Durability", "DurableStream"]

logger = logging.getLogger(__name__)

CLAIM: Final = Script("pubsub/stream_claim.lua")
LEAVE: Final = Script("pubsub/stream_leave.lua")
DATA: Final = b"data"
# What is said where the server has no such group: first, while we wait, and by fakeredis.
NO_GROUP: Final = ("NOGROUP", "UNBLOCKED", "requires the key to exist")
LONGEST_WAIT: Final = 0.5  # seconds; after these we look whether we were closed


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that was handed out, to be acknowledged when it is handled.

    Attributes:
        id: Its id in the stream.
        data: What was published; of an entry that others have added otherwise, a dict of its fields.
        deliveries: How many times it was handed out, this time included. Above 1, somebody may have handled it already.
    """

    id: str
    data: object
    deliveries: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Durability:
    """How a stream is read; see `PubSubManager.durable`."""

    consumer: str | None
    maxlen: int
    claim_after: Duration
    max_deliveries: int
    batch: int

    def __post_init__(self) -> None:
        for name in ("maxlen", "max_deliveries", "batch"):
            number = getattr(self, name)
            if type(number) is not int or number < 1:
                raise ConfigError(f"{name} is {number!r}: give a whole number, at least 1")


class _Core:
    """One consumer of one group."""

    def __init__(self, prefix: str, stream: str, group: str, durability: Durability) -> None:
        if not stream or not group or {"{", "}"} & set(stream):
            raise ConfigError(f"stream {stream!r}, group {group!r}: name both, the stream without braces")
        self.key = f"{prefix}:stream:{{{stream}}}" if prefix else f"stream:{{{stream}}}"
        self.dead = f"{self.key}:dead:{group}"
        self.group = group
        self.consumer = durability.consumer or secrets.token_hex(8)
        self.is_closed = False
        self._durability = durability
        self._idle = milliseconds(durability.claim_after, "claim_after")
        self._ready: deque[Delivery] = deque()
        self._own_from: str | None = "-"  # our own unacknowledged entries come first, if we were here before
        self._next_claim = 0.0
        self._failures = 0

    def publish(self, message: object) -> Steps[str]:
        maxlen = self._durability.maxlen
        entry = yield Command(("XADD", self.key, "MAXLEN", "~", maxlen, "*", DATA, encode(message)))
        return str(entry, "ascii")

    def ack(self, deliveries: Sequence[Delivery]) -> Steps[int]:
        if not deliveries:
            return 0
        acknowledged = yield Command(("XACK", self.key, self.group, *(delivery.id for delivery in deliveries)))
        return int(acknowledged)

    def dead_letters(self, count: int) -> Steps[list[Delivery]]:
        entries = yield Command(("XRANGE", self.dead, "-", "+", "COUNT", count))
        return [_dead(fields) for _, fields in map(_entry, entries)]

    def leave(self) -> Steps[None]:
        """Leave no name behind that nobody will use again, unless entries depend on it."""
        if self._durability.consumer is None:
            with contextlib.suppress(RedisServiceError):  # it is only tidy
                yield LEAVE([self.key], self.group, self.consumer)

    def take(self, client: Any, timeout: float | None) -> Steps[Delivery | None]:  # noqa: ANN401
        longest = min(LONGEST_WAIT, (socket_timeout(client) or 2 * LONGEST_WAIT) / 2)
        end = float("inf") if timeout is None else time.monotonic() + timeout
        while not self._ready and not self.is_closed:
            trouble = None
            try:
                yield from self._fill(min(longest, end - time.monotonic()))
                self._failures = 0
            except RedisUnavailableError as error:
                trouble = error
            left = end - time.monotonic()
            if trouble is not None and left > 0:
                yield from self._wait_for_server(trouble, left)
            elif trouble is not None:
                raise trouble
            elif left <= 0:
                break
        return self._ready.popleft() if self._ready and not self.is_closed else None

    def _wait_for_server(self, trouble: RedisUnavailableError, left: float) -> Steps[None]:
        if not self._failures:
            logger.warning("a durable stream has lost its server and goes on trying: %s", trouble)
        yield Pause(min(LONGEST_WAIT, left, pause(self._failures, random.random())))  # noqa: S311
        self._failures += 1

    def _fill(self, wait: float) -> Steps[None]:
        while True:
            try:
                yield from self._look(wait)
            except RedisServiceError as error:
                if not any(words in str(error) for words in NO_GROUP):
                    raise
            else:
                return
            yield from self._create_group()

    def _look(self, wait: float) -> Steps[None]:
        while self._own_from is not None and not self._ready:
            last = yield from self._claim("own", self._own_from)
            self._own_from = f"({last}" if last else None
        while time.monotonic() >= self._next_claim and not self._ready:
            last = yield from self._claim(str(self._idle), "-")
            if not last:
                self._next_claim = time.monotonic() + self._idle / 2000
        if not self._ready:
            yield from self._read(min(wait, self._next_claim - time.monotonic()))

    def _claim(self, idle: str, first: str) -> Steps[str]:
        how = self._durability
        arguments = (self.group, self.consumer, idle, first, how.batch, how.max_deliveries, how.maxlen)
        taken, died, trimmed, last = yield CLAIM([self.key, self.dead], *arguments, once=True)
        for entry, deliveries, fields in taken:
            self._ready.append(Delivery(str(entry, "ascii"), _data(_pairs(fields)), int(deliveries)))
        if died:
            logger.error("%s messages of %s went to %s: handed out too often", died, self.key, self.dead)
        if trimmed:
            logger.error("%s messages of %s were trimmed before they were handled: raise maxlen", trimmed, self.key)
        return str(last, "ascii")

    def _read(self, wait: float) -> Steps[None]:
        block = ("BLOCK", max(1, int(wait * 1000))) if wait > 0 else ()
        read = ("XREADGROUP", "GROUP", self.group, self.consumer, "COUNT", self._durability.batch, *block)
        reply = yield Command((*read, "STREAMS", self.key, ">"), once=True)
        for entry, fields in map(_entry, _entries(reply)):
            self._ready.append(Delivery(entry, _data(fields)))

    def _create_group(self) -> Steps[None]:
        try:
            yield Command(("XGROUP", "CREATE", self.key, self.group, "0", "MKSTREAM"))
        except RedisServiceError as error:
            if "BUSYGROUP" not in str(error):  # somebody else was faster
                raise


class DurableStream:
    """Publishes to a stream and hands out its messages: iterate over it, or `get` one by one, and `ack` each.

    A message is handed out at least once: again, to whoever asks, when nobody has acknowledged it within `claim_after`.
    A server that is gone is waited for. `PubSubManager.durable` makes it. Threads may share it.
    """

    def __init__(self, connected: Connected, prefix: str, stream: str, group: str, durability: Durability) -> None:
        self._connected = connected
        self._core = _Core(prefix, stream, group, durability)
        self._lock = threading.Lock()

    @property
    def consumer(self) -> str:
        """Its name within the group."""
        return self._core.consumer

    def publish(self, message: object) -> str:
        """Add a message to the stream.

        Args:
            message: As for `PubSubManager.publish`.

        Returns:
            Its id.

        Raises:
            CacheTypeError: The message would not come back as it is.
            RedisUnavailableError: Redis does not answer; the message may be in the stream or not, and twice if it is
                published again.
        """
        return run(self._connected, self._core.publish(message))

    def get(self, timeout: float | None = None) -> Delivery | None:
        """Return the next message, None if none came in time or the stream was closed.

        First come this consumer's own that it had not acknowledged when it ended, then those that others have left for
        `claim_after`, then new ones.

        Args:
            timeout: Seconds to wait, None to wait for ever.

        Raises:
            RedisUnavailableError: Redis did not answer within the time-out.
            RedisServiceError: Redis refuses.
        """
        with self._lock:
            return run(self._connected, self._core.take(self._connected.raw, timeout))

    def ack(self, *deliveries: Delivery) -> int:
        """Say that messages were handled, so that they are not handed out again.

        Returns:
            How many of them nobody had acknowledged before.
        """
        return run(self._connected, self._core.ack(deliveries))

    def dead_letters(self, count: int = 100) -> list[Delivery]:
        """Return the oldest messages that were handed out `max_deliveries` times and never acknowledged."""
        return run(self._connected, self._core.dead_letters(count))

    def close(self) -> None:
        """End iteration, within half a second where a thread is waiting; the client stays open."""
        self._core.is_closed = True
        with self._lock:
            run(self._connected, self._core.leave())

    def __iter__(self) -> Iterator[Delivery]:
        """Give messages until it is closed."""
        while not self._core.is_closed:
            delivery = self.get()
            if delivery is not None:
                yield delivery

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class AsyncDurableStream:
    """The same for asyncio; parameters, results and errors are those of `DurableStream`."""

    def __init__(self, connected: Connected, prefix: str, stream: str, group: str, durability: Durability) -> None:
        self._connected = connected
        self._core = _Core(prefix, stream, group, durability)
        self._lock = asyncio.Lock()

    @property
    def consumer(self) -> str:
        """Its name within the group."""
        return self._core.consumer

    async def publish(self, message: object) -> str:
        """Add a message to the stream, and return its id."""
        return await arun(self._connected, self._core.publish(message))

    async def get(self, timeout: float | None = None) -> Delivery | None:  # noqa: ASYNC109 - as the other twin has it
        """Return the next message, None if none came in time or the stream was closed."""
        async with self._lock:
            return await arun(self._connected, self._core.take(self._connected.raw, timeout))

    async def ack(self, *deliveries: Delivery) -> int:
        """Say that messages were handled, so that they are not handed out again."""
        return await arun(self._connected, self._core.ack(deliveries))

    async def dead_letters(self, count: int = 100) -> list[Delivery]:
        """Return the oldest messages that were handed out too often."""
        return await arun(self._connected, self._core.dead_letters(count))

    async def close(self) -> None:
        """End iteration; the client stays open."""
        self._core.is_closed = True
        async with self._lock:
            await arun(self._connected, self._core.leave())

    async def __aiter__(self) -> AsyncIterator[Delivery]:
        """Give messages until it is closed."""
        while not self._core.is_closed:
            delivery = await self.get()
            if delivery is not None:
                yield delivery

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()


def _entries(reply: Any) -> Sequence[Any]:  # noqa: ANN401 - redis-py's parsers differ by protocol
    """Return the entries of the one stream that was read."""
    if not reply:
        return ()
    if isinstance(reply, dict):
        batches = next(iter(reply.values()))
        return [entry for batch in batches for entry in batch]
    entries: Sequence[Any] = reply[0][1]
    return entries


def _entry(entry: Any) -> tuple[str, dict[bytes, bytes]]:  # noqa: ANN401
    name, fields = entry
    return str(name, "ascii"), fields if isinstance(fields, dict) else _pairs(fields)


def _pairs(fields: Sequence[bytes]) -> dict[bytes, bytes]:
    return dict(zip(fields[::2], fields[1::2], strict=True))


def _data(fields: dict[bytes, bytes]) -> object:
    if fields.keys() == {DATA}:
        return decode(fields[DATA])
    return {name.decode(errors="replace"): decode(value) for name, value in fields.items()}


def _dead(fields: dict[bytes, bytes]) -> Delivery:
    rest = {name: value for name, value in fields.items() if not name.startswith(b"dead:")}
    return Delivery(str(fields[b"dead:id"], "ascii"), _data(rest), int(fields[b"dead:deliveries"]))
