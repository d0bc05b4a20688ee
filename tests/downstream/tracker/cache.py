"""The progress of projects, kept in Redis for a minute or until a task changes."""

from __future__ import annotations

import json
import os
from typing import Final

import redis

from tracker import reports

__all__ = ["forget", "progress"]

SECONDS: Final = 60


def connect() -> redis.Redis:
    """Return a client; as a context manager it closes its connections."""
    return redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)


def progress(project: str) -> dict[str, int]:
    """Return how many tasks of a project are in each state, at most a minute old."""
    with connect() as client:
        if (known := client.get(key(project))) is None:
            client.set(key(project), json.dumps(counts := reports.status_counts(project)), ex=SECONDS)
            return counts
        client.incr("progress:hits")
        found: dict[str, int] = json.loads(str(known))
        return found


def forget(project: str) -> None:
    """Drop what is known of a project's progress."""
    with connect() as client:
        client.delete(key(project))


def key(project: str) -> str:
    """Return the key of a project's progress."""
    return f"progress:{project}"
