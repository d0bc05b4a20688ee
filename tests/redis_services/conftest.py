"""Every kind of Redis that the managers run on, each with redis-py's client and its asyncio twin."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from support.backends import REDIS, docker_config, require
from support.twins import Loop, Twin
from swe_db.servers.fake import fake_redis
from swe_db.servers.server import RedisServer

PLACES: Final = ("local", "fake")
TWINS: Final = ("sync", "async")


@dataclasses.dataclass(frozen=True)
class Place:
    """A Redis, and how this test talks to it.

    Attributes:
        name: What kind of Redis it is.
        twin: `sync` or `async`.
        server: The server.
        client: A client of redis-py for the test's own use, always sync.
        make: Makes a manager: `make(CacheManager, AsyncCacheManager, prefix="a")`, used as if it were sync.
    """

    name: str
    twin: str
    server: RedisServer
    client: Any
    make: Callable[..., Any]


@pytest.fixture(scope="session", params=PLACES)
def redis_place(request: pytest.FixtureRequest) -> Iterator[tuple[str, RedisServer]]:
    """A Redis of this worker's own."""
    name: str = request.param
    if name == "fake":
        yield name, fake_redis(docker_config()).start()
        return
    require(name)
    server = REDIS[name](docker_config()).start()
    yield name, server
    server.stop()


@pytest.fixture
def loop() -> Iterator[Loop]:
    """An event loop in a thread."""
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture(params=TWINS)
def place(request: pytest.FixtureRequest, redis_place: tuple[str, RedisServer], loop: Loop) -> Iterator[Place]:
    """An empty Redis, and what makes managers on it, sync and async."""
    name, server = redis_place
    client = server.connect()
    client.flushall()
    aclient = loop.call(server.connect_async)

    def make(sync: Any, twin: Any, *arguments: Any, **options: Any) -> Any:
        if request.param == "sync":
            return sync(*arguments, client=client, **options)
        return Twin(loop.call(twin, *arguments, client=aclient, **options), loop)

    yield Place(name, request.param, server, client, make)
    loop.call(aclient.aclose)
    client.close()
