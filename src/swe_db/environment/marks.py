"""What a snapshot says of itself, in the comment of its database; without it the database is none, or not finished."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import Final

__all__ = ["SnapshotMark", "read_mark", "written_mark"]

BEGIN: Final = "swe-db snapshot "


@dataclasses.dataclass(frozen=True, kw_only=True)
class SnapshotMark:
    """What is known of a snapshot.

    Attributes:
        name: What the user calls it.
        database: The database that it was made of.
        made: When, in UTC.
        migration: The version of the newest migration, None if none was applied.
        redis_keys: How many keys of Redis it holds, None if they do not belong to it.
        comment: What the user says of it.
    """

    name: str
    database: str
    made: dt.datetime
    migration: int | None
    redis_keys: int | None
    comment: str = ""


def written_mark(mark: SnapshotMark) -> str:
    """Return the comment that says this."""
    return BEGIN + json.dumps(dataclasses.asdict(mark) | {"made": mark.made.isoformat()}, ensure_ascii=False)


def read_mark(comment: str | None) -> SnapshotMark | None:
    """Return what a comment says, None if it is none of a snapshot."""
    if comment is None or not comment.startswith(BEGIN):
        return None
    try:
        facts = json.loads(comment.removeprefix(BEGIN))
        known = {field.name: facts[field.name] for field in dataclasses.fields(SnapshotMark)}
        return SnapshotMark(**known | {"made": dt.datetime.fromisoformat(facts["made"])})
    except (ValueError, KeyError, TypeError):
        return None
