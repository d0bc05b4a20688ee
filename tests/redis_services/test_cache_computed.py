"""Values that are computed when they are missing: once, early, and never stored when they are stale."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from support.twins import Loop
from swe_db.errors import CacheTypeError, ConfigError
from swe_db.redis.cache import CacheManager
from swe_db.redis.cache.async_manager import AsyncCacheManager
from swe_db.redis.cache.compute import is_due
from swe_db.redis.cache.core import Look
from swe_db.redis.cache.entry import Entry

pytestmark = pytest.mark.places("local", "cluster", reason="test_cache.py shows that the others are alike")


@dataclasses.dataclass
class User:
    """What applications keep."""

    name: str


class Counted:
    """A factory that counts its calls and returns their number; in the first call something happens meanwhile."""

    def __init__(self, meanwhile: Callable[[], object] = lambda: None, *, seconds: float = 0.0) -> None:
        self.calls = 0
        self._meanwhile = meanwhile
        self._seconds = seconds
        self._lock = threading.Lock()

    def __call__(self) -> int:
        """Return the number of the call."""
        with self._lock:
            self.calls += 1
            number = self.calls
        time.sleep(self._seconds)
        if number == 1:
            self._meanwhile()
        return number


@pytest.fixture
def make(place: Any) -> Callable[..., Any]:
    """Makes a manager."""
    return lambda **options: place.make(CacheManager, AsyncCacheManager, **options)


@pytest.fixture
def cache(make: Callable[..., Any]) -> Any:
    """A manager."""
    return make()


@pytest.fixture
def other(place: Any) -> CacheManager:
    """A sync manager on the same Redis, for what happens meanwhile."""
    return CacheManager(place.client)


@pytest.fixture
def factory_of(place: Any) -> Callable[[Callable[[], Any]], Any]:
    """Makes a function one for the twin: for asyncio a coroutine function, so that the loop goes on meanwhile."""
    if place.twin == "sync":
        return lambda function: function
    return lambda function: functools.partial(asyncio.to_thread, function)


def together(number: int, call: Callable[[], Any]) -> list[Any]:
    """Call a function in many threads at once, which are as many tasks if it belongs to a twin of asyncio."""
    start = threading.Barrier(number)

    def one(_: int) -> Any:
        start.wait()
        return call()

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(one, range(number)))


@pytest.mark.places("local", "fake", "cluster", reason="test_cache.py shows that the others are alike")
def test_a_value_is_computed_once(cache: Any, factory_of: Any) -> None:
    """A missing value is computed and stored, and found the next time; so is None."""
    counted = Counted()
    assert [cache.get_or_set("a", factory_of(counted), 60) for _ in range(3)] == [1, 1, 1]
    assert 30 < cache.ttl("a") <= 60
    assert [cache.get_or_set("b", lambda: None) for _ in range(2)] == [None, None]
    assert cache.get("b", "nothing") is None


@pytest.mark.places("local", "fake", "cluster", reason="test_cache.py shows that the others are alike")
def test_many_callers_compute_once(cache: Any, factory_of: Any) -> None:
    """Of 50 who miss a value at once one computes it, and all have it."""
    cache.exists("a")  # a client of a cluster in asyncio must have looked around before many use it at once
    counted = Counted(seconds=0.05)
    factory = factory_of(counted)
    assert together(50, lambda: cache.get_or_set("a", factory, 60, tags=["t"])) == [1] * 50
    assert counted.calls == 1


@pytest.mark.places("local", reason="the test before this one shows that the others are alike")
@pytest.mark.parametrize("kind", ["expired", "tag ended", "damaged"])
def test_whatever_is_missing_is_computed_once(place: Any, cache: Any, factory_of: Any, kind: str) -> None:
    """An entry that has expired, or does not count, is computed by one of 50 as one is that was never there."""
    if kind == "expired":
        cache.set("a", 0, 0.001)
        time.sleep(0.002)
    if kind == "tag ended":
        cache.set("a", 0, tags=["t"])
        cache.invalidate_tags("t")
    if kind == "damaged":
        place.client.set("cache:v:{a}", b"hello")
    counted = Counted(seconds=0.05)
    factory = factory_of(counted)
    assert together(50, lambda: cache.get_or_set("a", factory, 60, tags=["t"])) == [1] * 50
    assert counted.calls == 1


def test_without_a_lock_nobody_waits(cache: Any, factory_of: Any) -> None:
    """Who says so computes although another does."""
    all_compute = threading.Barrier(5)
    factory = factory_of(lambda: all_compute.wait(30))
    assert sorted(together(5, lambda: cache.get_or_set("a", factory, 60, lock=False))) == [0, 1, 2, 3, 4]


MEANWHILE = {
    "delete": lambda other: other.delete("a"),
    "delete_pattern": lambda other: other.delete_pattern("a*"),
    "invalidate_tags": lambda other: other.invalidate_tags("u"),
    "lost tag": lambda other: other.connected.raw.delete("cache:t:{t}"),
}


@pytest.mark.parametrize("before", ["missing", "tag ended"])
@pytest.mark.parametrize("meanwhile", MEANWHILE)
def test_what_was_computed_before_an_invalidation_does_not_count(
    cache: Any, other: CacheManager, factory_of: Any, meanwhile: str, before: str
) -> None:
    """Whoever asks after an invalidation gets nothing that was begun before it, though it was stored later."""
    if before == "tag ended":
        cache.set("a", 0, tags=["x"])
        cache.invalidate_tags("x")
    counted = Counted(lambda: MEANWHILE[meanwhile](other))
    assert cache.get_or_set("a", factory_of(counted), 60, tags=["t", "u"]) == 1
    assert cache.get("a") is None
    assert cache.get_or_set("a", factory_of(counted), 60, tags=["t", "u"]) == 2
    assert cache.get_or_set("a", factory_of(counted), 60, tags=["t", "u"]) == 2


def test_a_deleted_key_may_be_computed_at_once(cache: Any, other: CacheManager, factory_of: Any) -> None:
    """After a delete nobody waits for the computation that was begun before it, nor gets what it stores."""
    second = Counted()

    def meanwhile() -> None:
        other.delete("a")
        assert other.get_or_set("a", lambda: ("new", second()), 60) == ("new", 1)

    assert cache.get_or_set("a", factory_of(Counted(meanwhile)), 60) == 1
    assert cache.get("a") == ("new", 1)


@pytest.mark.parametrize("set_", [lambda other: other.set("a", 7), lambda other: other.incr("a", 7)])
def test_what_is_set_meanwhile_stays(cache: Any, other: CacheManager, factory_of: Any, set_: Any) -> None:
    """A value that is set while another is computed is newer, and stays."""
    assert cache.get_or_set("a", factory_of(Counted(lambda: set_(other))), 60) == 1
    assert cache.get("a") == 7


INVALIDATE = {
    "delete": lambda other: other.delete("a"),
    "delete_pattern": lambda other: other.delete_pattern("*"),
    "invalidate_tags": lambda other: other.invalidate_tags("t"),
}


class Source:
    """What is cached: it changes, and says so when the change has been published to the cache."""

    def __init__(self) -> None:
        self.version = 0
        self.published = 0
        self.is_over = False

    def read(self) -> int:
        """Return the version, after a time in which it may change."""
        version = self.version
        time.sleep(0.002)
        return version

    def stale_reads(self, get: Callable[[], int]) -> list[tuple[int, int]]:
        """Return what was got although it had been published before that it had changed."""
        stale = []
        while not self.is_over:
            published = self.published
            got = get()
            if got < published:
                stale.append((got, published))
        return stale


@pytest.mark.parametrize("invalidate", INVALIDATE)
def test_no_stale_value_under_load(cache: Any, other: CacheManager, factory_of: Any, invalidate: str) -> None:
    """While a source changes and is invalidated again and again, nobody ever gets what it was before."""
    source = Source()
    factory = factory_of(source.read)
    with ThreadPoolExecutor(4) as pool:
        get = functools.partial(cache.get_or_set, "a", factory, 60, tags=["t"])
        readers = [pool.submit(source.stale_reads, get) for _ in range(4)]
        for _ in range(15):
            source.version += 1
            INVALIDATE[invalidate](other)
            source.published = source.version
            time.sleep(0.003)
        source.is_over = True
        assert [stale for reader in readers for stale in reader.result()] == []


def test_who_computes_too_long_does_not_overwrite(make: Callable[..., Any], factory_of: Any) -> None:
    """When the lease is over another computes; what the slow one stores in the end is not taken for newer."""
    cache = make(lease=0.05)
    go_on = threading.Event()
    slow = Counted(lambda: go_on.wait(30))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(cache.get_or_set, "a", factory_of(lambda: ("slow", slow())), 60)
        while not slow.calls:
            time.sleep(0.001)
        assert cache.get_or_set("a", factory_of(lambda: "quick"), 60) == "quick"
        go_on.set()
        assert first.result() == ("slow", 1)
    assert cache.get("a") == "quick"


def test_a_dead_computation_is_waited_for_no_longer_than_its_lease(place: Any, cache: Any, factory_of: Any) -> None:
    """Where whoever had the lock is gone, another computes when it ends."""
    place.client.set("cache:l:{a}", b"somebody", px=200)
    assert cache.get_or_set("a", factory_of(lambda: 1), 60) == 1
    assert not place.client.exists("cache:l:{a}", "cache:g:{a}")


class OddError(Exception):
    """An error of the user's."""


def test_an_error_is_the_callers(place: Any, cache: Any, factory_of: Any) -> None:
    """What the factory raises goes to who called, nothing is stored, and the next one computes at once."""

    def fails() -> None:
        raise OddError

    for _ in range(2):
        with pytest.raises(OddError):
            cache.get_or_set("a", factory_of(fails), 60)
    assert not place.client.exists("cache:l:{a}", "cache:g:{a}", "cache:v:{a}")
    assert cache.get_or_set("a", factory_of(lambda: 1), 60) == 1


@pytest.mark.parametrize("place", ["sync"], indirect=True)
def test_an_interrupted_computation_is_waited_for_by_nobody(place: Any, cache: Any) -> None:
    """A program that is interrupted gives the lock back on its way out."""

    def interrupted() -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        cache.get_or_set("a", interrupted, 60)
    assert not place.client.exists("cache:l:{a}")
    assert not place.client.exists("cache:g:{a}")


@pytest.mark.parametrize("place", ["async"], indirect=True)
def test_a_cancelled_computation_is_waited_for_by_nobody(place: Any, cache: Any, loop: Loop) -> None:
    """A task that is cancelled gives the lock back on its way out."""

    async def cancelled() -> bool:
        began = asyncio.Event()

        async def slow() -> None:
            began.set()
            await asyncio.sleep(60)

        task = asyncio.create_task(cache.twin.get_or_set("a", slow, 60))
        await began.wait()
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert loop.run(cancelled())
    assert not place.client.exists("cache:l:{a}")


def test_what_cannot_be_kept_is_refused_at_once(place: Any, cache: Any, factory_of: Any) -> None:
    """A value that would not be found again is refused when it is computed, not when it is missed."""
    for value, hint in ((object(), Any), (User("ann"), Any), (User("ann"), int), ("text", int)):
        with pytest.raises(CacheTypeError):
            cache.get_or_set("a", factory_of(lambda value=value: value), 60, type=hint)
    assert not place.client.exists("cache:l:{a}", "cache:g:{a}", "cache:v:{a}")
    counted = Counted()
    for _ in range(2):
        assert cache.get_or_set("a", factory_of(lambda: [User(f"{counted()}")]), 60, type=list[User]) == [User("1")]


def test_an_entry_of_another_type_is_computed_anew(cache: Any, factory_of: Any) -> None:
    """What an older program has stored under the key is no error for who can compute it."""
    cache.set("a", {"name": "ann"})
    assert cache.get_or_set("a", factory_of(lambda: User("ann")), 60, type=User) == User("ann")
    assert cache.get("a", type=User) == User("ann")


EAGER = 1e15  # a beta for which every entry is due, however quickly it was computed


def test_one_computes_early_while_others_have_the_old_value(cache: Any, other: CacheManager, factory_of: Any) -> None:
    """An entry that is due is computed anew by one caller; others have what is still good, and do not wait."""
    seen: list[object] = []
    counted = Counted(seconds=0.01)
    factory = factory_of(counted)
    assert cache.get_or_set("a", factory, 60) == 1
    assert cache.get_or_set("a", factory, 60) == 1

    def early() -> str:
        seen.append(other.get_or_set("a", lambda: "nobody computes this", 60, beta=EAGER))
        return "new"

    assert cache.get_or_set("a", factory_of(early), 60, beta=EAGER) == "new"
    assert seen == [1]
    assert cache.get("a") == "new"
    assert cache.get_or_set("a", factory, 60, beta=0) == "new"


def test_an_early_computation_that_fails_costs_nothing(cache: Any, factory_of: Any) -> None:
    """As long as the old value is good, an error of an early computation is no reason not to return it."""

    def fails() -> None:
        raise OddError

    cache.get_or_set("a", factory_of(Counted()), 60)
    assert cache.get_or_set("a", factory_of(fails), 60, beta=EAGER) == 1
    with pytest.raises(CacheTypeError):
        cache.get_or_set("a", factory_of(object), 60, beta=EAGER)


@pytest.mark.parametrize("seconds", [0.1, 100.0])
def test_an_entry_is_due_by_its_cost_and_the_time_left(seconds: float) -> None:
    """The lot falls as the paper says: with cost c and time t left, in a share of exp(-t / c) of all calls."""
    look = Look(b"", Entry(b"", cost=seconds), left_ms=int(seconds * 2000))
    due = sum(is_due(look, beta=1.0) for _ in range(20_000))
    assert 0.8 < due / 20_000 / math.exp(-2) < 1.2


def test_early_computations_need_an_end(cache: Any, factory_of: Any) -> None:
    """What does not expire is not computed early, and what was set by hand neither."""
    cache.get_or_set("a", factory_of(lambda: 1))
    cache.set("b", 1, 60)
    for key in "ab":
        assert cache.get_or_set(key, factory_of(lambda: 2), beta=EAGER) == 1


@pytest.mark.parametrize("beta", [-1, math.inf, math.nan])
def test_beta_is_a_number_from_0_on(cache: Any, beta: float) -> None:
    """Another beta is an error that says what to give."""
    with pytest.raises(ConfigError, match="beta is"):
        cache.get_or_set("a", lambda: 1, 60, beta=beta)
