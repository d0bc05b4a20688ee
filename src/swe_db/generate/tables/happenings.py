"""Happenings: what the audit trail and the feed tell, as numbers and JSON, before they become rows.

Each kind has a number that its random bits depend on beside the key, so that no two events share a request.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from swe_db.generate.tables.children import UNVERIFIED, Attachments, Comments, EvidenceItems, Executions
from swe_db.generate.tables.proof import SOURCE_TYPES, VERDICTS, evidence_titles
from swe_db.generate.tables.runs import OUTCOMES
from swe_db.generate.tables.story import STATUSES, Story
from swe_db.generate.tables.talk import file_names
from swe_db.generate.tables.tasks import PRIORITIES, TaskColumns
from swe_db.generate.values.draws import Ints
from swe_db.generate.values.texts import Array, Mask, iso, json_object, numbers, pick, text

__all__ = ["EVENT_TYPES", "RESOURCES", "Happenings", "joined", "story_happenings", "story_totals"]

# Type, resource, what the actor did, severity, outcome.
_TYPES: Final = (
    ("task.created", "task", " created the task", "info", "success"),
    ("task.assigned", "task", " assigned the task", "info", "success"),
    ("task.status_changed", "task", " moved the task on", "info", "success"),
    ("task.completed", "task", " completed the task", "info", "success"),
    ("task.reopened", "task", " reopened the task", "notice", "success"),
    ("task.updated", "task", " analysed the task", "info", "success"),
    ("task.priority_changed", "task", " changed the priority", "info", "success"),
    ("task.deleted", "task", " deleted the task", "notice", "success"),
    ("pull_request.opened", "pull_request", " opened a pull request", "info", "success"),
    ("pull_request.merged", "pull_request", " merged the pull request", "info", "success"),
    ("comment.created", "comment", " commented on the task", "info", "success"),
    ("attachment.created", "attachment", " attached a file", "info", "success"),
    ("execution.started", "execution", " began a run", "info", "success"),
    ("execution.completed", "execution", " finished a run", "info", "success"),
    ("execution.failed", "execution", " failed in a run", "warning", "failure"),
    ("execution.timed_out", "execution", " ran out of time", "warning", "failure"),
    ("execution.cancelled", "execution", " had its run cancelled", "notice", "failure"),
    ("evidence.created", "evidence", " collected evidence", "info", "success"),
    ("evidence.verified", "evidence", " verified the evidence", "info", "success"),
    ("evidence.disputed", "evidence", " disputed the evidence", "notice", "success"),
    ("user.created", "user", " joined the platform", "info", "success"),
    ("user.suspended", "user", " was suspended", "warning", "success"),
    ("user.deleted", "user", " left the platform", "notice", "success"),
    ("project.created", "project", " created the project", "info", "success"),
    ("project.updated", "project", " changed the project", "info", "success"),
    ("project.archived", "project", " archived the project", "notice", "success"),
    ("project.deleted", "project", " deleted the project", "notice", "success"),
    ("agent.registered", "agent", " was registered", "info", "success"),
    ("agent.deactivated", "agent", " was retired", "notice", "success"),
    ("agent.deleted", "agent", " was removed", "notice", "success"),
    ("user.login", "user", " logged in", "info", "success"),
    ("user.logout", "user", " logged out", "info", "success"),
    ("user.login_failed", "user", " failed to log in", "warning", "failure"),
    ("attachment.downloaded", "attachment", " downloaded a file", "debug", "success"),
    ("repository.synchronized", "repository", " synchronized the repository", "debug", "success"),
    ("security.permission_denied", "project", " was refused access", "warning", "denied"),
    ("security.token_created", "user", " created a token", "notice", "success"),
    ("security.token_revoked", "user", " revoked a token", "notice", "success"),
    ("data.exported", "project", " exported data", "notice", "success"),
    ("deployment.started", "deployment", " started a deployment", "info", "success"),
    ("deployment.succeeded", "deployment", " deployed", "info", "success"),
    ("deployment.failed", "deployment", " failed to deploy", "critical", "failure"),
    ("deployment.rolled_back", "deployment", " rolled back", "warning", "success"),
)  # fmt: skip
EVENT_TYPES: Final = tuple(kind[0] for kind in _TYPES)
RESOURCES: Final = tuple(kind[1] for kind in _TYPES)
DEEDS: Final = tuple(kind[2] for kind in _TYPES)
SEVERITIES: Final = tuple(kind[3] for kind in _TYPES)
RESULTS: Final = tuple(kind[4] for kind in _TYPES)
KINDS: Final = 64


@dataclasses.dataclass(frozen=True)
class Happenings:
    """Events, one entry for each.

    Attributes:
        key: What their values depend on; no two events have the same.
        chunk: The chunk of tasks that each is counted in.
        at: When.
        kind: What, as an index of EVENT_TYPES.
        user: Rows of users who did it; -1 for none.
        agent: Rows of agents who did it; -1 for none.
        resource: The id of what it was done to.
        project: Rows of projects; -1 for none.
        old: Changed fields as they were, JSON; null for none.
        new: Changed fields as they are, JSON; null for none.
    """

    key: Ints
    chunk: Ints
    at: Ints
    kind: Ints
    user: Ints
    agent: Ints
    resource: Ints
    project: Ints
    old: Array
    new: Array


def event(name: str) -> int:
    """Return the index of an event type."""
    return EVENT_TYPES.index(name)


def joined(batches: Sequence[Happenings]) -> Happenings:
    """Return several batches as one."""
    return Happenings(
        **{
            field.name: pa.chunked_array([getattr(batch, field.name) for batch in batches], pa.string()).combine_chunks()
            if field.name in {"old", "new"}
            else np.concatenate([getattr(batch, field.name) for batch in batches])
            for field in dataclasses.fields(Happenings)
        }
    )


def nothing(rows: int) -> Array:
    """Return no JSON."""
    return pa.nulls(rows, pa.string())


def story_totals(
    story: Story, comments: Comments, attachments: Attachments, runs: Executions, items: EvidenceItems
) -> Ints:
    """Return how many events `story_happenings` has for each chunk of the story, counted from its first."""
    first = story.chunk[0]
    chunks = int(story.chunk[-1] - first) + 1
    masks: list[Mask] = [np.ones(len(story.rows), np.bool_), *story.happens.values(), story.kind == 2, _merged(story)]
    total = sum((np.bincount(story.chunk[mask] - first, minlength=chunks) for mask in masks), np.zeros(chunks, np.int64))
    begun = runs.chunk[_announced(runs)]
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
        _comment_events(*comments),
        _attachment_events(*attachments),
        _run_begins(*runs),
        _run_ends(*runs),
        _evidence_found(*items),
        _evidence_judged(*items),
    ]


def _merged(story: Story) -> Mask:
    return np.asarray((story.kind == 2) & story.happens["ended"] & ~story.cancelled, dtype=np.bool_)


def _announced(runs: Executions) -> Mask:
    """Return which runs have a beginning in the trail: of reviews only the end is told."""
    return np.asarray(runs.story.agent[runs.task] >= 0, dtype=np.bool_)


def _task_events(columns: TaskColumns) -> list[Happenings]:
    story = columns.story
    batches = [_of_tasks(story, "task.created", 0, None, story.made, story.reporter, None, columns.first_values())]
    batches.append(_assignment(story))
    for place, (step, before, after, happens) in enumerate(story.changes):
        batches.append(_status_change(story, step, place + 2, before, after, happens))
    batches.extend(_asides(columns))
    opened = story.kind == 2
    batches.append(_of_tasks(story, "pull_request.opened", 16, opened, story.made + 1, story.reporter, None, None))
    merged = _merged(story)
    merger = _doer(story, "ended", merged)
    batches.append(_of_tasks(story, "pull_request.merged", 17, merged, story.times["ended"], merger, None, None))
    return batches


def _of_tasks(
    story: Story,
    name: str | Ints,
    place: int,
    happens: Mask | None,
    at: Ints,
    doer: Ints,
    old: Array | None,
    new: Array | None,
) -> Happenings:
    """Return events of tasks; doers are rows of users, or -2 minus a row of an agent, or -1 for the system.

    JSON is for all tasks, or already only for those that it happens to.
    """
    index = np.flatnonzero(happens) if happens is not None else np.arange(len(story.rows))
    kind = event(name) if isinstance(name, str) else name[index]
    doer = doer[index]
    return Happenings(
        key=story.rows[index] * 64 * KINDS + place,
        chunk=story.chunk[index],
        at=at[index],
        kind=np.broadcast_to(kind, len(index)),
        user=np.where(doer >= 0, doer, -1),
        agent=np.where(doer <= -2, -2 - doer, -1),
        resource=story.rows[index] + 1,
        project=story.project[index],
        old=_fitting(old, index),
        new=_fitting(new, index),
    )


def _fitting(array: Array | None, index: Ints) -> Array:
    if array is None:
        return nothing(len(index))
    return array if len(array) == len(index) else array.take(pa.array(index))


def _worker(story: Story, at: Ints) -> Ints:
    """Return who works on each task, if still there at that time; else the system."""
    user, agent = story.user, story.agent
    by_agent = (agent >= 0) & (at < story.world.agent_ends[np.maximum(agent, 0)])
    by_user = (user >= 0) & (at < story.world.user_ends[np.maximum(user, 0)])
    return np.where(by_agent, -2 - agent, np.where(by_user, user, -1))


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


def _assignment(story: Story) -> Happenings:
    happens = story.happens["assigned"]
    index = np.flatnonzero(happens)
    to_user = story.user[index] >= 0
    column = pick(('"assigned_agent_id": ', '"assigned_user_id": '), to_user.astype(np.int64))
    whom = numbers(np.where(to_user, story.user[index], story.agent[index]) + 1)
    at = story.times["assigned"]
    old, new = text("{", column, "null}"), text("{", column, whom, "}")
    return _of_tasks(story, "task.assigned", 1, happens, at, _reporter(story, at), old, new)


def _status_change(story: Story, step: str, place: int, before: Ints, after: Ints, happens: Mask) -> Happenings:
    index = np.flatnonzero(happens)
    at = story.times[step]
    was, now = pick(STATUSES, before[index]), pick(STATUSES, after[index])
    old: dict[str, str | Array] = {"status": text('"', was, '"')}
    new: dict[str, str | Array] = {"status": text('"', now, '"')}
    name = "task.status_changed"
    if step == "started":
        old["started_at"], new["started_at"] = "null", text('"', iso(at[index]), '"')
    if step in {"ended", "ended_again"}:
        name = "task.completed"
        old["completed_at"], new["completed_at"] = "null", text('"', iso(at[index]), '"')
    if step == "reopened":
        name = "task.reopened"
        old["completed_at"], new["completed_at"] = text('"', iso(story.times["ended"][index]), '"'), "null"
    doer = _doer(story, step, happens)
    return _of_tasks(story, name, place, happens, at, doer, json_object(old), json_object(new))


def _asides(columns: TaskColumns) -> list[Happenings]:
    story = columns.story
    analysed = story.happens["analysed"]
    at = story.times["analysed"]
    agent = story.world.worker_agent("tasks.analysis", story.rows, at, story.block)
    found = json_object({"ai_analysis": columns.analysis, "ai_suggestions": columns.suggestions})
    unknown = pa.repeat(pa.scalar('{"ai_analysis": null, "ai_suggestions": []}'), len(story.rows))
    moved, moved_at = story.happens["reprioritized"], story.times["reprioritized"]
    was = json_object({"priority": text('"', pick(PRIORITIES, story.first_priority), '"')})
    now = json_object({"priority": text('"', pick(PRIORITIES, story.priority), '"')})
    deleted, deleted_at = story.happens["deleted"], story.times["deleted"]
    gone = json_object({"deleted_at": text('"', iso(deleted_at), '"')})
    kept = pa.repeat(pa.scalar('{"deleted_at": null}'), len(story.rows))
    reporter = _reporter(story, deleted_at)
    return [
        _of_tasks(story, "task.updated", 13, analysed, at, np.where(agent >= 0, -2 - agent, -1), unknown, found),
        _of_tasks(story, "task.priority_changed", 14, moved, moved_at, _reporter(story, moved_at), was, now),
        _of_tasks(story, "task.deleted", 15, deleted, deleted_at, reporter, kept, gone),
    ]


def _comment_events(comments: Comments, first: int) -> Happenings:
    rows = len(comments.key)
    return Happenings(
        key=comments.key * KINDS + 20,
        chunk=comments.chunk,
        at=comments.made,
        kind=np.full(rows, event("comment.created")),
        user=comments.user,
        agent=comments.agent,
        resource=first + np.arange(rows, dtype=np.int64),
        project=comments.project,
        old=nothing(rows),
        new=json_object({"task_id": numbers(comments.story.rows[comments.task] + 1)}),
    )


def _attachment_events(attachments: Attachments, first: int) -> Happenings:
    rows = len(attachments.key)
    task = numbers(attachments.story.rows[attachments.task] + 1)
    return Happenings(
        key=attachments.key * KINDS + 21,
        chunk=attachments.chunk,
        at=attachments.made,
        kind=np.full(rows, event("attachment.created")),
        user=attachments.user,
        agent=attachments.agent,
        resource=first + np.arange(rows, dtype=np.int64),
        project=attachments.project,
        old=nothing(rows),
        new=json_object({"task_id": task, "file_name": text('"', file_names(attachments), '"')}),
    )


def _run_begins(runs: Executions, first: int) -> Happenings:
    index = np.flatnonzero(_announced(runs))
    task = numbers(runs.story.rows[runs.task[index]] + 1)
    return Happenings(
        key=runs.key[index] * KINDS + 22,
        chunk=runs.chunk[index],
        at=runs.made[index],
        kind=np.full(len(index), event("execution.started")),
        user=runs.user[index],
        agent=runs.agent[index],
        resource=first + index,
        project=runs.project[index],
        old=nothing(len(index)),
        new=json_object({"status": '"running"', "task_id": task}),
    )


def _run_ends(runs: Executions, first: int) -> Happenings:
    index = np.flatnonzero(runs.over)
    outcome = runs.outcome[index]
    names = ("execution.completed", "execution.failed", "execution.timed_out", "execution.cancelled")
    kind = np.array([event(name) for name in names], np.int64)[outcome]
    status = text('"', pick(OUTCOMES, outcome), '"')
    return Happenings(
        key=runs.key[index] * KINDS + 23,
        chunk=runs.chunk[index],
        at=runs.ended[index],
        kind=kind,
        user=runs.user[index],
        agent=runs.agent[index],
        resource=first + index,
        project=runs.project[index],
        old=pa.repeat(pa.scalar('{"status": "running"}'), len(index)),
        new=json_object({"status": status, "completed_at": text('"', iso(runs.ended[index]), '"')}),
    )


def _evidence_found(items: EvidenceItems, first: int) -> Happenings:
    rows = len(items.key)
    return Happenings(
        key=items.key * KINDS + 24,
        chunk=items.chunk,
        at=items.made,
        kind=np.full(rows, event("evidence.created")),
        user=items.user,
        agent=items.agent,
        resource=first + np.arange(rows, dtype=np.int64),
        project=items.project,
        old=nothing(rows),
        new=json_object(
            {
                "title": text('"', evidence_titles(items), '"'),
                "source_type": text('"', pick(SOURCE_TYPES, items.source), '"'),
                "credibility_score": _score(items.first_score),
                "verification_status": '"unverified"',
            }
        ),
    )


def _score(ten_thousandths: Ints) -> Array:
    digits = numbers(10_000 + ten_thousandths)
    return text("0.", pc.utf8_slice_codeunits(digits, 1, 5))


def _evidence_judged(items: EvidenceItems, first: int) -> Happenings:
    index = np.flatnonzero(items.verdict != UNVERIFIED)
    verdict = items.verdict[index]
    kind = np.where(verdict == 1, event("evidence.verified"), event("evidence.disputed"))
    status = text('"', pick(VERDICTS, verdict), '"')
    return Happenings(
        key=items.key[index] * KINDS + 25,
        chunk=items.chunk[index],
        at=items.judged[index],
        kind=kind,
        user=items.judge[index],
        agent=items.judging_agent[index],
        resource=first + index,
        project=items.project[index],
        old=json_object(
            {"credibility_score": _score(items.first_score[index]), "verification_status": '"unverified"'}
        ),
        new=json_object({"credibility_score": _score(items.score[index]), "verification_status": status}),
    )
