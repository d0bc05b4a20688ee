"""Migrating a database: plan, apply, report."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from swe_db.migrations.apply import apply_in_transaction, apply_inside, apply_without_transaction, roll_back
from swe_db.migrations.connections import Session, Target, execute, session
from swe_db.migrations.files import Directory, read_migrations
from swe_db.migrations.history import bootstrap, read_history
from swe_db.migrations.interrupted import wait_for_orphans
from swe_db.migrations.lock import Lock, migration_lock
from swe_db.migrations.planning import Plan, make_plan
from swe_db.migrations.report import AppliedFile, MigrationReport, OnStep, Step, ignore, reported_notices
from swe_db.migrations.statements import is_transactional, parse

__all__ = ["locked_session", "migrate", "plan"]


def migrate(  # noqa: PLR0913 - each is one thing that a caller decides
    target: Target,
    *,
    directories: Sequence[Directory] = (),
    bundled: bool = True,
    dry_run: bool = False,
    allow_out_of_order: bool = False,
    allow_gaps: bool = False,
    lock_timeout: float = 60.0,
    on_step: OnStep | None = None,
) -> MigrationReport:
    """Bring a database to the state of the migration files.

    Any number of processes may do so at once: each file is applied once. A file is applied wholly or not at all, except
    one with `-- migrate: no-transaction`, which the next run repeats after an interruption.

    Args:
        target: A libpq URL that names host and database, or an open connection outside a transaction, which is given
            back as it was.
        directories: Directories of migrations beyond those that swe-db brings; their versions begin at 1000.
        bundled: Whether to apply those that swe-db brings.
        dry_run: Apply what is pending in one transaction and roll it back.
        allow_out_of_order: Apply a file although a later one of its directory has been applied.
        allow_gaps: Accept that a number is left out.
        lock_timeout: How long to wait for another migrator, in seconds.
        on_step: Called for each thing that the runner does.

    Returns:
        What was applied.

    Raises:
        ConfigError: The URL is malformed, or names no host or no database.
        ServerError: The server cannot be reached, or the connection was lost.
        MigrationFileError: A directory or a file is not acceptable.
        MigrationOrderError: A gap, a file that comes too late, or a database newer than the files.
        ChecksumError: An applied file was edited, renamed or is missing.
        MigrationLockError: Another migrator held the lock for too long.
        StatementError: PostgreSQL refused a statement.
        MigrationError: The database cannot be migrated: read-only, no rights, a table of another tool.
    """
    tell = on_step or ignore
    files = read_migrations(directories, bundled=bundled, allow_gaps=allow_gaps)
    with locked_session(target, lock_timeout, tell) as (opened, lock):
        todo = make_plan(files, read_history(opened.connection), allow_out_of_order=allow_out_of_order)
        names = tuple(row.name for row in todo.applied)
        if dry_run:
            applied, not_tried = _try_all(opened, todo, tell)
            return MigrationReport(applied, names, not_tried, dry_run=True)
        return MigrationReport(_apply_all(opened, lock, todo, tell), names)


def plan(
    target: Target,
    *,
    directories: Sequence[Directory] = (),
    bundled: bool = True,
    allow_out_of_order: bool = False,
    allow_gaps: bool = False,
) -> Plan:
    """Return what `migrate` would do, without doing anything.

    Args and errors are those of `migrate`.
    """
    files = read_migrations(directories, bundled=bundled, allow_gaps=allow_gaps)
    with session(target, writes=False) as opened:
        return make_plan(files, read_history(opened.connection), allow_out_of_order=allow_out_of_order)


@contextlib.contextmanager
def locked_session(target: Target, timeout: float, on_step: OnStep) -> Iterator[tuple[Session, Lock]]:
    """Give a session that may change the database, under the migration lock.

    Raises:
        MigrationLockError: Another migrator held the lock for too long.
    """

    def say_that_we_wait() -> None:
        on_step(Step("waiting", message="another migrator holds the lock"))

    with (
        session(target) as opened,
        reported_notices(opened.connection, on_step),
        migration_lock(target, opened.connection, timeout, say_that_we_wait) as lock,
    ):
        wait_for_orphans(opened.connection, timeout)
        yield opened, lock


def _apply_all(opened: Session, lock: Lock, todo: Plan, on_step: OnStep) -> tuple[AppliedFile, ...]:
    scripts = [(file, parse(file)) for file in todo.pending]
    bootstrap(opened.connection)
    applied = []
    for file, script in scripts:
        lock.check()
        on_step(Step("applying", file.name))
        if is_transactional(file):
            done = apply_in_transaction(opened, file, script, on_step)
        else:
            done = apply_without_transaction(opened, file, script, todo.unfinished.get(file.version), on_step)
        on_step(Step("applied", file.name, milliseconds=done.milliseconds))
        applied.append(done)
    return tuple(applied)


def _try_all(opened: Session, todo: Plan, on_step: OnStep) -> tuple[tuple[AppliedFile, ...], tuple[str, ...]]:
    scripts = [(file, parse(file)) for file in todo.pending]
    not_tried = tuple(file.name for file in todo.pending if not is_transactional(file))
    execute(opened.connection, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
    try:
        bootstrap(opened.connection)
        applied = []
        for file, script in scripts:
            if file.name not in not_tried:
                on_step(Step("applying", file.name))
                applied.append(apply_inside(opened, file, script))
    finally:
        roll_back(opened.connection)
    return tuple(applied), not_tried
