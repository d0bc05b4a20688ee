"""The lock among processes, one of which is stopped, and among servers, one of which is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Final

import pytest

from support.backends import REDIS, docker_config
from support.subscribing import eventually
from swe_db.errors import ConfigError, LockError
from swe_db.redis.lock import AsyncDistributedLock, DistributedLock, core
from swe_db.servers.server import RedisServer

pytestmark = pytest.mark.places("local", reason="other processes and replicas need one server that has an address")

# A store that refuses who comes with a lower number than one that it has seen.
FENCED: Final = """
if tonumber(redis.call('HGET', KEYS[1], 'fence') or 0) > tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'fence', ARGV[1], 'value', ARGV[2])
return 1
"""

VISITOR: Final = """
import os, redis
from swe_db.redis.lock import DistributedLock

client = redis.Redis.from_url(os.environ["URL"])
for _ in range(15):
    with DistributedLock("a", 10, client=client) as lock:
        inside = client.incr("inside")
        client.incr(f"seen:{inside}")
        client.rpush("numbers", lock.fencing_token)
        client.decr("inside")
"""

STOPPED: Final = """
import os, redis
from swe_db.redis.lock import DistributedLock

client = redis.Redis.from_url(os.environ["URL"])
lock = DistributedLock("a", 0.4, client=client, auto_renew=True)
lock.acquire()
lost, number = lock.lost, lock.fencing_token
print("holds it", flush=True)
input()
print(lost.is_set(), client.eval(os.environ["FENCED"], 1, "stored", number, "late"), flush=True)
"""


def started(program: str, url: str) -> subprocess.Popen[str]:
    """Start a Python with a program that uses the lock."""
    return subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, "URL": url, "FENCED": FENCED},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def client(redis_place: Any) -> Any:
    """A client of an empty Redis."""
    client = redis_place[1].inspector
    client.flushall()
    return client


def test_processes_take_turns(redis_place: Any, client: Any) -> None:
    """Of four processes one at a time is inside, and their fencing tokens rise in the order in which they were."""
    visitors = [started(VISITOR, redis_place[1].server.url) for _ in range(4)]
    for visitor in visitors:
        visitor.communicate(timeout=60)
    assert [visitor.returncode for visitor in visitors] == [0, 0, 0, 0]
    assert client.keys("seen:*") == [b"seen:1"]
    assert client.get("seen:1") == b"60"
    numbers = [int(number) for number in client.lrange("numbers", 0, -1)]
    assert numbers == sorted(set(numbers))


def test_a_holder_that_was_stopped_knows_and_cannot_write(redis_place: Any, client: Any) -> None:
    """Stopped for longer than its lock lasts, it sees the loss when it goes on, and its fenced write is refused."""
    process = started(STOPPED, redis_place[1].server.url)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "holds it\n"
        process.send_signal(signal.SIGSTOP)
        second = DistributedLock("a", client=client)
        assert second.acquire(timeout=20)
        assert client.eval(FENCED, 1, "stored", second.fencing_token, "second") == 1
        process.send_signal(signal.SIGCONT)
        assert process.communicate("\n", timeout=60)[0] == "True 0\n"
    finally:
        process.kill()
        process.communicate()
    assert client.hget("stored", "value") == b"second"
    assert second.owned()


@pytest.fixture(scope="module")
def second_server() -> Iterator[RedisServer]:
    """Another Redis."""
    server = REDIS["local"](docker_config()).start()
    yield server
    server.stop()


@pytest.fixture
def replica(redis_place: Any, second_server: RedisServer) -> Iterator[Any]:
    """A client of a replica that follows the first Redis."""
    address = redis_place[1].server.address
    redis_place[1].inspector.config_set("repl-diskless-sync-delay", 0)  # seconds to let more replicas come; else 5
    client = second_server.connect()
    client.config_set("masterauth", address.password)
    client.replicaof(address.host, str(address.port))
    eventually(lambda: client.info("replication")["master_link_status"] == "up")
    yield client
    client.replicaof("NO", "ONE")
    client.close()


def locks(place: Any, **options: Any) -> Any:
    """Return a lock on a place."""
    return place.make(DistributedLock, AsyncDistributedLock, "a", **options)


def test_replicas_have_heard_of_it(place: Any, replica: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With min_replicas the lock is on so many replicas before it counts."""
    monkeypatch.setattr(core, "REPLICAS_PATIENCE", 10_000)
    lock = locks(place, min_replicas=1)
    for _ in range(3):
        assert lock.acquire()
        assert replica.get("a") is not None
        assert lock.release()


def test_without_enough_replicas_there_is_no_lock(place: Any) -> None:
    """A server without replicas, or with too few, gives an error that says so, and the lock is free again."""
    lock = locks(place, ttl=0.3, min_replicas=1)
    with pytest.raises(LockError, match=r"0 of 1 replicas.*'a'"):
        lock.acquire()
    assert place.client.get("a") is None
    assert DistributedLock("a", client=place.client).acquire(blocking=False)
    assert not lock.acquire(blocking=False)


@pytest.mark.places("cluster", reason="it is what a cluster cannot do")
def test_a_cluster_cannot_wait_for_replicas(place: Any) -> None:
    """On a cluster WAIT would speak of another connection, so min_replicas is refused, and nothing is locked."""
    lock = locks(place, min_replicas=1)
    with pytest.raises(ConfigError, match=r"min_replicas=1.*Cluster"):
        lock.acquire()
    assert not lock.locked()


def test_fencing_closes_what_a_failover_opens(place: Any, replica: Any) -> None:
    """A failover that loses a lock makes two holders; the fenced write of the older one is refused."""
    first = locks(place)
    replica.replicaof("NO", "ONE")  # what follows is lost
    assert first.acquire()
    second = DistributedLock("a", client=replica)
    assert second.acquire(blocking=False)
    first.check()
    second.check()
    assert replica.eval(FENCED, 1, "stored", second.fencing_token, "second") == 1
    assert replica.eval(FENCED, 1, "stored", first.fencing_token, "first") == 0
