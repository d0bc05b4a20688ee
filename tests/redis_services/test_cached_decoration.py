"""What `@cache_result` makes of methods, what it refuses, and that a cached function looks like the function."""

from __future__ import annotations

import inspect
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import pytest

from support.twins import Loop
from swe_db.errors import CacheTypeError, ConfigError
from swe_db.redis.cache import CacheManager
from swe_db.redis.cache.async_manager import AsyncCacheManager
from swe_db.redis.cache.decorator import AsyncCachedFunction, CachedFunction, cache_result
from swe_db.redis.client import AsyncRedisClient


def called(number: int, *, unit: str = "s") -> str:
    """Return a text."""
    return f"{number} {unit}"


class Shop:
    """A class with methods that are kept."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __cache_key__(self) -> int:
        return self.number


@pytest.fixture
def manager(place: Any) -> CacheManager:
    """A sync manager, for what does not differ between the twins."""
    return CacheManager(place.client)


NOWHERE: Final = "redis://127.0.0.1:1"
ONE_PLACE: Final = pytest.mark.places("fake", reason="nothing depends on the server")
ONE_TWIN: Final = pytest.mark.parametrize("place", ["sync"], indirect=True)


@ONE_PLACE
@ONE_TWIN
def test_methods_tell_their_instances_apart(manager: CacheManager) -> None:
    """Instances are told apart by `__cache_key__`; all the function's attributes work on a bound method."""
    calls = []

    class Stall(Shop):
        @cache_result(60, cache=manager)
        def price(self, item: str) -> str:
            """Say a price."""
            calls.append(item)
            return f"{item} at {self.number}: {len(calls)}"

    one, again, two = Stall(1), Stall(1), Stall(2)
    assert one.price("a") == again.price(item="a") == "a at 1: 1"
    assert two.price("a") == "a at 2: 2"
    assert Stall.price(two, "a") == "a at 2: 2"
    assert one.price.key_for("a") == Stall.price.key_for(again, "a") != two.price.key_for("a")
    assert again.price.invalidate("a")
    assert one.price("a") == "a at 1: 3"
    assert two.price.refresh("a") == "a at 2: 4"


@ONE_PLACE
@ONE_TWIN
def test_a_method_must_say_how_instances_are_told_apart(manager: CacheManager) -> None:
    """A method without ignore and without `__cache_key__` is refused: when the class is made, or by its first call."""
    with pytest.raises(TypeError, match=r"price is a method: say ignore=\('self',\)"):  # noqa: PT012

        class Stall:
            @cache_result(60, cache=manager)
            def price(self) -> int:
                return 1

        assert sys.version_info < (3, 12), "from 3.12 on the class itself is refused"
        Stall().price()


@ONE_PLACE
@ONE_TWIN
def test_instances_may_share_results(manager: CacheManager) -> None:
    """With ignore the instance does not matter; class methods and static methods work below their decorators."""
    calls: list[int] = []

    class Stall:
        @cache_result(60, cache=manager, ignore=("self",))
        def price(self) -> int:
            calls.append(1)
            return len(calls)

        @classmethod
        @cache_result(60, cache=manager, ignore=("cls",))
        def prices(cls) -> list[str]:
            return [cls.__name__]

        @staticmethod
        @cache_result(60, cache=manager)
        def tax(rate: float) -> float:
            return rate

    assert Stall().price() == Stall().price() == 1
    anyway: Any = Stall  # mypy takes what stands below these decorators for functions
    assert anyway.prices() == anyway().prices() == ["Stall"]
    assert anyway.tax(0.5) == anyway().tax(0.5) == 0.5
    assert anyway.tax.invalidate(0.5)


@ONE_PLACE
@ONE_TWIN
def test_a_class_is_no_key(manager: CacheManager) -> None:
    """A class method that does not ignore its class is refused when it is called."""

    class Stall:
        @classmethod
        @cache_result(60, cache=manager)
        def prices(cls) -> int:
            return 1

    with pytest.raises(CacheTypeError, match=r"the argument cls .* say ignore=\('cls',\)"):
        Stall.prices()  # type: ignore[call-arg]


@ONE_PLACE
@ONE_TWIN
def test_a_cached_function_looks_like_the_function(place: Any) -> None:
    """Name, docstring, signature and kind are those of the function."""

    @cache_result(60, cache=CacheManager(place.client))
    def ordinary(a: int, b: str = "x") -> str:
        """Do something."""
        return b * a

    @cache_result(60, cache=AsyncCacheManager(AsyncRedisClient(NOWHERE)))
    async def coroutine(a: int) -> int:
        """Do something later."""
        return a

    assert ordinary.__name__ == "ordinary"
    assert ordinary.__doc__ == "Do something."
    assert str(inspect.signature(ordinary)) == "(a: 'int', b: 'str' = 'x') -> 'str'"
    assert "ordinary" in repr(ordinary)
    assert not inspect.iscoroutinefunction(ordinary)
    assert inspect.iscoroutinefunction(coroutine)
    assert isinstance(ordinary, CachedFunction)
    assert isinstance(coroutine, AsyncCachedFunction)


def generator() -> Iterator[int]:
    """Yield something."""
    yield 1


async def async_generator() -> AsyncIterator[int]:
    """Yield something later."""
    yield 1


async def coroutine_function() -> int:
    """Return something later."""
    return 1


@pytest.mark.parametrize("function", [generator, async_generator, property(len), staticmethod(len), 7])
def test_what_cannot_be_kept_is_refused_when_it_is_decorated(function: Any) -> None:
    """Generators, decorators in the wrong order, and what is no function are a TypeError at once."""
    with pytest.raises(TypeError, match=r"is a generator|write @cache_result\(\) below|has no name of its own"):
        cache_result(60)(function)


@ONE_PLACE
@ONE_TWIN
def test_a_cache_must_be_of_the_functions_kind(place: Any) -> None:
    """A function needs a CacheManager, a coroutine function an AsyncCacheManager."""
    with pytest.raises(CacheTypeError, match="give it a CacheManager"):
        cache_result(60, cache=AsyncCacheManager(AsyncRedisClient(NOWHERE)))(called)
    with pytest.raises(CacheTypeError, match="give it an AsyncCacheManager"):
        cache_result(60, cache=CacheManager(place.client))(coroutine_function)


@pytest.mark.parametrize(
    ("options", "error", "reason"),
    [
        ({"ttl": len}, ConfigError, "with its parentheses"),
        ({"ttl": 0}, ConfigError, "ttl is 0"),
        ({"beta": -1}, ConfigError, "beta is -1"),
        ({"on_error": "ignore"}, ConfigError, "on_error is 'ignore'"),
        ({"ignore": ("nobody",)}, CacheTypeError, "has no such parameter"),
    ],
)
def test_options_that_make_no_sense_are_refused_when_they_are_given(
    options: dict[str, Any], error: type[Exception], reason: str
) -> None:
    """A wrong option is seen when the function is decorated, not by its first call."""
    with pytest.raises(error, match=reason):
        cache_result(**options)(called)


async def awaited(number: int, *, unit: str = "s") -> str:
    """Return a text later."""
    return f"{number} {unit}"


@ONE_PLACE
@ONE_TWIN
def test_types_are_those_of_the_function(place: Any, loop: Loop) -> None:
    """A type checker sees the function's own parameters and result; mypy runs over this file."""
    sync_ = cache_result(60, cache=CacheManager(place.client))(called)
    text: str = sync_(1, unit="m")
    sync_("1")  # type: ignore[arg-type]
    gone: bool = sync_.invalidate(1, unit="m")
    key: str = sync_.key_for(1)
    async_ = cache_result(60, cache=AsyncCacheManager(loop.call(place.server.connect_async)))(awaited)

    async def main() -> None:
        later: str = await async_(1)
        await async_(number=2, colour="red") if later == "" else None  # type: ignore[call-arg]
        assert (later, await async_.invalidate(1)) == ("1 s", True)
        await async_._manager.connected.raw.aclose()

    loop.run(main())
    assert (text, gone, key.startswith("test")) == ("1 m", True, "test" in __name__)
