"""What an interrupted run leaves: a backend that is still at work, an index that is not valid."""

from __future__ import annotations

import time
from typing import Final

from swe_db.errors import MigrationLockError
from swe_db.migrations.connections import APPLICATION_NAME, Connection, execute, query
from swe_db.migrations.files import MigrationFile
from swe_db.migrations.history import HistoryRow
from swe_db.migrations.report import OnStep, Step
from swe_db.migrations.scanner import Statement
from swe_db.migrations.statements import concurrent_index, run

__all__ = ["already_done", "drop_invalid_index", "wait_for_orphans"]

_PAUSE: Final = 0.02


def wait_for_orphans(connection: Connection, timeout: float) -> None:
    """Wait until the backends of migrators that died have noticed it.

    Args:
        connection: A connection; the migration lock is held.
        timeout: For how long, in seconds.

    Raises:
        MigrationLockError: One was still at work after that time.
    """
    deadline = time.monotonic() + timeout
    while orphans := execute(connection, query("orphans"), {"name": APPLICATION_NAME}).fetchall():
        if time.monotonic() >= deadline:
            pid, user, statement = orphans[0]
            raise MigrationLockError(
                f"A migrator that died has left a backend at work: pid {pid} (user {user}), waited for {timeout:g} s; "
                f"its query: {' '.join((statement or '').split())[:200]}\n"
                f"Wait for it, or end it: SELECT pg_terminate_backend({pid});"
            )
        time.sleep(_PAUSE)


def already_done(
    connection: Connection, file: MigrationFile, statement: Statement, unfinished: HistoryRow | None
) -> bool:
    """Tell whether the interrupted run of a file had made its index and died before it could say so."""
    if unfinished is None or (unfinished.status, unfinished.checksum) != ("running", file.checksum):
        return False
    return any(valid for _, valid in _indexes(connection, statement))


def drop_invalid_index(connection: Connection, file: MigrationFile, statement: Statement, on_step: OnStep) -> None:
    """Drop the index of this file if CREATE INDEX CONCURRENTLY broke off and left it invalid."""
    for name, valid in _indexes(connection, statement):
        if not valid:
            on_step(Step("repairing", file.name, f"dropping the invalid index {name} that a broken run left"))
            drop = f"DROP INDEX CONCURRENTLY {name}"
            run(connection, file, [Statement(statement.offset, drop, ())])


def _indexes(connection: Connection, statement: Statement) -> list[tuple[str, bool]]:
    index = concurrent_index(statement)
    if index is None:
        return []
    return execute(connection, query("index_state"), {"table": index.table, "index": index.name}).fetchall()
