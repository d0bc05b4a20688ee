"""The data set as `swe-db generate` makes it, and what that takes."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from psycopg import Connection, sql

from benchmarks.capacity.serving import Served
from benchmarks.capacity.watching import Watched

__all__ = ["Loaded", "Size", "generated", "sizes", "swe_db", "tables"]

LOOK: Final = 0.25  # seconds
WORDS: Final = 4000  # characters of what a command that failed had said
TABLES: Final = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
ORDER BY relname
"""
SIZES: Final = """
SELECT sum(pg_table_size(relid)), sum(pg_indexes_size(relid))
FROM (SELECT relid FROM pg_partition_tree(%(table)s::regclass) UNION SELECT %(table)s::regclass) AS parts
"""


@dataclasses.dataclass(frozen=True)
class Size:
    """A table's rows, and the bytes of it and its indexes."""

    rows: int
    table: int
    indexes: int


@dataclasses.dataclass(frozen=True)
class Loaded:
    """What loading took.

    Attributes:
        seconds: From the start of the command to its end.
        sizes: Of each table, by name.
        copied: Seconds in which it was being copied, by table.
        client: The most memory that the command's processes had together, in bytes.
        server: The same of Postgres.
        disk: The size of the database, in bytes.
    """

    seconds: float
    sizes: dict[str, Size]
    copied: dict[str, float]
    client: int
    server: int
    disk: int


def generated(server: Served, database: str, scale: str, jobs: int) -> Loaded:
    """Make a database and fill it with the data set of a scale.

    Raises:
        RuntimeError: A command failed; the message has what it said.
    """
    url = server.url(database)
    swe_db(["setup", "--postgres-url", url])
    server.settled()
    arguments = ["generate", "--scale", scale, "--postgres-url", url, "--jobs", str(jobs), "--json"]
    with server.connect(database) as connection:
        watched, seconds = _watched(server, connection, arguments)
        disk = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        return Loaded(
            seconds, sizes(connection), watched.copied, watched.client, watched.server, disk[0] if disk else 0
        )


def swe_db(arguments: Sequence[str]) -> None:
    """Run a command of swe-db.

    Raises:
        RuntimeError: It failed.
    """
    done = subprocess.run([_program(), *arguments], capture_output=True, text=True, check=False, env=_environment())
    if done.returncode:
        raise RuntimeError(f"swe-db {arguments[0]} failed: {(done.stdout + done.stderr)[-WORDS:]}")


def _watched(server: Served, connection: Connection[Any], arguments: Sequence[str]) -> tuple[Watched, float]:
    with tempfile.TemporaryFile("w+") as said:
        watched, begin = Watched(), time.perf_counter()
        process = subprocess.Popen([_program(), *arguments], stdout=said, stderr=said, env=_environment())
        try:
            while process.poll() is None:
                watched.look(connection, process.pid, server.process)
                time.sleep(LOOK)
        finally:
            process.kill()
        seconds = time.perf_counter() - begin
        if process.wait():
            said.seek(0)
            raise RuntimeError(f"swe-db {arguments[0]} failed: {said.read()[-WORDS:]}")
    return watched, seconds


def _program() -> str:
    return str(Path(sys.executable).with_name("swe-db"))


def _environment() -> dict[str, str]:
    """Return the environment without what would steer swe-db or libpq."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("SWE_DB", "PG"))}


def tables(connection: Connection[Any]) -> list[str]:
    """Return the names of the tables, partitions left out."""
    return [name for (name,) in connection.execute(TABLES)]


def sizes(connection: Connection[Any]) -> dict[str, Size]:
    """Return the size of each table."""
    found = {}
    for table in tables(connection):
        count = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
        size = connection.execute(SIZES, {"table": f"public.{table}"}).fetchone()
        found[table] = Size(int(count[0]) if count else 0, *(int(each) for each in size or (0, 0)))
    return found
