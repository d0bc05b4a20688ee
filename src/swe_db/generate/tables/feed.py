"""Rows of the activity feed: what people see of the lives of tasks."""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np
import pyarrow as pa

from swe_db.generate.tables.children import FAILED, VERIFIED, Attachments, Comments, EvidenceItems, Executions
from swe_db.generate.tables.doers import by_agent, user_and_agent
from swe_db.generate.tables.story import Story
from swe_db.generate.tables.tasks import TaskColumns
from swe_db.generate.tables.trail import actor_names, in_order
from swe_db.generate.values.draws import Ints
from swe_db.generate.values.texts import Mask, integers, numbers, optional, pick, text, timestamps, uuids

__all__ = ["Entries", "feed_entries", "feed_rows", "feed_totals"]

# Verb, kind of object.
_KINDS: Final = (
    ("created", "task"), ("assigned", "task"), ("started", "task"), ("completed", "task"), ("closed", "task"),
    ("reopened", "task"), ("commented", "comment"), ("attached", "attachment"), ("opened", "pull_request"),
    ("merged", "pull_request"), ("failed", "execution"), ("verified", "evidence"),
)  # fmt: skip
_VERBS: Final = tuple(kind[0] for kind in _KINDS)
_OBJECTS: Final = tuple(kind[1] for kind in _KINDS)


@dataclasses.dataclass(frozen=True)
class Entries:
    """Entries of the feed, as numbers.

    Attributes:
        task: The place of each entry's task in the story.
        kind: What, as an index of the kinds above.
        at: When.
        user: Rows of users who did it; -1 for none.
        agent: Rows of agents who did it; -1 for none.
        thing: The place of the comment, attachment, execution or evidence among those of the story; else 0.
    """

    task: Ints
    kind: Ints
    at: Ints
    user: Ints
    agent: Ints
    thing: Ints


def feed_entries(
    story: Story, comments: Comments, attachments: Attachments, runs: Executions, items: EvidenceItems
) -> Entries:
    """Return the entries that the lives of some tasks leave in the feed."""
    batches = [*_of_tasks(story)]
    batches.append(_of_children(comments, 6, comments.stream("in_feed").chance(400, comments.key)))
    batches.append(_of_children(attachments, 7, np.ones(len(attachments.key), np.bool_)))
    failed = runs.outcome == FAILED
    batches.append(_of_children(runs, 10, failed, runs.ended))
    verified = items.verdict == VERIFIED
    batch = _of_children(items, 11, verified, items.judged)
    batches.append(dataclasses.replace(batch, user=items.judge[verified], agent=items.judging_agent[verified]))
    fields = [field.name for field in dataclasses.fields(Entries)]
    return Entries(**{name: np.concatenate([getattr(batch, name) for batch in batches]) for name in fields})


def _of_tasks(story: Story) -> list[Entries]:
    happens, times = story.happens, story.times
    done, given_up = happens["ended"] & ~story.cancelled, happens["ended"] & story.cancelled
    pull = story.kind == 2
    worker = np.where(story.agent >= 0, by_agent(story.agent), story.user)
    told = happens["assigned"] & story.chance("assigned_in_feed", 300)
    begun = happens["started"] & story.chance("started_in_feed", 500)
    return [
        _entries(story, 0, story.made >= 0, story.made, story.reporter),
        _entries(story, 1, told, times["assigned"], story.reporter),
        _entries(story, 2, begun, times["started"], worker),
        _entries(story, 3, done, times["ended"], worker),
        _entries(story, 4, given_up, times["ended"], story.reporter),
        _entries(story, 5, happens["reopened"], times["reopened"], story.reporter),
        _entries(story, 8, pull, story.made, story.reporter),
        _entries(story, 9, pull & done, times["ended"], worker),
    ]


def _entries(story: Story, kind: int, happens: Mask, at: Ints, doer: Ints) -> Entries:
    """Return entries of tasks by those doers who are there at that time, else by nobody."""
    index = np.flatnonzero(happens)
    user, agent = user_and_agent(doer[index])
    at = at[index]
    there = (user >= 0) & (at < story.world.user_ends[np.maximum(user, 0)])
    running = (agent >= 0) & (at < story.world.agent_ends[np.maximum(agent, 0)])
    return Entries(
        task=index,
        kind=np.full(len(index), kind, np.int64),
        at=at,
        user=np.where(there, user, -1),
        agent=np.where(running, agent, -1),
        thing=np.zeros(len(index), np.int64),
    )


def _of_children(
    children: Comments | Attachments | Executions | EvidenceItems, kind: int, happens: Mask, at: Ints | None = None
) -> Entries:
    index = np.flatnonzero(happens)
    by_run = isinstance(children, Executions)
    return Entries(
        task=children.task[index],
        kind=np.full(len(index), kind, np.int64),
        at=(children.made if at is None else at)[index],
        user=np.full(len(index), -1, np.int64) if by_run else children.user[index],
        agent=children.agent[index],
        thing=index,
    )


def feed_totals(story: Story, entries: Entries) -> Ints:
    """Return how many entries there are for each chunk of the story, counted from its first."""
    first = story.chunk[0]
    return np.bincount(story.chunk[entries.task] - first, minlength=int(story.chunk[-1] - first) + 1)


def feed_rows(columns: TaskColumns, entries: Entries, first: int, first_things: dict[str, int]) -> pa.Table:
    """Return the rows of entries, in the order of their ids.

    Args:
        columns: The tasks.
        entries: The entries.
        first: The id of the first.
        first_things: The id of the first comment, attachment, execution and evidence of the story.
    """
    story = columns.story
    order = in_order(story.chunk[entries.task], entries.at, entries.task * 16 + entries.kind)
    entries = Entries(**{field.name: getattr(entries, field.name)[order] for field in dataclasses.fields(Entries)})
    ids = first + np.arange(len(order), dtype=np.int64)
    starts = np.array([first_things.get(thing, 0) for thing in _OBJECTS], np.int64)[entries.kind]
    thing = np.where(starts > 0, starts + entries.thing, story.rows[entries.task] + 1)
    a_user, an_agent = entries.user >= 0, entries.agent >= 0
    title = columns.title.take(pa.array(entries.task))
    name = actor_names(story.world, entries.user, entries.agent)
    project = story.project[entries.task]
    public = story.world.stream("projects", "visibility").weighted((70, 18, 12), project) == 2
    public = np.where(project < story.world.projects.seeded, project == 2, public)
    return pa.table(
        {
            "id": integers(ids),
            "external_id": uuids(story.world.plan.source, "activity_feed", ids),
            "project_id": integers(project + 1),
            "task_id": integers(story.rows[entries.task] + 1),
            "actor_user_id": integers(entries.user + 1, a_user & ~an_agent),
            "actor_agent_id": integers(entries.agent + 1, an_agent),
            "actor_name": optional(name, a_user | an_agent),
            "verb": pick(_VERBS, entries.kind),
            "object_type": pick(_OBJECTS, entries.kind),
            "object_id": numbers(thing),
            "object_title": title,
            "visibility": pick(("project", "public"), public.astype(np.int64)),
            "payload": text(
                '{"priority": "', pick(("low", "medium", "high", "critical"), story.priority[entries.task]), '"}'
            ),
            "created_at": timestamps(entries.at),
            "updated_at": timestamps(entries.at),
        }
    )
