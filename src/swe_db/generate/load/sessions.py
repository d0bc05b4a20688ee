"""Sessions that load: their settings, and what their failures mean."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Final

import psycopg

from swe_db.errors import GenerateError, ServerError
from swe_db.migrations.connections import Connection, connect, connection_name, execute, set_all

__all__ = ["APPLICATION", "UNCHANGED", "Conninfo", "loading_session", "refusals", "transaction"]

APPLICATION: Final = "swe-db generate"
_LOST: Final = (psycopg.errors.AdminShutdown, psycopg.errors.CrashShutdown, psycopg.errors.CannotConnectNow)
_SETTINGS: Final = {
    "DateStyle": "ISO",
    "TimeZone": "UTC",
    "idle_in_transaction_session_timeout": "0",
    "lock_timeout": "0",
    "search_path": "public",
    "statement_timeout": "0",
    # A part that a crash of the server takes away goes together with its row of the ledger, and is loaded again.
    "synchronous_commit": "off",
}
_CHECK_INTERVAL: Final = {"client_connection_check_interval": "1s"}
_RESUME: Final = "What is committed stays: go on with --resume"
UNCHANGED: Final = "Nothing was changed: run again"


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class Conninfo:
    """A conninfo string, password included, on its way to another process: schedulers write arguments into logs."""

    text: str

    def __repr__(self) -> str:
        return "<connection>"


@contextlib.contextmanager
def loading_session(conninfo: str) -> Iterator[Connection]:
    """Give an autocommit session that loads; it ends soon after its client, however that ends.

    Raises:
        ServerError: The server cannot be reached, or the connection was lost.
        GenerateError: The server refuses, or its disk is full.
    """
    try:
        opened = connect(conninfo, application_name=APPLICATION)
    except ServerError as error:
        raise ServerError(f"{error}\n{_RESUME} when the server is back.") from None
    with contextlib.closing(opened) as connection, refusals(connection):
        set_all(connection, _SETTINGS)
        with contextlib.suppress(psycopg.errors.InvalidParameterValue):  # some systems cannot tell
            set_all(connection, _CHECK_INTERVAL)
        yield connection


@contextlib.contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """Commit what the block does, or undo it."""
    execute(connection, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
    try:
        yield
        execute(connection, "COMMIT")
    except BaseException:
        with contextlib.suppress(psycopg.Error):
            connection.rollback()
        raise


@contextlib.contextmanager
def refusals(connection: Connection, left: str = _RESUME) -> Iterator[None]:
    """Say of the errors of PostgreSQL what happened and what to do.

    Args:
        connection: The session in which they happen.
        left: What is left in the database, and how to go on when the cause is gone.

    Raises:
        ServerError: The connection was lost.
        GenerateError: Anything else.
    """
    try:
        yield
    except psycopg.Error as error:
        raise _told(connection, error, left) from None


def _told(connection: Connection, error: psycopg.Error, left: str) -> ServerError | GenerateError:
    here = connection_name(connection)
    reason = error.diag.message_primary or str(error).strip()
    if isinstance(error, psycopg.errors.DiskFull):
        return GenerateError(f"The disk of the server of {here} is full: {reason}. {left} when there is room.")
    if isinstance(error, _LOST) or (connection.closed and isinstance(error, psycopg.OperationalError)):
        return ServerError(f"The connection to {here} was lost: {reason}\n{left} when the server is back.")
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return GenerateError(
            f"Another session holds a lock on {here} that this needs: {reason}. End its transaction, and run again."
        )
    lines = [f"PostgreSQL refused what the load needs, in {here}: {reason} (SQLSTATE {error.sqlstate})"]
    lines += [f"{label}: {text}" for label, text in _details(error) if text]
    return GenerateError("\n".join([*lines, f"{left} when that is mended."]))


def _details(error: psycopg.Error) -> list[tuple[str, str | None]]:
    diag = error.diag
    return [("detail", diag.message_detail), ("hint", diag.message_hint), ("context", diag.context)]
