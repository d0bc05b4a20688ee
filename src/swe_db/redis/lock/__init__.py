"""Locks."""

from __future__ import annotations

from swe_db.redis.lock.distributed_lock import AsyncDistributedLock, DistributedLock, LockStatus

__all__ = ["AsyncDistributedLock", "DistributedLock", "LockStatus"]
