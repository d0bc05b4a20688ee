"""The parts that a data set is made, loaded and written in; each can be made anywhere, in any order, by itself.

First the people, projects and agents, then the tasks with all that hangs on them and their share of the audit trail.
"""

from __future__ import annotations

import dataclasses
from typing import Final, Literal, TypeAlias

import pyarrow as pa

from swe_db.generate.plan import Plan
from swe_db.generate.tables.census import Census

__all__ = ["TABLES", "Part", "make", "parts_of"]

# Every table that is filled, parents first.
TABLES: Final = (
    "users",
    "projects",
    "agents",
    "tasks",
    "task_comments",
    "task_attachments",
    "agent_executions",
    "evidence",
    "evidence_credibility_history",
    "evidence_chains",
    "audit_logs",
    "activity_feed",
)

Kind: TypeAlias = Literal["users", "projects", "agents", "tasks"]


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """Rows that are made, and committed or written, together.

    Attributes:
        number: Its place among the parts of the data set, from 0.
        kind: Which table its rows are counted in; `tasks` brings all that hangs on them.
        block: The number of the block that it lies in.
        start: The first row, counted from 0 with the seeds.
        stop: The row after its last.
    """

    number: int
    kind: Kind
    block: int
    start: int
    stop: int


def parts_of(plan: Plan) -> tuple[Part, ...]:
    """Return the parts of a data set; those of the kind `tasks` come last. Parts do not change the rows."""
    raise NotImplementedError


def make(plan: Plan, census: Census, part: Part) -> dict[str, pa.Table]:
    """Return the rows of a part, by table, parents first; tables of which it has none are left out."""
    raise NotImplementedError
