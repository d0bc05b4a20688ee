"""Durable streams: at least once, alike for both twins and on each Redis."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from support.subscribing import PATIENCE, eventually
from support.twins import Twin
from swe_db.errors import CacheTypeError, ConfigError
from swe_db.redis.pubsub import AsyncPubSubManager, Delivery, PubSubManager

KEY = "app:stream:{orders}"
EVERYWHERE = ("local", "client", "fake", "embedded", "tls", "acl", "sentinel", "cluster")
pytestmark = pytest.mark.places(
    "local", "fake", reason="the others differ in how a connection is made and where a key lies: some tests run on them"
)
on_clusters_too = pytest.mark.places("local", "fake", "cluster", reason="it depends on which node does what")


@pytest.fixture
def manager(place: Any) -> Any:
    """A manager whose streams have a prefix."""
    return place.make(PubSubManager, AsyncPubSubManager, prefix="app")


def durable(manager: Any, group: str = "billing", **options: Any) -> Any:
    """Return a stream."""
    made = manager.durable("orders", group, **options)
    return Twin(made, manager._loop) if isinstance(manager, Twin) else made


def fast(manager: Any, **options: Any) -> Any:
    """Return a stream that soon takes over what others have left."""
    return durable(manager, **{"claim_after": 0.02, **options})


@pytest.mark.places(*EVERYWHERE, reason="it shows that every server and protocol answers alike")
def test_what_is_published_is_handed_out(manager: Any) -> None:
    """Messages come in order, with their type, also those from before the group was there; then there is none."""
    with durable(manager) as stream:
        ids = [stream.publish(data) for data in ("text", b"\xff", {"a": [1, None]})]
        deliveries = [stream.get(PATIENCE) for _ in range(3)]
        assert deliveries == [Delivery(ids[0], "text"), Delivery(ids[1], b"\xff"), Delivery(ids[2], {"a": [1, None]})]
        assert stream.ack(*deliveries) == 3
        assert stream.ack(*deliveries) == 0
        assert stream.ack() == 0
        assert stream.get(0.01) is None
        assert stream.get(0) is None
        stream.publish("late")
        assert stream.get(0).data == "late"
    with pytest.raises(CacheTypeError):
        stream.publish((1, 2))


def test_consumers_share_and_groups_do_not(manager: Any) -> None:
    """Each message goes to one consumer of each group."""
    with durable(manager) as one, durable(manager) as other, durable(manager, "audit") as audit:
        for number in range(6):
            one.publish(number)
        shared = [stream.get(PATIENCE).data for stream in (one, other) * 3]
        assert sorted(shared) == list(range(6))
        assert one.get(0) is None
        assert [audit.get(PATIENCE).data for _ in range(6)] == list(range(6))


@on_clusters_too
def test_the_number_of_keys_and_their_slot(place: Any, manager: Any) -> None:
    """All keys of a stream have the prefix and one hash tag, so that scripts run on a cluster."""
    with fast(manager, max_deliveries=1) as stream:
        stream.publish(1)
        stream.get(PATIENCE)
        eventually(lambda: stream.get(0.01) is None and stream.dead_letters())
    assert sorted(place.client.keys()) == [KEY.encode(), f"{KEY}:dead:billing".encode()]


def test_after_a_restart_own_messages_come_first(manager: Any) -> None:
    """A consumer with a name gets what it had not acknowledged before anything new, in order, and knows it."""
    stream = durable(manager, consumer="pod-1")
    ids = [stream.publish(number) for number in range(5)]
    done, left, also_left = (stream.get(PATIENCE) for _ in range(3))
    stream.ack(done)
    again = durable(manager, consumer="pod-1")
    deliveries = [again.get(PATIENCE) for _ in range(4)]
    assert [delivery.data for delivery in deliveries] == [1, 2, 3, 4]
    assert [delivery.deliveries for delivery in deliveries] == [2, 2, 1, 1]
    assert [left.id, also_left.id] == ids[1:3]
    assert again.ack(*deliveries) == 4
    assert durable(manager, consumer="pod-1").get(0) is None


@on_clusters_too
def test_what_a_dead_consumer_has_left_is_taken_over(manager: Any) -> None:
    """A message that nobody acknowledges comes to another consumer after claim_after, not before."""
    dead = durable(manager)
    dead.publish("left")
    left = dead.get(PATIENCE)
    with durable(manager, claim_after=60) as patient:
        assert patient.get(0.05) is None
    with fast(manager) as heir:
        taken = heir.get(PATIENCE)
        assert taken == Delivery(left.id, "left", 2)
        assert heir.ack(taken) == 1
        assert dead.ack(left) == 0


def test_an_unacknowledged_message_comes_again_to_the_same(manager: Any) -> None:
    """A consumer whose handler failed, and that did not acknowledge, gets the message again."""
    with fast(manager) as stream:
        stream.publish("x")
        assert [stream.get(PATIENCE).deliveries for _ in range(3)] == [1, 2, 3]


@on_clusters_too
def test_poison_becomes_a_dead_letter(manager: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A message that is never acknowledged is handed out max_deliveries times, then kept apart; others go on."""
    with fast(manager, max_deliveries=3) as stream:
        poison = stream.publish({"bad": True})
        assert [stream.get(PATIENCE).deliveries for _ in range(3)] == [1, 2, 3]
        stream.publish("good")
        good = stream.get(PATIENCE)
        assert good.data == "good"
        stream.ack(good)
        eventually(lambda: stream.get(0.01) is None and stream.dead_letters())
        assert stream.dead_letters() == [Delivery(poison, {"bad": True}, 3)]
        assert stream.dead_letters(count=1) == stream.dead_letters()
    assert "handed out too often" in caplog.text


def test_poison_that_kills_its_consumer_dies_too(manager: Any) -> None:
    """Restarts count as well: a message that ends every process that takes it is not taken for ever."""
    durable(manager).publish("deadly")
    for number in range(3):
        assert durable(manager, consumer="pod", max_deliveries=3).get(PATIENCE).deliveries == number + 1
    last = durable(manager, consumer="pod", max_deliveries=3)
    assert last.get(0) is None
    assert [letter.data for letter in last.dead_letters()] == ["deadly"]


def test_a_stream_has_a_length(place: Any, manager: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Beyond maxlen the oldest messages go, handled or not; who would have handled one hears of it in the log."""
    with durable(manager, maxlen=100, consumer="pod") as stream:
        stream.publish(0)
        assert stream.get(PATIENCE).data == 0
        for number in range(1, 500):
            stream.publish(number)
        assert 100 <= place.client.xlen(KEY) < 300
    place.client.xtrim(KEY, maxlen=0, approximate=False)
    assert durable(manager, consumer="pod").get(0) is None
    assert "were trimmed before they were handled" in caplog.text
    assert place.client.xpending(KEY, "billing")["pending"] == 0


@on_clusters_too
def test_a_group_that_was_lost_is_made_again(place: Any, manager: Any) -> None:
    """Where the server has lost everything, also while somebody waits, the group is made anew and nothing ends."""
    with durable(manager) as stream:
        assert stream.get(0) is None
        place.client.flushall()
        stream.publish("after")
        assert stream.get(PATIENCE).data == "after"

        def lose_everything() -> None:
            place.client.flushall()
            place.client.xadd(KEY, {"data": "later"})

        loser = threading.Timer(0.05, lose_everything)
        loser.start()
        assert stream.get(PATIENCE).data == "later"
        loser.join()


def test_entries_of_others(place: Any, manager: Any) -> None:
    """An entry that others have added comes as a dict of its fields."""
    place.client.xadd(KEY, {"a": "text", "b": b"\xff"})
    with durable(manager) as stream:
        assert stream.get(PATIENCE).data == {"a": "text", "b": b"\xff"}


def test_batches(manager: Any) -> None:
    """Fetched together, messages come one by one, and all of them."""
    with durable(manager, batch=7) as stream:
        for number in range(20):
            stream.publish(number)
        assert [stream.get(PATIENCE).data for _ in range(20)] == list(range(20))


def test_closing_ends_iteration(manager: Any) -> None:
    """Iteration gives messages until the stream is closed by somebody else."""
    seen = []
    with durable(manager) as stream:
        stream.publish("x")
        closer = threading.Timer(0.05, stream.close)
        for delivery in stream:
            seen.append(delivery.data)
            stream.ack(delivery)
            closer.start()
        closer.join()
        assert stream.get(0) is None
    assert seen == ["x"]


@on_clusters_too
def test_names_that_nobody_uses_again_are_removed(place: Any, manager: Any) -> None:
    """A random consumer name is gone when its stream is closed, unless messages depend on it; a given one stays."""
    with durable(manager, consumer="pod") as named, durable(manager) as idle, durable(manager) as busy:
        for stream in (named, idle):
            stream.publish("x")
            stream.ack(stream.get(PATIENCE))
        idle.publish("x")
        assert busy.get(PATIENCE).data == "x"
    names = {consumer["name"] for consumer in place.client.xinfo_consumers(KEY, "billing")}
    assert names == {b"pod", busy.consumer.encode()}


def test_threads_share_a_stream(manager: Any) -> None:
    """Many who take from one stream get each message once."""
    with durable(manager) as stream:
        for number in range(40):
            stream.publish(number)
        seen: list[object] = []

        def take() -> None:
            while (delivery := stream.get(0)) is not None:
                seen.append(delivery.data)

        threads = [threading.Thread(target=take) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(seen, key=str) == sorted(range(40), key=str)


def test_calls_that_make_no_sense(manager: Any) -> None:
    """Each is refused with a message that says what is wrong."""
    for options, words in (
        ({"maxlen": 0}, "maxlen is 0"),
        ({"max_deliveries": 1.5}, r"max_deliveries is 1\.5"),
        ({"batch": True}, "batch is True"),
        ({"claim_after": 0}, "claim_after is 0"),
    ):
        with pytest.raises(ConfigError, match=words):
            manager.durable("orders", "billing", **options)
    for names in (("", "g"), ("s", ""), ("{s}", "g")):
        with pytest.raises(ConfigError, match="without braces"):
            manager.durable(*names)
