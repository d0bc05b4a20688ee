"""A master dies under load: whoever is at work goes on with the next one, after a bounded time."""

from __future__ import annotations

import contextlib
import gc
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from support.senders import AsyncSender, Sender
from support.topologies import Topology, closers, cluster, sentinels
from support.twins import Loop, Twin
from swe_db.errors import RedisServiceError
from swe_db.redis.client import AsyncRedisClient, RedisClient

# redis.asyncio drops the connections to a node that has died, or moved, without closing them.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

BOUND: Final = 20.0  # seconds; it takes about two
KEYS: Final = tuple(f"key-{number}" for number in range(12))  # on all masters of the cluster


@pytest.fixture
def sentinel_topology() -> Iterator[Topology]:
    """Servers that may be killed."""
    with sentinels(replicas=2) as servers:
        yield servers


@pytest.fixture
def cluster_topology() -> Iterator[Topology]:
    """Likewise."""
    with cluster() as servers:
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


def work(sender: Any, stop: threading.Event) -> tuple[int, set[str]]:
    """Write until told to stop; return how often that went well, and the kinds of errors. Any other error is one."""
    done, errors = 0, set()
    while not stop.is_set():
        try:
            sender.send("INCR", KEYS[done % len(KEYS)])
        except RedisServiceError as error:
            errors.add(type(error).__name__)
        else:
            done += 1
    return done, errors


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


def go_on_without(master: Callable[[], object], users: dict[str, Any]) -> None:
    """Everybody works while `master` kills one, and again after a bounded time."""
    stop = threading.Event()
    with ThreadPoolExecutor() as threads:
        working = [threads.submit(work, sender, stop) for sender in users.values()]
        try:
            time.sleep(0.2)
            master()
            until_all_write(users)
        finally:
            stop.set()
        results = [each.result(BOUND) for each in working]
    assert all(done for done, _ in results)
    assert {error for _, errors in results for error in errors} <= {"RedisUnavailableError"}


def test_a_master_of_sentinels_dies(sentinel_topology: Topology, loop: Loop) -> None:
    """All clients find the replica that was promoted, and in the meantime see nothing but errors of ours."""
    with senders(sentinel_topology, loop) as users:
        go_on_without(sentinel_topology.nodes[0].kill, users)
        with sentinel_topology.inspect() as client:
            assert client.info("replication")["role"] == "master"


def test_a_master_of_a_cluster_dies(cluster_topology: Topology, loop: Loop) -> None:
    """All clients find the replica that took its slots over."""
    with senders(cluster_topology, loop) as users:
        go_on_without(cluster_topology.nodes[1].kill, users)
    assert sum(node.obstacle() is None for node in cluster_topology.nodes) == 5
