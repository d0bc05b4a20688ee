"""Every kind of Redis that the managers run on, each with a client of its kind and its asyncio twin."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final, Protocol

import pytest

from support import topologies
from support.backends import REDIS, docker_config, require
from support.twins import Loop, Twin
from swe_db.redis.client import AsyncRedisClient, RedisClient
from swe_db.servers.fake import fake_redis

TWINS: Final = ("sync", "async")
PATIENCE: Final[dict[str, Any]] = {
    "socket_timeout": 50.0,
    "pool_timeout": 50.0,
}  # seconds; a busy machine may hold up everybody
MARKER: Final = (
    "places(*names, reason, without): the test runs on these places only, with the reason; or on all but those of the "
    'dictionary `without`, which has the reason of each: places(without={"fake": "fakeredis knows no WAIT"})'
)


class Server(Protocol):
    """A Redis, of whatever servers it consists."""

    @property
    def url(self) -> str:
        """Where it is, as `RedisClient` takes it; that of `fake` raises."""

    @property
    def connect(self) -> Callable[..., Any]:
        """Makes a client of redis-py as an application would."""

    @property
    def connect_async(self) -> Callable[..., Any]:
        """The same for asyncio."""


@dataclasses.dataclass(frozen=True)
class Place:
    """A Redis, and how this test talks to it.

    Attributes:
        name: What kind of Redis it is, one of `PLACES`.
        twin: `sync` or `async`.
        server: The server, or the servers.
        client: A client of redis-py for the test's own use, always sync, which may do everything.
        make: Makes a manager: `make(CacheManager, AsyncCacheManager, prefix="a")`, used as if it were sync.
    """

    name: str
    twin: str
    server: Server
    client: Any
    make: Callable[..., Any]


@dataclasses.dataclass(frozen=True)
class Opened:
    """A Redis that is there for all tests of this worker.

    Attributes:
        server: The server, or the servers.
        inspector: The client for the tests' own use.
        client: Makes the client that sync managers get.
        aclient: Makes the one that their twins get, on the loop.
    """

    server: Server
    inspector: Any
    client: Callable[[], Any]
    aclient: Callable[[], Any]


@contextmanager
def _fake(_: pytest.TempPathFactory) -> Iterator[Opened]:
    server = fake_redis(docker_config()).start()
    yield Opened(server, server.connect(), server.connect, server.connect_async)


@contextmanager
def _local(_: pytest.TempPathFactory) -> Iterator[Opened]:
    """Redis, with the clients that users of redis-py have."""
    require("local")
    server = REDIS["local"](docker_config()).start()
    yield Opened(server, server.connect(), server.connect, server.connect_async)
    server.stop()


@contextmanager
def _client(_: pytest.TempPathFactory) -> Iterator[Opened]:
    """Redis, with the clients of ours."""
    require("local")
    server = REDIS["local"](docker_config()).start()
    yield Opened(
        server,
        server.connect(),
        lambda: RedisClient(server.url, **PATIENCE),
        lambda: AsyncRedisClient(server.url, **PATIENCE),
    )
    server.stop()


@contextmanager
def _embedded(_: pytest.TempPathFactory) -> Iterator[Opened]:
    """Valkey, with clients whose replies are text."""
    require("embedded")
    server = REDIS["embedded"](docker_config()).start()
    text = {"decode_responses": True}
    yield Opened(server, server.connect(), lambda: server.connect(**text), lambda: server.connect_async(**text))
    server.stop()


def _topology(start: Callable[[pytest.TempPathFactory], AbstractContextManager[topologies.Topology]]) -> Any:
    """Return what opens servers with the clients of ours."""

    @contextmanager
    def opened(directories: pytest.TempPathFactory) -> Iterator[Opened]:
        with start(directories) as servers:
            yield Opened(
                servers,
                servers.inspect(),
                lambda: RedisClient(servers.url, **servers.options, **PATIENCE),
                lambda: AsyncRedisClient(servers.url, **servers.options, **PATIENCE),
            )

    return opened


PLACES: Final[dict[str, Callable[[pytest.TempPathFactory], AbstractContextManager[Opened]]]] = {
    "local": _local,
    "client": _client,
    "fake": _fake,
    "embedded": _embedded,
    "tls": _topology(lambda directories: topologies.tls_server(directories.mktemp("tls"))),
    "acl": _topology(lambda _: topologies.acl_server()),
    "sentinel": _topology(lambda _: topologies.sentinels()),
    "cluster": _topology(lambda _: topologies.cluster()),
}


def pytest_configure(config: pytest.Config) -> None:
    """Tell of the marker."""
    config.addinivalue_line("markers", MARKER)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for a place on all that its marker allows; servers start when they are first needed."""
    if "redis_place" in metafunc.fixturenames:
        names = _allowed(metafunc.definition.get_closest_marker("places"))
        metafunc.parametrize("redis_place", names, indirect=True, scope="session")


def _allowed(marker: pytest.Mark | None) -> list[str]:
    """Return the names of the places that a marker allows."""
    if marker is None:
        return list(PLACES)
    without = marker.kwargs.get("without", {})
    reasons = list(without.values()) if without else [marker.kwargs.get("reason")]
    names = marker.args or [name for name in PLACES if name not in without]
    if not {*names, *without} <= PLACES.keys() or not all(reasons) or bool(marker.args) == bool(without):
        raise pytest.UsageError(f"{marker} is not one of these: {MARKER}; the places are {', '.join(PLACES)}")
    return list(names)


@pytest.fixture(scope="session")
def redis_place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Opened]]:
    """A Redis of this worker's own."""
    with PLACES[request.param](tmp_path_factory) as opened:
        yield request.param, opened
        opened.inspector.close()


@pytest.fixture
def loop() -> Iterator[Loop]:
    """An event loop in a thread."""
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture(params=TWINS)
def place(request: pytest.FixtureRequest, redis_place: tuple[str, Opened], loop: Loop) -> Iterator[Place]:
    """An empty Redis, and what makes managers on it, sync and async."""
    name, opened = redis_place
    opened.inspector.flushall()
    client = opened.client()
    aclient = loop.call(opened.aclient)

    def make(sync: Any, twin: Any, *arguments: Any, **options: Any) -> Any:
        if request.param == "sync":
            return sync(*arguments, client=client, **options)
        return Twin(loop.call(twin, *arguments, client=aclient, **options), loop)

    yield Place(name, request.param, opened.server, opened.inspector, make)
    loop.call(aclient.close if isinstance(aclient, AsyncRedisClient) else aclient.aclose)
    client.close()
