"""What comments, attachments, executions and evidence leave in the audit trail."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from swe_db.generate.tables.children import UNVERIFIED, Attachments, Comments, EvidenceItems, Executions
from swe_db.generate.tables.event_types import event
from swe_db.generate.tables.happenings import KINDS, Happenings, nothing
from swe_db.generate.tables.proof import SOURCE_TYPES, VERDICTS, evidence_titles
from swe_db.generate.tables.runs import OUTCOMES
from swe_db.generate.tables.talk import file_names
from swe_db.generate.values.draws import Ints
from swe_db.generate.values.texts import Array, Mask, iso, json_object, numbers, pick, text

__all__ = [
    "announced",
    "attachment_events",
    "comment_events",
    "evidence_found",
    "evidence_judged",
    "run_begins",
    "run_ends",
]


def announced(runs: Executions) -> Mask:
    """Return which runs have a beginning in the trail: of reviews only the end is told."""
    return np.asarray(runs.story.agent[runs.task] >= 0, dtype=np.bool_)


def comment_events(comments: Comments, first: int) -> Happenings:
    """Return the events of comments; `first` is the id of the first of them."""
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


def attachment_events(attachments: Attachments, first: int) -> Happenings:
    """Return the events of attachments; `first` is the id of the first of them."""
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


def run_begins(runs: Executions, first: int) -> Happenings:
    """Return the beginnings of executions; `first` is the id of the first of them."""
    index = np.flatnonzero(announced(runs))
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


def run_ends(runs: Executions, first: int) -> Happenings:
    """Return the ends of executions; `first` is the id of the first of them."""
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


def evidence_found(items: EvidenceItems, first: int) -> Happenings:
    """Return how evidence was collected; `first` is the id of the first of it."""
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


def evidence_judged(items: EvidenceItems, first: int) -> Happenings:
    """Return how evidence was judged; `first` is the id of the first of it."""
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
        old=json_object({"credibility_score": _score(items.first_score[index]), "verification_status": '"unverified"'}),
        new=json_object({"credibility_score": _score(items.score[index]), "verification_status": status}),
    )
