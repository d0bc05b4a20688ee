"""swe-db: a real, migrated, seeded PostgreSQL and a real Redis for every test.

Importing this package imports nothing heavy; the functions below load what they need when they are first used.
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Final

from swe_db.errors import SweDBError

if TYPE_CHECKING:
    from swe_db.isolation.database import Database
    from swe_db.isolation.worker import Worker
    from swe_db.migrations import migrate, seed, verify
    from swe_db.servers.server import PostgresServer, RedisServer

__all__ = ["Database", "PostgresServer", "RedisServer", "SweDBError", "Worker", "migrate", "seed", "verify"]

HOMES: Final = {
    "Database": "swe_db.isolation.database",
    "PostgresServer": "swe_db.servers.server",
    "RedisServer": "swe_db.servers.server",
    "Worker": "swe_db.isolation.worker",
    "migrate": "swe_db.migrations",
    "seed": "swe_db.migrations",
    "verify": "swe_db.migrations",
}

logging.getLogger("swe_db").addHandler(logging.NullHandler())


if not TYPE_CHECKING:  # so that type checkers refuse a name that is not there

    def __getattr__(name: str) -> object:
        if name not in HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
