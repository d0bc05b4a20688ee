"""Copying a database and putting one in the place of another, which both need it to be in nobody else's use."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable
from typing import Final

import psycopg

from swe_db.environment.maintenance import Maintenance, query
from swe_db.environment.space import require_room
from swe_db.errors import DatabaseBusyError, SnapshotError
from swe_db.migrations.connections import Connection, connect, execute
from swe_db.migrations.marker import mark

__all__ = ["copy_database", "owner_clause", "replace_database", "require_alone"]

# Copying files costs two checkpoints of the whole server; logging all pages writes everything twice, and the next
# checkpoint has it to do. Measured with fsync on an idle disk: 10 MiB 70 against 35 ms, 42 MiB 65 against 95, 111 MiB
# 115 against 280, 1 GiB 1.9 against 3.9 s. Where DROP DATABASE follows, which is a checkpoint, files are better always.
BY_FILES: Final = 32 << 20  # bytes from which files are copied
FIRST_OID: Final = 1 << 30  # far from those that the server gives, and positive where a client takes them as signed
LEAVING: Final = 2.0  # seconds for sessions that have ended, by us or by their clients, to leave
POLL: Final = 0.005  # seconds
PREPARED: Final = "SELECT gid, owner FROM pg_prepared_xacts WHERE database = %(database)s ORDER BY prepared"
SIZE: Final = "SELECT coalesce(pg_database_size(%(oid)s::oid), 0)"
OWNER: Final = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %(database)s"


def require_alone(work: Maintenance, database: str, *, force: bool) -> None:
    """Make sure that nobody uses a database. Whoever has just closed a session may be seen for a moment longer.

    Args:
        work: The session beside it.
        database: Its name.
        force: End the sessions of others. Pools that connect again are ended again when it matters.

    Raises:
        DatabaseBusyError: Somebody uses it; the message names them. Prepared transactions are never ended.
    """
    prepared = work.rows(PREPARED, database=database)
    if prepared:
        raise DatabaseBusyError(
            f"{_capital(work, database)} holds prepared transactions, which may still be committed: "
            f"{', '.join(f'{name!r} of {owner}' for name, owner in prepared)}. Nothing was changed. "
            "End each with COMMIT PREPARED or ROLLBACK PREPARED; --force does not."
        )
    deadline = time.monotonic() + LEAVING
    while others := _others(work.connection, database):
        if force:
            _end(work.connection, database)
        if time.monotonic() > deadline:
            if force:
                return
            raise _busy(work, database, others)
        time.sleep(POLL)


def copy_database(  # noqa: PLR0913 - what it depends on
    work: Maintenance, source: str, target: str, *, doing: str, force: bool, drops: bool = False
) -> None:
    """Copy a database of the server.

    Args:
        work: The session beside both.
        source: The name of the one that is copied.
        target: The name of the copy, which belongs to the owner of the work's database, if there is one.
        doing: What the progress is called.
        force: End the sessions that connect to the source in between.
        drops: Whether another one is dropped afterwards.

    Raises:
        DatabaseBusyError: Somebody uses the source.
        SnapshotError: There is no room for it.
        psycopg.Error: The server refuses.
    """
    size = work.size(source)
    logged = size < BY_FILES and not drops
    require_room(work, size, logged=logged)
    oid = FIRST_OID + secrets.randbelow(FIRST_OID)
    strategy = "WAL_LOG" if logged else "FILE_COPY"
    create = f"CREATE DATABASE {{target}} TEMPLATE {{source}} STRATEGY {strategy} OID {oid}{owner_clause(work)}"

    def watch(watcher: Connection) -> None:
        work.told.progress(doing, _size_of(watcher, oid), size)

    _alone(work, work.composed(create, target=target, source=source), source, force=force, watch=watch)


def owner_clause(work: Maintenance) -> str:
    """Return the words that give a database that is made to the owner of the one in whose place it comes."""
    owner = next((row[0] for row in work.rows(OWNER, database=work.database)), work.connection.info.user)
    clause = work.composed(" OWNER {owner}", owner=owner)
    return clause.replace("{", "{{").replace("}", "}}")


def replace_database(work: Maintenance, new: str, *, force: bool) -> None:
    """Put a database that is ready in the place of the present one, at once or not at all, and drop the former.

    Both renamings are one transaction: whoever connects finds the one or the other, and however this ends, one of the
    two has the name.

    Args:
        work: The session beside them.
        new: The name of the one that is ready; it gets the settings, grants and comment of the present one.
        force: End the sessions of others.

    Raises:
        DatabaseBusyError: Somebody uses the present one.
        psycopg.Error: The server refuses.
    """
    if not work.exists(work.database):
        require_alone(work, new, force=True)
        mark(work.connection, new)
        work.run("ALTER DATABASE {new} RENAME TO {name}", new=new, name=work.database)
        return
    for (statement,) in work.rows(query("properties"), former=work.database, new=new):
        execute(work.connection, statement)
    require_alone(work, new, force=True)  # ours, which take a moment to go
    require_alone(work, work.database, force=force)
    old = work.new_name("old")
    away = work.composed("ALTER DATABASE {name} RENAME TO {old}", name=work.database, old=old)
    execute(work.connection, "BEGIN")
    try:
        _alone(work, away, work.database, force=force)
        work.run("ALTER DATABASE {new} RENAME TO {name}", new=new, name=work.database)
        execute(work.connection, "COMMIT")
    except BaseException:
        with contextlib.suppress(psycopg.Error):
            execute(work.connection, "ROLLBACK")
        raise
    _drop_former(work, old)


def _drop_former(work: Maintenance, old: str) -> None:
    try:
        work.drop(old)
    except psycopg.Error as error:
        work.told.note(f"the former database stays as {old}: {error.diag.message_primary or error}")


def _alone(
    work: Maintenance,
    statement: str,
    database: str,
    *,
    force: bool,
    watch: Callable[[Connection], None] = lambda _: None,
) -> None:
    """Execute a statement that needs a database to be in nobody's use.

    From its beginning on nobody can connect any more, so that those who came just before can be ended meanwhile.
    """
    with contextlib.ExitStack() as opened:
        watchers: list[Connection] = []

        def look() -> None:
            if not watchers:
                there = work.conninfo(work.connection.info.dbname)
                watchers.append(opened.enter_context(contextlib.closing(connect(there))))
            if force:
                _end(watchers[0], database)
            watch(watchers[0])

        try:
            work.run_watched(statement, look)
        except psycopg.errors.ObjectInUse as error:
            look()
            others = _others(watchers[0], database)
            if not others:
                raise DatabaseBusyError(f"{_capital(work, database)} is in use: {error.diag.message_detail}") from None
            raise _busy(work, database, others) from None


def _others(connection: Connection, database: str) -> list[tuple[object, ...]]:
    return execute(connection, query("others"), {"database": database}).fetchall()


def _end(connection: Connection, database: str) -> None:
    """End the sessions of others with a database, as far as we may."""
    for pid, *_ in _others(connection, database):
        try:
            execute(connection, "SELECT pg_terminate_backend(%(pid)s)", {"pid": pid})
        except psycopg.errors.InsufficientPrivilege as error:
            raise SnapshotError(
                f"Session {pid} of database {database} cannot be ended: {error.diag.message_primary}. "
                "Close it where it was opened, or come as a superuser. Nothing was changed."
            ) from None


def _busy(work: Maintenance, database: str, others: list[tuple[object, ...]]) -> DatabaseBusyError:
    listed = "\n".join(
        f"  pid {pid}: {program}, role {role}, from {origin}, {state} since {since}"
        for pid, role, program, origin, state, since in others
    )
    return DatabaseBusyError(
        f"{_capital(work, database)} is in use, and must not be for this:\n{listed}\n"
        "Nothing was changed. Close these sessions, or end them with --force."
    )


def _capital(work: Maintenance, database: str) -> str:
    if database == work.database:
        return f"{work.shown[0].upper()}{work.shown[1:]}"
    return f"Database {database}"


def _size_of(connection: Connection, oid: int) -> int:
    """Return how much of a database is there that no other session can see yet; 0 where only a superuser is told."""
    try:
        return int(execute(connection, SIZE, {"oid": oid}).fetchall()[0][0])
    except psycopg.Error:
        return 0
