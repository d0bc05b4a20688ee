"""Applying one file, with its bookkeeping."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

from swe_db.errors import StatementError
from swe_db.migrations.connections import Connection, Session, execute
from swe_db.migrations.files import MigrationFile
from swe_db.migrations.history import HistoryRow, record
from swe_db.migrations.interrupted import already_done, drop_invalid_index
from swe_db.migrations.report import AppliedFile, OnStep, Step
from swe_db.migrations.scanner import Script
from swe_db.migrations.statements import commit, run

__all__ = ["apply_in_transaction", "apply_inside", "apply_without_transaction", "roll_back"]

Result = TypeVar("Result")

_ATTEMPTS: Final = 4
_PAUSE: Final = 0.5
_IN_THE_WAY: Final = frozenset({"55P03", "40P01"})  # lock_not_available, deadlock_detected


def apply_in_transaction(session: Session, file: MigrationFile, script: Script, on_step: OnStep) -> AppliedFile:
    """Apply a file and record it in one transaction.

    Raises:
        StatementError: PostgreSQL refused a statement; nothing of the file is left.
        MigrationError: Another migrator was faster.
        ServerError: The connection was lost; nothing of the file is left.
    """

    def attempt(_number: int) -> AppliedFile:
        execute(session.connection, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
        try:
            applied = apply_inside(session, file, script)
            commit(session.connection, file)
        except BaseException:
            roll_back(session.connection)
            raise
        return applied

    return _retried(attempt, file, on_step)


def apply_inside(session: Session, file: MigrationFile, script: Script) -> AppliedFile:
    """Apply a file and record it in the transaction that is open."""
    started = time.monotonic()
    run(session.connection, file, script.statements)
    session.pin()
    milliseconds = _milliseconds_since(started)
    record(session.connection, file, status="applied", transactional=True, milliseconds=milliseconds)
    return AppliedFile(file.name, file.path, milliseconds)


def apply_without_transaction(
    session: Session, file: MigrationFile, script: Script, unfinished: HistoryRow | None, on_step: OnStep
) -> AppliedFile:
    """Apply the one statement of a no-transaction file; its row says `running` until it is done.

    Raises:
        StatementError: PostgreSQL refused the statement; the row says `failed`.
        ServerError: The connection was lost; the row says `running`, and the next run repeats the file.
    """
    started = time.monotonic()
    connection = session.connection
    statement = script.statements[0]
    done = already_done(connection, file, statement, unfinished)
    record(connection, file, status="running", transactional=False, milliseconds=0)

    def attempt(number: int) -> None:
        if unfinished is not None or number > 1:
            drop_invalid_index(connection, file, statement, on_step)
        run(connection, file, script.statements)

    try:
        if not done:
            _retried(attempt, file, on_step)
    except StatementError as error:
        session.pin()
        spent = _milliseconds_since(started)
        record(connection, file, status="failed", transactional=False, milliseconds=spent, error=str(error))
        raise
    session.pin()
    milliseconds = _milliseconds_since(started)
    record(connection, file, status="applied", transactional=False, milliseconds=milliseconds)
    return AppliedFile(file.name, file.path, milliseconds)


def roll_back(connection: Connection) -> None:
    """Roll back, unless the server has done so because the connection is lost."""
    if not connection.closed:
        connection.rollback()


def _retried(attempt: Callable[[int], Result], file: MigrationFile, on_step: OnStep) -> Result:
    """Repeat an attempt, given its number from 1, while other sessions hold locks that it needs."""
    for number in range(1, _ATTEMPTS):
        try:
            return attempt(number)
        except StatementError as error:
            if error.sqlstate not in _IN_THE_WAY:
                raise
            reason = f"another session is in the way, attempt {number} of {_ATTEMPTS}: {str(error).splitlines()[0]}"
            on_step(Step("retrying", file.name, reason))
        time.sleep(_PAUSE * number * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
    return attempt(_ATTEMPTS)


def _milliseconds_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
