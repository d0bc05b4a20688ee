"""Functions whose results are kept: what the key is made of, and what the decorator refuses."""

from __future__ import annotations

import dataclasses
import inspect
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from support.twins import Loop
from swe_db.errors import CacheTypeError
from swe_db.redis.cache import CacheManager
from swe_db.redis.cache.async_manager import AsyncCacheManager
from swe_db.redis.cache.codec_shapes import return_hint
from swe_db.redis.cache.decorator import cache_result

pytestmark = pytest.mark.places("local", reason="the tests of the cache show that the others are alike")


@dataclasses.dataclass(frozen=True)
class User:
    """What applications keep, and pass on."""

    name: str
    age: int = 0


@dataclasses.dataclass
class Kept:
    """Keeps functions in this test's Redis, for both twins alike.

    Attributes:
        manager: The manager, used as if it were sync.
        calls: The arguments of every call that was not answered from the cache.
    """

    manager: Any
    twin: str
    loop: Loop
    calls: list[Any] = dataclasses.field(default_factory=list)

    def __call__(self, function: Callable[..., Any], **options: Any) -> Any:
        """Keep a function, or the coroutine function that does the same."""
        if self.twin == "sync":
            return cache_result(60, cache=self.manager, **options)(function)

        async def coroutine(*arguments: Any, **named: Any) -> Any:
            return function(*arguments, **named)

        coroutine.__module__, coroutine.__qualname__ = function.__module__, function.__qualname__
        coroutine.__annotations__ = {"return": return_hint(function)}
        coroutine.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
        kept = cache_result(60, cache=self.manager.twin, **options)(coroutine)
        return OnLoop(kept, self.loop)

    def counted(self, *arguments: Any) -> int:
        """Note a call and return its number."""
        self.calls.append(arguments)
        return len(self.calls)


class OnLoop:
    """A cached coroutine function, used as if it were sync."""

    def __init__(self, cached: Any, loop: Loop) -> None:
        self._cached = cached
        self._loop = loop

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Call it."""
        return self._loop.call(self._cached, *arguments, **options)

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments, **options: self._loop.call(getattr(self._cached, name), *arguments, **options)


@pytest.fixture
def kept(place: Any, loop: Loop) -> Kept:
    """Keeps functions."""
    return Kept(place.make(CacheManager, AsyncCacheManager), place.twin, loop)


def test_a_call_is_made_once(kept: Kept) -> None:
    """A function is called for new arguments only, and its results keep their types."""

    def add(a: int, b: int = 2) -> tuple[int, ...]:
        kept.counted(a, b)
        return (a, b)

    cached = kept(add)
    assert [cached(1), cached(a=1), cached(1, 2), cached(b=2, a=1)] == [(1, 2)] * 4
    assert kept.calls == [(1, 2)]
    assert cached(2) == (2, 2)


def test_what_differs_in_type_differs(kept: Kept) -> None:
    """Arguments that are equal but of other types are other arguments, at any depth."""

    def show(value: Any) -> str:
        return f"{type(value)} {value!r}"

    cached = kept(show)
    values = [
        1,
        "1",
        True,
        1.0,
        b"1",
        (1,),
        [1],
        {1},
        frozenset({1}),
        {1: 1},
        {"1": 1},
        [True],
        "é",
        "é".encode(),
        None,
    ]
    values += ["a:b", ("a", "b"), ("ab", ""), ("a,b",), User("a"), User("a", 1), "\ud800", 2**70, -(2**70)]
    assert [cached(value) for value in values] == [show(value) for value in values]


def test_order_does_not_matter_where_it_has_no_meaning(kept: Kept) -> None:
    """Equal sets, equal dicts and equal keyword arguments make equal keys, however they came about."""

    def count(value: Any = None, **options: Any) -> int:
        return kept.counted(value, options)

    cached = kept(count)
    words = [f"word{number}" for number in range(50)]
    assert cached(set(words)) == cached({*reversed(words)})
    assert cached({"a": 1, "b": {1, 2}}) == cached({"b": {2, 1}, "a": 1})
    assert cached(a=1, b=2) == cached(b=2, a=1)
    assert cached([1, 2]) != cached([2, 1])


def test_all_kinds_of_parameters_count(kept: Kept) -> None:
    """Arguments by position only, in any number, and by name are told apart."""

    def count(a: int, /, *rest: int, b: int = 0, **options: int) -> int:
        return kept.counted(a, rest, b, options)

    cached = kept(count)
    results = [
        cached(1),
        cached(1, 2),
        cached(1, b=2),
        cached(1, c=2),
        cached(1, a=2),
        cached(1, 2, b=0),
        cached(1, b=0),
    ]
    assert results == [1, 2, 3, 4, 5, 2, 1]


def test_none_is_kept_unless_said_otherwise(kept: Kept) -> None:
    """A function that returns None is called once, with cache_none=False every time."""

    def nothing(number: int) -> None:
        kept.counted(number)

    cached, uncached = kept(nothing), kept(nothing, cache_none=False)
    assert [cached(1), cached(1)] == [None, None]
    assert kept.calls == [(1,)]
    assert [uncached(2), uncached(2)] == [None, None]
    assert kept.calls == [(1,), (2,), (2,)]


def test_results_of_classes_need_the_annotation(kept: Kept) -> None:
    """What the return annotation names is kept, also where it is local; what it does not name is refused."""

    @dataclasses.dataclass
    class Local:
        users: list[User]

    def annotated() -> dict[str, Local]:
        kept.counted()
        return {"a": Local([User("ann")])}

    def bare() -> Any:
        return User("ann")

    def wrong() -> int:
        return "text"  # type: ignore[return-value]

    cached = kept(annotated)
    assert cached() == cached() == {"a": Local([User("ann")])}
    assert kept.calls == [()]
    with pytest.raises(CacheTypeError, match=r"a .*User could not be read again: name it in the return annotation"):
        kept(bare)()
    with pytest.raises(CacheTypeError, match="it is a str, not a int"):
        kept(wrong)()


def test_results_can_be_deleted_and_refreshed(kept: Kept) -> None:
    """A result is deleted or computed anew by its arguments, however they are passed; others stay."""

    def count(a: int, b: int = 2) -> int:
        return kept.counted(a, b)

    cached: Any = kept(count)
    assert [cached(1), cached(2)] == [1, 2]
    assert cached.invalidate(b=2, a=1)
    assert not cached.invalidate(1)
    assert [cached(1), cached(2)] == [3, 2]
    assert cached.refresh(1, 2) == 4
    assert [cached(1), cached(2)] == [4, 2]


def test_a_refresh_overrules_what_is_being_computed(place: Any, kept: Kept) -> None:
    """What began before a refresh is not stored, neither after it nor while it computes."""
    began, go_on = threading.Event(), threading.Event()

    def old() -> str:
        began.set()
        go_on.wait(30)
        return "old"

    def new() -> str:
        go_on.set()
        assert before.result(30) == "old"
        return "new"

    with ThreadPoolExecutor(1) as pool:
        before = pool.submit(CacheManager(place.client).get_or_set, "a", old, 60)
        assert began.wait(30)
        assert kept(new, key=lambda: "a").refresh() == "new"
    assert kept.manager.get("a") == "new"


def test_keys_can_be_had_and_given(kept: Kept) -> None:
    """The key of a call is what the manager takes; a function may make its own."""

    def double(number: int) -> int:
        return 2 * kept.counted(number)

    cached: Any = kept(double)
    named: Any = kept(double, key=lambda number: f"double:{number}")
    assert cached(1) == kept.manager.get(key_for(cached, 1)) == 2
    assert named(1) == kept.manager.get("double:1") == 4
    assert key_for(named, 1) == "double:1"
    assert kept.manager.delete(key_for(cached, 1)) == 1


def key_for(cached: Any, *arguments: Any) -> str:
    """Return the key; of coroutine functions, too, it is had without awaiting."""
    key: str = getattr(cached, "_cached", cached).key_for(*arguments)
    return key


def test_tags_end_results(kept: Kept) -> None:
    """Tags may depend on the arguments."""

    def count(user: str) -> int:
        return kept.counted(user)

    cached = kept(count, tags=lambda user: ["users", f"user:{user}"])
    assert [cached("a"), cached("b")] == [1, 2]
    kept.manager.invalidate_tags("user:a")
    assert [cached("a"), cached("b")] == [3, 2]
    kept.manager.invalidate_tags("users")
    assert [cached("a"), cached("b")] == [4, 5]


def test_arguments_may_be_ignored(kept: Kept) -> None:
    """What is ignored does not matter, and may be anything."""

    def count(connection: object, number: int) -> int:
        return kept.counted(number)

    cached = kept(count, ignore=["connection"])
    assert cached(object(), 1) == cached(object(), 1) == 1
    assert cached(object(), 2) == 2


def test_an_argument_that_makes_no_key_is_refused(kept: Kept) -> None:
    """An object without a value of its own is never told by its address; the error says what to do."""

    def count(thing: object) -> int:
        return kept.counted(thing)

    cached = kept(count)
    for thing in (object(), len, int, [object()]):
        with pytest.raises(
            CacheTypeError, match=r"the argument thing of .*count is a .*, which makes no key: give its"
        ):
            cached(thing)
    assert kept.calls == []


def test_what_is_stored_by_others_is_a_miss(place: Any, kept: Kept) -> None:
    """A damaged entry, or one of another type, is computed anew."""

    def count() -> int:
        return kept.counted()

    cached = kept(count, key=lambda: "a")
    for number, stored in enumerate((b"hello", b"\x02\x00", b"\x01\xa1a", b"\x80\x04K\x01."), 1):
        place.client.set("cache:v:{a}", stored)
        assert [cached(), cached()] == [number, number]


def test_bad_calls_fail_as_calls_do(kept: Kept) -> None:
    """Arguments that the function does not take are a TypeError, and its own errors pass."""

    def fails(a: int) -> int:
        raise ZeroDivisionError(a)

    cached = kept(fails)
    with pytest.raises(TypeError, match="missing a required argument"):
        cached()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            cached(1)
