"""A server that a backend could give, before it is started."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Generic, TypeVar

from swe_db.servers.binaries import RedisBinary
from swe_db.servers.postgres import Installation
from swe_db.servers.server import PostgresServer, RedisServer

__all__ = ["Candidate"]

Server = TypeVar("Server", PostgresServer, RedisServer)


@dataclasses.dataclass(frozen=True)
class Candidate(Generic[Server]):
    """A server that a backend could give.

    Attributes:
        backend: The backend's name.
        version: The server's version as text.
        start: Starts it, or connects to it; may raise `ServerError`.
        installation: What `start` starts, where that is a Postgres of our own.
        binary: Likewise, where that is a Redis of our own.
    """

    backend: str
    version: str
    start: Callable[[], Server]
    installation: Installation | None = None
    binary: RedisBinary | None = None
