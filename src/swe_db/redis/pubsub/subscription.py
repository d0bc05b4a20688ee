"""Subscriptions of threads."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Self, TypeAlias

from swe_db.errors import RedisServiceError, RedisUnavailableError
from swe_db.redis.pubsub.listening import Act, Acts, Confirmed, Deliver, Listening, Open, Pause, Read, Send
from swe_db.redis.pubsub.mailbox import Entry, Gap, Mailbox, Message
from swe_db.redis.pubsub.wires import Wire

__all__ = ["OnGap", "Subscription"]

logger = logging.getLogger(__name__)

OnGap: TypeAlias = Callable[[Gap], Any]

PATIENCE: Final = 2.0  # seconds that closing waits for a thread that is just connecting


class _Inbox:
    """A mailbox that threads wait at."""

    def __init__(self, mailbox: Mailbox, lines: int) -> None:
        self._mailbox = mailbox
        self._changed = threading.Condition()
        self._unconfirmed = lines
        self._refusal: Exception | None = None
        self.is_closed = False

    def confirm(self) -> None:
        with self._changed:
            self._unconfirmed -= 1
            self._changed.notify_all()

    def refuse(self, error: Exception) -> None:
        with self._changed:
            self._refusal = error
            self._changed.notify_all()

    def wait_for_confirmation(self, seconds: float) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._unconfirmed <= 0 or self._refusal, seconds)
            if self._refusal is not None:
                raise self._refusal
            return self._unconfirmed <= 0

    def put(self, entry: Entry) -> None:
        if self._mailbox.is_full:  # what redis-py has already read comes without a pause: let others take some first
            time.sleep(0)
        with self._changed:
            self._changed.wait_for(lambda: self.is_closed or self._mailbox.takes(entry))
            if not self.is_closed:
                self._mailbox.put(entry)
                self._changed.notify_all()

    def pop(self, seconds: float | None) -> Entry | None:
        with self._changed:
            self._changed.wait_for(lambda: self.is_closed or self._mailbox, seconds)
            if self.is_closed or not self._mailbox:
                return None
            self._changed.notify_all()
            return self._mailbox.pop()

    def pause(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self.is_closed, seconds)

    def close(self) -> None:
        with self._changed:
            self.is_closed = True
            self._changed.notify_all()


class _Reader:
    """A thread that takes the acts of one connection. It knows nothing of the subscription, which may be forgotten."""

    def __init__(self, line: Listening, wire: Wire, inbox: _Inbox) -> None:
        self._line = line
        self._wire = wire
        self._inbox = inbox
        self._thread = threading.Thread(target=self._run, name="swe-db-subscription", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._wire.wake()
        if self._thread is not threading.current_thread():
            self._thread.join(PATIENCE)

    def _run(self) -> None:
        acts = self._line.acts()
        try:
            self._take(acts)
        except Exception as error:  # noqa: BLE001 - the one who subscribes is told
            self._inbox.refuse(error)
        finally:
            acts.close()
            self._wire.close()

    def _take(self, acts: Acts) -> None:
        act = next(acts)
        while True:
            answer, error = None, None
            try:
                answer = self._taken(act)
            except Exception as caught:  # noqa: BLE001 - the core decides
                error = caught
            if self._inbox.is_closed:  # an error is then that we have cut the connection ourselves
                return
            act = acts.send(answer) if error is None else acts.throw(error)

    def _taken(self, act: Act) -> Any:  # noqa: ANN401 - whatever Redis sends
        match act:
            case Open():
                self._wire.open(again=act.again)
            case Send():
                self._wire.send(act.arguments)
            case Read():
                return self._wire.read(act.seconds)
            case Pause():
                self._inbox.pause(act.seconds)
            case Deliver():
                self._inbox.put(act.entry)
            case Confirmed():
                self._inbox.confirm()
        return None


class Subscription:
    """What was subscribed to: iterate over it, or `get` message by message; `with` closes it.

    Its messages are read by a thread of its own and wait in a queue. Several threads may take from one subscription;
    each message goes to one of them. `PubSubManager.subscribe` makes it.
    """

    def __init__(
        self,
        client: Any,  # noqa: ANN401
        lines: Sequence[Listening],
        mailbox: Mailbox,
        on_gap: OnGap | None,
    ) -> None:
        self._lines = lines
        self._on_gap = on_gap
        self._process = os.getpid()
        self._inbox = _Inbox(mailbox, len(lines))
        readers = [_Reader(line, Wire(client, line.topics, line.heartbeat), self._inbox) for line in lines]
        self._stop = weakref.finalize(self, _stop, self._process, self._inbox, readers)

    @property
    def connected(self) -> bool:
        """Whether the server has confirmed all that was subscribed to and is not known to be gone."""
        return not self.closed and all(line.connected for line in self._lines)

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._inbox.is_closed

    def wait_for_confirmation(self, seconds: float) -> None:
        """Wait until the server has confirmed it, or close it.

        Raises:
            RedisServiceError: Redis refuses.
            RedisUnavailableError: It did not answer in time.
        """
        try:
            confirmed = self._inbox.wait_for_confirmation(seconds)
        except BaseException:
            self.close()
            raise
        if not confirmed:
            self.close()
            raise RedisUnavailableError(unconfirmed(self._lines, seconds))

    def get(self, timeout: float | None = None) -> Message | None:
        """Return the next message, None if none came in time.

        Args:
            timeout: Seconds to wait, 0 to take only what is there, None to wait for ever.

        Raises:
            RedisServiceError: The subscription was closed, or belongs to the process that we were forked from.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            self._check_process()
            entry = self._inbox.pop(None if end is None else max(0.0, end - time.monotonic()))
            if isinstance(entry, Message):
                return entry
            if entry is None and self.closed:
                raise RedisServiceError("the subscription is closed")
            if entry is None:
                return None
            self._report(entry)

    def close(self) -> None:
        """End it at once: what waits in the queue is forgotten. Done twice, it does nothing."""
        self._stop()

    def __iter__(self) -> Iterator[Message]:
        """Give messages until it is closed."""
        while True:
            try:
                message = self.get()
            except RedisServiceError:
                if not self.closed:
                    raise
                return
            if message is not None:
                yield message

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise RedisServiceError("the subscription belongs to another process: subscribe again after a fork")

    def _report(self, gap: Gap) -> None:
        if self._on_gap is None:
            log_gap(gap)
        else:
            self._on_gap(gap)


def unconfirmed(lines: Sequence[Listening], seconds: float) -> str:
    """Return a message that says that nobody has confirmed a subscription."""
    trouble = next((line.trouble for line in lines if line.trouble is not None), "it does not answer")
    return f"Redis did not confirm the subscription within {seconds} s: {trouble}"


def log_gap(gap: Gap) -> None:
    """Log a gap that nobody wants to be told of."""
    lost = "an unknown number of" if gap.dropped is None else gap.dropped
    logger.warning("a subscription lost %s messages since %s (%s): %s", lost, gap.since, gap.reason, gap.detail)


def _stop(process: int, inbox: _Inbox, readers: Sequence[_Reader]) -> None:
    if os.getpid() != process:  # the threads are the parent's, and one of them may have held the lock when we forked
        return
    inbox.close()
    for reader in readers:
        reader.stop()
