"""How a Redis is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from swe_db.errors import RedisServiceError
from swe_db.redis.steps import Command, Steps

__all__ = ["Health", "asked"]


@dataclass(frozen=True, slots=True)
class Health:
    """What `health_check` found.

    Attributes:
        ok: Whether Redis answered.
        latency_ms: Milliseconds until it answered, None if it did not.
        version: The server's version, `7.0.15`, None where it does not tell.
        role: `master` or `slave`, None where it does not tell.
        in_use: How many connections are in use, in this process and, for asyncio, on this event loop.
        max: How many there may be, those of `raw` and `once` together; on a cluster for all nodes seen so far.
        error: Why it did not answer, None if it did.
    """

    ok: bool
    latency_ms: float | None = None
    version: str | None = None
    role: str | None = None
    in_use: int = 0
    max: int = 0
    error: str | None = None


def asked() -> Steps[Health]:
    """Ask a server how it is; a refusal of INFO, which ACLs may forbid and fakeredis does not know, is no failure."""
    start = time.perf_counter()
    try:
        yield Command(("PING",))
    except RedisServiceError as error:
        return Health(ok=False, error=str(error))
    latency = (time.perf_counter() - start) * 1000
    try:
        info = yield Command(("INFO",))
    except RedisServiceError:
        info = {}
    version = _text(info, "valkey_version") or _text(info, "redis_version")
    return Health(ok=True, latency_ms=latency, version=version, role=_text(info, "role"))


def _text(info: Any, name: str) -> str | None:  # noqa: ANN401 - redis-py parses it
    value = info.get(name) if isinstance(info, Mapping) else None
    return None if value is None else str(value)
