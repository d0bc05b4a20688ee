"""Happenings: what the audit trail tells, as numbers and JSON, before it becomes rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from swe_db.generate.tables.event_types import event
from swe_db.generate.values.draws import Ints
from swe_db.generate.values.texts import Array

__all__ = ["KINDS", "Happenings", "joined", "nothing", "without_comments"]

# Each source of events has a number below this, so that no two events share the key that their bits depend on.
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


def without_comments(events: Happenings, untold: Mapping[int, int]) -> Happenings:
    """Return the events without the last so many comments of some chunks, for which there is no room."""
    if not untold:
        return events
    keep = np.ones(len(events.key), np.bool_)
    for chunk, count in untold.items():
        keep[np.flatnonzero((events.chunk == chunk) & (events.kind == event("comment.created")))[-count:]] = False
    index = np.flatnonzero(keep)
    return Happenings(
        **{
            field.name: value.take(pa.array(index)) if isinstance(value, pa.Array) else value[index]
            for field in dataclasses.fields(Happenings)
            for value in (getattr(events, field.name),)
        }
    )


def joined(batches: Sequence[Happenings]) -> Happenings:
    """Return several batches as one."""
    return Happenings(
        **{
            field.name: pa.chunked_array(
                [getattr(batch, field.name) for batch in batches], pa.string()
            ).combine_chunks()
            if field.name in {"old", "new"}
            else np.concatenate([getattr(batch, field.name) for batch in batches])
            for field in dataclasses.fields(Happenings)
        }
    )


def nothing(rows: int) -> Array:
    """Return no JSON."""
    return pa.nulls(rows, pa.string())
