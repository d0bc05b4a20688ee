"""What is to be made: how many rows of what, from which seed, until when; and how rows are laid out.

Rows lie in blocks that end where the scales end: a scale is exactly the first blocks of the next one. Within a block,
rows are in the order of time over the whole history, so every scale has a past and a present. What belongs to a block
refers only to the blocks up to its own.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Final

from swe_db.errors import ConfigError
from swe_db.generate.values.calendar import Calendar
from swe_db.generate.values.draws import VERSION, Seed

__all__ = ["CHUNK", "COUNTED", "DEFAULT_AS_OF", "SCALES", "SEEDED", "Block", "Plan"]

# Tables whose numbers of rows a user may set; those of the others follow from the tasks.
COUNTED: Final = ("users", "projects", "agents", "tasks", "audit_logs")
SCALES: Final[Mapping[str, Mapping[str, int]]] = {
    "small": {"users": 100, "projects": 10, "agents": 20, "tasks": 1_000, "audit_logs": 10_000},
    "team": {"users": 1_000, "projects": 50, "agents": 100, "tasks": 10_000, "audit_logs": 100_000},
    "company": {"users": 10_000, "projects": 100, "agents": 1_000, "tasks": 100_000, "audit_logs": 1_000_000},
    "capacity": {"users": 100_000, "projects": 1_000, "agents": 10_000, "tasks": 1_000_000, "audit_logs": 10_000_000},
}
# Rows that the bundled seeds make; they count.
SEEDED: Final[Mapping[str, int]] = {"users": 5, "projects": 5, "agents": 10, "tasks": 0, "audit_logs": 0}
DEFAULT_AS_OF: Final = dt.date(2026, 7, 1)
EARLIEST: Final = dt.date(2025, 2, 1)
LATEST: Final = dt.date(2050, 1, 1)

# Tasks are told a thousand at a time: events of a chunk are numbered in one go.
CHUNK: Final = 1_000
_MOST: Final = 1 << 30


@dataclasses.dataclass(frozen=True, slots=True)
class Block:
    """Rows of one table that are laid out together.

    Attributes:
        number: Its place among the blocks, from 0.
        start: The first row, counted from 0.
        stop: The row after its last.
    """

    number: int
    start: int
    stop: int

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self.stop - self.start


@dataclasses.dataclass(frozen=True)
class Plan:
    """One data set; two equal plans give the same rows.

    Attributes:
        seed: What every value depends on.
        counts: Rows of each table of `COUNTED`, the seeds included.
        as_of: The day before which everything has happened, UTC.
    """

    seed: int = 42
    counts: Mapping[str, int] = dataclasses.field(default_factory=lambda: dict(SCALES["small"]))
    as_of: dt.date = DEFAULT_AS_OF

    def __post_init__(self) -> None:
        if not EARLIEST <= self.as_of < LATEST:
            raise ConfigError(
                f"--as-of is {self.as_of}: the history begins in January 2025; give a day from {EARLIEST} to {LATEST}"
            )
        if not 0 <= self.seed < 1 << 63:
            raise ConfigError(f"--seed is {self.seed}: give a whole number from 0 to 2**63 - 1")
        for table, lowest in (("users", 10), ("projects", 6), ("agents", 12), ("tasks", 1), ("audit_logs", 0)):
            if not lowest <= self.counts[table] < _MOST:
                raise ConfigError(
                    f"{table}={self.counts[table]:,} cannot be made: give a number from {lowest} to {_MOST:,}"
                )

    @classmethod
    def of(
        cls,
        scale: str = "small",
        *,
        rows: Mapping[str, int] | None = None,
        seed: int = 42,
        as_of: dt.date = DEFAULT_AS_OF,
    ) -> Plan:
        """Return the plan of a scale.

        Args:
            scale: One of `SCALES`.
            rows: Other numbers of rows for tables of `COUNTED`, the seeds included. Without `audit_logs`, there are ten
                for each task, and more where people, projects and agents are many.
            seed: What every value depends on.
            as_of: The day before which everything has happened, UTC.

        Raises:
            ConfigError: A scale, table, number or day that makes no sense.
        """
        if scale not in SCALES:
            raise ConfigError(f"there is no scale {scale!r}: use one of {', '.join(SCALES)}")
        given = dict(rows or {})
        if unknown := given.keys() - set(COUNTED):
            raise ConfigError(
                f"--rows takes {', '.join(COUNTED)}; the rows of {', '.join(sorted(unknown))} follow from the tasks"
            )
        counts = {**SCALES[scale], **given}
        if given and "audit_logs" not in given:
            counts["audit_logs"] = _usual_trail(counts)
        return cls(seed, counts, as_of)

    @property
    def source(self) -> Seed:
        """Where the bits come from."""
        return Seed(self.seed)

    @property
    def calendar(self) -> Calendar:
        """The history."""
        return Calendar(self.source, self.as_of)

    @property
    def identity(self) -> str:
        """What tells this data set from others: 16 hexadecimal digits."""
        facts = [VERSION, self.seed, self.as_of.isoformat(), sorted(self.counts.items())]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]

    def __hash__(self) -> int:
        return hash(self.identity)

    def blocks(self, table: str) -> tuple[Block, ...]:
        """Return the blocks of a table, without what the seeds make."""
        total = self.counts[table]
        return (
            tuple(
                Block(number, start, min(stop, total))
                for number, (start, stop) in enumerate(itertools.pairwise(_bounds(table)))
                if start < total
            )
            if total > SEEDED[table]
            else ()
        )

    def chunks(self) -> Iterator[Block]:
        """Yield the chunks of tasks; each has the number of its block."""
        for block in self.blocks("tasks"):
            for start in range(block.start, block.stop, CHUNK):
                yield Block(block.number, start, min(start + CHUNK, block.stop))


def _usual_trail(counts: Mapping[str, int]) -> int:
    """Return how long the audit trail is when nobody says: ten rows for each task, and room for many arrivals."""
    arrivals = (counts["users"] + counts["projects"] + counts["agents"]) * 11 // 10
    few = 100 if counts["tasks"] < CHUNK else 0
    return 10 * counts["tasks"] + max(arrivals - counts["tasks"] // 8, 0) + few


def _bounds(table: str) -> Iterator[int]:
    """Yield where the blocks of a table begin and end: at the seeds, at each scale, then ten times as far each time."""
    yield SEEDED[table]
    bound = 0
    for scale in SCALES.values():
        bound = scale[table]
        yield bound
    while bound < _MOST:
        bound *= 10
        yield bound
