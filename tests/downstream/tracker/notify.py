"""Comments, on asyncio: stored, counted as unread, and told to whoever watches the task."""

from __future__ import annotations

import json
import os
from typing import Final

import psycopg
from redis.asyncio import Redis

__all__ = ["comment"]

ADD_COMMENT: Final = """
INSERT INTO task_comments (task_id, author_user_id, body)
SELECT %(task_id)s, id, %(body)s FROM users WHERE username = %(username)s
RETURNING id
"""


async def comment(task_id: int, username: str, body: str) -> int:
    """Add a comment to a task, tell those who watch the channel `task:ID`, and return the comment's id.

    Raises:
        LookupError: There is no such user.
    """
    values = {"task_id": task_id, "username": username, "body": body}
    async with await psycopg.AsyncConnection.connect(os.environ["DATABASE_URL"]) as connection:
        cursor = await connection.execute(ADD_COMMENT, values)
        row = await cursor.fetchone()
    if row is None:
        raise LookupError(f"there is no user {username!r}")
    async with Redis.from_url(os.environ["REDIS_URL"]) as client:
        await client.incr(f"unread:{task_id}")
        await client.publish(f"task:{task_id}", json.dumps({"id": row[0], "by": username, "body": body}))
    return int(row[0])
