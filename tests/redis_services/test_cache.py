"""What the cache keeps, how long, and what ends it; the same for both twins on each Redis."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

import pytest

from swe_db.errors import CacheTypeError, ConfigError, RedisServiceError
from swe_db.redis.cache import CacheManager, get_cache_manager
from swe_db.redis.cache.async_manager import AsyncCacheManager, aget_cache_manager

COUNTING: Final = pytest.mark.places("local", reason="the commands are the same everywhere, and fakeredis counts none")
REFUSING: Final = pytest.mark.places("fake", reason="it is refused before Redis is asked")
DETAIL: Final = pytest.mark.places("local", "fake", "cluster", reason="the others are reached by other ways, no more")


@dataclasses.dataclass
class User:
    """What applications keep."""

    name: str


@pytest.fixture
def make(place: Any) -> Callable[..., Any]:
    """Makes a manager."""
    return lambda **options: place.make(CacheManager, AsyncCacheManager, **options)


@pytest.fixture
def cache(make: Callable[..., Any]) -> Any:
    """A manager."""
    return make()


def test_a_value_comes_back(cache: Any) -> None:
    """What is set is got with its type; None is a value, too."""
    values = [None, False, 0, "", b"", (), {1}, {"a": [Decimal(1)]}, 2**80]
    assert all(
        cache.set("a", value) and cache.exists("a") and repr(cache.get("a", 7)) == repr(value) for value in values
    )


@DETAIL
def test_there_is_a_default(cache: Any) -> None:
    """Where there is no value, the default is returned, which is None if nothing is said."""
    assert cache.get("a") is None
    assert cache.get("a", 7) == 7
    assert not cache.exists("a")
    assert cache.ttl("a") is None


def test_instances_are_got_by_their_type(cache: Any) -> None:
    """A dataclass is got by who says so; else the error says how, and names the entry."""
    cache.set("a", [User("ann")])
    assert cache.get("a", type=list[User]) == [User("ann")]
    assert cache.get_many(["a"], type=list[User]) == {"a": [User("ann")]}
    with pytest.raises(CacheTypeError, match=r"the cache entry 'a': it holds a .*User: say type=User"):
        cache.get("a")
    with pytest.raises(CacheTypeError, match=r"the cache entry 'a': it holds a .*User: say type=User"):
        cache.get_many(["a"])


@REFUSING
def test_another_type_is_an_error(cache: Any) -> None:
    """Who says the type is not given another one."""
    cache.set("a", "text")
    with pytest.raises(CacheTypeError, match="the cache entry 'a': it is a str, not a int"):
        cache.get("a", type=int)


@REFUSING
def test_what_cannot_be_kept_is_refused(cache: Any) -> None:
    """A refused value leaves what was there; many are stored all or not at all."""
    cache.set("a", 1)
    with pytest.raises(CacheTypeError, match=r"the cache entry 'a': a builtins.object cannot be cached"):
        cache.set("a", object())
    with pytest.raises(CacheTypeError, match="the cache entry 'b'"):
        cache.set_many({"a": 2, "b": object()})
    assert cache.get("a") == 1


@DETAIL
@pytest.mark.parametrize("stored", [b"hello", b"\x02", b"\x02" + b"x" * 30, b"\x01\x93\x01", b"\x80\x04K\x01."])
def test_what_others_wrote_is_one_error(place: Any, cache: Any, stored: bytes) -> None:
    """A foreign or damaged entry is an error that names it and says what to do."""
    place.client.set("cache:v:{a}", stored)
    with pytest.raises(CacheTypeError, match="the cache entry 'a': it was not written by this cache, or is damaged"):
        cache.get("a")
    cache.delete("a")
    assert cache.get("a") is None


@DETAIL
def test_a_key_of_another_type_is_one_error(place: Any, cache: Any) -> None:
    """Where Redis holds something that is no text at all, its refusal is one of our errors."""
    place.client.rpush("cache:v:{a}", 1)
    with pytest.raises(RedisServiceError, match="WRONGTYPE"):
        cache.get("a")


@DETAIL
@pytest.mark.parametrize(("ttl", "left"), [(60, 60), (60.5, 60.5), (timedelta(hours=1), 3600), (None, math.inf)])
def test_entries_live_as_long_as_said(cache: Any, ttl: Any, left: float) -> None:
    """A time to live is seconds or a timedelta; without one an entry does not expire."""
    cache.set("a", 1, ttl)
    cache.set_many({"b": 1}, ttl)
    cache.set("c", 1, ttl, tags=["t"])
    for key in "abc":
        assert left - 30 < cache.ttl(key) <= left or cache.ttl(key) == left


def test_there_is_a_default_ttl(make: Callable[..., Any]) -> None:
    """What the manager is told counts where nobody says more."""
    cache = make(default_ttl=60)
    cache.set("a", 1)
    cache.incr("b")
    cache.set("c", 1, 600)
    cache.get_or_set("d", lambda: 1)
    assert [30 < cache.ttl(key) <= 60 for key in "abcd"] == [True, True, False, True]


@REFUSING
@pytest.mark.parametrize("ttl", [0, -1, math.inf, True, "60"], ids=repr)
def test_a_ttl_that_makes_no_sense_is_an_error(cache: Any, ttl: Any) -> None:
    """Nothing is stored for ever because a number was wrong."""
    for call in (cache.set, cache.incr):
        with pytest.raises(ConfigError, match="ttl is"):
            call("a", 1, ttl)
    assert not cache.exists("a")


def test_nx_leaves_what_is_there(cache: Any) -> None:
    """With nx a value is stored only where there is none; one whose tag has ended is none."""
    assert cache.set("a", 1, nx=True)
    assert not cache.set("a", 2, nx=True)
    assert cache.get("a") == 1
    cache.set("a", 3, tags=["t"])
    assert not cache.set("a", 4, nx=True)
    cache.invalidate_tags("t")
    assert cache.set("a", 5, nx=True)
    assert cache.get("a") == 5


def test_many_at_once(cache: Any) -> None:
    """Many entries are stored, read and deleted in one go; those that are not there are left out."""
    cache.set_many({"a": 1, "b": (2,), "c": None}, tags=["t"])
    cache.set("d", 4)
    assert cache.get_many(["a", "b", "c", "d", "e", "a"]) == {"a": 1, "b": (2,), "c": None, "d": 4}
    assert cache.delete("a", "b", "e") == 2
    assert cache.get_many(["a", "b", "c"]) == {"c": None}
    cache.invalidate_tags("t")
    assert cache.get_many(["a", "c", "d"]) == {"d": 4}


def test_nothing_at_all(cache: Any) -> None:
    """No keys, values or tags are no error."""
    cache.set_many({})
    cache.invalidate_tags()
    assert cache.get_many([]) == {}
    assert cache.delete() == 0


def test_counters_count(cache: Any) -> None:
    """A counter begins at 0, goes both ways, and is an integer like others, to the last of its 64 bits."""
    assert cache.incr("a") == 1
    assert cache.incr("a", 2**62) == 2**62 + 1
    assert cache.decr("a", 5, ttl=60) == 2**62 - 4
    assert cache.get("a", type=int) == 2**62 - 4
    cache.set("a", 10)
    assert cache.decr("a", 20) == -10


@pytest.mark.parametrize("before", [None, 5])
def test_a_counter_never_lives_for_ever(cache: Any, before: int | None) -> None:
    """A counter that was told how long to live does so, even if it was there without an end; and the end stays."""
    if before is not None:
        cache.set("a", before)
    cache.incr("a", ttl=60)
    cache.incr("a", ttl=6000)
    assert 30 < cache.ttl("a") <= 60


@REFUSING
@pytest.mark.parametrize("by", [1.5, "1", True], ids=repr)
def test_a_counter_goes_by_integers(cache: Any, by: Any) -> None:
    """A counter is not moved by anything else."""
    with pytest.raises(CacheTypeError, match="a counter cannot go up by"):
        cache.incr("a", by)


@DETAIL
def test_what_is_no_counter_does_not_count(cache: Any) -> None:
    """Counting on another value is refused and changes nothing; so is one step too many."""
    cache.set("a", "5")
    cache.set("b", 2**63 - 1)
    for key, ttl in (("a", None), ("a", 60), ("b", None), ("b", 60)):
        with pytest.raises(RedisServiceError):
            cache.incr(key, ttl=ttl)
    assert cache.get("a") == "5"
    assert cache.get("b") == 2**63 - 1


@DETAIL
def test_a_key_is_any_text(cache: Any) -> None:
    """Every text is a key of its own, and an entry, its lock and its guard are found in one place."""
    names = ["", "%", "{}", "}{", "{a", "a}", "{a}b", "%7B", "*", "a:b", "grüße", "a\r\nb"]
    cache.set("other", 1)
    for name in names:
        assert cache.get_or_set(name, lambda name=name: name) == name
    assert cache.get_many(names) == {name: name for name in names}
    assert cache.delete(*names) == len(names)
    assert cache.get("other") == 1


@DETAIL
def test_keys_do_not_meet(cache: Any) -> None:
    """Names that look alike when they are written out are not the same."""
    names = ["{", "%7B", "%257B", "", "%", "{}", "a", "{a}"]
    cache.set_many({name: name for name in names})
    assert cache.get_many(names) == {name: name for name in names}


@REFUSING
@pytest.mark.parametrize("key", [1, b"a", None, "\ud800"], ids=repr)
def test_a_key_is_text(cache: Any, key: Any) -> None:
    """What is no text is no key: 1 and "1" must not be the same."""
    with pytest.raises(CacheTypeError, match=r"the key .* is no"):
        cache.get(key)


@REFUSING
@pytest.mark.parametrize("prefix", ["", "a}", "{", "a{}b"])
def test_a_prefix_must_not_tear_entries_apart(make: Callable[..., Any], prefix: str) -> None:
    """A prefix whose braces would put an entry and its guard into different slots is refused."""
    with pytest.raises(ConfigError, match="prefix is"):
        make(prefix=prefix)


def test_every_key_has_the_prefix(place: Any, make: Callable[..., Any]) -> None:
    """Whatever the manager stores begins with its prefix and a kind."""
    cache = make(prefix="mine")
    cache.set("a", 1, tags=["t"])
    cache.incr("n", ttl=60)
    cache.get_or_set("b", lambda: list(place.client.scan_iter()), tags=["t"])
    keys = [*cache.get("b"), *place.client.scan_iter()]
    assert {key.decode()[:7] for key in keys} == {"mine:v:", "mine:t:", "mine:l:", "mine:g:"}


def test_patterns_delete(place: Any, make: Callable[..., Any]) -> None:
    """A glob deletes what it matches, and nothing of another prefix or of another's keys."""
    cache, other = make(), make(prefix="cache2")
    cache.set_many({f"user:{number}": number for number in range(334)})
    cache.set_many({"user:a*b": 1, "user:x{y}": 1, "admin:1": 1, "user": 1})
    other.set("user:1", 1)
    place.client.set("user:1", 1)
    assert cache.delete_pattern("user:x{*}", batch=100) == 1
    assert cache.delete_pattern(r"user:a\*b") == 1
    assert cache.delete_pattern("user:[0-9]*", batch=50) == 334
    assert cache.delete_pattern("user:*") == 0
    assert cache.get_many(["admin:1", "user"]) == {"admin:1": 1, "user": 1}
    assert cache.delete_pattern("*") == 2
    assert other.get("user:1") == 1
    assert place.client.get("user:1") == b"1"


@DETAIL
def test_a_prefix_is_no_pattern(make: Callable[..., Any]) -> None:
    """What is special in a glob is taken literally in a prefix: it finds its own keys and no others."""
    others = [make(prefix=prefix) for prefix in ("ab", "axb", "a", "axxb")]
    for other in others:
        other.set("k:1", 1)
    for prefix in ("a[b]", "a*b", "a?b", "a\\b", "a[^b", "{a}[b]*"):
        cache = make(prefix=prefix)
        cache.set("k:1", 1)
        assert cache.delete_pattern("k:*") == 1
    assert [other.get("k:1") for other in others] == [1, 1, 1, 1]


@COUNTING
def test_a_pattern_never_asks_for_all_keys(place: Any, cache: Any) -> None:
    """SCAN looks at as many keys at once as said, and KEYS, which stops the server, is not used."""
    cache.set_many({f"user:{number}": number for number in range(300)})
    commands: list[str] = []
    with place.client.monitor() as monitor:
        cache.delete_pattern("user:*", batch=100)
        place.client.echo("end")
        while not commands or not commands[-1].startswith("ECHO"):
            commands.append(monitor.next_command()["command"])
    assert not [command for command in commands if command.startswith("KEYS")]
    assert {command.split()[-1] for command in commands if command.startswith("SCAN")} == {"100"}
    assert max(len(command.split()) for command in commands if command.startswith("UNLINK")) > 50


@REFUSING
@pytest.mark.parametrize(("glob", "batch"), [("a[{]", 500), ("a*", 0)])
def test_a_pattern_that_makes_no_sense_is_an_error(cache: Any, glob: str, batch: int) -> None:
    """A glob that would match other keys than it says is refused, and so is a batch of nothing."""
    with pytest.raises(ConfigError, match=r"the glob|batch is"):
        cache.delete_pattern(glob, batch)


def test_tags_end_entries(cache: Any) -> None:
    """To invalidate a tag ends all entries that have it, and no others; new ones with it count again."""
    cache.set("a", 1, tags=("x", "y"))
    cache.set("b", 2, tags=("y",))
    cache.set("c", 3)
    cache.invalidate_tags("x")
    assert cache.get_many("abc") == {"b": 2, "c": 3}
    assert [cache.exists("a"), cache.get("a"), cache.ttl("a")] == [False, None, None]
    cache.set("a", 4, tags=("x",))
    cache.invalidate_tags("y", "unknown")
    assert cache.get_many("abc") == {"a": 4, "c": 3}
    cache.set("a", 5)
    cache.invalidate_tags("x")
    assert cache.get("a") == 5


@DETAIL
def test_a_lost_tag_ends_its_entries(place: Any, cache: Any) -> None:
    """Where Redis has thrown away what it knew of a tag, its entries do not count: nobody can tell that they may."""
    cache.set("a", 1, tags=["t"])
    place.client.delete("cache:t:{t}")
    assert cache.get("a") is None
    cache.set("b", 1, tags=["t"])
    assert cache.get_many("ab") == {"b": 1}


def test_a_tag_lives_longer_than_its_entries(place: Any, cache: Any) -> None:
    """What Redis knows of a tag ends some time after the last entry that has it, and no sooner."""
    for ttl, expected in ((60, 60), (6000, 6000), (10, 6000), (None, None), (60, None)):
        cache.set("a", 1, ttl, tags=["t"])
        left = place.client.ttl("cache:t:{t}")
        assert left == -1 if expected is None else expected + 3500 < left <= expected + 3600


@REFUSING
def test_tags_are_a_list(cache: Any) -> None:
    """One text is not taken for a list of letters."""
    with pytest.raises(CacheTypeError, match="tags is the text 'user'"):
        cache.set("a", 1, tags="user")


@COUNTING
def test_one_command_does_it(place: Any, cache: Any) -> None:
    """To set and to get a value without tags takes one command each, and no script."""
    cache.exists("a")  # the client is connected now
    for method, *arguments in ((cache.set, "a", {"b": 1}, 60), (cache.get, "a")):
        before = place.client.info("commandstats")
        method(*arguments)
        after = place.client.info("commandstats")
        calls = {name: after[name]["calls"] - before.get(name, {"calls": 0})["calls"] for name in after}
        assert sum(calls.values()) == 2  # the other one is INFO


@DETAIL
def test_one_manager_for_one_client(place: Any) -> None:
    """Asked again for the same client and arguments, the process's manager is the same."""

    def got(prefix: str) -> Any:
        manager = place.make(get_cache_manager, aget_cache_manager, prefix=prefix)
        return getattr(manager, "twin", manager)

    assert got("a") is got("a")
    assert got("b") is not got("a")
