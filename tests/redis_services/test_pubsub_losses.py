"""What becomes of a subscription whose connection does not live on, on a real server: fakeredis has no connections."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
import redis
import redis.asyncio

from support.losses import make, proxy, raw, server
from support.stoppable import StoppableRedis
from support.subscribing import PATIENCE, eventually, listen, subscription_threads
from swe_db.errors import AmbiguousResultError, RedisServiceError, RedisUnavailableError
from swe_db.faults import RedisProxy
from swe_db.redis.pubsub import AsyncPubSubManager, Gap, Message, PubSubManager

__all__ = ["make", "proxy", "raw", "server"]


def published(raw: Any, data: object) -> bool:
    """Publish where somebody listens, and return whether anybody does."""
    return bool(raw.publish("a", str(data)))


def windows(commands: Sequence[Sequence[bytes]], size: int) -> list[list[bytes]]:
    """Return the names of so many commands that follow each other, from each one on."""
    names = [command[0].upper() for command in commands]
    return [names[start : start + size] for start in range(len(names))]


def test_a_killed_connection_is_one_gap(server: StoppableRedis, raw: Any, make: Any) -> None:
    """After CLIENT KILL messages come again by themselves, and each loss is told once where it was (pitfall 2)."""
    seen: list[Any] = []
    with listen(make(server.url), "a", on_gap=seen.append) as subscription:
        for number in range(5):
            eventually(partial(published, raw, number))
            seen.append(subscription.get(PATIENCE).data)
            assert raw.client_kill_filter(_type="pubsub") == 1
        eventually(lambda: published(raw, "last"))
        seen.append(subscription.get(PATIENCE).data)
        assert subscription.connected
    assert seen[0::2] == ["0", "1", "2", "3", "4", "last"]
    assert [gap.reason for gap in seen[1::2]] == ["disconnected"] * 5
    assert all(gap.since <= gap.until and gap.dropped is None for gap in seen[1::2])


def test_what_waited_comes_before_the_gap(server: StoppableRedis, raw: Any, make: Any) -> None:
    """Messages that had arrived are not lost by a disconnect, and the gap stands behind them."""
    seen: list[Any] = []
    with listen(make(server.url), "a", on_gap=seen.append) as subscription:
        for number in range(10):
            raw.publish("a", number)
        eventually(lambda: len(subscription._inbox._mailbox._entries) == 10)
        raw.client_kill_filter(_type="pubsub")
        eventually(lambda: published(raw, "after"))
        seen.extend(subscription.get(PATIENCE).data for _ in range(10))
        assert seen == [str(number) for number in range(10)]
        seen.append(subscription.get(PATIENCE).data)
    assert isinstance(seen[10], Gap)
    assert seen[11] == "after"


def test_an_outage_is_survived(server: StoppableRedis, make: Any) -> None:
    """A server that is gone for a while, and comes back on its port, is found again; patterns come back too."""
    seen: list[Any] = []
    began = datetime.now(UTC)
    manager = make(server.url, prefix="p")
    with (
        listen(manager, "a", on_gap=seen.append) as subscription,
        listen(manager, "*", pattern=True) as patterns,
    ):
        server.kill()
        eventually(lambda: not subscription.connected)
        with pytest.raises(RedisUnavailableError):
            manager.publish("a", "lost")
        assert subscription.get(0.4) is None
        assert seen == []
        server.start()
        eventually(lambda: subscription.connected and patterns.connected)
        assert manager.publish("a", "found") == 2
        seen.append(subscription.get(PATIENCE))
        assert patterns.get(PATIENCE).pattern == "*"
    gap, message = seen
    assert began <= gap.since < gap.until
    assert (gap.until - gap.since).total_seconds() > 0.3
    assert "closed" in gap.detail.lower()
    assert message == Message("a", "found", None, b"found")


def test_the_limit_for_slow_subscribers_is_a_gap(server: StoppableRedis, raw: Any, make: Any) -> None:
    """Who is cut off by the server's output-buffer limit is not deaf afterwards, and is told (pitfall 23)."""
    seen: list[Any] = []
    limit = raw.config_get("client-output-buffer-limit")["client-output-buffer-limit"]
    raw.config_set("client-output-buffer-limit", "pubsub 100kb 0 0")
    with listen(make(server.url), "a", maxsize=1, overflow="block", on_gap=seen.append) as subscription:
        eventually(lambda: not raw.publish("a", "x" * 50_000))
        raw.config_set("client-output-buffer-limit", limit)
        before = 0
        while not seen:
            before += subscription.get(0.01) is not None
        assert before
        eventually(lambda: published(raw, "after"))
        assert subscription.get(PATIENCE).data == "after"
    assert [gap.reason for gap in seen] == ["disconnected"]


def test_a_silent_network_is_noticed(raw: Any, proxy: RedisProxy, make: Any) -> None:
    """A connection that is open and dead is given up after two heartbeats, and is a gap since the last sign of life."""
    seen: list[Any] = []
    with listen(make(proxy.url, heartbeat=0.1), "a", on_gap=seen.append) as subscription:
        fault = proxy.drop_replies("PING", then="silence")
        fault.wait(PATIENCE)
        eventually(lambda: published(raw, "heard") and subscription.get(0.2))
    assert (seen[0].until - seen[0].since).total_seconds() >= 0.2
    assert "nothing was heard" in seen[0].detail


def test_a_healthy_silence_is_no_loss(proxy: RedisProxy, make: Any) -> None:
    """A subscription on which nothing comes asks, hears the answer and stays: it asks again on the same connection."""
    with listen(make(proxy.url, heartbeat=0.1), "a"):
        eventually(lambda: [b"PING"] * 3 in windows(list(proxy.commands), 3))


def test_a_server_that_comes_in_time_is_waited_for(proxy: RedisProxy, make: Any) -> None:
    """Subscribe goes on trying until its time-out, and does not return before the server has confirmed."""
    proxy.refuse()
    threading.Timer(0.1, proxy.accept).start()
    with listen(make(proxy.url), "a", on_gap=pytest.fail) as subscription:
        assert proxy.count("SUBSCRIBE") == 1
        assert subscription.connected


def test_a_message_is_published_once(raw: Any, server: StoppableRedis, proxy: RedisProxy, make: Any) -> None:
    """A publish whose reply is lost is an error and is not repeated behind the caller's back."""
    manager = make(proxy.url)
    with listen(make(server.url), "a") as subscription:
        manager.broadcast(["b"], "x")  # the server has the script now
        for publish in (manager.publish, manager.broadcast):
            proxy.drop_replies("a")
            with pytest.raises(AmbiguousResultError):
                publish("a", "x")
            assert subscription.get(PATIENCE).data == "x"
            assert subscription.get(0.05) is None


def test_no_server_is_an_error_in_time(make: Any) -> None:
    """Who subscribes where no server is hears of it after the time-out, and nothing goes on behind."""
    manager = make("redis://127.0.0.1:1")

    def complaint() -> str:
        with pytest.raises(RedisUnavailableError, match=r"within 0\.2 s") as caught:
            listen(manager, "a", timeout=0.2).__enter__()
        return str(caught.value)

    assert any("Error 111" in complaint() for _ in range(20))  # on a slow machine even a refusal may come too late
    eventually(lambda: subscription_threads() == [])


def test_a_refusal_is_an_error_at_once(server: StoppableRedis, raw: Any, make: Any) -> None:
    """A channel that the user may not read, or a wrong password, is an error of ours, and leaves nothing behind."""
    raw.acl_setuser("reader", enabled=True, passwords=["+x"], categories=["+@all"], channels=["b"], keys=["*"])
    url = server.url.replace("redis://", "redis://reader:{}@")
    with pytest.raises(RedisServiceError, match=r"refuses the subscription.*channel"):
        listen(make(url.format("x")), "a", timeout=30).__enter__()
    with pytest.raises(RedisServiceError, match="refuses the subscription"):
        listen(make(url.format("y")), "b", timeout=30).__enter__()
    eventually(lambda: subscription_threads() == [])
    eventually(lambda: raw.client_list(_type="pubsub") == [])


def test_a_client_that_decodes(server: StoppableRedis, make: Any) -> None:
    """Data keeps its type with a client that decodes its responses, and with RESP3 and RESP2."""
    for options in ({"decode_responses": True}, {"protocol": 3}, {"protocol": 2}):
        manager = make(server.url, options=options)
        with listen(manager, "a") as subscription:
            for data in (b"\xff", {"a": [b"b"]}, "text"):
                manager.publish("a", data)
                assert subscription.get(PATIENCE).data == data


def test_closing_is_prompt_whatever_happens(server: StoppableRedis, make: Any) -> None:
    """Closing does not wait for a heartbeat, a pause or a server that does not answer."""
    with listen(make(server.url, heartbeat=3600), "a") as subscription:
        began = time.monotonic()
    assert time.monotonic() - began < PATIENCE
    with listen(make(server.url, heartbeat=3600), "a") as subscription:
        server.kill()
        eventually(lambda: not subscription.connected)
    server.start()
    eventually(lambda: subscription_threads() == [])


def test_a_forgotten_subscription_ends(server: StoppableRedis, raw: Any) -> None:
    """A subscription that nobody holds any more ends its thread and its connection."""
    with server.connect() as client:
        subscription = PubSubManager(client=client).subscribe("a", timeout=PATIENCE)
        eventually(lambda: len(subscription_threads()) == 1)
        del subscription
        eventually(lambda: subscription_threads() == [])
        eventually(lambda: raw.client_list(_type="pubsub") == [])


def test_a_burst_does_not_overrun_who_is_quick_enough(server: StoppableRedis, raw: Any) -> None:
    """Many messages in one piece are handed on while they are read, on an event loop too, which interrupts nobody."""
    seen: list[object] = []

    async def take() -> None:
        async with redis.asyncio.Redis.from_url(server.url) as client:
            manager = AsyncPubSubManager(client=client)
            options: Any = {"maxsize": 10, "on_gap": seen.append, "timeout": PATIENCE}
            async with manager.subscribe("a", **options) as subscription:
                with raw.pipeline(transaction=False) as pipeline:
                    for number in range(2000):
                        pipeline.publish("a", number)
                    pipeline.execute()
                while len(seen) < 2000 and (message := await subscription.get(PATIENCE)):
                    seen.append(message.data)

    asyncio.run(take())
    assert seen == [str(number) for number in range(2000)]


def test_a_fork_leaves_the_parent_in_peace(server: StoppableRedis, raw: Any) -> None:
    """A child cannot take from its parent's subscription, is told so, may subscribe itself, and does no harm."""
    with server.connect() as client:
        manager = PubSubManager(client=client)
        with manager.subscribe("a", timeout=PATIENCE) as subscription:
            child = os.fork()
            if child == 0:
                os._exit(in_the_child(manager, subscription))
            _, status = os.waitpid(child, 0)
            assert os.waitstatus_to_exitcode(status) == 0
            raw.publish("a", "still here")
            message = subscription.get(PATIENCE)
            while message is not None and message.data == "child":
                message = subscription.get(PATIENCE)
            assert message is not None
            assert message.data == "still here"


def in_the_child(manager: PubSubManager, subscription: Any) -> int:
    """Return 0 if all is as it should be."""
    try:
        subscription.get(0)
    except RedisServiceError as error:
        manager.close()
        subscription.close()
        with manager.subscribe("a", timeout=PATIENCE) as own:
            manager.publish("a", "child")
            message = own.get(PATIENCE)
        return 0 if "fork" in str(error) and message is not None and message.data == "child" else 2
    return 1


def test_another_loop_is_told(server: StoppableRedis) -> None:
    """A subscription of asyncio works on the loop that it began on; elsewhere, or too early, an error says so."""

    async def misuse(manager: AsyncPubSubManager, subscription: Any) -> None:
        for call in (subscription.get, subscription.close):
            with pytest.raises(RedisServiceError, match="another event loop"):
                await call()
        await manager.close()

    async def use() -> None:
        async with redis.asyncio.Redis.from_url(server.url) as client:
            manager = AsyncPubSubManager(client=client)
            subscription = manager.subscribe("a", timeout=PATIENCE)
            with pytest.raises(RedisServiceError, match="await it"):
                await subscription.get(0)
            async with subscription:
                assert await subscription is subscription
                await asyncio.to_thread(lambda: asyncio.run(misuse(manager, subscription)))
                assert subscription.connected
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(use())
