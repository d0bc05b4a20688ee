"""How the services are timed: all ways of one thing take turns, so that a slow moment of the machine meets them all."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeAlias

from benchmarks.figures import Figure

__all__ = ["OURS", "Act", "AsyncAct", "Extent", "Measured", "ameasured", "measured"]

Act: TypeAlias = Callable[[], object]
AsyncAct: TypeAlias = Callable[[], Awaitable[object]]

OURS: Final = "swe-db"


@dataclasses.dataclass(frozen=True)
class Extent:
    """How much is measured.

    Attributes:
        rounds: How often each way has its turn.
        calls: How many calls a turn has, one after the other.
    """

    rounds: int = 120
    calls: int = 50

    @classmethod
    def quick(cls) -> Extent:
        """Return what takes some seconds."""
        return cls(rounds=20, calls=25)


@dataclasses.dataclass(frozen=True)
class Measured:
    """One thing, done in several ways.

    Attributes:
        times: Seconds a call, by way.
        factors: What each way takes of our own time, by way; compared within each round.
    """

    times: dict[str, Figure]
    factors: dict[str, Figure]

    @classmethod
    def of(cls, values: Mapping[str, Sequence[float]]) -> Measured:
        """Return the figures for the seconds a call of each round, by way."""
        factors = {
            name: Figure.of([ours / other for ours, other in zip(values[OURS], others, strict=True)])
            for name, others in values.items()
        }
        return cls({name: Figure.of(each) for name, each in values.items()}, factors)


def measured(extent: Extent, ways: Mapping[str, Act]) -> Measured:
    """Time each way of doing something."""
    values: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(-1, extent.rounds):  # the first round warms up
        for name in _turns(ways, number):
            act = ways[name]
            begin = time.perf_counter()
            for _ in range(extent.calls):
                act()
            taken = (time.perf_counter() - begin) / extent.calls
            if number >= 0:
                values[name].append(taken)
    return Measured.of(values)


async def ameasured(extent: Extent, ways: Mapping[str, AsyncAct]) -> Measured:
    """Time each way of doing something with asyncio, one call after the other."""
    values: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(-1, extent.rounds):
        for name in _turns(ways, number):
            act = ways[name]
            begin = time.perf_counter()
            for _ in range(extent.calls):
                await act()
            taken = (time.perf_counter() - begin) / extent.calls
            if number >= 0:
                values[name].append(taken)
    return Measured.of(values)


def _turns(ways: Mapping[str, object], number: int) -> list[str]:
    """Return the ways in the order of a round: another one begins each time."""
    names = list(ways)
    first = number % len(names)
    return names[first:] + names[:first]
