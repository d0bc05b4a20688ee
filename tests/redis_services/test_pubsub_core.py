"""What a subscription's connection does, and its queue, without a server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from unittest.mock import ANY

import pytest
import redis.exceptions
from hypothesis import given
from hypothesis import strategies as st

from swe_db.errors import RedisServiceError
from swe_db.redis.pubsub.channels import Channels
from swe_db.redis.pubsub.listening import Confirmed, Deliver, Listening, Open, Pause, Read, Send, Topic
from swe_db.redis.pubsub.mailbox import Gap, Mailbox, Message

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
SUBSCRIBED = [b"subscribe", b"p:a", 1]
LOST = redis.exceptions.ConnectionError("gone")


def clock() -> Any:
    """Return a clock that moves by a second whenever it is read."""
    seconds = count()
    return lambda: BEGIN + timedelta(seconds=next(seconds))


def listening(*topics: Topic, jitter: float = 1.0) -> Any:
    """Return a core for the topics, else for one channel."""
    given_topics = topics or (Topic("channel", b"p:a"),)
    return Listening(given_topics, Channels("p"), 5.0, clock=clock(), jitter=lambda: jitter)


def confirmed(acts: Any) -> None:
    """Take a core up to where it is confirmed and reads."""
    act = next(acts)
    while not isinstance(act, Read):
        act = acts.send(None)
    assert isinstance(acts.send(SUBSCRIBED), Confirmed)
    assert acts.send(None) == Read(5.0)


def test_it_comes_back_for_ever() -> None:
    """However often it fails, it pauses and tries again; pauses grow from 50 ms to 2 s and are not all alike."""
    for jitter, shortest, longest in ((0.0, 0.025, 1.0), (1.0, 0.05, 2.0)):
        acts = listening(jitter=jitter).acts()
        assert next(acts) == Open(again=False)
        pauses = []
        for _ in range(5000):
            pause = acts.throw(LOST)
            assert isinstance(pause, Pause)
            pauses.append(pause.seconds)
            assert acts.send(None) == Open(again=True)
        assert pauses == sorted(pauses)
        assert (pauses[0], pauses[-1]) == (shortest, longest)


def test_each_loss_is_one_gap_before_what_comes_later() -> None:
    """The gap reaches from the last sign of life to the new confirmation, however many attempts lie between."""
    core = listening()
    acts = core.acts()
    confirmed(acts)
    assert acts.send([b"message", b"p:a", b"1"]) == Deliver(Message("a", "1", None, b"1"))
    assert acts.send(None) == Read(5.0)
    assert isinstance(acts.throw(LOST), Pause)
    assert not core.connected
    for _ in range(3):
        assert acts.send(None) == Open(again=True)
        assert isinstance(acts.throw(LOST), Pause)
    assert acts.send(None) == Open(again=True)
    assert acts.send(None) == Send((b"SUBSCRIBE", b"p:a"))
    assert acts.send(None) == Read(5.0)
    gap = acts.send(SUBSCRIBED)
    second = timedelta(seconds=1)
    assert gap == Deliver(Gap("disconnected", BEGIN + second, BEGIN + 2 * second, None, "gone"))
    assert core.connected
    assert acts.send(None) == Read(5.0)
    assert acts.throw(LOST) == Pause(0.05)


def test_messages_that_overtake_a_confirmation_come_after_the_gap() -> None:
    """While only some subscriptions are back, what they bring waits for the gap."""
    acts = listening(Topic("channel", b"p:a"), Topic("pattern", b"p:*")).acts()
    replies = [None, None, None, SUBSCRIBED, [b"psubscribe", b"p:*", 2], None]
    assert isinstance([next(acts), *map(acts.send, replies)][-1], Read)
    acts.throw(LOST)
    assert acts.send(None) == Open(again=True)
    early = [b"message", b"p:a", b"early"]
    answers = [None, None, None, SUBSCRIBED, early, [b"psubscribe", b"p:*", 2], None]
    gap, message = list(map(acts.send, answers))[-2:]
    assert isinstance(gap.entry, Gap)
    assert message == Deliver(Message("a", "early", None, b"early"))


def test_silence_is_asked_about_and_then_a_loss() -> None:
    """After a heartbeat of silence comes a PING, after another one without an answer a new connection."""
    acts = listening().acts()
    confirmed(acts)
    assert acts.send(None) == Send((b"PING",))
    assert acts.send(None) == Read(5.0)
    assert acts.send([b"pong", b""]) == Read(5.0)
    assert acts.send(None) == Send((b"PING",))
    assert acts.send(None) == Read(5.0)
    assert isinstance(acts.send(None), Pause)


def test_a_server_that_does_not_confirm_is_left() -> None:
    """A subscription that is not answered is a loss too."""
    acts = listening().acts()
    assert [next(acts), acts.send(None), acts.send(None)][-1] == Read(5.0)
    assert isinstance(acts.send(None), Pause)


def test_a_slot_that_moves_is_a_loss() -> None:
    """A cluster's node that ends a sharded subscription sends us to look for the new one."""
    acts = listening(Topic("shard", b"p:a")).acts()
    assert [next(acts), acts.send(None)][-1] == Send((b"SSUBSCRIBE", b"p:a"))
    acts.send(None)
    assert isinstance(acts.throw(redis.exceptions.MovedError("1 127.0.0.1:1")), Pause)
    assert acts.send(None) == Open(again=True)
    acts.send(None), acts.send(None)
    assert isinstance(acts.send([b"ssubscribe", b"p:a", 1]), Confirmed)
    acts.send(None)
    assert isinstance(acts.send([b"sunsubscribe", b"p:a", 0]), Pause)


def test_a_refusal_ends_it_only_before_it_was_confirmed() -> None:
    """What Redis refuses from the start is the caller's to know; what it refuses later may pass."""
    refusal = redis.exceptions.NoPermissionError("NOPERM")
    acts = listening().acts()
    next(acts)
    with pytest.raises(RedisServiceError, match="NOPERM"):
        acts.throw(refusal)
    acts = listening().acts()
    confirmed(acts)
    assert isinstance(acts.throw(refusal), Pause)
    acts = listening(Topic("shard", b"p:a")).acts()
    next(acts)
    with pytest.raises(RedisServiceError, match="needs Redis 7"):
        acts.throw(redis.exceptions.ResponseError("unknown command 'SSUBSCRIBE'"))


def missing(taken: list[int], gaps: dict[int, int]) -> Iterator[int]:
    """Yield for each gap how many numbers are missing where it stands."""
    for place, dropped in gaps.items():
        before = taken[place - 1] if place else -1
        yield taken[place] - before - 1 - dropped


@given(st.integers(1, 4), st.lists(st.sampled_from(["put", "take", "lose"]), max_size=60))
def test_every_missing_message_is_told_of_where_it_is_missing(maxsize: int, acts: list[str]) -> None:
    """However messages, losses and a slow subscriber follow each other, gaps stand where messages are missing."""
    box = Mailbox(maxsize, "drop_oldest", clock())
    numbers = count()
    entries: list[Any] = []
    for act in [*acts, "put"]:
        if act == "put":
            box.put(Message("a", next(numbers)))
        elif act == "lose":
            box.put(Gap("disconnected", BEGIN, BEGIN, None, "gone"))
        elif box:
            entries.append(box.pop())
        assert len(box._entries) <= 3 * maxsize + 2
    while box:
        entries.append(box.pop())
    taken: list[int] = []
    dropped: dict[int, int] = {}
    for entry in entries:
        if isinstance(entry, Message):
            taken.append(entry.data)  # type: ignore[arg-type]
        elif entry.reason == "overflow":
            dropped[len(taken)] = dropped.get(len(taken), 0) + entry.dropped
    assert all(left == 0 for left in missing(taken, dropped))
    assert len(taken) + sum(dropped.values()) == next(numbers)
    assert ("lose" in acts) == any(entry.reason == "disconnected" for entry in entries if isinstance(entry, Gap))


def test_gaps_next_to_each_other_are_one() -> None:
    """Losses with nothing between them are one gap from the first to the last, so that they cannot pile up."""
    box = Mailbox(1, "drop_oldest", clock())
    for number in range(100):
        box.put(Gap("disconnected", BEGIN + timedelta(hours=number), BEGIN + timedelta(hours=number + 1), None, "x"))
        box.put(Message("a", number))
    entries = []
    while box:
        entries.append(box.pop())
    disconnected = Gap("disconnected", BEGIN, BEGIN + timedelta(hours=100), None, "x")
    assert entries[0] == disconnected
    assert entries[1:] == [Gap("overflow", BEGIN, BEGIN + timedelta(seconds=98), 99, ANY), Message("a", 99)]
