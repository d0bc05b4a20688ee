"""Comments, seen through the asynchronous fixtures."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import psycopg
import pytest
from redis.asyncio import Redis
from tracker import notify


async def test_comment_is_stored_and_told(
    swe_async_db: psycopg.AsyncConnection[Any], swe_async_redis: Redis, task_id: int, team: list[str]
) -> None:
    """A comment is committed, counted as unread, and reaches those who watch the task."""
    async with swe_async_redis.pubsub(ignore_subscribe_messages=True) as watcher:
        await watcher.subscribe(f"task:{task_id}")
        await watcher.get_message(timeout=5)
        comment_id = await notify.comment(task_id, team[1], "On it")
        message = await watcher.get_message(timeout=5)
    assert json.loads(message["data"]) == {"id": comment_id, "by": team[1], "body": "On it"}
    cursor = await swe_async_db.execute("SELECT body FROM task_comments WHERE id = %s", (comment_id,))
    assert await cursor.fetchone() == ("On it",)
    assert await swe_async_redis.get(f"unread:{task_id}") == b"1"


async def test_comments_at_once(swe_async_db: psycopg.AsyncConnection[Any], task_id: int) -> None:
    """Ten comments that are made at the same time are all stored."""
    made = await asyncio.gather(*(notify.comment(task_id, "yuki", f"{number}") for number in range(10)))
    cursor = await swe_async_db.execute("SELECT count(*) FROM task_comments")
    assert await cursor.fetchone() == (len(set(made)),) == (10,)


@pytest.mark.swe_db
async def test_unknown_author() -> None:
    """A comment by nobody is refused before anybody is told."""
    with pytest.raises(LookupError, match="no user 'nobody'"):
        await notify.comment(1, "nobody", "Boo")
