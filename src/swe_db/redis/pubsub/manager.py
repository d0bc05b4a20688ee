"""Pub/sub: at most once. Who is not connected when a message is published never gets it, but is told of the gap.

For what must not be lost there is `durable`.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from typing import Any, Final, Self, TypeVar, Unpack

from swe_db.redis.client import aconnected, connected
from swe_db.redis.durations import Duration, seconds
from swe_db.redis.pubsub.async_subscription import AsyncOnGap, AsyncSubscription
from swe_db.redis.pubsub.core import (
    CLAIM_AFTER,
    HEARTBEAT,
    MAX_DELIVERIES,
    MAXLEN,
    MAXSIZE,
    TIMEOUT,
    AsyncOptions,
    Core,
    Options,
)
from swe_db.redis.pubsub.handlers import Handler, acalled, called, check_plain, topics
from swe_db.redis.pubsub.listening import Listening, Topic, now
from swe_db.redis.pubsub.mailbox import Gap, Mailbox, Message, Overflow
from swe_db.redis.pubsub.streams import AsyncDurableStream, Delivery, Durability, DurableStream
from swe_db.redis.pubsub.subscription import OnGap, Subscription
from swe_db.redis.steps import arun, run

__all__ = [
    "AsyncDurableStream",
    "AsyncPubSubManager",
    "AsyncSubscription",
    "Delivery",
    "DurableStream",
    "Gap",
    "Message",
    "PubSubManager",
    "Subscription",
    "aget_pubsub_manager",
    "get_pubsub_manager",
]

H = TypeVar("H", bound=Handler)

KEPT: Final = 64  # managers that the process shares


class PubSubManager:
    """Publishes and subscribes, for threads.

    Args:
        client: A RedisClient, or a client of redis-py; without one, the default. Every subscription has a connection
            of its own beside its pool.
        prefix: Stands before every channel and pattern in Redis, with a colon; subscribers do not see it.
        heartbeat: Seconds of silence after which a subscription asks whether the server is still there; after as many
            more without an answer it connects anew.
    """

    def __init__(self, client: Any = None, *, prefix: str = "", heartbeat: Duration = HEARTBEAT) -> None:  # noqa: ANN401
        self._connected = connected(client)
        self._core = Core(prefix, heartbeat)
        self._open: weakref.WeakSet[Subscription] = weakref.WeakSet()
        self._lock = threading.Lock()

    def publish(self, channel: str, message: object, *, sharded: bool = False) -> int:
        """Publish a message once, and never again by itself.

        Args:
            channel: The channel.
            message: `bytes` and `str` are sent as they are; None, bool, int, float, and lists and dicts as msgpack.
            sharded: Whether by sharded pub/sub (Redis 7), whose messages stay on one node of a cluster.

        Returns:
            How many subscribers got it; on a cluster, of those that the node knows that was asked.

        Raises:
            CacheTypeError: The message would not come back as it is.
            AmbiguousResultError: The reply was lost: it may have been published or not.
            RedisServiceError: Redis refuses.
        """
        return run(self._connected, self._core.publish(channel, message, sharded=sharded))

    def broadcast(self, channels: Iterable[str], message: object) -> dict[str, int]:
        """Publish one message on several channels at once; the rest is as in `publish`.

        Returns:
            How many subscribers got it, by channel.
        """
        return run(self._connected, self._core.broadcast(channels, message))

    def subscribe(  # noqa: PLR0913 - one call says it all
        self,
        *channels: str,
        pattern: bool = False,
        sharded: bool = False,
        maxsize: int = MAXSIZE,
        overflow: Overflow = "drop_oldest",
        on_gap: OnGap | None = None,
        timeout: Duration = TIMEOUT,
    ) -> Subscription:
        """Subscribe, and return when the server has confirmed it: what is published from now on arrives.

        Args:
            channels: Channels, or patterns.
            pattern: Whether they are patterns (`orders.*`).
            sharded: Whether they are channels of sharded pub/sub (Redis 7). On a cluster each slot takes a connection:
                give the channels of one subscription a common hash tag.
            maxsize: How many messages may wait to be taken.
            overflow: What happens when more come: `drop_oldest` drops and reports a gap; `block` stops reading, until
                the server's own limit for slow subscribers ends the connection, which is a gap too.
            on_gap: Is called with each Gap by the one who takes messages, after those from before the gap and before
                those from after it. What it raises leaves `get`. Without it gaps are logged as warnings.
            timeout: Seconds to wait for the confirmation.

        Raises:
            ConfigError: The call makes no sense.
            RedisServiceError: Redis refuses.
            RedisUnavailableError: It did not confirm in time.
        """
        wanted = topics(self._core.channels, channels, pattern=pattern, sharded=sharded)
        return self._subscribe(wanted, maxsize=maxsize, overflow=overflow, on_gap=on_gap, timeout=timeout)

    def on(self, *channels: str, pattern: bool | None = None, sharded: bool = False) -> Callable[[H], H]:
        """Decorate a function that is to be called with every message of some channels, while `run` or `running` is.

        Args:
            channels: Channels or patterns, `orders.*`.
            pattern: Whether they are patterns; if not said, those with one of `*?[` are.
            sharded: Whether they are channels of sharded pub/sub.

        Raises:
            ConfigError: No channel, or a coroutine function.
        """
        add = self._core.handlers.on(channels, pattern, sharded)

        def add_plain(handler: H) -> H:
            check_plain(handler)
            return add(handler)

        return add_plain

    def run(self, **options: Unpack[Options]) -> None:
        """Call the handlers, one after the other, in this thread until `close` is called from another.

        What a handler or `on_gap` raises is logged, and the next message comes. All handlers share one subscription;
        its options are those of `subscribe`.

        Raises:
            ConfigError: There is no handler.
            RedisServiceError: Redis refuses.
            RedisUnavailableError: It did not confirm in time.
        """
        with self._handled(options) as subscription:
            self._dispatch(subscription)

    @contextlib.contextmanager
    def running(self, **options: Unpack[Options]) -> Iterator[None]:
        """Call the handlers in a thread of their own while the block runs; a call that has begun is waited for.

        When the block begins the server has confirmed the subscription; the rest is as in `run`.
        """
        with self._handled(options) as subscription:
            thread = threading.Thread(target=self._dispatch, args=(subscription,), name="swe-db-handlers", daemon=True)
            thread.start()
            try:
                yield
            finally:
                subscription.close()
                thread.join()

    def durable(  # noqa: PLR0913 - one call says it all
        self,
        stream: str,
        group: str,
        *,
        consumer: str | None = None,
        maxlen: int = MAXLEN,
        claim_after: Duration = CLAIM_AFTER,
        max_deliveries: int = MAX_DELIVERIES,
        batch: int = 1,
    ) -> DurableStream:
        """Return a stream that hands every message to one consumer of each group, until it is acknowledged.

        The group begins with the oldest message that the stream has, and is made anew if the server has lost it.

        Args:
            stream: Its name.
            group: The name of those who share the messages among them.
            consumer: A name within the group that is the same after a restart (of a pod, of a host) and of one process
                at a time: what it had not acknowledged comes first then. Without it, a random one.
            maxlen: About how many messages the stream keeps, and the dead letters. Older ones go, handled or not.
            claim_after: Seconds without an acknowledgement after which a message is handed out again; more than
                handling takes.
            max_deliveries: How often a message may be handed out; after that it is a dead letter.
            batch: How many messages are fetched at once. They count as handed out when they are fetched.

        Raises:
            ConfigError: The call makes no sense.
        """
        how = Durability(
            consumer=consumer, maxlen=maxlen, claim_after=claim_after, max_deliveries=max_deliveries, batch=batch
        )
        return DurableStream(self._connected, self._core.channels.prefix, stream, group, how)

    def close(self) -> None:
        """End every subscription of this manager, and with them `run`; the client stays open."""
        with self._lock:
            subscriptions = list(self._open)
        for subscription in subscriptions:
            subscription.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _subscribe(
        self,
        wanted: Sequence[Topic],
        *,
        maxsize: int = MAXSIZE,
        overflow: Overflow = "drop_oldest",
        on_gap: OnGap | None = None,
        timeout: Duration = TIMEOUT,
    ) -> Subscription:
        check_plain(on_gap)
        patience, mailbox = seconds(timeout, "timeout"), Mailbox(maxsize, overflow, now)
        client = self._connected.raw
        subscription = Subscription(client, self._core.lines(client, wanted), mailbox, on_gap)
        with self._lock:
            self._open.add(subscription)
        subscription.wait_for_confirmation(patience)
        return subscription

    def _handled(self, options: Options) -> Subscription:
        if (on_gap := options.get("on_gap")) is not None:
            options["on_gap"] = functools.partial(called, on_gap)
        return self._subscribe(self._core.handled(), **options)

    def _dispatch(self, subscription: Subscription) -> None:
        for message in subscription:
            for handler in self._core.handlers.of(message):
                called(handler, message)


class AsyncPubSubManager:
    """Publishes and subscribes, for asyncio; parameters are those of `PubSubManager`."""

    def __init__(self, client: Any = None, *, prefix: str = "", heartbeat: Duration = HEARTBEAT) -> None:  # noqa: ANN401
        self._connected = aconnected(client)
        self._core = Core(prefix, heartbeat)
        self._open: weakref.WeakSet[AsyncSubscription] = weakref.WeakSet()

    async def publish(self, channel: str, message: object, *, sharded: bool = False) -> int:
        """Publish a message once, as `PubSubManager.publish` does."""
        return await arun(self._connected, self._core.publish(channel, message, sharded=sharded))

    async def broadcast(self, channels: Iterable[str], message: object) -> dict[str, int]:
        """Publish one message on several channels at once, as `PubSubManager.broadcast` does."""
        return await arun(self._connected, self._core.broadcast(channels, message))

    def subscribe(  # noqa: PLR0913 - one call says it all
        self,
        *channels: str,
        pattern: bool = False,
        sharded: bool = False,
        maxsize: int = MAXSIZE,
        overflow: Overflow = "drop_oldest",
        on_gap: AsyncOnGap | None = None,
        timeout: Duration = TIMEOUT,
    ) -> AsyncSubscription:
        """Return a subscription that begins when it is awaited, or entered with `async with`.

        Parameters and errors are those of `PubSubManager.subscribe`; `on_gap` may be a coroutine function.
        """
        wanted = topics(self._core.channels, channels, pattern=pattern, sharded=sharded)
        return self._subscribe(wanted, maxsize=maxsize, overflow=overflow, on_gap=on_gap, timeout=timeout)

    def on(self, *channels: str, pattern: bool | None = None, sharded: bool = False) -> Callable[[H], H]:
        """Decorate a function or coroutine function, as `PubSubManager.on` does."""
        return self._core.handlers.on(channels, pattern, sharded)

    async def run(self, **options: Unpack[AsyncOptions]) -> None:
        """Call the handlers, one after the other, until cancelled or closed, as `PubSubManager.run` does."""
        async with self._handled(options) as subscription:
            await self._dispatch(subscription)

    @contextlib.asynccontextmanager
    async def running(self, **options: Unpack[AsyncOptions]) -> AsyncIterator[None]:
        """Call the handlers in a task of their own while the block runs, as `PubSubManager.running` does.

        At the end of the block a handler that waits for something is cancelled.
        """
        async with self._handled(options) as subscription:
            task = asyncio.create_task(self._dispatch(subscription), name="swe-db-handlers")
            try:
                yield
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    def durable(  # noqa: PLR0913 - one call says it all
        self,
        stream: str,
        group: str,
        *,
        consumer: str | None = None,
        maxlen: int = MAXLEN,
        claim_after: Duration = CLAIM_AFTER,
        max_deliveries: int = MAX_DELIVERIES,
        batch: int = 1,
    ) -> AsyncDurableStream:
        """Return a stream that hands out messages at least once, as `PubSubManager.durable` does."""
        how = Durability(
            consumer=consumer, maxlen=maxlen, claim_after=claim_after, max_deliveries=max_deliveries, batch=batch
        )
        return AsyncDurableStream(self._connected, self._core.channels.prefix, stream, group, how)

    async def close(self) -> None:
        """End every subscription of this manager on this event loop, and with them `run`; the client stays open."""
        for subscription in list(self._open):
            if subscription.is_here:
                await subscription.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    def _subscribe(
        self,
        wanted: Sequence[Topic],
        *,
        maxsize: int = MAXSIZE,
        overflow: Overflow = "drop_oldest",
        on_gap: AsyncOnGap | None = None,
        timeout: Duration = TIMEOUT,
    ) -> AsyncSubscription:
        patience, mailbox = seconds(timeout, "timeout"), Mailbox(maxsize, overflow, now)

        def plan() -> tuple[Any, Sequence[Listening]]:
            client = self._connected.raw  # that of the loop on which it begins
            return client, self._core.lines(client, wanted)

        subscription = AsyncSubscription(plan, mailbox, on_gap, patience)
        self._open.add(subscription)
        return subscription

    def _handled(self, options: AsyncOptions) -> AsyncSubscription:
        if (on_gap := options.get("on_gap")) is not None:
            options["on_gap"] = functools.partial(acalled, on_gap)
        return self._subscribe(self._core.handled(), **options)

    async def _dispatch(self, subscription: AsyncSubscription) -> None:
        async for message in subscription:
            for handler in self._core.handlers.of(message):
                await acalled(handler, message)


def get_pubsub_manager(client: Any = None, *, prefix: str = "") -> PubSubManager:  # noqa: ANN401
    """Return the manager of this process for a client and a prefix, which are as in `PubSubManager`."""
    through: Any = connected(client)
    return _kept(through, prefix)


def aget_pubsub_manager(client: Any = None, *, prefix: str = "") -> AsyncPubSubManager:  # noqa: ANN401
    """The same for asyncio; no coroutine, so that it can be called where no loop runs yet."""
    through: Any = aconnected(client)
    return _akept(through, prefix)


@functools.lru_cache(maxsize=KEPT)
def _kept(through: Any, prefix: str) -> PubSubManager:  # noqa: ANN401
    return PubSubManager(through, prefix=prefix)


@functools.lru_cache(maxsize=KEPT)
def _akept(through: Any, prefix: str) -> AsyncPubSubManager:  # noqa: ANN401
    return AsyncPubSubManager(through, prefix=prefix)
