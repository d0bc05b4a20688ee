"""The state of each migration: of the files, and of the rows that have no file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from swe_db.migrations.connections import Target, session
from swe_db.migrations.files import Directory, MigrationFile, read_migrations
from swe_db.migrations.history import HistoryRow, read_history
from swe_db.migrations.planning import is_edited

__all__ = ["MigrationStatus", "status"]


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """The state of one migration.

    Attributes:
        version: Its version.
        name: The file's name.
        state: `applied`, `pending`, `edited` after it was applied, `missing` although it was applied, or, of a
            no-transaction file, `running` (or interrupted) or `failed`.
        applied_at: When it was applied or tried; None if it never was.
        applied_by: As which database user.
        execution_ms: How long it took, in milliseconds.
        error: Why it failed.
    """

    version: int
    name: str
    state: str
    applied_at: datetime | None = None
    applied_by: str | None = None
    execution_ms: int | None = None
    error: str | None = None


def status(
    target: Target, *, directories: Sequence[Directory] = (), bundled: bool = True
) -> tuple[MigrationStatus, ...]:
    """Return the state of every migration, by version; nothing is changed and no lock is taken.

    Args:
        target: A libpq URL that names host and database, or an open connection outside a transaction.
        directories: Directories of migrations beyond those that swe-db brings.
        bundled: Whether those that swe-db brings belong to it.

    Raises:
        ConfigError: The URL is malformed, or names no host or no database.
        ServerError: The server cannot be reached.
        MigrationError: A directory or a file is not acceptable, or the history cannot be read.
    """
    files = {file.version: file for file in read_migrations(directories, bundled=bundled, allow_gaps=True)}
    with session(target, writes=False) as opened:
        history = read_history(opened.connection)
    known = {row.version for row in history}
    states = [_of_row(row, files.get(row.version)) for row in history]
    states += [
        MigrationStatus(file.version, file.name, "pending") for file in files.values() if file.version not in known
    ]
    return tuple(sorted(states, key=lambda state: state.version))


def _of_row(row: HistoryRow, file: MigrationFile | None) -> MigrationStatus:
    state = row.status
    if state == "applied" and file is None:
        state = "missing"
    if state == "applied" and is_edited(row, file):
        state = "edited"
    return MigrationStatus(row.version, row.name, state, row.applied_at, row.applied_by, row.execution_ms, row.error)
