"""Taking the census: the sums over the stories of some chunks, without making their rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from swe_db.generate.plan import Block, Plan
from swe_db.generate.tables.budget import TrailBudget
from swe_db.generate.tables.census import Census
from swe_db.generate.tables.children import FAILED, RUNNING, SUCCEEDED, TIMED_OUT, Executions, children_of
from swe_db.generate.tables.feed import feed_entries, feed_totals
from swe_db.generate.tables.story import DONE, Story, tell
from swe_db.generate.tables.surroundings import logins
from swe_db.generate.tables.task_events import story_totals
from swe_db.generate.tables.world import World
from swe_db.generate.values.calendar import HOUR
from swe_db.generate.values.draws import Ints

__all__ = ["count"]


def count(plan: Plan, chunks: Sequence[Block]) -> Census:
    """Return the sums over some chunks, which lie side by side in one block.

    Raises:
        ConfigError: The audit trail is too short or too long for the tasks.
    """
    world = World.of(plan)
    story = tell(world, chunks)
    comments, attachments, runs, items = children_of(story)
    first = int(story.chunk[0])

    def by_chunk(chunk: Ints) -> Ints:
        return np.bincount(chunk - first, minlength=len(chunks)).astype(np.int64)

    events = story_totals(story, comments, attachments, runs, items)
    entries = feed_entries(story, comments, attachments, runs, items)
    return Census(
        first_chunk=first,
        rows={
            "task_comments": by_chunk(comments.chunk),
            "task_attachments": by_chunk(attachments.chunk),
            "agent_executions": by_chunk(runs.chunk),
            "evidence": by_chunk(items.chunk),
            "evidence_credibility_history": by_chunk(items.chunk[items.rescored]),
            "evidence_chains": by_chunk(items.chunk[items.rests_on >= 0]),
            "activity_feed": feed_totals(story, entries),
        },
        story_events=events,
        last_login=_last_logins(world, chunks, events, by_chunk(comments.chunk)),
        **_of_agents(plan, runs),
        **_of_projects(plan, story),
    )


def _last_logins(world: World, chunks: Sequence[Block], events: Ints, comments: Ints) -> Ints:
    budget = TrailBudget(world)
    last = np.zeros(world.plan.counts["users"], np.int64)
    for place, chunk in enumerate(chunks):
        user, at = logins(world, chunk, max(budget.side_events(chunk, int(events[place]), int(comments[place])), 0))
        np.maximum.at(last, user, at)
    return last


def _of_agents(plan: Plan, runs: Executions) -> dict[str, Ints]:
    size = plan.counts["agents"]

    def added(weights: Ints) -> Ints:
        total = np.zeros(size, np.int64)
        np.add.at(total, runs.agent, weights)
        return total

    failed = (runs.outcome == FAILED) | (runs.outcome == TIMED_OUT)
    ended = failed | (runs.outcome == SUCCEEDED)
    last = np.zeros(size, np.int64)
    np.maximum.at(last, runs.agent, runs.made)
    return {
        "runs": added(np.ones(len(runs.agent), np.int64)),
        "succeeded": added((runs.outcome == SUCCEEDED).astype(np.int64)),
        "failed": added(failed.astype(np.int64)),
        "run_time": added(np.where(ended & (runs.outcome != RUNNING), runs.ended - runs.made, 0)),
        "tokens": added(runs.tokens_in + runs.tokens_out),
        "cost": added(runs.cost),
        "last_run": last,
    }


def _of_projects(plan: Plan, story: Story) -> dict[str, Ints]:
    size = plan.counts["projects"]
    ended, over = story.completed
    done = over & (story.status == DONE)
    hours = np.zeros(size, np.int64)
    np.add.at(hours, story.project[done], ((ended - story.made) // HOUR)[done])
    return {
        "tasks_in_project": np.bincount(story.project, minlength=size).astype(np.int64),
        "done_in_project": np.bincount(story.project[done], minlength=size).astype(np.int64),
        "hours_in_project": hours,
    }
