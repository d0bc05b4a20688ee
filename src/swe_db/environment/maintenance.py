"""A session beside a database, from which the database is copied, replaced and dropped, by one command at a time.

What is made beside it carries a name that says for which database it was made and nothing else; what is finished says
so in its comment. So whatever a killed command has left is known for what it is, and the next one drops it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import secrets
import select
import time
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any, Final

import psycopg
from psycopg import sql

from swe_db.environment.site import Site, Told
from swe_db.errors import ConfigError, DatabaseBusyError, ServerError, SnapshotError
from swe_db.migrations.connections import Connection, connect, connection_name, conninfo_for, execute, set_all

__all__ = ["Maintenance", "maintenance", "query"]

APPLICATION: Final = "swe-db"
PLACES: Final = ("postgres", "template1")
PATIENCE: Final = 15.0  # seconds for another command to end
POLL: Final = 0.02  # seconds
WATCHING: Final = 0.1  # seconds
LIVES: Final = (
    "SELECT FROM pg_stat_get_activity(%(pid)s) WHERE datid = (SELECT oid FROM pg_database WHERE datname = %(name)s)"
)


@dataclasses.dataclass(frozen=True, slots=True)
class Maintenance:
    """A session on another database of the server, which holds the lock of the database that it works on.

    Attributes:
        connection: The session, in autocommit.
        database: The name of the database.
        url: Its libpq URL.
        told: Whom to tell what goes on.
        container: The container that the server runs in, None if it runs in none that we know.
    """

    connection: Connection
    database: str
    url: str
    told: Told
    container: str | None = None

    @property
    def shown(self) -> str:
        """How messages name the database."""
        return connection_name(self.connection, self.database)

    def new_name(self, kind: str) -> str:
        """Return a name for a database beside this one that no other can have.

        Args:
            kind: `snapshot`, `new` (not yet in its place) or `old` (not any more).
        """
        return f"{self.prefix(kind)}{secrets.token_hex(6)}"

    def prefix(self, kind: str) -> str:
        """Return how the names of one kind begin; the digest keeps apart what belongs to different databases."""
        return f"swe_db_{kind}_{hashlib.sha256(self.database.encode()).hexdigest()[:12]}_"

    def run(self, statement: str, **names: str) -> None:
        """Execute a statement in which `{}` fields stand for identifiers."""
        execute(self.connection, self.composed(statement, **names))

    def composed(self, statement: str, **names: str) -> str:
        """Return a statement in which the fields are replaced by quoted identifiers."""
        identifiers = {field: sql.Identifier(name) for field, name in names.items()}
        return sql.SQL(statement).format(**identifiers).as_string(self.connection)

    def rows(self, statement: str, **parameters: object) -> list[Any]:
        """Execute a query with parameters and return its rows."""
        return execute(self.connection, statement, parameters).fetchall()

    def exists(self, database: str) -> bool:
        """Tell whether the server has a database of a name."""
        return bool(self.rows("SELECT FROM pg_database WHERE datname = %(name)s", name=database))

    def size(self, database: str) -> int:
        """Return the size of a database in bytes."""
        return int(self.rows("SELECT pg_database_size(%(name)s)", name=database)[0][0])

    def drop(self, database: str) -> None:
        """Drop a database, whoever is connected to it."""
        self.run("DROP DATABASE IF EXISTS {name} WITH (FORCE)", name=database)

    def conninfo(self, database: str) -> str:
        """Return a conninfo string of another database of the server, password included."""
        return conninfo_for(self.url, dbname=database, application_name=APPLICATION)

    @contextlib.contextmanager
    def inside(self, database: str) -> Iterator[Connection]:
        """Give a session on a database of the server, which has ended on both sides afterwards."""
        with contextlib.closing(connect(self.conninfo(database))) as connection:
            end_with_client(connection)
            pid = connection.info.backend_pid
            yield connection
        # The server notices later, and would count it among those who use the database.
        deadline = time.monotonic() + PATIENCE
        while self.rows(LIVES, pid=pid, name=database) and time.monotonic() < deadline:
            time.sleep(POLL / 10)

    @contextlib.contextmanager
    def scratch(self, kind: str) -> Iterator[str]:
        """Give a name for a database that is dropped if the work on it fails."""
        name = self.new_name(kind)
        try:
            yield name
        except BaseException:
            with contextlib.suppress(psycopg.Error):
                self.drop(name)
            raise

    def run_watched(self, statement: str, watch: Callable[[], None]) -> None:
        """Execute a statement that takes long, and do something again and again meanwhile.

        Raises:
            psycopg.Error: The server refuses.
        """
        pgconn = self.connection.pgconn
        pgconn.send_query(statement.encode())
        try:
            while pgconn.flush():
                pass
            while pgconn.is_busy():
                if select.select([pgconn.socket], [], [], WATCHING)[0]:
                    pgconn.consume_input()
                else:
                    watch()
        except BaseException:
            self.connection.cancel()
            _results(pgconn)
            raise
        for result in _results(pgconn):
            if result.error_message:
                raise psycopg.errors.error_from_result(result)


def _results(pgconn: psycopg.pq.abc.PGconn) -> list[Any]:
    results = []
    while (result := pgconn.get_result()) is not None:
        results.append(result)
    return results


def query(name: str) -> str:
    """Return the text of one of our queries, which are files beside this one."""
    return (files("swe_db.environment") / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def end_with_client(connection: Connection) -> None:
    """Let the backend end within a second of its client's death; some systems cannot tell, and refuse the setting."""
    with contextlib.suppress(psycopg.errors.InvalidParameterValue):
        set_all(connection, {"client_connection_check_interval": "1s"})


@contextlib.contextmanager
def maintenance(site: Site, told: Told) -> Iterator[Maintenance]:
    """Be the only command that copies or replaces a database.

    Raises:
        ConfigError: The URL is malformed, or names no host or no database.
        ServerError: The server cannot be reached, refuses the connection, or the connection is lost later.
        DatabaseBusyError: Another command works on the database.
        SnapshotError: The server refuses a step; what was made for it is gone again.
    """
    with contextlib.closing(_connection(site)) as connection:
        end_with_client(connection)
        # A database that is big takes as long as it takes.
        set_all(connection, {"statement_timeout": "0", "idle_session_timeout": "0", "client_min_messages": "warning"})
        work = Maintenance(connection, site.database, site.postgres_url, told, site.container)
        _lock(work)
        try:
            yield work
        except psycopg.OperationalError as error:
            raise _explained(work, error) from error
        except psycopg.Error as error:
            raise SnapshotError(f"PostgreSQL refused a step of the work on {work.shown}: {_words(error)}") from error


def _explained(work: Maintenance, error: psycopg.OperationalError) -> Exception:
    if isinstance(error, psycopg.errors.DiskFull):
        return SnapshotError(
            f"The disk of the server is full: {_words(error)}. {work.shown[0].upper()}{work.shown[1:]} is as it was; "
            "what was made is removed again. Free room there, for instance with `swe-db snapshot rm`."
        )
    if work.connection.broken or error.sqlstate is None:
        return ServerError(f"The connection to the server of {work.shown} was lost: {error}\nRun again.")
    return SnapshotError(f"PostgreSQL refused a step of the work on {work.shown}: {_words(error)}")


def _words(error: psycopg.Error) -> str:
    return ". ".join(part for part in (error.diag.message_primary, error.diag.message_detail) if part) or str(error)


def _connection(site: Site) -> Connection:
    """Connect to a database that every server has, other than the one that is worked on."""
    refusals = []
    for name in PLACES:
        if name != site.database:
            try:
                return connect(site.postgres_url, dbname=name, application_name=APPLICATION)
            except ServerError as error:
                refusals.append(error)
    if not refusals:
        raise ConfigError(f"{site.database} is the database from which the others are managed. Name another one.")
    raise refusals[0]


def _lock(work: Maintenance) -> None:
    """Take the lock of the database; a killed command's session takes a second to notice its end."""
    digest = hashlib.sha256(f"swe-db copies and replaces: {work.database}".encode()).digest()
    key = int.from_bytes(digest[:8], "big", signed=True)
    deadline = time.monotonic() + PATIENCE
    while not work.rows("SELECT pg_try_advisory_lock(%(key)s::bigint)", key=key)[0][0]:
        if time.monotonic() > deadline:
            raise DatabaseBusyError(
                f"Another swe-db has been at work on {work.shown} for {PATIENCE:g} seconds: {_holder(work, key)}. "
                "Nothing was changed. Wait for it, or end it."
            )
        time.sleep(POLL)


def _holder(work: Maintenance, key: int) -> str:
    (row,) = work.rows(query("holder"), key=key) or [("it has just gone: run again",)]
    return str(row[0])
