"""Values that are computed when they are missing: once for all who wait, early for a few, never stored when stale."""

from __future__ import annotations

import contextlib
import logging
import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

from swe_db.errors import CacheTypeError, ConfigError, RedisServiceError, RedisUnavailableError
from swe_db.redis.cache.breaker import CircuitBreaker
from swe_db.redis.cache.codec_shapes import Hint, Shape, shape_of
from swe_db.redis.cache.core import CacheCore, Look, Permit
from swe_db.redis.cache.entry import Entry
from swe_db.redis.durations import Duration
from swe_db.redis.steps import Compute, Pause, Steps

__all__ = ["Found", "Guard", "Rules", "check_beta", "computed", "is_due", "refreshed", "rules_of", "strict", "tolerant"]

T = TypeVar("T")

logger: Final = logging.getLogger("swe_db.redis.cache.manager")

FIRST_PAUSE: Final = 0.005  # seconds
LONGEST_PAUSE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Rules:
    """How a value is computed and kept.

    Attributes:
        life: How long it lives, in milliseconds; None: for ever.
        tags: Its tags.
        shape: What it may be.
        lock: Whether one computes and the others wait.
        beta: How eagerly it is computed before it ends; 0: not at all.
        cache_none: Whether None is kept.
    """

    life: int | None
    tags: Sequence[str]
    shape: Shape
    lock: bool
    beta: float
    cache_none: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """A value that was in the cache."""

    value: Any


@dataclass(frozen=True, slots=True)
class Leave:
    """A permit, and the value that is still good if the computation is only an early one."""

    permit: Permit
    still_good: Found | None


Guard: TypeAlias = Callable[[Steps[T]], Steps[T | None]]


def rules_of(  # noqa: PLR0913 - all are keywords
    core: CacheCore,
    *,
    ttl: Duration | None,
    lock: bool,
    beta: float,
    tags: Sequence[str],
    hint: Hint,
    cache_none: bool = True,
) -> Rules:
    """Return the rules that a user's arguments make.

    Raises:
        ConfigError: The duration is not above 0, or `beta` is no number from 0 on.
    """
    check_beta(beta)
    return Rules(core.life(ttl), tags, shape_of(hint), lock, beta, cache_none)


def check_beta(beta: float) -> None:
    """Raise a ConfigError if `beta` is not a number from 0 on."""
    if not 0 <= beta < math.inf:
        raise ConfigError(f"beta is {beta!r}: give a number from 0 (never early) on; 1 is a good one")


def strict(steps: Steps[T]) -> Steps[T | None]:
    """Take the steps; their errors pass."""
    return (yield from steps)


def tolerant(breaker: CircuitBreaker) -> Guard[Any]:
    """Return what takes steps, or returns None if Redis does not answer, or did not a moment ago."""

    def guard(steps: Steps[T]) -> Steps[T | None]:
        if not breaker.allows():
            steps.close()
            return None
        try:
            result = yield from steps
        except CacheTypeError:
            breaker.succeeded()
            raise
        except RedisUnavailableError as error:
            if breaker.failed():
                logger.warning("cached functions run without their cache: %s", error)
            return None
        except RedisServiceError as error:
            breaker.succeeded()
            logger.warning("a cached function runs without its cache: %s", error)
            return None
        breaker.succeeded()
        return result

    return guard


def computed(
    core: CacheCore, name: str, function: Callable[[], Any], rules: Rules, guard: Guard[Any] = strict
) -> Steps[Any]:
    """Return an entry's value, or compute and store it.

    Args:
        core: The cache.
        name: The entry's name.
        function: Computes the value. It is called once at most.
        rules: How.
        guard: Takes the steps that need Redis.
    """
    found = yield from guard(_sought(core, name, rules))
    if isinstance(found, Found):
        return found.value
    if found is None:
        return (yield Compute(function))
    return (yield from _filled(core, found, function, rules, guard))


def refreshed(
    core: CacheCore, name: str, function: Callable[[], Any], rules: Rules, guard: Guard[Any] = strict
) -> Steps[Any]:
    """Compute a value anew and store it; what others compute already is not stored any more."""
    leave = yield from guard(_overruled(core, name, rules))
    if leave is None:
        return (yield Compute(function))
    return (yield from _filled(core, leave, function, rules, guard))


def _sought(core: CacheCore, name: str, rules: Rules) -> Steps[Found | Leave]:
    """Return the value, if need be when another has computed it, or the leave to compute it."""
    pause = FIRST_PAUSE
    while True:
        look, found = yield from _looked(core, name, rules)
        if found is not None and not is_due(look, rules.beta):
            return found
        generations = yield from core.begun_generations(rules.tags, rules.life)
        answer = yield from core.begin(name, look.seen, generations, lock=rules.lock)
        if isinstance(answer, Permit):
            return Leave(answer, found)
        if found is not None:
            return found
        if answer:  # another computes
            yield Pause(min(answer, pause * random.uniform(0.5, 1.0)))  # noqa: S311 - no secret
            pause = min(2 * pause, LONGEST_PAUSE)


def _overruled(core: CacheCore, name: str, rules: Rules) -> Steps[Leave]:
    while True:
        seen = yield from core.overrule(name)
        generations = yield from core.begun_generations(rules.tags, rules.life)
        answer = yield from core.begin(name, seen, generations, lock=False)
        if isinstance(answer, Permit):
            return Leave(answer, None)


def _looked(core: CacheCore, name: str, rules: Rules) -> Steps[tuple[Look, Found | None]]:
    """Look at an entry; one that cannot be read counts as missing, since it will be computed."""
    look = yield from core.look(name, timed=rules.beta > 0)
    if look.entry is None:
        return look, None
    try:
        return look, Found(rules.shape.loads(look.entry.payload))
    except CacheTypeError as error:
        logger.warning("the cache entry %r is computed anew: %s", name, error)
        return look, None


def is_due(look: Look, beta: float) -> bool:
    """Tell by lot whether to compute an entry before it ends, the likelier the nearer the end and the dearer it is.

    After Vattani, Chierichetti and Lowenstein, Optimal Probabilistic Cache Stampede Prevention, VLDB 2015.
    """
    if look.entry is None or look.left_ms is None or not look.entry.cost or not beta:
        return False
    early = -look.entry.cost * beta * math.log(1.0 - random.random())  # noqa: S311 - no secret
    return early >= look.left_ms / 1000


def _filled(core: CacheCore, leave: Leave, function: Callable[[], Any], rules: Rules, guard: Guard[Any]) -> Steps[Any]:
    """Compute, and store the value."""
    permit = leave.permit
    started = time.monotonic()
    try:
        value = yield Compute(function)
        payload = rules.shape.dumps(value)
    except GeneratorExit:
        raise
    except BaseException as error:
        with contextlib.suppress(RedisServiceError):
            yield from guard(core.release(permit))
        if leave.still_good is None or isinstance(error, CacheTypeError) or not isinstance(error, Exception):
            raise
        logger.warning("the cache entry %r could not be computed early: %r", permit.name, error)
        return leave.still_good.value
    if value is None and not rules.cache_none:
        yield from guard(core.release(permit))
        return value
    entry = Entry(payload, max(time.monotonic() - started, 1e-6), permit.generations)
    yield from guard(core.store(permit, entry, rules.life))
    return value
