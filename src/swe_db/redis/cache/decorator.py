"""`@cache_result`: functions whose results are kept in Redis."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Concatenate, Final, Generic, Literal, ParamSpec, Protocol, Self, TypeAlias, TypeVar, overload

from swe_db.errors import CacheTypeError, ConfigError
from swe_db.redis.cache.arguments import Arguments
from swe_db.redis.cache.async_manager import AsyncCacheManager, aget_cache_manager
from swe_db.redis.cache.codec_shapes import Hint, return_hint
from swe_db.redis.cache.compute import Guard, check_beta, computed, refreshed, rules_of, strict, tolerant
from swe_db.redis.cache.manager import CacheManager, get_cache_manager
from swe_db.redis.durations import Duration, seconds
from swe_db.redis.steps import Steps, arun, run

__all__ = ["AsyncCachedFunction", "CachedFunction", "cache_result"]

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")

Manager: TypeAlias = CacheManager | AsyncCacheManager
Tags: TypeAlias = Sequence[str] | Callable[..., Sequence[str]]
OnError: TypeAlias = Literal["bypass", "raise"]

# With the last three `inspect.iscoroutinefunction` sees what the function is, on Python 3.11 too.
COPIED: Final = (*functools.WRAPPER_ASSIGNMENTS, "__code__", "__defaults__", "__kwdefaults__")


@dataclass(frozen=True, slots=True)
class Options:
    """The arguments of `cache_result`, where they are described."""

    ttl: Duration | None
    key: Callable[..., str] | None
    tags: Tags
    cache_none: bool
    on_error: OnError
    lock: bool
    beta: float


@dataclass(frozen=True)
class Returned:
    """What a function returns: resolved by its first call, since it may name what is defined below it."""

    function: Callable[..., Any]

    @functools.cached_property
    def hint(self) -> Hint:
        """The return annotation."""
        return return_hint(self.function)


class _Cached(Generic[P, R]):
    """What both kinds of cached functions have in common."""

    __name__: str
    __qualname__: str
    __wrapped__: Callable[..., Any]

    def __init__(self, function: Callable[..., Any], arguments: Arguments, options: Options) -> None:
        wrapper: Any = self
        functools.update_wrapper(wrapper, function, assigned=COPIED)
        self._arguments = arguments
        self._returned = Returned(function)
        self._options = options
        self._first: tuple[object, ...] = ()
        self._refusal: CacheTypeError | None = None

    def __set_name__(self, owner: type, name: str) -> None:
        if self._options.key is None and self._arguments.counts_instance and not hasattr(owner, "__cache_key__"):
            self._refusal = CacheTypeError(
                f"{owner.__qualname__}.{name} is a method: say ignore=('self',) if all instances may share its "
                f"results, or give {owner.__qualname__} a __cache_key__ that tells them apart"
            )
            if sys.version_info >= (3, 12):  # before, Python makes a RuntimeError of what is raised here
                raise self._refusal

    def __repr__(self) -> str:
        return f"<cached {self.__wrapped__!r}>"

    def key_for(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """Return the key under which the cache has the result for these arguments.

        Raises:
            CacheTypeError: An argument makes no key.
        """
        if self._refusal is not None:
            raise self._refusal
        if self._options.key is not None:
            return self._options.key(*self._first, *args, **kwargs)
        return self._arguments.key((*self._first, *args), kwargs)

    def _bound(self, instance: object) -> Self:
        bound = object.__new__(type(self))
        bound.__dict__.update(self.__dict__, _first=(instance,))
        return bound

    def _steps(
        self, way: Callable[..., Steps[Any]], manager: Manager, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Steps[Any]:
        """Return the steps of `computed` or `refreshed` for these arguments."""
        options, everything = self._options, (*self._first, *args)
        rules = rules_of(
            manager.core,
            ttl=options.ttl,
            lock=options.lock,
            beta=options.beta,
            tags=options.tags(*everything, **kwargs) if callable(options.tags) else options.tags,
            hint=self._returned.hint,
            cache_none=options.cache_none,
        )
        function = functools.partial(self.__wrapped__, *everything, **kwargs)
        guard: Guard[Any] = tolerant(manager.breaker) if options.on_error == "bypass" else strict
        return way(manager.core, self.key_for(*args, **kwargs), function, rules, guard)


class CachedFunction(_Cached[P, R]):
    """A function whose results are kept in Redis; see `cache_result`."""

    def __init__(
        self, function: Callable[P, R], cache: CacheManager | None, arguments: Arguments, options: Options
    ) -> None:
        super().__init__(function, arguments, options)
        self._cache = cache

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...
    @overload
    def __get__(
        self: CachedFunction[Concatenate[Any, Q], R], instance: object, owner: type | None = None
    ) -> CachedFunction[Q, R]: ...
    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else self._bound(instance)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return the result from the cache, or call the function."""
        return self._run(computed, args, kwargs)

    def refresh(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function, store and return its result."""
        return self._run(refreshed, args, kwargs)

    def invalidate(self, *args: P.args, **kwargs: P.kwargs) -> bool:
        """Delete the result for these arguments, also one that is just being computed; tell whether there was one.

        Raises:
            RedisUnavailableError: Redis does not answer, and the result may still be there.
        """
        return self._manager.delete(self.key_for(*args, **kwargs)) > 0

    @property
    def _manager(self) -> CacheManager:
        return self._cache or get_cache_manager()

    def _run(self, way: Callable[..., Steps[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]) -> R:
        manager = self._manager
        result: R = run(manager.connected, self._steps(way, manager, args, kwargs))
        return result


class AsyncCachedFunction(_Cached[P, R]):
    """A coroutine function whose results are kept in Redis; see `cache_result`."""

    def __init__(
        self,
        function: Callable[P, Coroutine[Any, Any, R]],
        cache: AsyncCacheManager | None,
        arguments: Arguments,
        options: Options,
    ) -> None:
        super().__init__(function, arguments, options)
        self._cache = cache

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...
    @overload
    def __get__(
        self: AsyncCachedFunction[Concatenate[Any, Q], R], instance: object, owner: type | None = None
    ) -> AsyncCachedFunction[Q, R]: ...
    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else self._bound(instance)

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return the result from the cache, or await the function's."""
        return await self._run(computed, args, kwargs)

    async def refresh(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Await the function, store and return its result."""
        return await self._run(refreshed, args, kwargs)

    async def invalidate(self, *args: P.args, **kwargs: P.kwargs) -> bool:
        """Delete the result for these arguments, also one that is just being computed; tell whether there was one.

        Raises:
            RedisUnavailableError: Redis does not answer, and the result may still be there.
        """
        return await self._manager.delete(self.key_for(*args, **kwargs)) > 0

    @property
    def _manager(self) -> AsyncCacheManager:
        return self._cache or aget_cache_manager()

    async def _run(self, way: Callable[..., Steps[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]) -> R:
        manager = self._manager
        result: R = await arun(manager.connected, self._steps(way, manager, args, kwargs))
        return result


class Decorator(Protocol):
    """What `cache_result` returns."""

    @overload
    def __call__(  # type: ignore[overload-overlap] # the first that fits is right
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> AsyncCachedFunction[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> CachedFunction[P, R]: ...


def cache_result(  # noqa: PLR0913 - all but one are keywords
    ttl: Duration | None = 300,
    *,
    cache: Manager | None = None,
    key: Callable[..., str] | None = None,
    ignore: Iterable[str] = (),
    tags: Tags = (),
    cache_none: bool = True,
    on_error: OnError = "bypass",
    lock: bool = True,
    beta: float = 1.0,
) -> Decorator:
    """Keep the results of a function, or of a coroutine function, in Redis.

    The key is made of the function's name and all its arguments, defaults included, by value and type. A result comes
    back with the type that it had; dataclasses, structs, named tuples and enums must be named in the return annotation.
    Where the results depend on anything else, such as the variables of an enclosing function, say `key`.

    Args:
        ttl: How long a result is kept, in seconds or as a timedelta; None: the manager's default.
        cache: A CacheManager, for a coroutine function an AsyncCacheManager; None: the default one.
        key: Returns the key for the arguments; it must tell this function's from all others in the cache.
        ignore: The names of arguments that do not matter, like `self` or a connection.
        tags: Tags of every result, or a function that returns them for the arguments.
        cache_none: Whether None is kept.
        on_error: `bypass`: while Redis does not answer the function runs; `raise`: its errors pass.
        lock: Whether one caller computes and the others wait, at most for the manager's lease.
        beta: How eagerly a result is computed anew before it ends, by one caller while the others have the old one;
            0: not at all.

    Raises:
        CacheTypeError: A method has neither `ignore=("self",)` nor a class with `__cache_key__`; the function is a
            generator; the cache is of the other kind.
        ConfigError: An argument makes no sense.
    """
    _check(ttl, beta, on_error)
    options = Options(ttl, key, tags, cache_none, on_error, lock, beta)

    def decorate(function: Callable[..., Any]) -> Any:  # noqa: ANN401
        _check_function(function)
        arguments = Arguments(function, ignore)
        if inspect.iscoroutinefunction(function):
            if isinstance(cache, CacheManager):
                raise CacheTypeError(f"{function.__qualname__} is a coroutine function: give it an AsyncCacheManager")
            return AsyncCachedFunction(function, cache, arguments, options)
        if isinstance(cache, AsyncCacheManager):
            raise CacheTypeError(f"{function.__qualname__} is no coroutine function: give it a CacheManager")
        return CachedFunction(function, cache, arguments, options)

    return decorate


def _check(ttl: Duration | None, beta: float, on_error: str) -> None:
    if callable(ttl):
        raise ConfigError("write @cache_result() with its parentheses")
    if ttl is not None:
        seconds(ttl, "ttl")
    check_beta(beta)
    if on_error not in {"bypass", "raise"}:
        raise ConfigError(f"on_error is {on_error!r}: give 'bypass' or 'raise'")


def _check_function(function: Callable[..., Any]) -> None:
    if not hasattr(function, "__qualname__"):
        raise CacheTypeError(f"{function!r} has no name of its own: write a function that calls it")
    if isinstance(function, classmethod | staticmethod | property):
        raise CacheTypeError(f"write @cache_result() below @{type(function).__name__}")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise CacheTypeError(f"{function.__qualname__} is a generator: its results cannot be kept; return a list")
