r"""The floor: the same rows by psql's `\copy` into a database without secondary indexes, which are built afterwards."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from psycopg import Connection

from benchmarks.capacity.loading import WORDS, swe_db, tables
from benchmarks.capacity.serving import Served

__all__ = ["Exported", "Floor", "exported", "floor"]

BOOKKEEPING: Final = "schema_migrations"
COLUMNS: Final = """
SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
"""
# What is no partition and has none is no tree.
LEAVES: Final = """
SELECT relid::regclass::text FROM pg_partition_tree(%(table)s::regclass) WHERE isleaf
UNION SELECT oid::regclass::text FROM pg_class WHERE oid = %(table)s::regclass AND relkind = 'r'
"""
MONTHS: Final = """
SELECT min(made), count(*) FROM (
  SELECT to_date(substring(relname FROM '\\d{4}_\\d\\d$'), 'YYYY_MM') AS made FROM pg_inherits
  JOIN pg_class ON oid = inhrelid WHERE inhparent = 'public.audit_logs'::regclass
) AS months WHERE made IS NOT NULL
"""
# Foreign keys first: they rest on the others.
CONSTRAINTS: Final = """
SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid), contype::text FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND contype IN ('f', 'u') AND conparentid = 0
  AND conrelid <> 'public.schema_migrations'::regclass
ORDER BY contype, 1, 2
"""
INDEXES: Final = """
SELECT indexrelid::regclass::text, replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') FROM pg_index
JOIN pg_class ON pg_class.oid = indrelid
WHERE relnamespace = 'public'::regnamespace AND NOT relispartition
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u'))
ORDER BY 1
"""
SHAPE: Final = """
SELECT count(*), (SELECT count(*) FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND convalidated)
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE relnamespace = 'public'::regnamespace AND indisvalid
"""
# They look for cycles edge by edge, with an index that is not there at that time.
QUIET: Final = "ALTER TABLE public.evidence_chains {} TRIGGER USER"


@dataclasses.dataclass(frozen=True)
class Exported:
    """The rows of a database as files of COPY's text format.

    Attributes:
        files: Table, columns and file, the larger files first within an order that foreign keys do not ask for.
        bytes: Their size.
        months: The first month of the audit trail and how many there are, for its partitions.
    """

    files: tuple[tuple[str, str, Path], ...]
    bytes: int
    months: tuple[Any, int]


@dataclasses.dataclass(frozen=True)
class Floor:
    """What the floor took, in seconds.

    Attributes:
        sessions: How many sessions of psql worked at a time.
        load: Copying.
        indexes: Building indexes and unique constraints.
        constraints: Adding foreign keys, which checks them; one after the other.
    """

    sessions: int
    load: float
    indexes: float
    constraints: float

    @property
    def whole(self) -> float:
        """All of it."""
        return self.load + self.indexes + self.constraints


@dataclasses.dataclass(frozen=True)
class _Plan:
    """Statements that take away and bring back what is built afterwards."""

    drops: list[str]
    indexes: list[str]
    constraints: list[str]


def exported(server: Served, database: str, directory: Path) -> Exported:
    """Write the rows of all tables of the schema to files."""
    files = []
    with server.connect(database) as connection:
        for table in tables(connection):
            if table == BOOKKEEPING:
                continue
            columns = _one(connection, COLUMNS, f"public.{table}")
            for (leaf,) in connection.execute(LEAVES, {"table": f"public.{table}"}).fetchall():
                path = directory / f"{leaf}.txt"
                _psql(server, database, f"\\copy (SELECT {columns} FROM {leaf}) TO '{path}'")
                files.append((table, columns, path))
        months = connection.execute(MONTHS.encode()).fetchone()
    files.sort(key=lambda each: -each[2].stat().st_size)
    return Exported(tuple(files), sum(path.stat().st_size for *_, path in files), months or (None, 0))


def floor(server: Served, database: str, rows: Exported, sessions: int) -> Floor:
    """Load exported rows into a new database and drop it again.

    Raises:
        RuntimeError: psql failed, or what was built is not what was there before.
    """
    server.create(database)
    try:
        swe_db(["migrate", "--postgres-url", server.url(database)])
        with server.connect(database) as connection:
            if rows.months[1]:
                connection.execute("SELECT public.swe_create_audit_partitions(%s, %s::int)", rows.months)
            before = connection.execute(SHAPE).fetchone()
            plan = _stripped(connection)
            server.settled()
            result = _floor(server, database, rows, plan, sessions)
            after = connection.execute(SHAPE).fetchone()
            if before != after:
                raise RuntimeError(f"of indexes and constraints there were {before}, and now there are {after}")
        return result
    finally:
        server.drop(database)


def _floor(server: Served, database: str, rows: Exported, plan: _Plan, sessions: int) -> Floor:
    copies = [f"\\copy public.{table} ({columns}) FROM '{path}'" for table, columns, path in rows.files]
    times = []
    for commands, at_once in ((copies, sessions), (plan.indexes, sessions), (plan.constraints, 1)):
        begin = time.perf_counter()
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(lambda command: _psql(server, database, command), commands))
        times.append(time.perf_counter() - begin)
    return Floor(sessions, *times)


def _stripped(connection: Connection[Any]) -> _Plan:
    """Take away what is built afterwards."""
    plan = _plan(connection)
    for statement in plan.drops:
        connection.execute(statement.encode())
    return plan


def _plan(connection: Connection[Any]) -> _Plan:
    constraints = connection.execute(CONSTRAINTS).fetchall()
    indexes = connection.execute(INDEXES).fetchall()
    add = {
        kind: [
            f"ALTER TABLE {table} ADD CONSTRAINT {name} {rule}"
            for table, name, rule, each in constraints
            if each == kind
        ]
        for kind in ("f", "u")
    }
    return _Plan(
        drops=[QUIET.format("DISABLE")]
        + [f"ALTER TABLE {table} DROP CONSTRAINT {name}" for table, name, *_ in constraints]
        + [f"DROP INDEX {name}" for name, _ in indexes],
        indexes=[*(definition for _, definition in indexes), *add["u"]],
        constraints=[*add["f"], QUIET.format("ENABLE")],
    )


def _psql(server: Served, database: str, command: str) -> None:
    connection = ["-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres", "-d", database]
    done = subprocess.run(
        [str(server.binaries / "psql"), *connection, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", command],
        env={**os.environ, "PGPASSWORD": server.password},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"psql failed: {command[:200]}: {done.stderr[-WORDS:]}")


def _one(connection: Connection[Any], query: str, *arguments: Any) -> Any:
    row = connection.execute(query.encode(), arguments).fetchone()
    return row[0] if row else None
