"""Durable streams lose nothing when servers, connections and consumers do not live on; on a real server."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Any

import pytest

from support.losses import make, proxy, raw, server
from support.stoppable import StoppableRedis
from support.subscribing import PATIENCE, eventually
from support.twins import Twin
from swe_db.errors import RedisUnavailableError
from swe_db.faults import RedisProxy

__all__ = ["make", "proxy", "raw", "server"]


@pytest.fixture(autouse=True)
def _empty(raw: Any) -> None:
    """Nothing is left of the test before."""
    raw.flushall()


def durable(manager: Any, **options: Any) -> Any:
    """Return a stream."""
    made = manager.durable("orders", "billing", **options)
    return Twin(made, manager._loop) if isinstance(manager, Twin) else made


def test_a_restart_of_the_server_loses_nothing(server: StoppableRedis, make: Any) -> None:
    """With an append-only file, what was not acknowledged before a kill is handed out after it."""
    with durable(make(server.url), consumer="pod", claim_after=0.05) as stream:
        for number in range(3):
            stream.publish(number)
        assert stream.ack(stream.get(PATIENCE)) == 1
        assert stream.get(PATIENCE).data == 1
        server.kill()
        with pytest.raises(RedisUnavailableError):
            stream.publish("lost")
        with pytest.raises(RedisUnavailableError):
            stream.get(0.1)
        server.start()
        assert stream.get(PATIENCE).data in (1, 2)
        assert stream.get(PATIENCE).data in (1, 2)


def test_iteration_waits_for_the_server(server: StoppableRedis, make: Any) -> None:
    """Who iterates while the server is killed and comes back gets the next message, and no error."""
    manager = make(server.url)
    with durable(manager) as stream, durable(manager) as publisher:
        publisher.publish(1)
        messages = iter(stream)
        assert next(messages).data == 1
        server.kill()

        def revive() -> None:
            server.start()
            publisher.publish(2)

        reviver = threading.Timer(0.3, revive)
        reviver.start()
        assert next(messages).data == 2
        reviver.join()


@pytest.mark.parametrize("word", ["XREADGROUP", "EVALSHA"])
def test_a_lost_reply_loses_no_message(proxy: RedisProxy, make: Any, word: str) -> None:
    """A message whose delivery was lost on the way is handed out again, and nothing comes twice without saying so."""
    with durable(make(proxy.url), claim_after=0.05) as stream:
        assert stream.get(0) is None  # the server has group and script now
        stream.publish("x")
        if word == "EVALSHA":
            assert stream.get(PATIENCE).deliveries == 1
        fault = proxy.drop_replies(word)
        delivery = stream.get(PATIENCE)
        assert fault.has_happened
        assert delivery.data == "x"
        assert delivery.deliveries > 1
        assert stream.ack(delivery) == 1
        assert stream.get(0.2) is None


def test_a_lost_acknowledgement_can_be_repeated(proxy: RedisProxy, make: Any) -> None:
    """An acknowledgement whose reply was lost has happened or not; saying it again does no harm."""
    with durable(make(proxy.url), claim_after=0.05) as stream:
        stream.publish("x")
        delivery = stream.get(PATIENCE)
        proxy.drop_replies("XACK")
        with pytest.raises(RedisUnavailableError):
            stream.ack(delivery)
        assert stream.ack(delivery) == 0
        assert stream.get(0.1) is None


def test_a_silent_server_is_left(proxy: RedisProxy, make: Any) -> None:
    """A read whose reply never comes ends with the client's time-out, and the message comes after all."""
    durable(make(proxy.url)).publish("x")
    with durable(make(proxy.url, options={"socket_timeout": 0.2}), claim_after=0.05) as stream:
        proxy.drop_replies("XREADGROUP", then="silence")
        assert stream.get(PATIENCE).data == "x"


def test_nothing_is_lost_in_a_storm(server: StoppableRedis, proxy: RedisProxy, make: Any) -> None:
    """Whatever is cut and killed meanwhile, every message whose publish has returned is handled."""
    storm = Storm(make(proxy.url))
    with storm:
        for _ in range(6):
            time.sleep(0.03)
            proxy.cut()
        server.kill()
        server.start()
        eventually(lambda: len(storm.published) == 80 and storm.published <= storm.handled)
    with durable(make(server.url)) as rest:
        assert rest.dead_letters() == []


class Storm:
    """Two that publish and two that handle, each in a thread, who do not give up."""

    def __init__(self, manager: Any) -> None:
        self.published: set[object] = set()
        self.handled: set[object] = set()
        self._manager = manager
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._publish, args=(name,)) for name in range(2)]
        self._threads += [threading.Thread(target=self._handle) for _ in range(2)]

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *error: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _publish(self, name: int) -> None:
        waiting = [f"{name}-{number}" for number in range(40)]
        with durable(self._manager) as stream:
            while waiting and not self._is_over.is_set():
                with contextlib.suppress(RedisUnavailableError):
                    stream.publish(waiting[-1])
                    self.published.add(waiting.pop())

    def _handle(self) -> None:
        with durable(self._manager, claim_after=0.2, max_deliveries=1000) as stream:
            while not self._is_over.is_set():
                with contextlib.suppress(RedisUnavailableError):
                    if delivery := stream.get(0.05):
                        self.handled.add(delivery.data)
                        stream.ack(delivery)
