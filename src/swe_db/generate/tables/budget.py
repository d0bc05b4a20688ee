"""How the audit trail is shared out: so many rows for each chunk of tasks, some for each person, project and agent."""

from __future__ import annotations

import dataclasses
import functools
from typing import Final, NoReturn

import numpy as np

from swe_db.errors import ConfigError
from swe_db.generate.plan import Block
from swe_db.generate.tables.surroundings import event_counts
from swe_db.generate.tables.world import World
from swe_db.generate.values.draws import Ints

__all__ = ["TrailBudget"]

_ENTITIES: Final = ("users", "projects", "agents")
_MOST_BESIDE: Final = 65_536


@dataclasses.dataclass(frozen=True)
class TrailBudget:
    """The numbers of the rows of the audit trail.

    A block of tasks has its share of all rows. First of them come the arrivals of the people, projects and agents of
    the same block, then its chunks.

    Attributes:
        world: Who and what is there.
    """

    world: World

    def _until(self, task: int) -> int:
        """Return how many rows of the trail come before a task."""
        counts = self.world.plan.counts
        return task * counts["audit_logs"] // counts["tasks"]

    @functools.cached_property
    def _tasks(self) -> tuple[Block, ...]:
        return self.world.plan.blocks("tasks")

    @functools.cached_property
    def _cumulated(self) -> dict[str, Ints]:
        """For each table, how many events its rows have before each row."""
        return {
            table: np.concatenate([[0], np.cumsum(event_counts(self.world, table))]).astype(np.int64)
            for table in _ENTITIES
        }

    def _events_of(self, table: str, number: int) -> int:
        """Return how many events a table brings to a block of tasks; the last block takes what there is beyond it."""
        last = self._tasks[-1].number
        blocks = self.world.plan.blocks(table)
        mine = [block for block in blocks if block.number == number or (number == last and block.number > last)]
        sums = self._cumulated[table]
        return sum(int(sums[block.stop] - sums[block.start]) for block in mine)

    def first_of_entity(self, table: str, block: Block, row: int) -> int:
        """Return the id of the first event of a row of users, projects or agents."""
        tasks = self._tasks[min(block.number, len(self._tasks) - 1)]
        before = sum(self._events_of(earlier, tasks.number) for earlier in _ENTITIES[: _ENTITIES.index(table)])
        sums = self._cumulated[table]
        start = min((other.start for other in self.world.plan.blocks(table) if other.number >= tasks.number), default=0)
        if tasks.number != self._tasks[-1].number:
            start = block.start
        return self._until(tasks.start) + before + int(sums[row] - sums[start]) + 1

    def rows_of(self, chunk: Block) -> tuple[int, int]:
        """Return the id of the first event of a chunk of tasks, and how many it has."""
        block = next(block for block in self._tasks if block.number == chunk.number)
        start, stop = self._until(block.start), self._until(block.stop)
        taken = sum(self._events_of(table, block.number) for table in _ENTITIES)
        left = stop - start - taken
        if left < 0:
            self._refuse()
        first = left * (chunk.start - block.start) // block.rows
        last = left * (chunk.stop - block.start) // block.rows
        return start + taken + first + 1, last - first

    def side_events(self, chunk: Block, story_events: int, comments: int) -> int:
        """Return how many events fill up a chunk beside those of its tasks; below zero, how many comments go untold.

        Raises:
            ConfigError: The lives of its tasks leave more than there is room for, or far less.
        """
        count = self.rows_of(chunk)[1] - story_events
        if count < -comments or count >= _MOST_BESIDE:
            self._refuse()
        return count

    def _refuse(self) -> NoReturn:
        counts = self.world.plan.counts
        entities = sum(int(sums[-1]) for sums in self._cumulated.values())
        raise ConfigError(
            f"audit_logs={counts['audit_logs']:,} does not fit to {counts['tasks']:,} tasks: their lives and the "
            f"arrival of people, projects and agents leave about {9 * counts['tasks'] + entities:,} rows; a tenth "
            "less and sixty more for each task can be made. Leave audit_logs out of --rows, or give another number"
        )
