"""Whether a database can be filled: migrated as this version of swe-db does it, ours to change, with the seeds only."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from psycopg import sql

from swe_db.errors import TargetError
from swe_db.generate.parts import TABLES
from swe_db.generate.plan import SEEDED
from swe_db.migrations.connections import Connection, connection_name, execute
from swe_db.migrations.files import FIRST_OWN_VERSION, read_migrations
from swe_db.migrations.history import HistoryRow, read_history
from swe_db.migrations.planning import problems

__all__ = ["check_holds_seeds_only", "check_migrated", "check_owned", "table_counts"]

# The external ids of the seeds count up from these, in the order of their ids.
_FIRST_SEEDS: Final = {"users": 1, "agents": 101, "projects": 201}
_MOST: Final = 1_000_000  # rows are counted no further
_NOT_OURS: Final = """
SELECT relname FROM pg_catalog.pg_class
WHERE oid = ANY (SELECT format('public.%%I', name)::regclass FROM unnest(%(tables)s::text[]) AS name)
  AND NOT pg_catalog.pg_has_role(relowner, 'USAGE')
ORDER BY relname
"""


def check_migrated(connection: Connection) -> str:
    """Make sure that the schema is that of the bundled migrations; a project's own may have been added.

    Returns:
        What tells this state of the schema from others.

    Raises:
        TargetError: It is not.
    """
    files = read_migrations()
    history = read_history(connection)
    bundled = [row for row in history if row.version < FIRST_OWN_VERSION]
    applied = {row.version for row in bundled if row.status == "applied"}
    found = [str(problem) for problem in problems(files, bundled)]
    found += [f"{file.name} is not applied" for file in files if file.version not in applied]
    if found:
        here = connection_name(connection)
        raise TargetError(
            f"The rows are for the schema that this version of swe-db brings, and {here} has another one:\n  "
            + "\n  ".join(found)
            + "\nNothing was changed. Bring it there with `swe-db migrate` and `swe-db seed`, then run again."
        )
    return _state(history)


def check_owned(connection: Connection) -> None:
    """Make sure that the user may change the tables, their indexes and their guards.

    Raises:
        TargetError: The tables belong to somebody else.
    """
    others = execute(connection, _NOT_OURS, {"tables": list(TABLES)}).fetchall()
    if others:
        raise TargetError(
            f"User {connection.info.user} does not own {', '.join(name for (name,) in others)}, and only the owner can "
            f"load past row-level security, in {connection_name(connection)}. Load as the user who migrated it."
        )


def check_holds_seeds_only(connection: Connection) -> None:
    """Make sure that a database holds the bundled seeds with the ids that they get at first, and no other row.

    Raises:
        TargetError: It holds other rows, or lacks the seeds.
    """
    found = {table: _count_some(connection, table) for table in TABLES}
    filled = [
        f"{table}: {rows:,} rows" + (f", where the seeds are {SEEDED[table]}" if SEEDED.get(table) else "")
        for table, rows in found.items()
        if rows > SEEDED.get(table, 0)
    ]
    here = connection_name(connection)
    if filled:
        raise TargetError(
            f"{here[0].upper()}{here[1:]} is not empty:\n  "
            + "\n  ".join(filled)
            + "\nNothing was changed. Load into another database, or empty this one with --reset.\n"
            "Seeds of your own with rows in these tables cannot be combined with generated data: leave them out."
        )
    for table, first in _FIRST_SEEDS.items():
        if _seeds(connection, table) != [
            (number, f"00000000-0000-4000-8000-{first + number - 1:012d}") for number in range(1, SEEDED[table] + 1)
        ]:
            raise TargetError(
                f"{table} of {here} does not hold the bundled seeds with the ids 1 to {SEEDED[table]}, to which the "
                "rows refer. Nothing was changed. Run `swe-db seed`; if rows were deleted there before, use --reset."
            )


def table_counts(connection: Connection) -> dict[str, int]:
    """Return how many rows each table has."""
    return {table: _rows(connection, sql.SQL("SELECT count(*) FROM public.{}"), table)[0][0] for table in TABLES}


def _count_some(connection: Connection, table: str) -> int:
    statement = sql.SQL(f"SELECT count(*) FROM (SELECT FROM public.{{}} LIMIT {_MOST}) AS counted")  # noqa: S608 - a number
    return int(_rows(connection, statement, table)[0][0])


def _seeds(connection: Connection, table: str) -> list[tuple[int, str]]:
    return _rows(connection, sql.SQL("SELECT id, external_id::text FROM public.{} ORDER BY id LIMIT 20"), table)


def _rows(connection: Connection, statement: sql.SQL, table: str) -> list[tuple]:  # type: ignore[type-arg]
    return execute(connection, statement.format(sql.Identifier(table)).as_string(connection)).fetchall()


def _state(history: Sequence[HistoryRow]) -> str:
    lines = [f"{row.version} {row.checksum}" for row in history if row.status == "applied"]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
