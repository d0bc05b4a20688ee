"""What cached functions do while Redis does not answer, and when it does again."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest
import redis

from support.topologies import binary
from support.twins import Loop
from swe_db.errors import RedisUnavailableError
from swe_db.redis.cache import CacheManager
from swe_db.redis.cache.async_manager import AsyncCacheManager
from swe_db.redis.cache.breaker import CircuitBreaker
from swe_db.redis.cache.decorator import cache_result
from swe_db.redis.client import AsyncRedisClient, RedisClient
from swe_db.servers.process import PortReservation

TIMEOUT: Final = 0.2  # seconds
PATIENCE: Final = 30.0


class Server:
    """A Redis that can be stopped and started again on its port."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._reservation = PortReservation()
        self.url = f"redis://127.0.0.1:{self._reservation.port}"
        self.start()

    def start(self) -> None:
        """Start it, empty."""
        options = ["--port", str(self._reservation.port), "--bind", "127.0.0.1", "--save", ""]
        log = (self._directory / "log").open("ab")
        with log:
            self._process = subprocess.Popen([binary().program, *options], cwd=self._directory, stdout=log, stderr=log)
        until = time.monotonic() + PATIENCE
        with redis.Redis.from_url(self.url) as client:
            while True:
                try:
                    client.ping()
                except redis.ConnectionError:
                    assert time.monotonic() < until
                    time.sleep(0.01)
                else:
                    return

    def close(self) -> None:
        """End it for good."""
        self.kill()
        self._reservation.release()

    def kill(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """Let it answer no more; connections stay."""
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    def go_on(self) -> None:
        """Let it answer again."""
        self._process.send_signal(signal.SIGCONT)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server."""
    server = Server(tmp_path)
    yield server
    server.close()


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


class Breaker(CircuitBreaker):
    """A breaker that counts how many have waited for Redis in vain."""

    failures = 0

    def failed(self) -> bool:
        """Count one."""
        self.failures += 1
        return super().failed()


@dataclasses.dataclass
class Kept:
    """A cached function, and what it takes.

    Attributes:
        call: Calls it; it returns how often it ran.
        cached: The cached function itself.
        manager: Its cache.
        breaker: Its breaker.
        clock: The clock of its breaker.
        run: Calls what may have to be awaited.
    """

    call: Callable[..., int]
    cached: Any
    manager: Any
    breaker: Breaker
    clock: Clock
    run: Callable[[Any], Any]

    def found(self) -> int:
        """Call until the result is from the cache, for which Redis may be too slow now and then; return it."""
        for _ in range(100):
            self.clock.now += 5
            first = self.call()
            if self.call() == first:
                return first
        raise AssertionError("the cache is not used")


@pytest.fixture(params=["sync", "async"])
def keep(request: pytest.FixtureRequest) -> Iterator[Callable[..., Kept]]:
    """Makes a cached function of either kind on a URL; the client gives up after a time and does not try again."""
    loop = Loop()
    runs: list[int] = []
    clients: list[Any] = []
    meanwhile: list[Callable[[], object]] = []

    def count(number: int = 0) -> int:
        runs.append(number)
        if len(runs) == 1 and meanwhile:
            meanwhile[0]()
        return len(runs)

    async def acount(number: int = 0) -> int:
        return count(number)

    def keep(
        url: str, meanwhile_: Callable[[], object] | None = None, *, timeout: float = PATIENCE, **more: Any
    ) -> Kept:
        meanwhile[:] = [meanwhile_] if meanwhile_ else []
        options: dict[str, Any] = {"retries": 0, "socket_timeout": timeout, "socket_connect_timeout": timeout}
        clock = Clock()
        breaker = Breaker(5.0, clock=clock)
        if request.param == "sync":
            clients.append(RedisClient(url, **options))
            manager: Any = CacheManager(clients[-1], breaker=breaker)
            cached: Any = cache_result(60, cache=manager, **more)(count)
            return Kept(cached, cached, manager, breaker, clock, lambda call: call())
        clients.append(AsyncRedisClient(url, **options))
        manager = AsyncCacheManager(clients[-1], breaker=breaker)
        cached = cache_result(60, cache=manager, **more)(acount)
        return Kept(lambda *arguments: loop.run(cached(*arguments)), cached, manager, breaker, clock, loop.call)

    yield keep
    for client in clients:
        loop.call(client.close)
    loop.close()


STOP = {"killed": (Server.kill, Server.start), "paused": (Server.pause, Server.go_on)}


@pytest.mark.parametrize("how", STOP)
def test_functions_run_while_redis_is_away(server: Server, keep: Callable[..., Kept], how: str) -> None:
    """Without Redis the function runs, one call a period waits for it, and the cache is used again when it is back."""
    stop, start = STOP[how]
    kept = keep(server.url, timeout=TIMEOUT)
    kept.found()
    before = kept.breaker.failures
    stop(server)
    runs = [kept.call() for _ in range(20)]
    kept.clock.now += 5
    runs += [kept.call() for _ in range(20)]
    assert runs == list(range(runs[0], runs[0] + 40))
    assert kept.breaker.failures - before == 2
    start(server)
    kept.found()


def test_under_load_nothing_fails_and_little_waits(server: Server, keep: Callable[..., Kept]) -> None:
    """With 8 callers at work, a stop and a start of Redis are no error to any of them, and cost each one time-out."""
    kept = keep(server.url, timeout=TIMEOUT)
    over = threading.Event()
    errors: list[Exception] = []

    def work() -> None:
        while not over.is_set():
            try:
                kept.call()
            except Exception as error:  # noqa: BLE001 - none may come
                errors.append(error)

    with ThreadPoolExecutor(8) as pool:
        for _ in range(8):
            pool.submit(work)
        time.sleep(0.1)
        server.pause()
        time.sleep(6 * TIMEOUT)
        server.go_on()
        server.kill()
        server.start()
        kept.clock.now += 5
        time.sleep(0.1)
        over.set()
    assert errors == []
    assert kept.breaker.failures <= 3 * 8  # one time-out each, where it would be six
    kept.found()
    assert not kept.breaker.is_open


def test_errors_may_pass(server: Server, keep: Callable[..., Kept]) -> None:
    """Who says on_error="raise" has the error, each time."""
    kept = keep(server.url, on_error="raise")
    assert kept.call() == 1
    server.kill()
    for _ in range(2):
        with pytest.raises(RedisUnavailableError):
            kept.call()


def test_an_invalidation_never_fails_silently(server: Server, keep: Callable[..., Kept]) -> None:
    """What could not be deleted may be found again, so whoever deletes is told, with the breaker open, too."""
    kept = keep(server.url)
    kept.call()
    server.kill()
    kept.call()
    with pytest.raises(RedisUnavailableError):
        kept.run(kept.cached.invalidate)
    with pytest.raises(RedisUnavailableError):
        kept.run(lambda: kept.manager.invalidate_tags("t"))


def test_a_function_runs_once_though_redis_goes_meanwhile(server: Server, keep: Callable[..., Kept]) -> None:
    """When Redis ends while the function runs, its result is returned and it is not called again."""
    kept = keep(server.url, server.kill)
    assert kept.call() == 1
    assert kept.breaker.is_open


def test_errors_of_the_function_are_not_those_of_the_cache(server: Server, keep: Callable[..., Kept]) -> None:
    """A function that works with Redis itself may fail by that, which says nothing about the cache's."""

    def fails() -> None:
        raise RedisUnavailableError("another one")

    kept = keep(server.url, fails)
    with pytest.raises(RedisUnavailableError, match="another one"):
        kept.call()
    assert not kept.breaker.is_open
    assert [kept.call(), kept.call()] == [2, 2]


def test_a_refusal_is_no_outage(server: Server, keep: Callable[..., Kept], caplog: pytest.LogCaptureFixture) -> None:
    """Where Redis refuses, the function runs and a warning says why; the next call asks Redis again."""
    with redis.Redis.from_url(server.url) as client:
        client.config_set("maxmemory", 1)
        kept = keep(server.url, key=lambda *_: "a")
        assert [kept.call(), kept.call()] == [1, 2]
        assert "runs without its cache: Redis refuses: " in caplog.text
        client.config_set("maxmemory", 0)
    assert [kept.call(), kept.call()] == [3, 3]


def test_an_outage_is_said_once(server: Server, keep: Callable[..., Kept], caplog: pytest.LogCaptureFixture) -> None:
    """However many calls go without the cache, one warning says so, and it has no password."""
    kept = keep(server.url)
    server.kill()
    for _ in range(3):
        kept.call()
        kept.clock.now += 5
    warnings = [record.getMessage() for record in caplog.records if record.name.startswith("swe_db")]
    assert len([text for text in warnings if "run without their cache: Redis does not answer" in text]) == 1
