"""Creating a database that does not exist."""

from __future__ import annotations

import contextlib

import psycopg
from psycopg import sql

from swe_db.errors import MigrationError, ServerError
from swe_db.migrations.connections import Connection, connect, conninfo_of, execute
from swe_db.migrations.marker import mark

__all__ = ["create_database"]


def create_database(url: str) -> bool:
    """Create the database that a URL names, in UTF8 and with locale C, if it does not exist, and mark it as ours.

    Args:
        url: A libpq URL that names host and database.

    Returns:
        Whether it was created now.

    Raises:
        ConfigError: The URL is malformed, or names no host or no database.
        ServerError: The server cannot be reached or refuses the connection.
        MigrationError: The user may not create databases.
    """
    try:
        connect(url).close()
    except ServerError as refusal:
        return _create(url, refusal)
    return False


def _create(url: str, refusal: ServerError) -> bool:
    name = conninfo_of(url)["dbname"]
    with contextlib.closing(_maintenance_connection(url, refusal)) as connection:
        if execute(connection, "SELECT FROM pg_database WHERE datname = %(name)s", {"name": name}).rowcount:
            raise refusal
        create = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'").format(
            sql.Identifier(name)
        )
        try:
            execute(connection, create.as_string(connection))
            mark(connection, name)
        except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
            return False
        except psycopg.Error as error:
            reason = error.diag.message_primary or error
            raise MigrationError(
                f"Database {name} does not exist, and user {connection.info.user} cannot create it: {reason}. "
                "Let a user with CREATEDB create it."
            ) from error
    return True


def _maintenance_connection(url: str, refusal: ServerError) -> Connection:
    """Connect to a database that every server has; without one, the first refusal says what is wrong."""
    for name in ("postgres", "template1"):
        with contextlib.suppress(ServerError):
            return connect(url, dbname=name)
    raise refusal
