"""What can only be known once all stories have been told: how many rows each makes, and what adds up over them."""

from __future__ import annotations

import dataclasses

from swe_db.generate.values.draws import Ints

__all__ = ["Census"]


@dataclasses.dataclass
class Census:
    """Sums over all stories.

    Attributes:
        rows: For each table that hangs on tasks, how many rows come before each chunk, and in all as the last entry.
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

    rows: dict[str, Ints]
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
