"""Commands arrive wherever Redis runs; who may not come in is told so."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from support.senders import AsyncSender, Sender, answered
from support.topologies import Topology, acl_server, closers, tls_server
from support.twins import Loop, Twin
from swe_db.errors import AmbiguousResultError, RedisServiceError, RedisUnavailableError
from swe_db.redis.client import AsyncRedisClient, RedisClient, TLSConfig
from swe_db.redis.connection.health import asked
from swe_db.redis.steps import Command, Script, ScriptCall, Steps

PATIENCE = 50.0  # seconds


class Text(Script):
    """A script that has no file."""

    text = "return redis.call('INCRBY', KEYS[1], redis.call('GET', KEYS[1]))"


def doubled(key: str) -> Steps[list[Any]]:
    """Set a number and double it twice: the server knows the script only the second time."""
    script = Text("double")
    yield Command(("SET", key, 4))
    first = yield ScriptCall(script, (key,), (), once=True)
    second = yield ScriptCall(script, (key,), ())
    return [first, second]


def test_commands_arrive(place: Any) -> None:
    """One by one and together, with and without retries, with and without keys, whichever node has them."""
    sender = place.make(Sender, AsyncSender)
    keys = [f"key-{number}" for number in range(20)]
    for number, key in enumerate(keys):
        sender.send("SET", key, number, once=number % 2 == 0)
    numbers = [b"%d" % number for number in range(20)]
    assert [sender.send("GET", key, once=number % 2 == 0) for number, key in enumerate(keys)] == numbers
    assert sender.batch(*(("GET", key) for key in keys)) == numbers
    assert sender.send("PING")
    assert sender.send("PING", once=True)
    assert len(list(place.client.scan_iter())) == 20


def test_scripts_arrive(place: Any) -> None:
    """A script is sent by its name, and in full where the server does not know it."""
    place.client.script_flush()
    assert place.make(Sender, AsyncSender).take(doubled("a")) == [8, 16]


def test_every_place_is_healthy(place: Any) -> None:
    """A server that does not tell its version, as fakeredis, or tells it not to everybody, is healthy all the same."""
    answer = place.make(Sender, AsyncSender).take(asked())
    assert answer.error is None
    assert answer.latency_ms is not None
    told = place.name not in {"fake", "acl"}
    assert (answer.version is not None, answer.role == "master") == (told, told)


@pytest.mark.places(without={"fake": "its connections are objects of this process, which nobody can kill"})
def test_a_broken_connection_is_told_or_mended(place: Any) -> None:
    """A command whose connection broke while it waited is sent again, but for one that must not run twice."""
    sender = place.make(Sender, AsyncSender)
    nodes = [node.connect() for node in place.server.nodes] if isinstance(place.server, Topology) else [place.client]
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(sender.send, "BLPOP", "queue", 30, once=True)
        kill_blocked(nodes)
        with pytest.raises(AmbiguousResultError):
            waiting.result(PATIENCE)
        if place.name in {"client", "tls", "acl", "sentinel", "cluster"}:  # with the retries of ours
            waiting = threads.submit(sender.send, "BLPOP", "queue", 30)
            kill_blocked(nodes)
            place.client.rpush("queue", "a")
            assert list(waiting.result(PATIENCE)) == [b"queue", b"a"]
    for node in nodes:
        node.close()


@pytest.fixture
def given(place: Any, loop: Loop) -> Iterator[Any]:
    """What sends with a client of redis-py's as users have it on this place, whose patience is short."""
    options = {} if place.name == "cluster" else {"socket_timeout": 0.3}
    if place.twin == "sync":
        client = place.server.connect(**options)
        yield Sender(client=client)
        client.close()
        return
    client = loop.call(place.server.connect_async, **options)
    yield Twin(loop.call(AsyncSender, client=client), loop)
    for closed in closers(client):
        loop.call(closed)


@pytest.mark.places("cluster", reason="on other places this is shown with a proxy")
def test_a_clients_own_retries_are_left_out(place: Any, given: Any) -> None:
    """What must not run twice is sent once, though redis-py's cluster would send it again."""
    nodes = [node.connect() for node in place.server.nodes]
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(given.send, "BLPOP", "queue", 30, once=True)
        kill_blocked(nodes)
        with pytest.raises(AmbiguousResultError):
            waiting.result(PATIENCE)
    for node in nodes:
        node.close()


@pytest.mark.places("cluster", reason="only there keys have slots")
def test_keys_of_two_slots_are_refused(place: Any, given: Any) -> None:
    """That redis-py refuses is an error of ours as if the server did, and no outage."""
    for sender in (place.make(Sender, AsyncSender), given):
        for once in (False, True):
            with pytest.raises(RedisServiceError, match="slot") as caught:
                sender.send("RENAME", "a", "b", once=once)
            assert not isinstance(caught.value, RedisUnavailableError)


@pytest.mark.places("acl", "tls", "sentinel", reason="the others connect as one of these")
def test_a_late_reply_is_nobody_elses(place: Any, given: Any) -> None:
    """A connection on which a reply is still to come is not used again."""
    answered(given, "SET", "mine", "a")
    with pytest.raises(AmbiguousResultError):
        given.send("BLPOP", "queue", 5, once=True)
    assert answered(given, "GET", "mine", once=True) == b"a"
    assert answered(given, "GET", "mine") == b"a"


def kill_blocked(nodes: list[Any]) -> None:
    """Wait for a client that is blocked and end its connection."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for node in nodes:
            for client in node.execute_command("CLIENT LIST") if node else ():
                if "b" in client["flags"]:
                    node.client_kill_filter(_id=client["id"])
                    return
    raise TimeoutError("nobody is blocked")


@pytest.fixture(params=["sync", "async"])
def twin(request: pytest.FixtureRequest) -> str:
    """Which of the twins."""
    return str(request.param)


@pytest.fixture
def sender(twin: str, loop: Loop) -> Iterator[Callable[..., Any]]:
    """Makes what sends through a new client without retries."""
    made: list[Any] = []

    def make(url: str, **options: Any) -> Any:
        kind = RedisClient if twin == "sync" else AsyncRedisClient
        made.append(kind(url, **{"retries": 0, "socket_connect_timeout": 30, "socket_timeout": 30, **options}))
        if twin == "sync":
            return Sender(client=made[-1])
        return Twin(loop.call(AsyncSender, client=made[-1]), loop)

    yield make
    for client in made:
        client.close() if twin == "sync" else loop.call(client.close)


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topology]:
    """A server that asks clients for a certificate."""
    with tls_server(tmp_path_factory.mktemp("tls"), asks=True) as server:
        yield server


def test_a_client_may_need_a_certificate(encrypted: Topology, sender: Callable[..., Any]) -> None:
    """With one that the server trusts it is let in, without it is not."""
    assert sender(encrypted.url, **encrypted.options).send("SET", "a", 1)
    ca = encrypted.options["tls"].ca
    with pytest.raises(RedisUnavailableError):
        sender(encrypted.url, tls=TLSConfig(ca=ca)).send("PING")


def test_a_server_must_be_trusted(encrypted: Topology, sender: Callable[..., Any], tmp_path: Path) -> None:
    """A certificate of another authority is refused, also one that this machine trusts by itself."""
    with tls_server(tmp_path) as other:
        assert sender(other.url, **other.options).send("SET", "a", 1)
        for tls in (TLSConfig(ca=encrypted.options["tls"].ca), TLSConfig(), None):
            with pytest.raises(RedisUnavailableError, match="certificate verify failed"):
                sender(other.url, tls=tls).send("PING")


def test_a_server_must_have_its_name(sender: Callable[..., Any], tmp_path: Path) -> None:
    """A certificate of the right authority for another host is refused, unless that is asked for."""
    with tls_server(tmp_path, subject="DNS:redis.example") as other:
        with pytest.raises(RedisUnavailableError, match=r"certificate verify failed.*127\.0\.0\.1"):
            sender(other.url, tls=other.options["tls"]).send("PING")
        trusting = TLSConfig(ca=other.options["tls"].ca, check_hostname=False)
        assert sender(other.url, tls=trusting).send("SET", "a", 1)


def test_what_a_user_may_not_is_a_refusal(sender: Callable[..., Any]) -> None:
    """The server's words are passed on, and it is no outage; a wrong password likewise."""
    with acl_server() as server:
        with pytest.raises(RedisServiceError, match="no permissions to run the 'flushall' command") as caught:
            sender(server.url).send("FLUSHALL")
        assert not isinstance(caught.value, RedisUnavailableError)
        with pytest.raises(RedisServiceError, match="Redis refuses: invalid username-password") as caught:
            sender(server.url.replace("application:", "application:not-the-")).send("PING")
        assert not isinstance(caught.value, RedisUnavailableError)
        assert "not-the-" not in str(caught.value)
