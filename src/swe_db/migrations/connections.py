"""Connections of the migration runner: opened from a URL, or borrowed and given back as they were."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files as resource_files
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from swe_db.errors import ConfigError, MigrationError, ServerError, ServerVersionError

__all__ = [
    "APPLICATION_NAME",
    "Connection",
    "Session",
    "Target",
    "connect",
    "connection_name",
    "conninfo_for",
    "conninfo_of",
    "execute",
    "query",
    "session",
    "set_all",
]

Connection: TypeAlias = psycopg.Connection[Any]
Target: TypeAlias = str | Connection

APPLICATION_NAME: Final = "swe-db migrate"
_OLDEST_SERVER: Final = 150000
_DEFAULT_PORT: Final = "5432"
_CONNECT_SECONDS: Final = "10"
_PINNED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "application_name": APPLICATION_NAME,
        "client_encoding": "UTF8",
        "client_min_messages": "notice",
        "lock_timeout": "5s",
        "search_path": "public",
        "standard_conforming_strings": "on",
    }
)
_CHECK_INTERVAL: Final = "client_connection_check_interval"
_MALFORMED: Final = (
    "The Postgres URL cannot be read. It must look like postgresql://user:PASSWORD@host:5432/database; "
    "characters such as @ : / ? # % and spaces in the user name or the password must be percent-encoded (%40 for @)."
)


def connect(target: str, **parameters: str) -> Connection:
    """Open an autocommit connection to the server that a URL names, and to no other.

    Args:
        target: A libpq URL or conninfo string that names a host and a database; PGHOST, PGHOSTADDR, PGPORT and
            PGDATABASE are not looked at.
        parameters: libpq parameters that replace those of the URL.

    Raises:
        ConfigError: The URL is malformed, or names no host or no database.
        ServerError: The server cannot be reached or refuses the connection.
    """
    given = conninfo_of(target) | parameters
    try:
        connection = psycopg.connect(make_conninfo("", **given), autocommit=True)
    except psycopg.OperationalError as error:
        raise ServerError(_connect_failure(error, given)) from None
    except (psycopg.Error, UnicodeError):
        raise ConfigError(_MALFORMED) from None
    if connection.info.server_version < _OLDEST_SERVER:
        version = connection.info.server_version // 10000
        connection.close()
        raise ServerVersionError(f"The server is PostgreSQL {version}; the migrations need PostgreSQL 15 or newer.")
    return connection


def conninfo_of(target: str) -> dict[str, str]:
    """Return the libpq parameters of a URL, so complete that the environment does not choose the server.

    Raises:
        ConfigError: The URL is malformed, or names no host or no database.
    """
    try:
        given = {key: str(value) for key, value in conninfo_to_dict(target).items() if value is not None}
    except psycopg.Error:
        raise ConfigError(_MALFORMED) from None
    # libpq takes what follows an unencoded @ or / of a password for the host or the port: do not print it.
    if "@" in given.get("host", "") or not re.fullmatch(r"[0-9,]*", given.get("port", "")):
        raise ConfigError(_MALFORMED)
    for name, parameter in (("host", "host"), ("database", "dbname")):
        if not given.get(parameter):
            raise ConfigError(
                f"The Postgres URL names no {name}: write it out, postgresql://user:PASSWORD@host:5432/database. "
                "PGHOST and PGDATABASE are deliberately not looked at."
            )
    defaults = {"hostaddr": "", "port": _DEFAULT_PORT, "connect_timeout": _CONNECT_SECONDS}
    return defaults | given


@dataclass(frozen=True, slots=True)
class Session:
    """An autocommit connection, and the settings on which the runner and the files rely."""

    connection: Connection
    pins: Mapping[str, str]

    def pin(self) -> None:
        """Set the settings; a file may have changed them."""
        set_all(self.connection, self.pins)


@contextlib.contextmanager
def session(target: Target, *, writes: bool = True) -> Iterator[Session]:
    """Give a session whose settings are pinned; a borrowed connection is given back as it was.

    Args:
        target: A URL, or an open connection outside a transaction.
        writes: Whether the server must take writes.

    Raises:
        ConfigError: The URL is malformed, or names no host or no database.
        MigrationError: The open connection is closed or in a transaction, or the server takes no writes.
        ServerError: The server cannot be reached, refuses the connection, or the connection is lost later.
    """
    with _opened(target) if isinstance(target, str) else _borrowed(target) as connection:
        opened = Session(connection, {**_PINNED, "role": _setting(connection, "role")})
        try:
            opened.pin()
            if writes:
                refuse_read_only(connection)
            yield opened
        except psycopg.OperationalError as error:
            raise ServerError(
                f"The connection to {connection_name(connection)} was lost: {error}\nRun again."
            ) from error
        except psycopg.Error as error:
            raise MigrationError(f"PostgreSQL refused what the runner needs: {error}") from error


def query(name: str) -> str:
    """Return the text of one of the runner's own queries, which are files beside this one."""
    return (resource_files("swe_db.migrations") / f"{name}.sql").read_text(encoding="utf-8")


def execute(
    connection: Connection, statement: str, parameters: Mapping[str, object] | None = None
) -> psycopg.Cursor[Any]:
    """Execute one statement, whatever row or cursor factory the connection has."""
    cursor = psycopg.Cursor(connection, row_factory=tuple_row)
    return cursor.execute(statement.encode(), parameters, prepare=False)


def set_all(connection: Connection, settings: Mapping[str, str], *, local: bool = False) -> None:
    """Set settings of the session, or of the transaction only."""
    statement = "SELECT set_config(a, b, %(local)s) FROM unnest(%(names)s::text[], %(values)s::text[]) AS _(a, b)"
    execute(connection, statement, {"names": list(settings), "values": list(settings.values()), "local": local})


def connection_name(connection: Connection, database: str | None = None) -> str:
    """Return how messages name the server of a connection, and its database or another one there."""
    info = connection.info
    return f"database {database or info.dbname} on {info.host}:{info.port}"


def conninfo_for(target: Target, **parameters: str) -> str:
    """Return a conninfo string for a further connection like `target`, its password included.

    Args:
        target: A URL or an open connection.
        parameters: libpq parameters that replace those of the target.
    """
    if isinstance(target, str):
        return make_conninfo("", **(conninfo_of(target) | parameters))
    info = target.info
    there = {"host": info.host, "port": str(info.port), "dbname": info.dbname, "password": info.password}
    return make_conninfo(info.dsn, **(there | parameters))


def refuse_read_only(connection: Connection) -> None:
    """Refuse a standby, and a database or user for whom transactions are read-only.

    Raises:
        MigrationError: The server takes no writes.
    """
    statement = "SELECT pg_is_in_recovery(), current_setting('transaction_read_only') = 'on'"
    standby, read_only = execute(connection, statement).fetchall()[0]
    if standby:
        raise MigrationError("The server is a standby, which is read-only. Migrate the primary server.")
    if read_only:
        raise MigrationError(
            "Transactions are read-only here: default_transaction_read_only is on for this server, database or user. "
            "Use another user, or switch it off for this one."
        )


@contextlib.contextmanager
def _opened(url: str) -> Iterator[Connection]:
    with contextlib.closing(connect(url)) as connection:
        _end_with_client(connection)
        yield connection


@contextlib.contextmanager
def _borrowed(connection: Connection) -> Iterator[Connection]:
    if connection.closed:
        raise MigrationError("The connection given is closed. Give an open one, or a URL.")
    if connection.info.transaction_status is not TransactionStatus.IDLE:
        raise MigrationError("The connection given is in a transaction. Commit or roll it back first, or give a URL.")
    autocommit = connection.autocommit
    connection.autocommit = True
    before = {name: _setting(connection, name) for name in (*_PINNED, "role", _CHECK_INTERVAL)}
    _end_with_client(connection)
    try:
        yield connection
    finally:
        if not connection.closed:
            connection.rollback()
            set_all(connection, before)
            connection.autocommit = autocommit


def _end_with_client(connection: Connection) -> None:
    """Let the backend end within a second of its client's death; some systems cannot tell, and refuse the setting."""
    with contextlib.suppress(psycopg.errors.InvalidParameterValue):
        set_all(connection, {_CHECK_INTERVAL: "1s"})


def _setting(connection: Connection, name: str) -> str:
    return str(execute(connection, "SELECT current_setting(%(name)s)", {"name": name}).fetchall()[0][0])


def _connect_failure(error: psycopg.OperationalError, given: Mapping[str, str]) -> str:
    reason = str(error).strip()
    if given.get("password"):
        reason = reason.replace(given["password"], "***")
    where = f"{given['host']}:{given['port']}, database {given['dbname']}, user {given.get('user', '(of the system)')}"
    remedy = next((text for pattern, text in _REMEDIES if re.search(pattern, reason)), _REMEDY)
    return f"Cannot connect to Postgres at {where}.\n{reason}\n{remedy}"


_REMEDY: Final = "Check that the server runs and that host and port are right: pg_isready says so."
_REMEDIES: Final[tuple[tuple[str, str], ...]] = (
    (r"password authentication failed|no password supplied", "Check the user and the password of the URL."),
    (r'database ".*" does not exist', "Create the database first; `swe-db setup` does that."),
    (r'role ".*" does not exist', "Check the user of the URL."),
    (r"no pg_hba.conf entry", "The server's pg_hba.conf must allow this user, database and address."),
    (r"too many (clients|connections)", "Close other connections, or raise max_connections."),
    (r"could not translate host name|resolve", "Check the host of the URL."),
)
