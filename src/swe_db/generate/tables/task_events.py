"""What the lives of tasks leave in the audit trail: folded in order, it gives their rows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa

from swe_db.generate.tables.child_events import (
    announced,
    attachment_events,
    comment_events,
    evidence_found,
    evidence_judged,
    run_begins,
    run_ends,
)
from swe_db.generate.tables.children import UNVERIFIED, Attachments, Comments, EvidenceItems, Executions
from swe_db.generate.tables.doers import by_agent, user_and_agent
from swe_db.generate.tables.event_types import event
from swe_db.generate.tables.happenings import KINDS, Happenings, nothing
from swe_db.generate.tables.story import STATUSES, Change, Story
from swe_db.generate.tables.tasks import PRIORITIES, TaskColumns
from swe_db.generate.values.draws import Ints
from swe_db.generate.values.texts import Array, Mask, constant, iso, json_object, numbers, pick, text

__all__ = ["story_happenings", "story_totals"]


def story_totals(
    story: Story, comments: Comments, attachments: Attachments, runs: Executions, items: EvidenceItems
) -> Ints:
    """Return how many events `story_happenings` has for each chunk of the story, counted from its first."""
    first = story.chunk[0]
    chunks = int(story.chunk[-1] - first) + 1
    masks: list[Mask] = [np.ones(len(story.rows), np.bool_), *story.happens.values(), story.kind == 2, _merged(story)]
    total = sum(
        (np.bincount(story.chunk[mask] - first, minlength=chunks) for mask in masks), np.zeros(chunks, np.int64)
    )
    begun = runs.chunk[announced(runs)]
    for chunk in (comments.chunk, attachments.chunk, begun, runs.chunk[runs.over], items.chunk):
        total = total + np.bincount(chunk - first, minlength=chunks)
    return total + np.bincount(items.chunk[items.verdict != UNVERIFIED] - first, minlength=chunks)


def story_happenings(
    columns: TaskColumns,
    comments: tuple[Comments, int],
    attachments: tuple[Attachments, int],
    runs: tuple[Executions, int],
    items: tuple[EvidenceItems, int],
) -> list[Happenings]:
    """Return all that the lives of some tasks leave in the audit trail.

    Args:
        columns: The tasks.
        comments: Their comments, and the id of the first; so for the others.
        attachments: Their attachments.
        runs: Their executions.
        items: Their evidence.
    """
    return [
        *_task_events(columns),
        comment_events(*comments),
        attachment_events(*attachments),
        run_begins(*runs),
        run_ends(*runs),
        evidence_found(*items),
        evidence_judged(*items),
    ]


def _merged(story: Story) -> Mask:
    return np.asarray((story.kind == 2) & story.happens["ended"] & ~story.cancelled, dtype=np.bool_)


@dataclasses.dataclass(frozen=True)
class _Step:
    """Something that happens to some tasks of a story.

    Attributes:
        name: Its event type.
        place: Its number among the sources of events.
        happens: To which tasks.
        at: When, for all tasks.
        doer: By whom, for all tasks.
        old: JSON, for those tasks that it happens to.
        new: JSON, for those tasks that it happens to.
    """

    name: str
    place: int
    happens: Mask
    at: Ints
    doer: Ints
    old: Array | None = None
    new: Array | None = None


def _task_events(columns: TaskColumns) -> list[Happenings]:
    story = columns.story
    everything = np.ones(len(story.rows), np.bool_)
    created = _Step("task.created", 0, everything, story.made, story.reporter, new=columns.first_values())
    changes = [_status_change(story, place, change) for place, change in enumerate(story.changes, 2)]
    opened = _Step("pull_request.opened", 16, story.kind == 2, story.made + 1, story.reporter)
    merged = _merged(story)
    done = _Step("pull_request.merged", 17, merged, story.times["ended"], _doer(story, "ended", merged))
    steps = [created, _assignment(story), *changes, *_asides(columns), opened, done]
    return [_events(story, step) for step in steps]


def _events(story: Story, step: _Step) -> Happenings:
    index = np.flatnonzero(step.happens)
    user, agent = user_and_agent(step.doer[index])
    return Happenings(
        key=story.rows[index] * 64 * KINDS + step.place,
        chunk=story.chunk[index],
        at=step.at[index],
        kind=np.full(len(index), event(step.name)),
        user=user,
        agent=agent,
        resource=story.rows[index] + 1,
        project=story.project[index],
        old=nothing(len(index)) if step.old is None else step.old,
        new=nothing(len(index)) if step.new is None else step.new,
    )


def _worker(story: Story, at: Ints) -> Ints:
    """Return who works on each task, if still there at that time; else the system."""
    user, agent = story.user, story.agent
    an_agent = (agent >= 0) & (at < story.world.agent_ends[np.maximum(agent, 0)])
    a_user = (user >= 0) & (at < story.world.user_ends[np.maximum(user, 0)])
    return np.where(an_agent, by_agent(agent), np.where(a_user, user, -1))


def _reporter(story: Story, at: Ints) -> Ints:
    return np.where(at < story.world.user_ends[story.reporter], story.reporter, -1)


def _doer(story: Story, step: str, happens: Mask) -> Ints:
    """Return who makes a step: whoever works on the task, or a colleague where one judges the work of another."""
    at = story.times[step]
    if step in {"triaged", "reopened"}:
        return _reporter(story, at)
    if step not in {"ended", "ended_again", "returned"}:
        return _worker(story, at)
    doer = np.full(len(story.rows), -1, np.int64)
    index = np.flatnonzero(happens)
    member = story.world.member(
        f"tasks.{step}", story.rows[index], story.project[index], story.times[step][index], story.block
    )
    doer[index] = member
    return doer


def _assignment(story: Story) -> _Step:
    happens = story.happens["assigned"]
    index = np.flatnonzero(happens)
    to_user = story.user[index] >= 0
    column = pick(('"assigned_agent_id": ', '"assigned_user_id": '), to_user.astype(np.int64))
    whom = numbers(np.where(to_user, story.user[index], story.agent[index]) + 1)
    at = story.times["assigned"]
    old, new = text("{", column, "null}"), text("{", column, whom, "}")
    return _Step("task.assigned", 1, happens, at, _reporter(story, at), old, new)


def _status_change(story: Story, place: int, change: Change) -> _Step:
    index = np.flatnonzero(change.happens)
    at = story.times[change.step]
    was, now = pick(STATUSES, change.before[index]), pick(STATUSES, change.after[index])
    old: dict[str, str | Array] = {"status": text('"', was, '"')}
    new: dict[str, str | Array] = {"status": text('"', now, '"')}
    name = "task.status_changed"
    if change.step == "started":
        old["started_at"], new["started_at"] = "null", text('"', iso(at[index]), '"')
    if change.step in {"ended", "ended_again"}:
        name = "task.completed"
        old["completed_at"], new["completed_at"] = "null", text('"', iso(at[index]), '"')
    if change.step == "reopened":
        name = "task.reopened"
        old["completed_at"], new["completed_at"] = text('"', iso(story.times["ended"][index]), '"'), "null"
    doer = _doer(story, change.step, change.happens)
    return _Step(name, place, change.happens, at, doer, json_object(old), json_object(new))


def _asides(columns: TaskColumns) -> list[_Step]:
    return [_analysis(columns), _new_priority(columns.story), _deletion(columns.story)]


def _analysis(columns: TaskColumns) -> _Step:
    story = columns.story
    happens, at = story.happens["analysed"], story.times["analysed"]
    agent = story.world.worker_agent("tasks.analysis", story.rows, at, story.block)
    found = json_object({"ai_analysis": columns.analysis, "ai_suggestions": columns.suggestions})
    new = found.filter(pa.array(happens))
    old = constant('{"ai_analysis": null, "ai_suggestions": []}', len(new))
    return _Step("task.updated", 13, happens, at, np.where(agent >= 0, by_agent(agent), -1), old, new)


def _new_priority(story: Story) -> _Step:
    happens, at = story.happens["reprioritized"], story.times["reprioritized"]
    old = json_object({"priority": text('"', pick(PRIORITIES, story.first_priority[happens]), '"')})
    new = json_object({"priority": text('"', pick(PRIORITIES, story.priority[happens]), '"')})
    return _Step("task.priority_changed", 14, happens, at, _reporter(story, at), old, new)


def _deletion(story: Story) -> _Step:
    happens, at = story.happens["deleted"], story.times["deleted"]
    new = json_object({"deleted_at": text('"', iso(at[happens]), '"')})
    old = constant('{"deleted_at": null}', len(new))
    return _Step("task.deleted", 15, happens, at, _reporter(story, at), old, new)
