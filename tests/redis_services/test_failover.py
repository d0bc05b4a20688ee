"""A master dies under load: whoever is at work goes on with the next one, after a bounded time."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from support.senders import AsyncSender, Sender
from support.subscribing import eventually
from support.topologies import Topology, closers, cluster, sentinels, until
from support.twins import Loop, Twin
from swe_db.errors import RedisServiceError
from swe_db.redis.client import AsyncRedisClient, RedisClient

# redis.asyncio drops the connections to a node that has died, or moved, without closing them.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

BOUND: Final = 50.0  # seconds; it takes about two
KEYS: Final = tuple(f"key-{number}" for number in range(12))  # on all masters of the cluster


@pytest.fixture
def sentinel_topology() -> Iterator[Topology]:
    """Servers that may be killed."""
    with sentinels(replicas=2, fail_over=True) as servers:
        yield servers


@pytest.fixture
def cluster_topology() -> Iterator[Topology]:
    """Likewise."""
    with cluster(fail_over=True) as servers:
        yield servers


@contextlib.contextmanager
def senders(servers: Topology, loop: Loop) -> Iterator[dict[str, Any]]:
    """What sends with each kind of client: ours and redis-py's, sync and async."""
    ours, aours = RedisClient(servers.url), AsyncRedisClient(servers.url)
    given, agiven = servers.connect(), loop.call(servers.connect_async)
    yield {
        "sync": Sender(client=ours),
        "async": Twin(loop.call(AsyncSender, client=aours), loop),
        "given": Sender(client=given),
        "given async": Twin(loop.call(AsyncSender, client=agiven), loop),
    }
    ours.close()
    given.close()
    for closed in (aours.close, *closers(agiven)):
        loop.call(closed)
    gc.collect()  # here, not in the next test


@dataclasses.dataclass
class Work:
    """Somebody who writes.

    Attributes:
        sender: What sends.
        done: How often that went well.
        errors: The kinds of errors of ours. Any other error ends it.
    """

    sender: Any
    done: int = 0
    errors: set[str] = dataclasses.field(default_factory=set)

    def go_on(self, stop: threading.Event) -> None:
        """Write until told to stop."""
        while not stop.is_set():
            try:
                self.sender.send("INCR", KEYS[self.done % len(KEYS)])
            except RedisServiceError as error:
                self.errors.add(type(error).__name__)
            else:
                self.done += 1


def until_all_write(users: dict[str, Any]) -> None:
    """Wait until everybody can write every key."""
    deadline = time.monotonic() + BOUND
    waiting = {(name, key) for name in users for key in KEYS}
    while waiting:
        assert time.monotonic() < deadline, f"after {BOUND:g} s these still cannot write: {sorted(waiting)}"
        for name, key in sorted(waiting):
            with contextlib.suppress(RedisServiceError):
                users[name].send("SET", key, 1)
                waiting.discard((name, key))


def all_have_written(works: list[Work]) -> None:
    """Wait until everybody has written once more."""
    before = [work.done for work in works]
    eventually(lambda: all(work.done > done for work, done in zip(works, before, strict=True)))


def go_on_without(master: Callable[[], object], users: dict[str, Any]) -> None:
    """Everybody works while `master` kills one, and again after a bounded time."""
    stop = threading.Event()
    works = [Work(sender) for sender in users.values()]
    with ThreadPoolExecutor() as threads:
        working = [threads.submit(work.go_on, stop) for work in works]
        try:
            all_have_written(works)
            master()
            until_all_write(users)
            all_have_written(works)
        finally:
            stop.set()
        for each in working:
            each.result(BOUND)
    assert {error for work in works for error in work.errors} <= {"RedisUnavailableError"}


def test_a_master_of_sentinels_dies(sentinel_topology: Topology, loop: Loop) -> None:
    """All clients find the replica that was promoted, and in the meantime see nothing but errors of ours."""
    with senders(sentinel_topology, loop) as users:
        go_on_without(sentinel_topology.nodes[0].kill, users)
        with sentinel_topology.inspect() as client:
            until(lambda: client.info("replication")["role"] == "master", "a replica is the master")


def test_a_master_of_a_cluster_dies(cluster_topology: Topology, loop: Loop) -> None:
    """All clients find the replica that took its slots over."""
    with senders(cluster_topology, loop) as users:
        go_on_without(cluster_topology.nodes[1].kill, users)
    assert sum(node.obstacle() is None for node in cluster_topology.nodes) == 5
