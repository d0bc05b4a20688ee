"""Sessions."""

from __future__ import annotations

from swe_db.redis.sessions.manager import (
    AsyncSessionManager,
    Session,
    SessionManager,
    aget_session_manager,
    get_session_manager,
)

__all__ = ["AsyncSessionManager", "Session", "SessionManager", "aget_session_manager", "get_session_manager"]
