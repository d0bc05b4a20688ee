"""Applying the seeds: rows that every database begins with."""

from __future__ import annotations

import time
from collections.abc import Sequence

from swe_db.migrations.apply import roll_back
from swe_db.migrations.connections import Session, Target, execute
from swe_db.migrations.files import Directory, SqlFile, read_seeds
from swe_db.migrations.report import AppliedFile, OnStep, SeedReport, Step, ignore
from swe_db.migrations.runner import locked_session
from swe_db.migrations.scanner import Script
from swe_db.migrations.statements import commit, parse_seed, run

__all__ = ["seed"]


def seed(
    target: Target,
    *,
    directories: Sequence[Directory] = (),
    bundled: bool = True,
    lock_timeout: float = 60.0,
    on_step: OnStep | None = None,
) -> SeedReport:
    """Apply all seeds in one transaction, those that swe-db brings first.

    Nothing is recorded: a seed must give the same rows however often it is applied (ON CONFLICT).

    Args:
        target: A libpq URL that names host and database, or an open connection outside a transaction, which is given
            back as it was.
        directories: Directories of seeds beyond those that swe-db brings.
        bundled: Whether to apply those that swe-db brings.
        lock_timeout: How long to wait for another migrator, in seconds.
        on_step: Called for each thing that is done.

    Returns:
        What was applied.

    Raises:
        ConfigError: The URL is malformed, or names no host or no database.
        ServerError: The server cannot be reached, or the connection was lost.
        MigrationFileError: A directory or a file is not acceptable.
        MigrationLockError: A migrator held the lock for too long.
        StatementError: PostgreSQL refused a statement; no seed is applied.
    """
    tell = on_step or ignore
    files = read_seeds(directories, bundled=bundled)
    scripts = [(file, parse_seed(file)) for file in files]
    with locked_session(target, lock_timeout, tell) as (session, _):
        return SeedReport(_apply_all(session, scripts, tell))


def _apply_all(session: Session, scripts: Sequence[tuple[SqlFile, Script]], on_step: OnStep) -> tuple[AppliedFile, ...]:
    applied = []
    execute(session.connection, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
    try:
        for file, script in scripts:
            on_step(Step("applying", file.name))
            started = time.monotonic()
            run(session.connection, file, script.statements)
            session.pin()
            milliseconds = round((time.monotonic() - started) * 1000)
            on_step(Step("applied", file.name, milliseconds=milliseconds))
            applied.append(AppliedFile(file.name, file.path, milliseconds))
        if scripts:
            commit(session.connection, scripts[-1][0])
    finally:
        roll_back(session.connection)
    return tuple(applied)
