"""How a Redis is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from swe_db.errors import RedisServiceError
from swe_db.redis.steps import Command, Steps

__all__ = ["Answer", "Health", "asked"]


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
    latency_ms: float | None
    version: str | None
    role: str | None
    in_use: int
    max: int
    error: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said.

    Attributes:
        latency_ms: Milliseconds until it answered, None if it did not.
        version: Its version, None where it does not tell.
        role: Its role, None where it does not tell.
        error: Why it did not answer, None if it did.
    """

    latency_ms: float | None = None
    version: str | None = None
    role: str | None = None
    error: str | None = None

    def health(self, in_use: int, most: int) -> Health:
        """Return it with the number of connections that are in use, and that there may be."""
        return Health(self.error is None, self.latency_ms, self.version, self.role, in_use, most, self.error)


def asked() -> Steps[Answer]:
    """Ask a server how it is; a refusal of INFO, which ACLs may forbid and fakeredis does not know, is no failure."""
    start = time.perf_counter()
    try:
        yield Command(("PING",))
    except RedisServiceError as error:
        return Answer(error=str(error))
    latency = (time.perf_counter() - start) * 1000
    try:
        info = yield Command(("INFO",))
    except RedisServiceError:
        return Answer(latency)
    return Answer(latency, _text(info, "valkey_version") or _text(info, "redis_version"), _text(info, "role"))


def _text(info: Any, name: str) -> str | None:  # noqa: ANN401 - redis-py parses it
    value = info.get(name) if isinstance(info, Mapping) else None
    return None if value is None else str(value)
