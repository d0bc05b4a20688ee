"""Clients in forked processes, on many event loops, and in tasks that are cancelled."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
import redis.asyncio

from support.proxy import proxy_before
from support.senders import Sender
from swe_db.faults import RedisProxy
from swe_db.redis.client import AsyncRedisClient, RedisClient, aconnected, get_redis_client
from swe_db.servers.server import RedisServer

TWICE = """
import asyncio, sys
from swe_db.redis.client import aget_redis_client

async def main():
    client = aget_redis_client(sys.argv[1])
    numbers = await asyncio.gather(*(client.raw.client_id() for _ in range(5)))
    return {*numbers, await client.once.client_id()}

first, second = asyncio.run(main()), asyncio.run(main())
assert len(first) > 1 and not first & second, (first, second)
"""


def in_child(work: Callable[[], bool]) -> bool:
    """Return what a function returns in a forked process."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if work() else 1
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_forked_process_has_connections_of_its_own(redis_server: RedisServer) -> None:
    """A warm pool is not shared with a child: both go on, each with its own connections, and get their own replies."""
    with RedisClient(redis_server.url) as client:
        own = {client.raw.client_id(), client.once.client_id()}
        raw = client.raw

        def work() -> bool:
            assert client.raw is not raw  # whose locks a thread of the parent may have held for ever
            numbers = {client.raw.client_id(), client.once.client_id()}
            echoes = [client.raw.echo(f"child-{turn}") == b"child-%d" % turn for turn in range(200)]
            client.close()
            return not numbers & own and all(echoes)

        children = [threading.Thread(target=lambda: results.append(in_child(work))) for _ in range(3)]
        results: list[bool] = []
        for child in children:
            child.start()
        assert all(client.raw.echo(f"parent-{turn}") == b"parent-%d" % turn for turn in range(200))
        for child in children:
            child.join()
        assert results == [True] * 3
        assert {client.raw.client_id(), client.once.client_id()} == own


def test_a_fork_while_other_threads_are_at_work_hangs_nobody(redis_server: RedisServer) -> None:
    """Whatever another thread held when the process was forked, the child can use its client."""
    with RedisClient(redis_server.url, max_connections=2, pool_timeout=60) as client:
        stop = threading.Event()

        def busy() -> None:
            while not stop.is_set():
                client.raw.get("a")

        threads = [threading.Thread(target=busy) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            assert all(in_child(lambda: bool(client.raw.set("b", 1))) for _ in range(10))
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def test_the_default_client_is_another_one_in_a_child(redis_server: RedisServer) -> None:
    """The client that a process shares among its parts is not that of its parent."""
    client = get_redis_client(redis_server.url, client_name="parent")
    own = client.raw.client_id()

    def work() -> bool:
        other = get_redis_client(redis_server.url, client_name="parent")
        return other is not client and other.raw.client_id() != own

    assert in_child(work)
    assert client.raw.client_id() == own
    client.close()


def test_a_second_event_loop_goes_on(redis_server: RedisServer, tmp_path: Path) -> None:
    """A client outlives its loop, whose connections are closed with it: no error, no warning, nothing left open."""
    program = [sys.executable, "-X", "dev", "-W", "error", "-c", TWICE, redis_server.url]
    done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    errors = [line for line in done.stderr.splitlines() if not line.startswith("Executing <")]  # how slow it was
    assert (done.returncode, errors) == (0, [])


def test_loops_that_ended_are_forgotten(redis_server: RedisServer) -> None:
    """A process that runs a new loop for every job does not keep what belonged to the old ones."""
    client = AsyncRedisClient(redis_server.url)
    for _ in range(4):
        asyncio.run(client.health_check())
    assert len(client._clients) == 1


def test_loops_in_threads_share_a_client(redis_server: RedisServer) -> None:
    """Each loop has its own connections, also where several run at a time."""
    client = AsyncRedisClient(redis_server.url, max_connections=2, pool_timeout=60)

    async def work(name: str) -> list[bytes]:
        replies = await asyncio.gather(*(client.raw.echo(f"{name}-{turn}") for turn in range(50)))
        return [bytes(reply) for reply in replies]

    results: dict[str, list[bytes]] = {}
    threads = [
        threading.Thread(target=lambda name=name: results.update({name: asyncio.run(work(name))})) for name in "abcd"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {name: [b"%s-%d" % (name.encode(), turn) for turn in range(50)] for name in "abcd"}


@pytest.mark.parametrize("which", ["raw", "once", "given"])
def test_a_cancelled_command_takes_nobody_elses_reply(redis_server: RedisServer, which: str) -> None:
    """Commands that come after one that was cancelled in its wait get their own replies, and the pool stays whole."""

    async def main(proxy: RedisProxy) -> None:
        async with AsyncRedisClient(proxy.url, max_connections=1) as client:
            plain = redis.asyncio.Redis.from_url(proxy.url, max_connections=1)
            used: Any = aconnected(plain).once if which == "given" else getattr(client, which)
            await used.execute_command("SET", "mine", "a")
            proxy.latency(0.02)
            for turn in range(5):
                task = asyncio.create_task(used.execute_command("ECHO", f"late-{turn}"))
                await asyncio.sleep(0.005)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                assert await used.execute_command("GET", "mine") == b"a"
            assert (await client.health_check()).in_use == 0
            await plain.aclose()

    with proxy_before(redis_server.url) as proxy:
        asyncio.run(main(proxy))


def test_waiting_for_a_connection_can_be_cancelled(redis_server: RedisServer) -> None:
    """Whoever gives up waiting takes no turn from the others."""

    async def main() -> None:
        async with AsyncRedisClient(redis_server.url, max_connections=1) as client:
            blocked = asyncio.create_task(client.raw.execute_command("BLPOP", "nothing", 0.3))
            await asyncio.sleep(0.05)
            waiting = [asyncio.create_task(client.raw.get("a")) for _ in range(5)]
            await asyncio.sleep(0.05)
            for task in waiting[:4]:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            assert waiting[4].result() is None
            assert await blocked is None
            assert (await client.health_check()).in_use == 0

    asyncio.run(main())


def test_connecting_can_be_cancelled(redis_server: RedisServer) -> None:
    """Whoever gives up while the connection is made leaves its place to the next."""

    async def main(proxy: RedisProxy) -> None:
        async with AsyncRedisClient(proxy.url, max_connections=1, pool_timeout=1) as client:
            proxy.latency(0.2)
            for _ in range(3):
                task = asyncio.create_task(client.raw.execute_command("PING"))
                await asyncio.sleep(0.02)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            proxy.latency(0)
            assert await client.raw.execute_command("PING")

    with proxy_before(redis_server.url) as proxy:
        asyncio.run(main(proxy))


def test_a_client_of_redis_py_goes_on_in_a_child(redis_server: RedisServer) -> None:
    """So do the managers on it, with and without retries."""
    with redis.Redis.from_url(redis_server.url) as client:
        sender = Sender(client=client)
        sender.send("SET", "a", "b", once=True)
        assert in_child(lambda: sender.send("GET", "a", once=True) == sender.send("GET", "a") == b"b")
        assert sender.send("GET", "a", once=True) == b"b"
