"""What can only be known once all stories have been told: how many rows each makes, and what adds up over them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Final

import numpy as np

from swe_db.generate.values.draws import Ints

__all__ = ["HANGING", "Census", "merged"]

# Tables whose numbers of rows follow from the tasks.
HANGING: Final = (
    "task_comments",
    "task_attachments",
    "agent_executions",
    "evidence",
    "evidence_credibility_history",
    "evidence_chains",
    "activity_feed",
)


@dataclasses.dataclass
class Census:
    """Sums over the stories of some chunks of tasks; over all of them, when they are merged.

    Attributes:
        first_chunk: The first of them.
        rows: For each table of HANGING, how many rows each chunk has.
        story_events: How many events of the trail the lives of each chunk's tasks have.
        last_login: For each user, when they last logged in; 0 for never.
        runs: For each agent, how many executions it has.
        succeeded: For each agent, how many of them succeeded.
        failed: For each agent, how many failed or timed out.
        run_time: For each agent, how long those took, in milliseconds.
        tokens: For each agent, read and written.
        cost: For each agent, in millionths of a US dollar.
        last_run: For each agent, when the last one began; 0 for never.
        tasks_in_project: For each project.
        done_in_project: For each project, tasks that are done.
        hours_in_project: For each project, hours from beginning to end of those, added up.
    """

    first_chunk: int
    rows: dict[str, Ints]
    story_events: Ints
    last_login: Ints
    runs: Ints
    succeeded: Ints
    failed: Ints
    run_time: Ints
    tokens: Ints
    cost: Ints
    last_run: Ints
    tasks_in_project: Ints
    done_in_project: Ints
    hours_in_project: Ints

    def first_id(self, table: str, chunk: int) -> int:
        """Return the id of the first row of a table of HANGING that a chunk has."""
        return int(self.rows[table][: chunk - self.first_chunk].sum()) + 1

    def total(self, table: str) -> int:
        """Return how many rows of a table of HANGING there are."""
        return int(self.rows[table].sum())


_LATEST: Final = {"last_login", "last_run"}
_ALONG: Final = {"first_chunk", "rows", "story_events"}


def merged(pieces: Iterable[Census]) -> Census:
    """Return the census of all chunks from those of its pieces, given in any order."""
    ordered = sorted(pieces, key=lambda piece: piece.first_chunk)
    values: dict[str, Ints] = {}
    for field in dataclasses.fields(Census):
        if field.name in _ALONG:
            continue
        stacked = np.stack([getattr(piece, field.name) for piece in ordered])
        values[field.name] = stacked.max(axis=0) if field.name in _LATEST else stacked.sum(axis=0)
    return Census(
        first_chunk=ordered[0].first_chunk,
        rows={table: np.concatenate([piece.rows[table] for piece in ordered]) for table in HANGING},
        story_events=np.concatenate([piece.story_events for piece in ordered]),
        **values,
    )
