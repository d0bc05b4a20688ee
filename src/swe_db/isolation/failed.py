"""What becomes of the database of a test that failed: a file, or a database of a name of its own."""

from __future__ import annotations

import hashlib
import re
import shlex
from pathlib import Path
from typing import Final

from swe_db.isolation.database import Database
from swe_db.servers.clients import psql_line
from swe_db.servers.dump import write_dump
from swe_db.servers.server import PostgresServer

__all__ = ["dumped", "file_name", "given_away"]

MOST_LETTERS: Final = 100
RESTORED: Final = "swe_db_failed"


def dumped(server: PostgresServer, database: Database, path: Path) -> list[str]:
    """Write a test's database into a file, and return lines that say how it is restored.

    Raises:
        ServerError: It cannot be dumped.
        OSError: The file cannot be written.
    """
    write_dump(server, database.name, path)
    return [
        f"{path} has what was committed; to restore it:",
        f"createdb {RESTORED} && psql -X -q -d {RESTORED} -f {shlex.quote(str(path))}",
    ]


def given_away(server: PostgresServer, name: str) -> list[str]:
    """Return lines that say how a database is reached that has got its own name when its test ended."""
    return [
        f"{name} has what was committed, as soon as the test has ended: {psql_line(server, name)}",
        f'it stays until you drop it: DROP DATABASE "{name}"',
    ]


def file_name(test: str) -> str:
    """Return the name of the file for a test, the same whenever it fails."""
    letters = re.sub(r"[^A-Za-z0-9_.]+", "-", test).strip("-.")[-MOST_LETTERS:]
    return f"{letters}-{hashlib.sha256(test.encode()).hexdigest()[:8]}.sql"
