"""Clients of redis-py that the managers work with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from swe_db.redis.steps import Connected

__all__ = ["aconnected", "connected"]


@dataclass(frozen=True, slots=True)
class _Given:
    """A client of redis-py that the user made."""

    raw: Any
    once: Any


def connected(client: Any) -> Connected:  # noqa: ANN401
    """Return what a manager sends through: the user's client, or the default."""
    return client if hasattr(client, "once") else _Given(client, client)


def aconnected(client: Any) -> Connected:  # noqa: ANN401
    """The same for asyncio."""
    return client if hasattr(client, "once") else _Given(client, client)
