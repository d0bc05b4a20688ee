"""The cache for asyncio."""

# ruff: noqa: A002 - `type` is what json, msgspec and pydantic call it

from __future__ import annotations

import functools
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar, overload

from swe_db.redis.cache.breaker import CircuitBreaker
from swe_db.redis.cache.codec_shapes import Hint
from swe_db.redis.cache.compute import computed, rules_of
from swe_db.redis.cache.core import CacheCore
from swe_db.redis.client import aconnected
from swe_db.redis.durations import Duration
from swe_db.redis.steps import arun

__all__ = ["AsyncCacheManager", "aget_cache_manager"]

T = TypeVar("T")
D = TypeVar("D")

KEPT: Final = 64  # managers that `aget_cache_manager` keeps


class AsyncCacheManager:
    """A cache in Redis, for asyncio.

    A value comes back with the type that it went in with, or is refused when it is stored. Safe to share between
    tasks.

    Args:
        client: A RedisClient or a client of redis-py for asyncio; None: the default one.
        prefix: What every key begins with; keys look like `cache:v:{user:1}`.
        default_ttl: How long an entry lives for which nobody says it, in seconds or as a timedelta; None: for ever.
        lease: How long one caller may compute a missing value before another one may, too.
        breaker: Tells cached functions when Redis is not worth asking; None: one of its own.

    Raises:
        ConfigError: A duration is not above 0, or the prefix cannot be one.
    """

    def __init__(
        self,
        client: Any = None,  # noqa: ANN401 - Redis, RedisCluster and their asyncio twins have no common type
        *,
        prefix: str = "cache",
        default_ttl: Duration | None = None,
        lease: Duration = 10.0,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        self.connected: Final = aconnected(client)
        self.core: Final = CacheCore(prefix, default_ttl, lease)
        self.breaker: Final = breaker or CircuitBreaker()

    async def set(
        self, key: str, value: object, ttl: Duration | None = None, *, tags: Sequence[str] = (), nx: bool = False
    ) -> bool:
        """Store a value and return whether it is stored.

        Args:
            key: Any text.
            value: None, a built-in type, a Decimal, UUID, date or time, a dataclass, struct, named tuple or enum, and
                lists, tuples, sets and dicts of them.
            ttl: How long it lives, in seconds or as a timedelta; None: the manager's default.
            tags: `invalidate_tags` of any of them ends the entry.
            nx: Whether to leave an entry alone that is there.

        Raises:
            CacheTypeError: The value would not come back as it is.
            RedisUnavailableError: Redis does not answer.
        """
        return await arun(self.connected, self.core.set(key, value, ttl, tags, nx=nx))

    @overload
    async def get(self, key: str, default: None = None, *, type: type[T]) -> T | None: ...
    @overload
    async def get(self, key: str, default: D, *, type: type[T]) -> T | D: ...
    @overload
    async def get(self, key: str, default: object = None, *, type: Hint = Any) -> Any: ...  # noqa: ANN401
    async def get(self, key: str, default: object = None, *, type: Hint = Any) -> Any:
        """Return a value.

        Args:
            key: Its key.
            default: What to return if there is none.
            type: What it is. Instances of classes are read only if their classes are in it: `User`, `list[User]`.

        Raises:
            CacheTypeError: It is something else, or what is stored is damaged or not the cache's.
            RedisUnavailableError: Redis does not answer.
        """
        return await arun(self.connected, self.core.get(key, default, type))

    async def get_many(self, keys: Iterable[str], *, type: Hint = Any) -> dict[str, Any]:
        """Return the values of those keys that have one; the rest is as in `get`."""
        return await arun(self.connected, self.core.get_many(keys, type))

    async def set_many(
        self, values: Mapping[str, object], ttl: Duration | None = None, *, tags: Sequence[str] = ()
    ) -> None:
        """Store values, none if one is refused; the rest is as in `set`."""
        await arun(self.connected, self.core.set_many(values, ttl, tags))

    async def delete(self, *keys: str) -> int:
        """Delete entries and return how many there were; what is being computed for them is not stored any more."""
        return await arun(self.connected, self.core.delete(keys))

    async def exists(self, key: str) -> bool:
        """Tell whether there is a value."""
        return await arun(self.connected, self.core.exists(key))

    async def ttl(self, key: str) -> float | None:
        """Return how many seconds a value has left: infinity if it does not expire, None if there is none."""
        return await arun(self.connected, self.core.ttl(key))

    async def delete_pattern(self, glob: str, batch: int = 500) -> int:
        r"""Delete the entries whose keys match a glob, and return how many there were.

        Redis looks at all keys that it has, `batch` at a time, and serves others in between.

        Args:
            glob: `*`, `?`, `[a-z]`, and `\` before what is meant literally.
            batch: How many keys to look at in one go.
        """
        return await arun(self.connected, self.core.delete_pattern(glob, batch))

    async def incr(self, key: str, by: int = 1, ttl: Duration | None = None) -> int:
        """Add to a counter, which begins at 0, and return what it is now.

        Args:
            key: Its key.
            by: How much.
            ttl: How long a counter lives that does not expire yet; later calls do not prolong its life.

        Raises:
            AmbiguousResultError: The reply was lost; it may have counted or not, and is not sent twice.
            RedisServiceError: The entry is no integer, or would have more than 64 bits.
        """
        return await arun(self.connected, self.core.incr(key, by, ttl))

    async def decr(self, key: str, by: int = 1, ttl: Duration | None = None) -> int:
        """Take from a counter; the rest is as in `incr`."""
        return await arun(self.connected, self.core.incr(key, -by, ttl))

    @overload
    async def get_or_set(
        self,
        key: str,
        factory: Callable[[], Awaitable[T]],
        ttl: Duration | None = None,
        lock: bool = True,
        beta: float = 1.0,
        *,
        tags: Sequence[str] = (),
        type: Hint = Any,
    ) -> T: ...
    @overload
    async def get_or_set(
        self,
        key: str,
        factory: Callable[[], T],
        ttl: Duration | None = None,
        lock: bool = True,
        beta: float = 1.0,
        *,
        tags: Sequence[str] = (),
        type: Hint = Any,
    ) -> T: ...
    async def get_or_set(  # noqa: PLR0913
        self,
        key: str,
        factory: Callable[[], Any],
        ttl: Duration | None = None,
        lock: bool = True,
        beta: float = 1.0,
        *,
        tags: Sequence[str] = (),
        type: Hint = Any,
    ) -> Any:
        """Return a value, or compute and store it.

        Args:
            key: Its key.
            factory: Computes it; a coroutine function or an ordinary one.
            ttl: How long it lives, in seconds or as a timedelta; None: the manager's default.
            lock: Whether one caller computes and the others wait, at most for the manager's lease.
            beta: How eagerly a value is computed anew before it ends, by one caller while the others have the old one;
                0: not at all.
            tags: `invalidate_tags` of any of them ends the entry, also if it is just being computed.
            type: What it is, as in `get`.

        Raises:
            CacheTypeError: The value would not come back as it is.
            RedisUnavailableError: Redis does not answer.
        """
        rules = rules_of(self.core, ttl=ttl, lock=lock, beta=beta, tags=tags, hint=type)
        return await arun(self.connected, computed(self.core, key, factory, rules))

    async def invalidate_tags(self, *tags: str) -> None:
        """End all entries that have one of the tags, however many there are, and those being computed."""
        await arun(self.connected, self.core.invalidate_tags(tags))


def aget_cache_manager(
    client: Any = None,  # noqa: ANN401
    *,
    prefix: str = "cache",
    default_ttl: Duration | None = None,
) -> AsyncCacheManager:
    """Return the manager of this process for these arguments, which are those of `AsyncCacheManager`."""
    return _kept(client, prefix, default_ttl, (os.getpid(), os.environ.get("REDIS_URL")))


@functools.lru_cache(maxsize=KEPT)
def _kept(client: Any, prefix: str, default_ttl: Duration | None, where: object) -> AsyncCacheManager:  # noqa: ANN401, ARG001
    """Return the manager; `where` says which is the default client."""
    return AsyncCacheManager(client, prefix=prefix, default_ttl=default_ttl)
