"""Fixtures for tests in which connections and servers are lost. They are taken by importing them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
import redis.asyncio

from support.proxy import proxy_before
from support.stoppable import StoppableRedis
from support.twins import Loop, Twin
from swe_db.faults import RedisProxy
from swe_db.redis.pubsub import AsyncPubSubManager, PubSubManager

__all__ = ["make", "proxy", "raw", "server"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoppableRedis]:
    """A server that can be killed."""
    server = StoppableRedis(tmp_path_factory.mktemp("redis"))
    yield server
    server.close()


@pytest.fixture
def proxy(server: StoppableRedis) -> Iterator[RedisProxy]:
    """A proxy before it."""
    with proxy_before(server.url) as proxy:
        yield proxy


@pytest.fixture
def raw(server: StoppableRedis) -> Iterator[Any]:
    """A client to look inside and to publish past the manager."""
    with server.connect() as raw:
        yield raw


@pytest.fixture(params=["sync", "async"])
def make(request: pytest.FixtureRequest, loop: Loop) -> Iterator[Callable[..., Any]]:
    """Makes a manager on a URL: of a client without any retry, as `from_url` gives it."""
    clients: list[Any] = []

    def make(url: str, *, options: Any = None, **settings: Any) -> Any:
        if request.param == "sync":
            clients.append(redis.Redis.from_url(url, **(options or {})))
            return PubSubManager(client=clients[-1], **settings)
        clients.append(Twin(loop.call(redis.asyncio.Redis.from_url, url, **(options or {})), loop))
        return Twin(loop.call(AsyncPubSubManager, client=clients[-1].twin, **settings), loop)

    yield make
    for client in clients:
        client.close() if isinstance(client, redis.Redis) else client.aclose()
