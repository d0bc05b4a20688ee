"""The questions asked of a full database and of one with a tenth of the rows, and how they were answered."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from psycopg import Connection

from benchmarks.capacity.plans import Plan, planned
from benchmarks.capacity.questions import Question, parameters

__all__ = ["Answered", "Asked", "asked"]

TURN: Final = 25  # executions of one database before the other has its turn
GROWTH: Final = 2.0  # times: more than that is a remark
NOISE: Final = 0.0003  # seconds: but not so little
PLANS: Final = 20  # sets of parameters whose plans are looked at
# Up to a megabyte, a table is read as fast as an index.
SMALL: Final = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relpages < 128"


@dataclasses.dataclass(frozen=True)
class Answered:
    """How a question was answered in one database.

    Attributes:
        executions: How often it was asked.
        p50: Seconds that half of them took at most, rows fetched.
        p95: The same of 95 in a hundred.
        rows: How many rows came, on average.
        blocks: How many blocks were read: the median.
        most_blocks: The same at most.
        indexes: The indexes of all plans.
        partitions: How many partitions of the audit trail were read, at most.
        faults: What is wrong with a plan, in words; that it reads a small table as a whole is not.
    """

    executions: int
    p50: float
    p95: float
    rows: float
    blocks: float
    most_blocks: int
    indexes: frozenset[str]
    partitions: int
    faults: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Asked:
    """A question's answers.

    Attributes:
        name: The question's name.
        full: Of the full database.
        tenth: Of the small one, None if there is none.
    """

    name: str
    full: Answered
    tenth: Answered | None

    @property
    def growth(self) -> float | None:
        """How many times the median of the small database the full one's is."""
        return self.full.p50 / self.tenth.p50 if self.tenth else None

    @property
    def remarks(self) -> list[str]:
        """What is not as it should be, in words."""
        found = list(self.full.faults)
        if self.tenth and self.growth and self.growth > GROWTH and self.full.p50 - self.tenth.p50 > NOISE:
            found.append(f"grows {self.growth:.1f} times")
        return found


def asked(question: Question, full: Connection[Any], tenth: Connection[Any] | None, executions: int) -> Asked:
    """Ask a question of one database or two, which take turns.

    Args:
        question: What is asked.
        full: To the full database.
        tenth: To the small one.
        executions: How often.

    Raises:
        RuntimeError: The data have nothing to ask for.
    """
    connections = {"full": full} | ({"tenth": tenth} if tenth else {})
    drawn = {name: parameters(connection, question, executions) for name, connection in connections.items()}
    sets = {name: each for name, each in drawn.items() if each}
    if "full" not in sets:
        raise RuntimeError("the data have nothing to ask for")
    times: dict[str, list[float]] = {name: [] for name in sets}
    for begin in range(-executions, executions, TURN):  # the first half warms up
        for name in sets:
            turn = [sets[name][n % len(sets[name])] for n in range(begin, begin + TURN)]
            taken = _timed(connections[name], question.sql, turn)
            times[name] += taken if begin >= 0 else []
    found = {name: _answered(connections[name], question, sets[name], times[name]) for name in sets}
    return Asked(question.name, found["full"], found.get("tenth"))


def _timed(connection: Connection[Any], sql: str, sets: Sequence[Mapping[str, Any]]) -> list[float]:
    query, times = sql.encode(), []
    for values in sets:
        begin = time.perf_counter()
        connection.execute(query, values).fetchall()
        times.append(time.perf_counter() - begin)
    return times


def _answered(
    connection: Connection[Any], question: Question, sets: Sequence[Mapping[str, Any]], times: list[float]
) -> Answered:
    plans = [planned(connection, question.sql, values) for values in sets[:PLANS]]
    small = {name for (name,) in connection.execute(SMALL)}
    cuts = statistics.quantiles(times, n=20)
    return Answered(
        executions=len(times),
        p50=statistics.median(times),
        p95=cuts[-1],
        rows=statistics.mean(plan.rows for plan in plans),
        blocks=statistics.median(plan.blocks for plan in plans),
        most_blocks=max(plan.blocks for plan in plans),
        indexes=frozenset[str]().union(*(plan.indexes for plan in plans)),
        partitions=max(len(plan.partitions) for plan in plans),
        faults=_faults([dataclasses.replace(plan, scanned=plan.scanned - small) for plan in plans]),
    )


def _faults(plans: Sequence[Plan]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(fault for plan in plans for fault in plan.faults))
