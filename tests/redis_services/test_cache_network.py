"""What the cache does when a reply is lost on its way, and the client sends the command again."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from support.proxy import proxy_before
from support.twins import Loop, Twin
from swe_db.errors import AmbiguousResultError
from swe_db.faults import RedisProxy
from swe_db.redis.cache import CacheManager
from swe_db.redis.cache.async_manager import AsyncCacheManager
from swe_db.redis.cache.core import BEGIN, GENERATION, READ, STORE
from swe_db.redis.client import AsyncRedisClient, RedisClient

pytestmark = pytest.mark.places("local", reason="the network is the proxy's")

LEASE: Final = 60.0  # seconds
QUICK: Final = LEASE / 2


@pytest.fixture
def proxy(place: Any) -> Iterator[RedisProxy]:
    """A proxy before Redis."""
    with proxy_before(place.server.url) as proxy:
        yield proxy


@pytest.fixture
def cache(place: Any, proxy: RedisProxy, loop: Loop) -> Iterator[Any]:
    """A manager behind the proxy, with a client that tries again."""
    client: Any = RedisClient(proxy.url) if place.twin == "sync" else AsyncRedisClient(proxy.url)
    if place.twin == "sync":
        yield CacheManager(client, lease=LEASE)
    else:
        yield Twin(AsyncCacheManager(client, lease=LEASE), loop)
    loop.call(client.close)


@pytest.mark.parametrize("script", [READ, BEGIN, STORE, GENERATION], ids=lambda script: script.name)
def test_a_computation_survives_a_lost_reply(proxy: RedisProxy, cache: Any, script: Any) -> None:
    """Whichever reply is lost, the value is computed once, stored, and nobody waits for a lease."""
    calls = itertools.count(1)
    cache.get_or_set("warm", lambda: 0, 60, tags=["t"])
    fault = proxy.drop_replies(script.digest)
    began = time.monotonic()
    assert cache.get_or_set("a", lambda: next(calls), 60, tags=["t"]) == 1
    fault.wait()
    assert cache.get_or_set("a", lambda: next(calls), 60, tags=["t"]) == 1
    assert time.monotonic() - began < QUICK


def test_a_lost_release_is_repeated(proxy: RedisProxy, cache: Any) -> None:
    """After an error of the factory the next caller need not wait, though the reply to the release was lost."""

    def fails() -> None:
        raise ZeroDivisionError

    fault = proxy.drop_replies("EVALSHA", nth=3)
    with pytest.raises(ZeroDivisionError):
        cache.get_or_set("a", fails)
    fault.wait()
    began = time.monotonic()
    assert cache.get_or_set("a", lambda: 1) == 1
    assert time.monotonic() - began < QUICK


COUNTING: Final[dict[str, Callable[[Any], Any]]] = {
    "incr": lambda cache: cache.incr("a", 5),
    "incr with a ttl": lambda cache: cache.incr("a", 5, ttl=60),
    "decr": lambda cache: cache.decr("a", -5),
    "nx": lambda cache: cache.set("a", 5, nx=True),
}


@pytest.mark.parametrize("call", COUNTING)
def test_what_must_not_run_twice_does_not(proxy: RedisProxy, cache: Any, call: str) -> None:
    """A counter whose reply was lost is not counted on twice: the caller is told that it may have counted."""
    cache.incr("warm", ttl=60)  # the server knows the script
    fault = proxy.drop_replies("cache:v:{a}")
    with pytest.raises(AmbiguousResultError):
        COUNTING[call](cache)
    fault.wait()
    assert cache.get("a") == 5


def test_an_invalidation_is_repeated(proxy: RedisProxy, cache: Any) -> None:
    """A delete and the end of a tag are sent again when their replies are lost."""
    cache.set("a", 1, tags=["t"])
    fault = proxy.drop_replies("UNLINK")
    cache.invalidate_tags("t")
    fault.wait()
    assert cache.get("a") is None
    cache.set("b", 1)
    fault = proxy.drop_replies("cache:v:{b}")
    cache.delete("b")
    fault.wait()
    assert cache.get("b") is None
