"""The Redis of a worker is put back exactly after each test, and left alone where nothing was changed."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Iterator
from typing import Final

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from support.backends import REDIS, docker_config
from support.migrations import until
from support.redis_acts import ACTS, LEAKING, Redises, is_busy, redis_fingerprint
from swe_db.errors import ServerGoneError
from swe_db.isolation.redis_reset import RedisReset, reset_of
from swe_db.servers.fake import fake_redis
from swe_db.servers.server import RedisServer
from swe_db.servers.url import url_redis

# What a shared server lets a test do to its own logical database; the rest is the whole server's.
SHARED: Final = ("string", "stream", "expiry", "flushdb", "eval", "pipeline", "threads", "coroutines", *LEAKING)


@pytest.fixture(params=["local", "embedded"])
def server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """A Redis, and a Valkey, of this test's own."""
    server = REDIS[request.param](docker_config()).start()
    yield server
    server.stop()


@pytest.fixture
def reset(server: RedisServer) -> Iterator[RedisReset]:
    """What puts it back."""
    reset = reset_of(server)
    yield reset
    reset.close()


@pytest.fixture
def redises(server: RedisServer) -> Iterator[Redises]:
    """The clients of the acts."""
    redises = Redises(server)
    yield redises
    redises.close()


def test_every_act_alone(server: RedisServer, reset: RedisReset, redises: Redises) -> None:
    """After each kind of act the fingerprint is what it was, and each kind of act succeeds."""
    reset.begin()
    pristine = redis_fingerprint(server)
    reset.end()
    for name, act in ACTS.items():
        reset.begin()
        assert redis_fingerprint(server) == pristine, name
        act(redises, random.Random(0))
        reset.end()
        assert redis_fingerprint(server) == pristine, name


@pytest.mark.parametrize("first", ["password", "default user", "no rights", "no memory", "replica"])
def test_our_connection_ended_after_it(server: RedisServer, reset: RedisReset, redises: Redises, first: str) -> None:
    """Whatever a test changed, and although it then ended our connection, we come back and undo it."""
    pristine = redis_fingerprint(server)
    reset.begin()
    with server.connect(single_connection_client=True) as client:
        if first == "no rights":
            client.acl_setuser("default", reset=True, enabled=True, nopass=True, categories=["+@read"])
        else:
            ACTS[first](redises, random.Random(0))
        with server.connect(retry=Retry(NoBackoff(), 0)) as other, contextlib.suppress(redis.exceptions.RedisError):
            other.ping()
        if first != "no rights":
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    reset.end()
    assert redis_fingerprint(server) == pristine


def test_our_connection_ended_before_an_endless_script(
    server: RedisServer, reset: RedisReset, redises: Redises
) -> None:
    """A script that does not end is ended by a new connection, too."""
    pristine = redis_fingerprint(server)
    reset.begin()
    for name in ("end everybody", "endless script"):
        ACTS[name](redises, random.Random(0))
    reset.end()
    assert redis_fingerprint(server) == pristine


@pytest.mark.parametrize("name", LEAKING)
def test_what_is_left_open_is_told(server: RedisServer, reset: RedisReset, redises: Redises, name: str) -> None:
    """A client that would reach the next test is ended and named; one that was there before the test is not."""
    act, leak = LEAKING[name]
    reset.begin()
    act(redises, random.Random(0))
    assert reset.end() == [leak]
    act(redises, random.Random(0))
    reset.begin()
    assert reset.end() == ([leak] if name == "left in multi" else [])


def test_a_name_is_told(reset: RedisReset, server: RedisServer) -> None:
    """The report has the name that the client gave itself."""
    reset.begin()
    with server.connect(client_name="worker") as client, client.pubsub() as subscriber:
        subscriber.subscribe("c")
        assert reset.end() == ["a Redis client worker that is subscribed"]


def calls(server: RedisServer) -> int:
    """How often the server was emptied."""
    with server.connect() as client:
        return int(client.info("commandstats").get("cmdstat_flushall", {"calls": 0})["calls"])


def test_untouched_is_left_alone(server: RedisServer, reset: RedisReset) -> None:
    """Reading, publishing, subscribing and an empty transaction are nothing to put back; a write is."""
    before = calls(server)
    reset.begin()
    with server.connect() as client, client.pubsub() as subscriber:
        client.get("a")
        client.hgetall("h")
        subscriber.subscribe("c")
        client.publish("c", "m")
        client.client_setname("me")
        with client.pipeline() as pipe:
            pipe.get("a")
            pipe.execute()
    assert reset.end() == []
    reset.begin()
    assert calls(server) == before
    with server.connect() as client:
        client.set("a", 1)
    reset.end()
    assert calls(server) == before + 1


def test_what_comes_between_two_tests(server: RedisServer, reset: RedisReset) -> None:
    """What somebody wrote after a test is not there when the next one begins; a pool's connection stays open."""
    with server.connect(single_connection_client=True) as pool:
        number = pool.client_id()
        for _ in range(2):
            reset.begin()
            assert pool.dbsize() == 0
            pool.set("in", 1)
            reset.end()
            pool.set("between", 1)
        assert pool.client_id() == number


def test_writers_that_never_rest(server: RedisServer, reset: RedisReset) -> None:
    """A write that comes while the server is put back is never taken for a part of what it was."""
    ended = threading.Event()

    def write() -> None:
        with server.connect() as client:
            while not ended.is_set():
                client.set("a", 1)

    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(50):
        reset.begin()
        reset.end()
    ended.set()
    writer.join()
    reset.begin()
    with server.connect() as client:
        assert client.dbsize() == 0


def test_a_script_that_has_written(server: RedisServer, reset: RedisReset) -> None:
    """A server whose script can neither end nor be killed is given up, with its words."""
    reset.begin()
    with server.connect() as client:
        client.config_set("busy-reply-threshold", 10)

    def run() -> None:
        with pytest.raises(redis.exceptions.RedisError), server.connect(retry=Retry(NoBackoff(), 0)) as client:
            client.eval("redis.call('SET', 'a', 1) while true do end", 0)

    thread = threading.Thread(target=run)
    with server.connect(single_connection_client=True) as watching:
        thread.start()
        until(lambda: is_busy(watching), "the script to run")
    with pytest.raises(ServerGoneError, match="cannot be put back after a test: UNKILLABLE"):
        reset.end()
    with contextlib.suppress(redis.exceptions.ConnectionError), server.connect() as client:
        client.shutdown(nosave=True)  # it would not end by itself as long as the script runs
    thread.join()


@pytest.fixture
def neighbours(redis_server: RedisServer) -> Iterator[tuple[RedisServer, RedisServer]]:
    """Two logical databases of one server."""
    config = docker_config(redis_url=redis_server.url)
    pair = url_redis(config).start(), url_redis(config).start()
    yield pair
    for each in pair:
        each.stop()


def test_a_shared_server(neighbours: tuple[RedisServer, RedisServer]) -> None:
    """Only the own logical database is emptied, and only its clients are ended."""
    server, other = neighbours
    reset = reset_of(server)
    redises = Redises(server)
    with other.connect() as theirs, theirs.pubsub() as subscriber:
        reset.begin()
        theirs.set("theirs", 1)
        subscriber.subscribe("c")
        for name in SHARED:
            ACTS[name](redises, random.Random(0))
            assert reset.end() == ([LEAKING[name][1]] if name in LEAKING else []), name
            reset.begin()
            assert redises.pool.dbsize() == 0
        assert theirs.get("theirs") == b"1"
        assert theirs.pubsub_numsub("c") == [(b"c", 1)]
    redises.close()
    reset.close()


def test_a_user_who_may_not_look_at_clients(redis_server: RedisServer) -> None:
    """Without the right to CLIENT LIST the database is emptied all the same."""
    with redis_server.connect() as admin:
        admin.execute_command("ACL", "SETUSER", "small", "on", ">pw", "~*", "&*", "+@all", "-client|list")
        url = redis_server.url.replace(f":{redis_server.address.password}@", "small:pw@")
        server = url_redis(docker_config(redis_url=url)).start()
        reset = reset_of(server)
        reset.begin()
        with server.connect() as client:
            client.set("a", 1)
            assert reset.end() == []
            assert client.dbsize() == 0
        reset.close()
        server.stop()
        admin.acl_deluser("small")


def test_a_redis_in_the_process() -> None:
    """Fakeredis is emptied: keys of all logical databases, scripts, functions."""
    server = fake_redis(docker_config()).start()
    reset = reset_of(server)
    reset.begin()
    with server.connect() as client, server.connect(db=3) as third:
        client.set("a", 1)
        third.set("a", 1)
        digest = client.script_load("return 1")
        assert reset.end() == []
        assert (client.dbsize(), third.dbsize(), client.script_exists(digest)) == (0, 0, [False])
    reset.close()
