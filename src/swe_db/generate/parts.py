"""The parts that a data set is made, loaded and written in; each can be made anywhere, in any order, by itself.

First the people, projects and agents, then the tasks with all that hangs on them and their share of the audit trail.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

import numpy as np
import pyarrow as pa

from swe_db.generate.plan import CHUNK, Block, Plan
from swe_db.generate.tables.agents import agent_rows
from swe_db.generate.tables.budget import TrailBudget
from swe_db.generate.tables.census import Census, merged
from swe_db.generate.tables.children import children_of
from swe_db.generate.tables.counting import count
from swe_db.generate.tables.feed import feed_entries, feed_rows
from swe_db.generate.tables.happenings import Happenings, joined, without_comments
from swe_db.generate.tables.people import user_rows
from swe_db.generate.tables.projects import project_rows
from swe_db.generate.tables.proof import chain_rows, evidence_rows, history_rows
from swe_db.generate.tables.runs import execution_rows
from swe_db.generate.tables.story import tell
from swe_db.generate.tables.surroundings import arrivals_and_ends, side_events
from swe_db.generate.tables.talk import attachment_rows, comment_rows
from swe_db.generate.tables.task_events import story_happenings
from swe_db.generate.tables.tasks import TaskColumns
from swe_db.generate.tables.trail import audit_rows, in_order
from swe_db.generate.tables.world import World
from swe_db.generate.values.draws import Ints

__all__ = ["TABLES", "Part", "count_part", "make", "parts_of", "take_census"]

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

# Rows of a part: with all that hangs on them, 5,000 tasks are about 90,000 rows and 40 MB.
_SIZES: Final[dict[Kind, int]] = {"users": 10_000, "projects": 5_000, "agents": 5_000, "tasks": 5 * CHUNK}


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

    @property
    def rows(self) -> Ints:
        """The numbers of its rows, from 0."""
        return np.arange(self.start, self.stop, dtype=np.int64)

    @property
    def chunks(self) -> list[Block]:
        """The chunks of tasks that a part of the kind `tasks` has."""
        return [
            Block(self.block, start, min(start + CHUNK, self.stop)) for start in range(self.start, self.stop, CHUNK)
        ]


def parts_of(plan: Plan) -> tuple[Part, ...]:
    """Return the parts of a data set; those of the kind `tasks` come last. Parts do not change the rows."""
    numbers = itertools.count()
    return tuple(
        Part(next(numbers), kind, block.number, start, min(start + size, block.stop))
        for kind, size in _SIZES.items()
        for block in plan.blocks(kind)
        for start in range(block.start, block.stop, size)
    )


def count_part(plan: Plan, part: Part) -> Census:
    """Return the census of one part of the kind `tasks`.

    Raises:
        ConfigError: The audit trail is too short or too long for the tasks.
    """
    return count(plan, part.chunks)


def take_census(plan: Plan, pieces: Iterable[Census] | None = None) -> Census:
    """Return the census of a data set, from that of each of its parts or by counting them here."""
    if pieces is None:
        pieces = (count_part(plan, part) for part in parts_of(plan) if part.kind == "tasks")
    return merged(pieces)


def make(plan: Plan, census: Census, part: Part) -> dict[str, pa.Table]:
    """Return the rows of a part, by table, parents first; tables of which it has none are left out."""
    world = World.of(plan)
    tables = _stories(world, census, part) if part.kind == "tasks" else _entities(world, census, part)
    return {name: tables[name] for name in TABLES if name in tables and len(tables[name])}


def _entities(world: World, census: Census, part: Part) -> dict[str, pa.Table]:
    makers = {"users": user_rows, "projects": project_rows, "agents": agent_rows}
    events = arrivals_and_ends(world, part.kind, part.rows)
    block = next(block for block in world.plan.blocks(part.kind) if block.number == part.block)
    first = TrailBudget(world).first_of_entity(part.kind, block, part.start)
    ids = first + np.arange(len(events.key), dtype=np.int64)
    return {part.kind: makers[part.kind](world, part.rows, census), "audit_logs": audit_rows(world, events, ids)}


def _stories(world: World, census: Census, part: Part) -> dict[str, pa.Table]:
    story = tell(world, part.chunks)
    comments, attachments, runs, items = children_of(story)
    chunk = part.start // CHUNK
    first = {table: census.first_id(table, chunk) for table in census.rows}
    columns = TaskColumns(story)
    things = {
        "comment": first["task_comments"],
        "attachment": first["task_attachments"],
        "execution": first["agent_executions"],
        "evidence": first["evidence"],
    }
    happenings = story_happenings(
        columns,
        (comments, things["comment"]),
        (attachments, things["attachment"]),
        (runs, things["execution"]),
        (items, things["evidence"]),
    )
    entries = feed_entries(story, comments, attachments, runs, items)
    return {
        "tasks": columns.rows(),
        "task_comments": comment_rows(comments, things["comment"]),
        "task_attachments": attachment_rows(attachments, things["attachment"]),
        "agent_executions": execution_rows(runs, things["execution"]),
        "evidence": evidence_rows(items, things["evidence"], things["execution"]),
        "evidence_credibility_history": history_rows(items, first["evidence_credibility_history"], things["evidence"]),
        "evidence_chains": chain_rows(items, first["evidence_chains"], things["evidence"]),
        "audit_logs": _trail(world, census, happenings, part),
        "activity_feed": feed_rows(columns, entries, first["activity_feed"], things),
    }


def _trail(world: World, census: Census, happenings: list[Happenings], part: Part) -> pa.Table:
    """Return the rows of the trail in the order of their ids, which run by chunk and time."""
    budget = TrailBudget(world)
    untold: dict[int, int] = {}
    for chunk in part.chunks:
        number = chunk.start // CHUNK
        comments = int(census.rows["task_comments"][number - census.first_chunk])
        beside = budget.side_events(chunk, int(census.story_events[number - census.first_chunk]), comments)
        happenings.append(side_events(world, chunk, max(beside, 0)))
        if beside < 0:
            untold[number] = -beside
    events = without_comments(joined(happenings), untold)
    order = in_order(events.chunk, events.at, events.key)
    first = budget.rows_of(part.chunks[0])[0]
    ids = np.empty(len(order), np.int64)
    ids[order] = first + np.arange(len(order), dtype=np.int64)
    return audit_rows(world, events, ids).take(pa.array(order))
