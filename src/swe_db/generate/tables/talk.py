"""Rows of comments and attachments."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from swe_db.generate.tables.children import Attachments, Comments
from swe_db.generate.values import words
from swe_db.generate.values.calendar import MINUTE
from swe_db.generate.values.curves import long_tail, quantile
from swe_db.generate.values.draws import Ints
from swe_db.generate.values.texts import (
    Array,
    constant,
    hexadecimal,
    integers,
    numbers,
    optional,
    pick,
    select,
    text,
    timestamps,
    uuids,
)

__all__ = ["attachment_rows", "comment_rows", "file_names"]

_NAMES: Final = tuple(file.name for file in words.FILES)
_ENDINGS: Final = tuple(file.ending for file in words.FILES)
_MEDIA_TYPES: Final = tuple(file.media_type for file in words.FILES)


def comment_rows(comments: Comments, first: int) -> pa.Table:
    """Return the rows of comments; the first has the id `first`."""
    story, key = comments.story, comments.key
    ids = first + np.arange(len(key), dtype=np.int64)
    github = (story.kind[comments.task] > 0) & comments.stream("github").chance(800, key)
    edit = comments.stream("edited_at")
    edited = comments.made + edit.between(1, 90, key) * MINUTE
    is_edited = edit.chance(60, key) & (edited < story.stop[comments.task])
    return pa.table(
        {
            "id": integers(ids),
            "external_id": uuids(story.world.plan.source, "task_comments", ids),
            "task_id": integers(story.rows[comments.task] + 1),
            "parent_comment_id": integers(first + comments.answers, comments.answers >= 0),
            "author_user_id": integers(comments.user + 1, comments.user >= 0),
            "author_agent_id": integers(comments.agent + 1, comments.agent >= 0),
            "body": _bodies(comments),
            "github_comment_id": integers(3_000_000_000 + ids, github),
            "github_node_id": optional(text("IC_", hexadecimal(comments.stream("node").bits(key), 14)), github),
            "metadata": constant("{}", len(key)),
            "edited_at": timestamps(edited, is_edited),
            "created_at": timestamps(comments.made),
            "updated_at": timestamps(np.where(is_edited, edited, comments.made)),
        }
    )


def _bodies(comments: Comments) -> Array:
    draw = comments.stream("body")
    remark = pick(words.REMARKS, draw.below(len(words.REMARKS), comments.key))
    more = pick(words.REMARKS, comments.stream("more").below(len(words.REMARKS), comments.key))
    human = select(comments.stream("long").chance(220, comments.key), text(remark, "\n\n", more), remark)
    agent = pick(words.AGENT_REMARKS, draw.below(len(words.AGENT_REMARKS), comments.key))
    return select(comments.agent >= 0, agent, human)


def _file(attachments: Attachments) -> Ints:
    return attachments.stream("file_name").below(len(words.FILES), attachments.key)


def file_names(attachments: Attachments) -> Array:
    """Return the name of each attached file."""
    kind = _file(attachments)
    number = numbers(1 + attachments.stream("number").below(400, attachments.key))
    return text(pick(_NAMES, kind), "-", number, ".", pick(_ENDINGS, kind))


def attachment_rows(attachments: Attachments, first: int) -> pa.Table:
    """Return the rows of attachments; the first has the id `first`."""
    story, key = attachments.story, attachments.key
    ids = first + np.arange(len(key), dtype=np.int64)
    name = file_names(attachments)
    digest = [hexadecimal(attachments.stream(f"sha256.{part}").bits(key)) for part in range(4)]
    task = numbers(story.rows[attachments.task] + 1)
    size = quantile(long_tail(90_000, "1.1"), attachments.stream("size_bytes").fraction(key))
    return pa.table(
        {
            "id": integers(ids),
            "external_id": uuids(story.world.plan.source, "task_attachments", ids),
            "task_id": integers(story.rows[attachments.task] + 1),
            "uploaded_by_user_id": integers(attachments.user + 1),
            "file_name": name,
            "media_type": pick(_MEDIA_TYPES, _file(attachments)),
            "size_bytes": integers(np.minimum(size + key % 1013, 2_000_000_000)),
            "storage_url": text("s3://swe-attachments/tasks/", task, "/", numbers(ids), "-", name),
            "sha256": text(*digest),
            "metadata": constant("{}", len(key)),
            "created_at": timestamps(attachments.made),
            "updated_at": timestamps(attachments.made),
        }
    )
