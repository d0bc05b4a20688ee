"""Subscriptions of asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Sequence
from typing import Any, Self, TypeAlias

from swe_db.errors import RedisServiceError, RedisUnavailableError
from swe_db.redis.pubsub.listening import Act, Acts, Confirmed, Deliver, Listening, Open, Pause, Read, Send
from swe_db.redis.pubsub.mailbox import Entry, Gap, Mailbox, Message
from swe_db.redis.pubsub.subscription import log_gap, unconfirmed
from swe_db.redis.pubsub.wires import AsyncWire

__all__ = ["AsyncOnGap", "AsyncSubscription"]

AsyncOnGap: TypeAlias = Callable[[Gap], Awaitable[Any] | Any]


class _Inbox:
    """A mailbox that tasks of one loop wait at."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._changed = asyncio.Event()
        self.unconfirmed = 0
        self.refusal: Exception | None = None
        self.is_closed = False

    def changed(self) -> None:
        self._changed.set()

    async def put(self, entry: Entry) -> None:
        if self._mailbox.is_full:  # what redis-py has already read comes without a pause: let others take some first
            await asyncio.sleep(0)
        await self.wait_for(lambda: self._mailbox.takes(entry))
        self._mailbox.put(entry)
        self.changed()

    async def pop(self, seconds: float | None) -> Entry | None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.wait_for(lambda: self.is_closed or bool(self._mailbox))
        if self.is_closed or not self._mailbox:
            return None
        self.changed()
        return self._mailbox.pop()

    async def wait_for(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._changed.clear()
            await self._changed.wait()


class AsyncSubscription:
    """What was subscribed to: await it or enter it, then iterate over it, or `get` message by message.

    Its messages are read by a task of its own and wait in a queue. It belongs to the event loop that it was awaited on.
    `AsyncPubSubManager.subscribe` makes it::

        async with manager.subscribe("orders") as subscription:
            async for message in subscription: ...
    """

    def __init__(
        self,
        plan: Callable[[], tuple[Any, Sequence[Listening]]],
        mailbox: Mailbox,
        on_gap: AsyncOnGap | None,
        timeout: float,
    ) -> None:
        self._plan = plan
        self._lines: Sequence[Listening] = ()
        self._on_gap = on_gap
        self._timeout = timeout
        self._inbox = _Inbox(mailbox)
        self._tasks: list[asyncio.Task[None]] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def connected(self) -> bool:
        """Whether the server has confirmed all that was subscribed to and is not known to be gone."""
        return self._tasks is not None and not self.closed and all(line.connected for line in self._lines)

    @property
    def is_here(self) -> bool:
        """Whether it has begun on the running event loop."""
        return self._loop is asyncio.get_running_loop()

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._inbox.is_closed

    async def get(self, timeout: float | None = None) -> Message | None:  # noqa: ASYNC109 - as the other twin has it
        """Return the next message, None if none came in time.

        Args:
            timeout: Seconds to wait, 0 to take only what is there, None to wait for ever.

        Raises:
            RedisServiceError: The subscription was closed, was not awaited, or belongs to another event loop.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            self._check_loop()
            entry = await self._inbox.pop(None if end is None else max(0.0, end - time.monotonic()))
            if isinstance(entry, Message):
                return entry
            if entry is None and self.closed:
                raise RedisServiceError("the subscription is closed")
            if entry is None:
                return None
            await self._report(entry)

    async def close(self) -> None:
        """End it at once: what waits in the queue is forgotten. Done twice, it does nothing.

        Raises:
            RedisServiceError: It belongs to another event loop.
        """
        if self._tasks:
            self._check_loop()
        self._inbox.is_closed = True
        self._inbox.changed()
        tasks, self._tasks = self._tasks or [], []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def __await__(self) -> Generator[Any, None, Self]:
        """Subscribe, and wait until the server has confirmed it.

        Raises:
            RedisServiceError: Redis refuses.
            RedisUnavailableError: It did not answer in time.
        """
        return self._start().__await__()

    async def __aiter__(self) -> AsyncIterator[Message]:
        """Give messages until it is closed."""
        while True:
            try:
                message = await self.get()
            except RedisServiceError:
                if not self.closed:
                    raise
                return
            if message is not None:
                yield message

    async def __aenter__(self) -> Self:
        return await self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def _start(self) -> Self:
        if self._tasks is not None:
            self._check_loop()
            return self
        self._loop = asyncio.get_running_loop()
        self._tasks = []
        try:
            await self._confirmed()
        except BaseException:
            await self.close()
            raise
        return self

    async def _confirmed(self) -> None:
        inbox = self._inbox
        client, self._lines = self._plan()
        inbox.unconfirmed = len(self._lines)
        self._tasks = [asyncio.create_task(self._run(line, client), name="swe-db-subscription") for line in self._lines]
        try:
            async with asyncio.timeout(self._timeout):
                await inbox.wait_for(lambda: inbox.unconfirmed <= 0 or inbox.refusal is not None or inbox.is_closed)
        except TimeoutError:
            raise RedisUnavailableError(unconfirmed(self._lines, self._timeout)) from None
        if inbox.refusal is not None:
            raise inbox.refusal

    async def _run(self, line: Listening, client: Any) -> None:  # noqa: ANN401
        wire = AsyncWire(client, line.topics, line.heartbeat)
        acts = line.acts()
        try:
            await self._take(acts, wire)
        except Exception as error:  # noqa: BLE001 - the one who subscribes is told
            self._inbox.refusal = error
            self._inbox.changed()
        finally:
            acts.close()
            await wire.close()

    async def _take(self, acts: Acts, wire: AsyncWire) -> None:
        act = next(acts)
        while not self.closed:  # before 3.12 asyncio.wait_for, which an act may use, can swallow being cancelled
            answer, error = None, None
            try:
                answer = await self._taken(act, wire)
            except Exception as caught:  # noqa: BLE001 - the core decides
                error = caught
            act = acts.send(answer) if error is None else acts.throw(error)

    async def _taken(self, act: Act, wire: AsyncWire) -> Any:  # noqa: ANN401 - whatever Redis sends
        match act:
            case Open():
                await wire.open(again=act.again)
            case Send():
                await wire.send(act.arguments)
            case Read():
                return await wire.read(act.seconds)
            case Pause():
                await asyncio.sleep(act.seconds)
            case Deliver():
                await self._inbox.put(act.entry)
            case Confirmed():
                self._inbox.unconfirmed -= 1
                self._inbox.changed()
        return None

    def _check_loop(self) -> None:
        if self._loop is None:
            raise RedisServiceError("the subscription has not begun: await it, or enter it with `async with`")
        if not self.is_here:
            raise RedisServiceError("the subscription belongs to another event loop: subscribe again on this one")

    async def _report(self, gap: Gap) -> None:
        if self._on_gap is None:
            log_gap(gap)
            return
        answer = self._on_gap(gap)
        if inspect.isawaitable(answer):
            await answer
