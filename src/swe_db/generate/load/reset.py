"""Emptying a database down to the seeds, in the transaction that is open."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from psycopg import sql

from swe_db.generate.load.deferral import restore_here
from swe_db.generate.load.ledger import query, read_run
from swe_db.generate.parts import TABLES
from swe_db.migrations.connections import Connection, Session, execute
from swe_db.migrations.files import read_seeds
from swe_db.migrations.statements import parse_seed, run

__all__ = ["empty"]

_STATES: Final = {"A": "ENABLE ALWAYS", "R": "ENABLE REPLICA", "O": "ENABLE"}


def empty(session: Session, seeds: Sequence[Path] = ()) -> None:
    """Remove all rows and the ledger, bring back what a load has taken away, and apply the seeds.

    Tables of a project's own that refer to ours are emptied with them.

    The guards of the audit trail are down only inside the transaction, which has the tables for itself.

    Args:
        session: It is in a transaction.
        seeds: Directories of seeds beyond the bundled ones.

    Raises:
        MigrationFileError: A directory or a file is not acceptable.
        StatementError: PostgreSQL refused a statement of a seed.
    """
    connection = session.connection
    guards = execute(connection, query("truncate_guards")).fetchall()
    for table, trigger, _ in guards:
        _alter(connection, table, trigger, "DISABLE")
    names = sql.SQL(", ").join(sql.Identifier("public", table) for table in TABLES)
    execute(connection, sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(names).as_string(connection))
    for table, trigger, state in guards:
        _alter(connection, table, trigger, _STATES[state])
    if read_run(connection) is not None:
        restore_here(connection)
    execute(connection, "DROP SCHEMA IF EXISTS swe_load CASCADE")
    for file in read_seeds(seeds):
        run(connection, file, parse_seed(file).statements)
        session.pin()


def _alter(connection: Connection, table: str, trigger: str, state: str) -> None:
    statement = sql.SQL(f"ALTER TABLE {{}} {state} TRIGGER {{}}").format(
        sql.Identifier("public", table), sql.Identifier(trigger)
    )
    execute(connection, statement.as_string(connection))
