"""Publish and subscribe, alike for both twins and on each Redis."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Iterable
from typing import Any

import pytest
import redis
import redis.asyncio

from support.subscribing import PATIENCE, eventually, listen, running, subscription_threads
from swe_db.errors import CacheTypeError, ConfigError, RedisServiceError
from swe_db.redis.pubsub import AsyncPubSubManager, Gap, Message, PubSubManager, aget_pubsub_manager, get_pubsub_manager

EVERYWHERE = ("local", "client", "fake", "embedded", "tls", "acl", "sentinel", "cluster")
pytestmark = pytest.mark.places(
    "local", "fake", reason="the others differ in how a connection is made and where a key lies: some tests run on them"
)
on_clusters_too = pytest.mark.places("local", "fake", "cluster", reason="it depends on which node does what")


@pytest.fixture
def manager(place: Any) -> Any:
    """A manager with a prefix of its own: on a cluster messages of the test before may be on the way."""
    return place.make(PubSubManager, AsyncPubSubManager, prefix=secrets.token_hex(4))


def newest(subscription: Any) -> object:
    """Return what came last and still waits to be taken."""
    entries = subscription._inbox._mailbox._entries
    return entries[-1].data if entries and isinstance(entries[-1], Message) else None


def counted(place: Any, number: int) -> object:
    """Return how many subscribers a publish counts: a node of a cluster knows only its own."""
    return AnyOf(range(number + 1)) if place.name == "cluster" else number


class AnyOf:
    """Equal to each of some values."""

    def __init__(self, values: Iterable[object]) -> None:
        self._values = set(values)

    def __eq__(self, other: object) -> bool:
        return other in self._values

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.places(*EVERYWHERE, reason="it shows that subscriptions connect as the client does")
def test_a_message_arrives(place: Any, manager: Any) -> None:
    """What is published after subscribe has returned arrives, first message included, and publish counts it."""
    for number in range(5):
        with listen(manager, f"orders{number}") as subscription:
            assert manager.publish(f"orders{number}", 7) == counted(place, 1)
            assert subscription.get(PATIENCE) == Message(f"orders{number}", 7, raw=b"\xc1\x07")


@on_clusters_too
def test_messages_keep_their_order(manager: Any) -> None:
    """Messages of a channel come in the order in which they were published, and get tells when there is none."""
    with listen(manager, "a", "b") as subscription:
        for number in range(100):
            manager.publish("ab"[number % 2], number)
        messages = [subscription.get(PATIENCE) for _ in range(100)]
        for channel, numbers in (("a", range(0, 100, 2)), ("b", range(1, 100, 2))):
            assert [message.data for message in messages if message.channel == channel] == list(numbers)
        assert subscription.get(0.01) is None
        assert subscription.get(0) is None


def test_data_keeps_its_type(manager: Any) -> None:
    """What is sent comes back with the type that it had; empty bytes alone cannot be told from empty text."""
    sent = [
        "text é",
        b"\xff\x00",
        b"\xc1\x01",
        None,
        True,
        0,
        -(2**63),
        1.5,
        float("inf"),
        [1, [b"a", "a"]],
        {"a": {1: 2}},
    ]
    with listen(manager, "a") as subscription:
        for data in sent:
            manager.publish("a", data)
            received = subscription.get(PATIENCE).data
            assert (received, type(received)) == (data, type(data))
        manager.publish("a", b"")
        assert subscription.get(PATIENCE).data == ""


def test_what_would_not_come_back_is_refused(manager: Any) -> None:
    """A value that would come back as another, or not at all, is a TypeError when it is published."""
    for data in ((1, 2), {1, 2}, [(1,)], {"a": object()}, 2**70, "\ud800"):
        with pytest.raises(CacheTypeError, match="of type"):
            manager.publish("a", data)


def test_others_read_and_write_plain_payloads(place: Any) -> None:
    """Text and bytes are on the wire as they are; what others send never breaks the subscriber."""
    manager = place.make(PubSubManager, AsyncPubSubManager, prefix="app")
    with listen(manager, "a") as subscription:
        for payload in (b"text", b"\xfe\xff", b"\xc1\xc1", b"\xc1"):
            place.client.publish("app:a", payload)
        messages = [subscription.get(PATIENCE) for _ in range(4)]
        assert [message.data for message in messages] == ["text", b"\xfe\xff", b"\xc1\xc1", b"\xc1"]
        assert [message.raw for message in messages] == [b"text", b"\xfe\xff", b"\xc1\xc1", b"\xc1"]
        manager.publish("a", b"bytes")
        assert subscription.get(PATIENCE).raw == b"bytes"


@on_clusters_too
def test_broadcast_counts_by_channel(place: Any, manager: Any) -> None:
    """One message goes to several channels, each once; the counts say who got it."""
    with listen(manager, "a", "b") as one, listen(manager, "b") as other:
        assert manager.broadcast(["a", "b", "c", "a"], "x") == {
            "a": counted(place, 1),
            "b": counted(place, 2),
            "c": 0,
        }
        assert {one.get(PATIENCE).channel, one.get(PATIENCE).channel} == {"a", "b"}
        assert other.get(PATIENCE).channel == "b"
        assert manager.broadcast([], "x") == {}


@on_clusters_too
def test_patterns_are_seen_without_the_prefix(manager: Any) -> None:
    """A pattern matches channels of the manager; channel and pattern are shown as the user wrote them."""
    with listen(manager, "orders.*", "order[s]", pattern=True) as subscription:
        manager.publish("other", "x")
        manager.publish("orders.new", "y")
        manager.publish("orders", "z")
        received = [subscription.get(PATIENCE), subscription.get(PATIENCE)]
    new, other = sorted(received, key=lambda message: message.data)
    assert new == Message("orders.new", "y", "orders.*", b"y")
    assert other == Message("orders", "z", "order[s]", b"z")


def test_a_prefix_is_no_pattern(place: Any) -> None:
    """A prefix that looks like a glob matches itself alone, so that tests and tenants stay apart."""
    for prefix in ("a*", "a?", "[ab]", "a\\", "^a-z"):
        mine = place.make(PubSubManager, AsyncPubSubManager, prefix=prefix)
        with listen(mine, "*", pattern=True) as subscription:
            for other in ("ab", "a", "b", "aa"):
                place.client.publish(f"{other}:x", "not mine")
            mine.publish("x", "mine")
            assert subscription.get(PATIENCE) == Message("x", "mine", "*", b"mine")


def test_without_a_prefix_channels_are_as_they_are(place: Any) -> None:
    """Without a prefix nothing stands before a channel."""
    plain = place.make(PubSubManager, AsyncPubSubManager)
    with listen(plain, "a:b") as subscription:
        place.client.publish("a:b", "x")
        assert subscription.get(PATIENCE).channel == "a:b"


@on_clusters_too
def test_sharded_channels(manager: Any) -> None:
    """A sharded subscription gets what is published to shards and not what is published otherwise."""
    with listen(manager, "{a}1", "{a}2", sharded=True) as subscription:
        manager.publish("{a}1", "ordinary")
        assert manager.publish("{a}2", "sharded", sharded=True) == 1
        assert subscription.get(PATIENCE) == Message("{a}2", "sharded", None, b"sharded", sharded=True)


def test_calls_that_make_no_sense(manager: Any) -> None:
    """Each is refused with a message that says what is wrong."""
    for arguments, options, words in (
        ((), {}, "no channel"),
        (("a",), {"pattern": True, "sharded": True}, "no patterns"),
        (("a",), {"maxsize": 0}, "maxsize is 0"),
        (("a",), {"overflow": "drop_newest"}, "drop_newest"),
        (("a",), {"timeout": 0}, "timeout is 0"),
    ):
        with pytest.raises(ConfigError, match=words):
            manager.subscribe(*arguments, **options)
    with pytest.raises(ConfigError, match="no handler"):
        manager.run()


def test_a_full_queue_drops_the_oldest_and_says_so(manager: Any) -> None:
    """A slow subscriber is told once, with the number, at the place in the order where messages are missing."""
    seen: list[object] = []
    with listen(manager, "a", maxsize=3, on_gap=seen.append) as subscription, listen(manager, "a") as witness:
        for number in range(10):
            manager.publish("a", number)
        for _ in range(10):
            assert witness.get(PATIENCE) is not None
        eventually(lambda: newest(subscription) == 9)
        seen.extend(subscription.get(PATIENCE).data for _ in range(3))
        assert subscription.get(0) is None
    gap, *numbers = seen
    assert isinstance(gap, Gap)
    assert (gap.reason, gap.dropped, numbers) == ("overflow", 7, [7, 8, 9])
    assert gap.since <= gap.until


@on_clusters_too
def test_block_loses_nothing(manager: Any) -> None:
    """With overflow="block" a full queue makes the reader wait, and every message comes."""
    with listen(manager, "a", maxsize=2, overflow="block", on_gap=pytest.fail) as subscription:
        for number in range(50):
            manager.publish("a", number)
        assert [subscription.get(PATIENCE).data for _ in range(50)] == list(range(50))


def test_a_gap_without_on_gap_is_logged(manager: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody who does not ask for gaps misses them in silence."""
    with listen(manager, "a", maxsize=1) as subscription:
        for number in range(3):
            manager.publish("a", number)
        eventually(lambda: newest(subscription) == 2)
        assert subscription.get(PATIENCE).data == 2
    assert "lost 2 messages" in caplog.text


def test_what_on_gap_raises_leaves_get(manager: Any) -> None:
    """A subscriber that cannot live with a gap may stop at it, and may go on."""

    def refuse(gap: Gap) -> None:
        raise LookupError(gap.reason)

    with listen(manager, "a", maxsize=1, on_gap=refuse) as subscription:
        manager.publish("a", 1)
        manager.publish("a", 2)
        eventually(lambda: newest(subscription) == 2)
        with pytest.raises(LookupError, match="overflow"):
            subscription.get(PATIENCE)
        assert subscription.get(PATIENCE).data == 2


@pytest.mark.places(*EVERYWHERE, reason="it shows that every kind of connection can be woken")
@pytest.mark.parametrize("full", [False, True])
def test_closing_ends_who_waits(place: Any, full: bool) -> None:
    """Closing ends iteration, also while the reader waits for room, and leaves no thread; twice is once."""
    manager = place.make(PubSubManager, AsyncPubSubManager, prefix=secrets.token_hex(4), heartbeat=3600)
    with listen(manager, "a", maxsize=1, overflow="block") as subscription:
        for _ in range(3 if full else 0):
            manager.publish("a", 1)
        closer = threading.Timer(0.05, subscription.close)
        closer.start()
        for message in subscription:
            assert message.data == 1
        closer.join()
        subscription.close()
        assert subscription.closed
        assert not subscription.connected
        with pytest.raises(RedisServiceError, match="closed"):
            subscription.get()
    eventually(lambda: subscription_threads() == [])


@pytest.mark.places("local", reason="the servers of the other places tell the same of connections, or nothing")
def test_closing_leaves_no_connection(place: Any, manager: Any) -> None:
    """A subscription's connection is its own, and is gone when it is closed."""
    with listen(manager, "a"), listen(manager, "*", pattern=True):
        eventually(lambda: len(place.client.client_list(_type="pubsub")) == 2)
    eventually(lambda: place.client.client_list(_type="pubsub") == [])


def test_a_manager_closes_its_subscriptions(manager: Any) -> None:
    """Closing the manager ends its subscriptions, and leaves the client open."""
    with manager:
        one, other = listen(manager, "a").__enter__(), listen(manager, "b").__enter__()
    assert one.closed
    assert other.closed
    eventually(lambda: manager.publish("a", 1) == 0)


@on_clusters_too
def test_handlers_are_called(place: Any, manager: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Each handler gets what it is for; one that raises is logged, and the next message comes."""
    seen: list[tuple[str, object]] = []

    def all_of_them(message: Message) -> None:
        seen.append(("all", message.data))

    def fails(message: Message) -> None:
        seen.append(("fails", message.data))
        raise LookupError("mine")

    assert manager.on("orders.*", "audit")(all_of_them) is all_of_them
    manager.on("orders.new")(fails)
    with running(manager):
        manager.publish("orders.new", 1)
        manager.publish("orders.other", 2)
        manager.publish("audit", 3)
        eventually(lambda: len(seen) == 4)
    assert set(seen) == {("all", 1), ("fails", 1), ("all", 2), ("all", 3)}
    assert "LookupError: mine" in caplog.text
    eventually(lambda: subscription_threads() == [])


def test_run_ends_when_the_manager_is_closed(manager: Any) -> None:
    """Run calls handlers where it was called, until the manager is closed."""
    seen = threading.Event()
    manager.on("a", sharded=True)(lambda message: seen.set())
    runner = threading.Thread(target=manager.run, kwargs={"timeout": PATIENCE})
    runner.start()
    eventually(lambda: manager.publish("a", 1, sharded=True) or seen.is_set())
    assert seen.wait(PATIENCE)
    manager.close()
    runner.join(PATIENCE)
    assert not runner.is_alive()


def test_handlers_hear_of_gaps(manager: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Gaps reach on_gap while handlers run; what it raises is logged and ends nothing."""
    seen: list[object] = []
    go_on = threading.Event()

    def note(gap: Gap) -> None:
        seen.append(gap.dropped)
        raise LookupError("mine")

    def handle(message: Message) -> None:
        seen.append(message.data)

    manager.on("a")(handle)
    with running(manager, maxsize=1, on_gap=note), listen(manager, "a"):
        for number in range(200):
            manager.publish("a", number)
        eventually(lambda: seen[-1:] == [199])
    go_on.set()
    messages = [entry for entry in seen if isinstance(entry, int)]
    assert messages
    assert caplog.text.count("LookupError: mine") == caplog.text.count("note failed")


def test_coroutine_functions_are_for_asyncio(place: Any, manager: Any) -> None:
    """The async manager awaits coroutine functions; the sync one refuses them at once."""
    seen: list[object] = []

    async def handle(message: Message) -> None:
        await asyncio.sleep(0)
        seen.append(message.data)

    if place.twin == "sync":
        with pytest.raises(ConfigError, match="handle is a coroutine function"):
            manager.on("a")(handle)
        with pytest.raises(ConfigError, match="handle is a coroutine function"):
            manager.subscribe("a", on_gap=handle)
        return
    manager.on("a")(handle)
    with running(manager):
        manager.publish("a", 1)
        eventually(lambda: seen == [1])


@pytest.mark.parametrize(
    ("get", "client"),
    [(get_pubsub_manager, redis.Redis()), (aget_pubsub_manager, redis.asyncio.Redis())],
    ids=["sync", "async"],
)
def test_the_manager_that_all_share(monkeypatch: pytest.MonkeyPatch, get: Any, client: Any) -> None:
    """For a client, or for REDIS_URL, and a prefix there is one manager in the process."""
    assert get(client) is get(client)
    assert get(client) is not get(client, prefix="other")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    assert get() is get()
    assert get() is not get(client)
