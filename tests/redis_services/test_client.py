"""What the clients do with connections that break, are missing, or are too few."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
import redis.asyncio

from support.proxy import proxy_before
from support.senders import AsyncSender, Sender, answered
from support.subscribing import eventually
from support.twins import Loop, Twin
from swe_db.errors import AmbiguousResultError, ConfigError, RedisServiceError, RedisUnavailableError
from swe_db.faults import RedisProxy
from swe_db.faults.fault import Then
from swe_db.redis.client import AsyncRedisClient, RedisClient, aconnected, connected
from swe_db.servers.server import RedisServer

Make = Callable[..., Any]


@pytest.fixture
def proxy(redis_server: RedisServer) -> Iterator[RedisProxy]:
    """A proxy before an empty Redis."""
    with redis_server.connect() as client:
        client.flushall()
    with proxy_before(redis_server.url) as proxy:
        yield proxy


@pytest.fixture(params=["sync", "async"])
def twin(request: pytest.FixtureRequest) -> str:
    """Which of the twins."""
    return str(request.param)


@pytest.fixture
def clients(twin: str, loop: Loop) -> Iterator[Make]:
    """Makes clients of ours, used as if they were sync."""
    made: list[Any] = []

    def make(url: str, **options: Any) -> Any:
        made.append(RedisClient(url, **options) if twin == "sync" else Twin(AsyncRedisClient(url, **options), loop))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def given(twin: str, loop: Loop) -> Iterator[Make]:
    """Makes clients of redis-py as users have them, with its own retries."""
    made: list[Any] = []

    def make(url: str, **options: Any) -> Any:
        retry = (redis.retry.Retry if twin == "sync" else redis.asyncio.retry.Retry)(redis.backoff.NoBackoff(), 3)
        kind = redis.Redis if twin == "sync" else redis.asyncio.Redis
        broken = [redis.ConnectionError, redis.TimeoutError]  # redis-py 5 wants them named
        made.append(kind.from_url(url, retry=retry, retry_on_error=broken, **options))
        return made[-1]

    yield make
    for client in made:
        client.close() if twin == "sync" else loop.call(client.aclose)


@pytest.fixture
def sender(twin: str, loop: Loop) -> Make:
    """Makes what sends through a client."""

    def make(client: Any) -> Any:
        client = client.twin if isinstance(client, Twin) else client
        return Sender(client=client) if twin == "sync" else Twin(loop.call(AsyncSender, client=client), loop)

    return make


def test_a_command_is_sent_again_when_its_connection_broke(proxy: RedisProxy, clients: Make, sender: Make) -> None:
    """`raw` retries what redis-py does not where a client is made from a URL; so it may run twice."""
    redis_ = sender(clients(proxy.url))
    redis_.send("SET", "a", 1)
    proxy.drop_replies("INCR")
    assert redis_.send("INCR", "a") == 3
    assert proxy.count("INCR") == 2


def test_retries_end(proxy: RedisProxy, clients: Make, sender: Make) -> None:
    """There are as many retries as were asked for, then it is an error."""
    redis_ = sender(clients(proxy.url, retries=2))
    proxy.drop_replies("GET", times=9)
    with pytest.raises(RedisUnavailableError, match="Redis does not answer"):
        redis_.send("GET", "a")
    assert proxy.count("GET") == 3


def test_what_must_not_run_twice_is_sent_once(proxy: RedisProxy, clients: Make, sender: Make) -> None:
    """`once` sends nothing again: whoever asks is told that nobody knows, and the next command goes well."""
    redis_ = sender(clients(proxy.url))
    proxy.drop_replies("INCR")
    with pytest.raises(AmbiguousResultError, match="may have run or not"):
        redis_.send("INCR", "a", once=True)
    assert redis_.send("INCR", "a", once=True) == 2
    assert proxy.count("INCR") == 2


def test_what_was_not_sent_is_not_ambiguous(proxy: RedisProxy, clients: Make, given: Make, sender: Make) -> None:
    """Where there was no connection to send it on, it is known that a command has not run."""
    for make in (clients, given):
        redis_ = sender(make(proxy.url, max_connections=1))
        with proxy.outage():
            for _ in range(3):
                with pytest.raises(RedisUnavailableError) as caught:
                    redis_.send("INCR", "a", once=True)
                assert not isinstance(caught.value, AmbiguousResultError)
        assert redis_.send("GET", "a", once=True) is None


@pytest.mark.parametrize("then", ["cut", "silence"])
def test_a_client_of_redis_py_sends_once_too(proxy: RedisProxy, given: Make, sender: Make, then: Then) -> None:
    """Its retries are its own business, but for what must not run twice; and no late reply goes to another command."""
    redis_ = sender(given(proxy.url, socket_timeout=0.3, decode_responses=True))
    answered(redis_, "PING")
    fault = proxy.drop_replies("INCR", then=then)
    with pytest.raises(AmbiguousResultError):
        redis_.send("INCR", "a", once=True)
    fault.wait()
    assert answered(redis_, "GET", "a", once=True) == b"1"
    assert proxy.count("INCR") == 1
    proxy.drop_replies("INCR")
    assert sender(given(proxy.url)).send("INCR", "a") == 3


def test_a_pool_waits_for_a_free_connection(redis_server: RedisServer, clients: Make, sender: Make) -> None:
    """Whoever comes when all connections are in use waits, where redis-py's own pool raises."""
    redis_ = sender(clients(redis_server.url, max_connections=1, pool_timeout=60, socket_timeout=60))
    with ThreadPoolExecutor() as threads:
        first = threads.submit(redis_.send, "BLPOP", "waited", 50)
        until_blocked(redis_server)
        second = threads.submit(redis_.send, "GET", "b")
        time.sleep(0.1)
        with redis_server.connect() as other:
            other.rpush("waited", "a")
        assert first.result(50) is not None
        assert second.result(50) is None


def test_a_pool_does_not_wait_for_ever(redis_server: RedisServer, clients: Make, sender: Make) -> None:
    """After `pool_timeout` it is an error that says what to do, and nothing was sent."""
    redis_ = sender(clients(redis_server.url, max_connections=1, pool_timeout=0.1, socket_timeout=60))
    with ThreadPoolExecutor() as threads:
        first = threads.submit(redis_.send, "BLPOP", "waited", 50, once=True)
        until_blocked(redis_server)
        with pytest.raises(RedisUnavailableError, match=r"all 1 connections are in use.*raise max_conn") as caught:
            redis_.send("GET", "b", once=True)
        assert not isinstance(caught.value, AmbiguousResultError)
        with redis_server.connect() as other:
            other.rpush("waited", "a")
        first.result(50)


def until_blocked(server: RedisServer) -> None:
    """Wait until a client of the server is blocked."""
    with server.connect() as client:
        while not client.info("clients")["blocked_clients"]:
            time.sleep(0.005)


def test_a_reply_is_not_waited_for_longer_than_asked(redis_server: RedisServer, clients: Make, sender: Make) -> None:
    """`socket_timeout` holds over TCP and over a Unix socket, where redis-py 5 forgets it."""
    for url in (redis_server.url, redis_server.address.connection_url):
        redis_ = sender(clients(url, socket_timeout=0.1, retries=0))
        with pytest.raises(RedisUnavailableError, match="Timeout reading"):
            redis_.send("BLPOP", "nothing", 20)


def test_health_tells_how_redis_is(redis_server: RedisServer, clients: Make) -> None:
    """An answer has the time it took, the server's version and role, and the connections that are in use."""
    client = clients(redis_server.url, max_connections=4)
    health = client.health_check()
    assert health.ok
    assert health.error is None
    assert health.latency_ms > 0
    assert (health.version, health.role) == (redis_server.version, "master")
    assert (health.in_use, health.max) == (0, 4)


def test_health_tells_of_connections_in_use(redis_server: RedisServer, clients: Make, sender: Make) -> None:
    """Connections that wait for a reply are counted."""
    client = clients(redis_server.url, max_connections=4, socket_timeout=60)
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(sender(client).send, "BLPOP", "waited", 50)
        until_blocked(redis_server)
        health = client.health_check()
        assert (health.in_use, health.max) == (1, 8)
        with redis_server.connect() as other:
            other.rpush("waited", "a")
        waiting.result(50)


def test_an_unreachable_redis_is_an_answer(proxy: RedisProxy, clients: Make) -> None:
    """It raises nothing, and does not retry: whoever asks for health wants to know now."""
    client = clients(proxy.url, retries=50)
    start = time.monotonic()
    with proxy.outage():
        health = client.health_check()
    assert time.monotonic() - start < 30
    assert not health.ok
    assert (health.latency_ms, health.version, health.role) == (None, None, None)
    assert "does not answer" in health.error
    assert client.health_check().ok


def test_a_wrong_password_is_a_refusal(redis_server: RedisServer, clients: Make, sender: Make) -> None:
    """It is no outage, and the message does not repeat it."""
    url = redis_server.url.replace(f":{redis_server.address.password}@", ":not-the-password@")
    client = clients(url, retries=0)
    with pytest.raises(RedisServiceError, match="Redis refuses") as caught:
        sender(client).send("PING")
    assert not isinstance(caught.value, RedisUnavailableError)
    assert "not-the-password" not in str(caught.value)
    assert "not-the-password" not in repr(client)
    assert not client.health_check().ok


def test_a_cluster_that_is_none_is_an_outage(proxy: RedisProxy, clients: Make, sender: Make) -> None:
    """Where no node answers as one of a cluster it is tried again as a server is, then the error tells why."""
    client = clients(proxy.url.replace("redis://", "redis+cluster://"), retries=2)
    with pytest.raises(RedisUnavailableError, match="Cluster mode is not enabled"):
        sender(client).send("GET", "a")
    assert 3 in {proxy.count("SLOTS"), proxy.count("INFO")}  # redis-py 5 asks otherwise
    assert "Cluster mode is not enabled" in client.health_check().error
    with pytest.raises(AmbiguousResultError):
        sender(client).send("GET", "a", once=True)


def test_a_cluster_of_redis_py_that_is_none_is_an_outage(proxy: RedisProxy) -> None:
    """redis-py's error about clusters becomes one of ours, too."""

    async def main() -> None:
        sender = AsyncSender(client=redis.asyncio.RedisCluster.from_url(proxy.url))
        with pytest.raises(RedisUnavailableError, match="Cluster mode is not enabled"):
            await sender.send("GET", "a")
        with pytest.raises(AmbiguousResultError):
            await sender.send("GET", "a", once=True)

    asyncio.run(main())


def test_threads_share_a_client(redis_server: RedisServer) -> None:
    """Many threads on few connections get the replies to their own commands."""
    with RedisClient(redis_server.url, max_connections=3, pool_timeout=60) as client, ThreadPoolExecutor(16) as threads:

        def work(number: int) -> bool:
            return all(client.raw.echo(f"{number}-{turn}") == b"%d-%d" % (number, turn) for turn in range(40))

        assert all(threads.map(work, range(16)))
        assert client.health_check().in_use == 0


def test_closing_one_closes_no_other(redis_server: RedisServer, clients: Make, sender: Make) -> None:
    """Two clients of the same Redis have connections of their own; a closed one opens new ones when it is used."""
    one, other = clients(redis_server.url), clients(redis_server.url)
    numbers = [sender(client).send("CLIENT", "ID") for client in (one, other)]
    one.close()
    assert sender(other).send("CLIENT", "ID") == numbers[1]
    assert sender(one).send("CLIENT", "ID") not in numbers


def test_a_client_is_a_context_manager(redis_server: RedisServer, clients: Make, sender: Make) -> None:
    """In the end its connections are closed."""
    with clients(redis_server.url, client_name="mine") as client:
        sender(client).send("PING")
        with redis_server.connect() as other:
            assert "mine" in {each["name"] for each in other.client_list()}
    with redis_server.connect() as other:
        eventually(lambda: "mine" not in {each["name"] for each in other.client_list()})


def test_a_twin_is_not_taken_for_the_other(redis_server: RedisServer) -> None:
    """A sync client in an async manager, or the other way round, is refused with the way out."""
    sync, twin = RedisClient(redis_server.url), AsyncRedisClient(redis_server.url)
    plain, aplain = redis.Redis(), redis.asyncio.Redis()
    for one in (twin, aplain):
        with pytest.raises(ConfigError, match="is for asyncio, and this manager is not"):
            connected(one)
    for other in (sync, plain):
        with pytest.raises(ConfigError, match="is not for asyncio, and this manager is"):
            aconnected(other)
    for connect in (connected, aconnected):
        with pytest.raises(ConfigError, match=r"a builtins\.str, is no client of Redis"):
            connect("redis://:secret@host")
    with pytest.raises(ConfigError, match="where no event loop runs"):
        _ = twin.raw


def test_without_a_client_managers_take_the_default(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, sender: Make
) -> None:
    """None is the process' client of REDIS_URL."""
    monkeypatch.setenv("REDIS_URL", f"{redis_server.url}?client_name=default")
    assert sender(None).send("CLIENT", "GETNAME") == b"default"
