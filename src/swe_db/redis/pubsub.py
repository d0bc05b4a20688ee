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
from typing import Any, Final, Self, TypedDict, TypeVar, Unpack

from swe_db.errors import ConfigError
from swe_db.redis.async_subscription import AsyncOnGap, AsyncSubscription
from swe_db.redis.channels import Channels
from swe_db.redis.client import aconnected, connected
from swe_db.redis.durations import Duration, seconds
from swe_db.redis.handlers import Handler, Handlers, acalled, called, check_plain, topics
from swe_db.redis.listening import Listening, Topic, now
from swe_db.redis.mailbox import Gap, Mailbox, Message, Overflow
from swe_db.redis.payload import encode
from swe_db.redis.steps import Command, Script, Steps, arun, run
from swe_db.redis.subscription import OnGap, Subscription
from swe_db.redis.wires import by_connection

__all__ = ["AsyncPubSubManager", "Gap", "Message", "PubSubManager"]

H = TypeVar("H", bound=Handler)

BROADCAST: Final = Script("pubsub_broadcast.lua")
MAXSIZE: Final = 1000  # messages
TIMEOUT: Final = 5.0  # seconds
HEARTBEAT: Final = 15.0  # seconds


class Options(TypedDict, total=False):
    """What can be said of a subscription; meaning and defaults are those of `PubSubManager.subscribe`."""

    maxsize: int
    overflow: Overflow
    on_gap: OnGap | None
    timeout: Duration


class AsyncOptions(TypedDict, total=False):
    """The same for asyncio."""

    maxsize: int
    overflow: Overflow
    on_gap: AsyncOnGap | None
    timeout: Duration


class _Core:
    """What both managers are made of."""

    def __init__(self, prefix: str, heartbeat: Duration) -> None:
        self.channels = Channels(prefix)
        self.handlers = Handlers(self.channels)
        self.heartbeat = seconds(heartbeat, "heartbeat")

    def publish(self, channel: str, message: object, *, sharded: bool) -> Steps[int]:
        command = "SPUBLISH" if sharded else "PUBLISH"
        receivers = yield Command((command, self.channels.name(channel), encode(message)), once=True)
        return int(receivers)

    def broadcast(self, channels: Iterable[str], message: object) -> Steps[dict[str, int]]:
        names = list(dict.fromkeys(channels))
        receivers = yield BROADCAST([], encode(message), *map(self.channels.name, names), once=True)
        return dict(zip(names, map(int, receivers), strict=True))

    def lines(self, client: Any, wanted: Sequence[Topic]) -> list[Listening]:  # noqa: ANN401
        return [Listening(group, self.channels, self.heartbeat) for group in by_connection(client, wanted)]

    def handled(self) -> list[Topic]:
        if not self.handlers.topics:
            raise ConfigError("there is no handler: add one with @manager.on(channel)")
        return self.handlers.topics


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
        self._core = _Core(prefix, heartbeat)
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
        self._core = _Core(prefix, heartbeat)
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

    async def close(self) -> None:
        """End every subscription of this manager, and with them `run`; the client stays open."""
        for subscription in list(self._open):
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
        client = self._connected.raw

        def lines() -> Sequence[Listening]:
            return self._core.lines(client, wanted)

        subscription = AsyncSubscription(client, lines, mailbox, on_gap, patience)
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
