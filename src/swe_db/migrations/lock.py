"""The lock that lets one migrator work on a database at a time."""

from __future__ import annotations

import contextlib
import hashlib
import random
import time
from collections.abc import Callable, Iterator
from typing import Final

import psycopg

from swe_db.errors import ConfigError, MigrationLockError, ServerError
from swe_db.migrations.connections import (
    APPLICATION_NAME,
    Connection,
    Target,
    connect,
    conninfo_for,
    execute,
    query,
    set_all,
)

__all__ = ["Lock", "migration_lock"]

_FIRST_PAUSE: Final = 0.02
_LONGEST_PAUSE: Final = 0.5


class Lock:
    """A held migration lock.

    The connection that holds it does nothing else. Waiting for it is polling: a blocking pg_advisory_lock() would hold
    a snapshot, for which CREATE INDEX CONCURRENTLY in the lock's holder waits, and so deadlock.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def check(self) -> None:
        """Make sure that the lock is still held.

        Raises:
            MigrationLockError: Its connection is lost.
        """
        try:
            execute(self._connection, "SELECT 1")
        except psycopg.OperationalError:
            raise MigrationLockError(
                "The connection that held the migration lock was lost, so another migrator may have begun. "
                "What was applied is recorded; run again."
            ) from None


@contextlib.contextmanager
def migration_lock(target: Target, worker: Connection, timeout: float, on_wait: Callable[[], None]) -> Iterator[Lock]:
    """Hold the migration lock of the target's database.

    Args:
        target: A URL or an open connection; the lock has a connection of its own either way.
        worker: The connection that works under the lock; pg_stat_activity names it for those who wait.
        timeout: How long to wait for another migrator, in seconds.
        on_wait: Called once if another migrator holds the lock.

    Raises:
        MigrationLockError: Another migrator held the lock for that long, or an open connection has no second one.
        ServerError: The server cannot be reached or refuses the connection.
    """
    name = f"{APPLICATION_NAME}, lock for pid {worker.info.backend_pid}"
    with contextlib.closing(_second_connection(target)) as connection:
        set_all(connection, {"application_name": name, "idle_session_timeout": "0"})
        key = _key(connection.info.dbname)
        _acquire(connection, key, timeout, on_wait)
        try:
            yield Lock(connection)
        finally:
            # The server notices a closed connection only a moment later, and the next run would have to wait.
            with contextlib.suppress(psycopg.Error):
                execute(connection, "SELECT pg_advisory_unlock(%(key)s::bigint)", {"key": key})


def _second_connection(target: Target) -> Connection:
    if isinstance(target, str):
        return connect(target)
    try:
        return connect(conninfo_for(target))
    except (ServerError, ConfigError) as error:
        raise MigrationLockError(
            "The migration lock needs a connection of its own, and a second one with the parameters of the connection "
            f"given cannot be opened. Give a URL instead.\n{error}"
        ) from None


def _key(database: str) -> int:
    digest = hashlib.sha256(f"swe-db migrate: {database}, schema public".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def _acquire(connection: Connection, key: int, timeout: float, on_wait: Callable[[], None]) -> None:
    deadline = time.monotonic() + timeout
    pause = _FIRST_PAUSE
    waited = False
    while not _try(connection, key):
        if not waited:
            waited = True
            on_wait()
        if time.monotonic() >= deadline:
            raise MigrationLockError(f"Waited {timeout:g} s for the migration lock. {_holder(connection, key)}")
        time.sleep(min(pause * random.uniform(0.5, 1.5), max(0.0, deadline - time.monotonic())))  # noqa: S311 - jitter
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _try(connection: Connection, key: int) -> bool:
    return bool(execute(connection, "SELECT pg_try_advisory_lock(%(key)s::bigint)", {"key": key}).fetchall()[0][0])


def _holder(connection: Connection, key: int) -> str:
    rows = execute(connection, query("lock_holder"), {"key": key}).fetchall()
    if not rows:
        return "Its holder has just gone: run again."
    pid, user, application, address, since, statement = rows[0]
    return (
        f"It is held by pid {pid} (user {user}, {application or 'no application_name'}, from {address}) since {since}; "
        f"its query: {' '.join((statement or 'not visible to this user').split())[:200]}\n"
        f"Wait for it, give a longer --lock-timeout, or end it: SELECT pg_terminate_backend({pid});"
    )
