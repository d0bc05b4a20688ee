"""swe-db: a real, migrated, seeded PostgreSQL and a real Redis for every test.

Importing this package imports nothing heavy; the functions below load what they need when they are first used.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from swe_db.errors import SweDBError
from swe_db.lazy import loader

if TYPE_CHECKING:
    from swe_db.isolation.database import Database
    from swe_db.isolation.worker import Worker
    from swe_db.migrations import migrate, seed, verify
    from swe_db.servers.server import PostgresServer, RedisServer

__all__ = ["Database", "PostgresServer", "RedisServer", "SweDBError", "Worker", "migrate", "seed", "verify"]

HOMES: Final = {
    "isolation.database": ("Database",),
    "isolation.worker": ("Worker",),
    "migrations": ("migrate", "seed", "verify"),
    "servers.server": ("PostgresServer", "RedisServer"),
}

logging.getLogger("swe_db").addHandler(logging.NullHandler())


if not TYPE_CHECKING:  # so that type checkers refuse a name that is not there
    __getattr__ = loader(__name__, HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
