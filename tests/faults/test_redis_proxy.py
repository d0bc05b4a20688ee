"""The proxy that other tests trust does what it says, for both kinds of clients."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

from support.proxy import proxy_before
from support.subscribing import eventually
from support.twins import Loop, Twin
from swe_db.errors import ConfigError, ServerError
from swe_db.faults import Faults, PostgresProxy, RedisProxy
from swe_db.faults.resp import Parser
from swe_db.servers.address import PostgresAddress
from swe_db.servers.server import RedisServer


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    """An event loop in a thread."""
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture
def proxy(redis_server: RedisServer) -> Iterator[RedisProxy]:
    """A proxy before an empty Redis."""
    with redis_server.connect() as client:
        client.flushall()
    with proxy_before(redis_server.url) as proxy:
        yield proxy


@pytest.fixture
def connect(proxy: RedisProxy, twin: str, loop: Loop) -> Iterator[Callable[..., Any]]:
    """Makes clients without retries, sync or async, that go through the proxy."""
    made: list[Any] = []

    def connect(**options: Any) -> Any:
        if twin == "sync":
            made.append(redis.Redis.from_url(proxy.url, retry=Retry(NoBackoff(), 0), **options))
            return made[-1]
        retry = redis.asyncio.retry.Retry(NoBackoff(), 0)
        made.append(Twin(redis.asyncio.Redis.from_url(proxy.url, retry=retry, **options), loop))
        return made[-1]

    yield connect
    for client in made:
        client.close() if twin == "sync" else client.aclose()


@pytest.fixture(params=["sync", "async"])
def twin(request: pytest.FixtureRequest) -> str:
    """Which kind of client."""
    return str(request.param)


def test_a_dropped_reply_belongs_to_a_command_that_ran(proxy: RedisProxy, connect: Callable[..., Any]) -> None:
    """The client loses its connection, the server has run the command, and the next one goes well."""
    client = connect()
    fault = proxy.drop_replies("incrby", nth=2)
    assert client.incr("a") == 1
    with pytest.raises(redis.ConnectionError):
        client.incr("a")
    fault.wait()
    assert client.incr("a") == 3
    assert proxy.count("INCRBY") == 3


def test_a_dropped_reply_may_leave_the_client_waiting(proxy: RedisProxy, connect: Callable[..., Any]) -> None:
    """The connection stays open, and the client gives up by its own time-out."""
    client = connect(socket_timeout=0.2)
    eventually(lambda: is_connected(client))
    fault = proxy.drop_replies("key", then="silence")
    with pytest.raises(redis.TimeoutError):
        client.set("key", "a")
    fault.wait()
    assert connect().get("key") == b"a"


def is_connected(client: Any) -> bool:
    """Tell whether a client has its connection; to make it may take longer than its time-out."""
    with contextlib.suppress(redis.TimeoutError):
        return bool(client.ping())
    return False


def test_set_up_is_not_any_command(proxy: RedisProxy, connect: Callable[..., Any]) -> None:
    """A fault that names no command lets a client connect, and takes what it then sends, as often as it should."""
    fault = proxy.drop_replies(times=2)
    client = connect()
    for _ in range(2):
        assert not fault.has_happened
        with pytest.raises(redis.ConnectionError):
            client.set("a", 1)
    assert fault.has_happened
    assert client.get("a") == b"1"


def test_pushed_messages_are_no_replies(proxy: RedisProxy, connect: Callable[..., Any], twin: str, loop: Loop) -> None:
    """A subscriber's messages are not counted as replies, so that the right one is dropped."""
    client = connect()
    listener = client.pubsub() if twin == "sync" else Twin(client.pubsub(), loop)
    listener.subscribe("news")
    assert listener.get_message(timeout=30)["type"] == "subscribe"
    client.publish("news", "a")
    assert listener.get_message(timeout=30)["data"] == b"a"
    fault = proxy.drop_replies("ping")
    listener.ping()
    with pytest.raises(redis.ConnectionError):
        listener.get_message(timeout=30)
    fault.wait()
    listener.close() if twin == "sync" else listener.aclose()


def test_cut_ends_every_connection(proxy: RedisProxy, connect: Callable[..., Any]) -> None:
    """A client that is connected loses its connection, and may connect again."""
    client = connect()
    client.set("a", 1)
    assert proxy.connections == 1
    cut_when_asked(proxy, "BLPOP")
    with pytest.raises(redis.ConnectionError):
        client.blpop("nothing", 30)
    assert client.get("a") == b"1"


def cut_when_asked(proxy: RedisProxy, command: str) -> None:
    """Cut all connections as soon as a command has come."""

    def cut() -> None:
        eventually(lambda: proxy.count(command))
        proxy.cut()

    threading.Thread(target=cut, daemon=True).start()


def test_an_outage_ends(proxy: RedisProxy, connect: Callable[..., Any]) -> None:
    """In an outage nobody connects; afterwards the same address serves again."""
    client = connect()
    client.set("a", 1)
    with proxy.outage():
        for _ in range(3):
            with pytest.raises(redis.ConnectionError):
                client.get("a")
    assert client.get("a") == b"1"


def test_latency_delays_replies(proxy: RedisProxy, connect: Callable[..., Any]) -> None:
    """Each reply comes late by the latency, as long as there is one."""
    client = connect()
    client.ping()
    proxy.latency(0.1)
    before = time.monotonic()
    client.ping()
    assert time.monotonic() - before >= 0.1


def test_a_cut_is_seen_though_a_forked_process_lives(proxy: RedisProxy) -> None:
    """A child that inherited the proxy's sockets keeps no connection open."""
    with redis.Redis.from_url(proxy.url, retry=Retry(NoBackoff(), 0), socket_timeout=30) as client:
        client.ping()
        child = os.fork()
        if child == 0:
            time.sleep(30)
            os._exit(0)
        try:
            cut_when_asked(proxy, "BLPOP")
            with pytest.raises(redis.ConnectionError):
                client.blpop("nothing", 20)
        finally:
            os.kill(child, 9)
            os.waitpid(child, 0)


def test_a_proxy_closes_twice(redis_server: RedisServer) -> None:
    """Closing ends everything, and does nothing the second time."""
    proxy = proxy_before(redis_server.url)
    client = redis.Redis.from_url(proxy.url, retry=Retry(NoBackoff(), 0))
    client.ping()
    proxy.close()
    proxy.close()
    with pytest.raises(redis.ConnectionError):
        client.ping()
    client.close()


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_messages_are_found_in_pieces_of_any_size(size: int) -> None:
    """The protocol is cut into messages wherever the network cut it."""
    stream = b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n$-1\r\n:5\r\n%1\r\n+a\r\n*1\r\n_\r\n"
    stream += b">2\r\n+message\r\n$2\r\n\r\n\r\nPING a\r\n*0\r\n"
    parser = Parser()
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    messages = [message for piece in pieces for message in parser.feed(piece)]
    assert b"".join(message.raw for message in messages) == stream
    assert [message.value for message in messages] == [
        [b"GET", b"a"],
        None,
        b"5",
        [b"a", [b""]],
        [b"message", b"\r\n"],
        b"PING a",
        [],
    ]
    assert [message.is_push for message in messages].index(True) == 4


@contextlib.contextmanager
def strange_server() -> Iterator[tuple[RedisProxy, socket.socket, socket.socket]]:
    """Give a proxy before what is no Redis, a client of it, and that client's connection as the server has it."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        proxy_before(f"redis://127.0.0.1:{listener.getsockname()[1]}") as proxy,
        socket.create_connection((proxy.host, proxy.port), timeout=10) as client,
        listener.accept()[0] as server,
    ):
        server.settimeout(10)
        yield proxy, client, server


def test_what_is_encrypted_passes_unread() -> None:
    """A record of TLS and its answer, which hold no line and no length that Redis knows, go through as they are."""
    hello, answer = b"\x16\x03\x01\x00\x02ab", b"\x16\x03\x03\x00\x02cd"
    with strange_server() as (proxy, client, server):
        client.sendall(hello)
        assert server.recv(100) == hello
        server.sendall(answer)
        assert client.recv(100) == answer
        assert proxy.commands == []


def test_what_is_no_command_is_left_to_the_server(proxy: RedisProxy) -> None:
    """The server gets it and says what it thinks of it."""
    with socket.create_connection((proxy.host, proxy.port), timeout=10) as client:
        client.sendall(b"*1\r\n$\x16\x03\r\n")
        assert client.recv(100).startswith(b"-ERR Protocol error")


def test_what_is_no_reply_passes() -> None:
    """A server that does not speak as Redis does is heard all the same."""
    with strange_server() as (_, client, server), client.makefile("rb") as answers:
        server.sendall(b"+OK\r\n$no\r\n")
        server.shutdown(socket.SHUT_WR)
        assert answers.read() == b"+OK\r\n$no\r\n"


def test_the_proxy_ends_while_it_connects(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not answer holds up neither the end of the proxy nor its thread."""
    begun = threading.Event()

    async def connect() -> Any:
        begun.set()
        await asyncio.Event().wait()

    proxy = proxy_before("redis://127.0.0.1:1")
    monkeypatch.setattr(proxy, "connect", connect)
    with socket.create_connection((proxy.host, proxy.port), timeout=10) as client:
        client.sendall(b"PING\r\n")
        assert begun.wait(10)
        proxy.close()
    assert not proxy._thread.is_alive()


def test_the_end_that_takes_too_long_is_our_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy says what happened, and its thread and port are given back all the same."""
    proxy = proxy_before("redis://127.0.0.1:1")
    proxy._run(proxy._end())

    async def end() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(proxy, "_end", end)
    monkeypatch.setattr("swe_db.faults.proxy.PATIENCE", 0.1)
    with pytest.raises(ServerError, match=r"before 127\.0\.0\.1:1 has not done what it was asked within 0\.1 s"):
        proxy.close()
    proxy._thread.join(10)
    assert not proxy._thread.is_alive()


def test_no_latency_stays_where_there_is_no_redis() -> None:
    """Both are slow or none is: without a proxy before Redis nothing is set before Postgres."""
    address = PostgresAddress.parse("postgresql://u@127.0.0.1:1/d", "the server's URL")
    with PostgresProxy(address) as postgres:
        with pytest.raises(ConfigError, match="backend fake"):
            Faults(postgres, None).latency(1.0)
        assert postgres.delay() == 0
