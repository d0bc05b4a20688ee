"""The table schema_migrations: what was applied to a database, by whom and when."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

import psycopg
from psycopg.rows import class_row

from swe_db.errors import MigrationError
from swe_db.migrations.connections import Connection, execute, query
from swe_db.migrations.files import MigrationFile, bundled_sql

__all__ = ["HistoryRow", "bootstrap", "read_history", "record"]


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """A row of schema_migrations.

    Attributes:
        version: The version, which is the key.
        name: The file's name.
        checksum: The SHA-256 of the file's folded text.
        status: `applied`, `failed` or `running`; the latter two only of a no-transaction file.
        transactional: Whether the file ran in a transaction.
        applied_at: When.
        applied_by: As which database user.
        execution_ms: How long it took, in milliseconds.
        runner_version: By which version of swe-db.
        error: Why it failed.
    """

    version: int
    name: str
    checksum: str
    status: str
    transactional: bool
    applied_at: datetime
    applied_by: str
    execution_ms: int
    runner_version: str | None
    error: str | None


def read_history(connection: Connection) -> tuple[HistoryRow, ...]:
    """Return the rows of schema_migrations by version; none where there is no such table.

    Raises:
        MigrationError: The table is that of another tool, or not readable.
    """
    if not _exists(connection):
        return ()
    cursor = psycopg.Cursor(connection, row_factory=class_row(HistoryRow))
    try:
        return tuple(cursor.execute(query("history").encode()))
    except psycopg.errors.InsufficientPrivilege:
        user = connection.info.user
        raise MigrationError(
            f"User {user} may not read public.schema_migrations. Migrate as the owner of the database, or grant SELECT."
        ) from None


def bootstrap(connection: Connection) -> None:
    """Make the table schema_migrations if there is none.

    Raises:
        MigrationError: The user may not create tables in schema public.
    """
    if _exists(connection):
        return
    script = (bundled_sql() / "schema" / "schema_migrations.sql").read_bytes()
    try:
        psycopg.Cursor(connection).execute(script, prepare=False)
    except psycopg.errors.InsufficientPrivilege as error:
        info = connection.info
        raise MigrationError(
            f"User {info.user} may not create tables in schema public of database {info.dbname}: "
            f"{error.diag.message_primary}. Migrate as the owner of the database, or GRANT CREATE ON SCHEMA public."
        ) from None


def record(  # noqa: PLR0913 - what the row says
    connection: Connection,
    file: MigrationFile,
    *,
    status: str,
    transactional: bool,
    milliseconds: int,
    error: str | None = None,
) -> None:
    """Write the row of one file.

    Raises:
        MigrationError: The row cannot be written, or says that the file is applied already.
    """
    row = {
        "version": file.version,
        "name": file.name,
        "checksum": file.checksum,
        "status": status,
        "transactional": transactional,
        "execution_ms": milliseconds,
        "runner_version": _runner_version(),
        "error": error,
    }
    try:
        written = execute(connection, query("record"), row).rowcount
    except psycopg.Error as failure:
        raise MigrationError(
            f"{file.path}: cannot be recorded in public.schema_migrations: {failure.diag.message_primary or failure}"
        ) from failure
    if written != 1:
        raise MigrationError(f"{file.path}: another migrator has applied version {file.version} meanwhile. Run again.")


def _exists(connection: Connection) -> bool:
    columns = execute(connection, query("history_columns")).fetchall()[0][0]
    if columns is None:
        return False
    missing = {field.name for field in fields(HistoryRow)}.difference(columns)
    if missing:
        raise MigrationError(
            f"Database {connection.info.dbname} has a table public.schema_migrations of another tool: "
            f"it lacks {', '.join(sorted(missing))}. Use another database, or rename that table."
        )
    return True


def _runner_version() -> str | None:
    try:
        return version("swe-db")
    except PackageNotFoundError:
        return None
