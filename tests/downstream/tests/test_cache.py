"""The cache forgets when a task changes, and by itself after a minute."""

from __future__ import annotations

import redis
from tracker import cache, service

PROJECT = "moe-router"


def test_progress_is_kept(swe_redis: redis.Redis, task_id: int) -> None:
    """The second look is answered from Redis, where the numbers lie with a time to live."""
    assert cache.progress(PROJECT) == {"todo": 1}
    assert swe_redis.get("progress:hits") is None
    assert cache.progress(PROJECT) == {"todo": 1}
    assert swe_redis.get("progress:hits") == b"1"
    assert 0 < int(swe_redis.ttl(cache.key(PROJECT))) <= 60


def test_a_change_is_seen_at_once(task_id: int) -> None:
    """A task that is finished shows in the next look at the progress."""
    assert cache.progress(PROJECT) == {"todo": 1}
    service.finish_task(task_id)
    assert cache.progress(PROJECT) == {"done": 1}
