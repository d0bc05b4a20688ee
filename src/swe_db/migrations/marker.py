"""The marker: a database that swe-db created says so, and only such a one is destroyed without being named.

It is a line of the database's comment. A comment is readable from every database of the server, may be set by the
database's owner, follows a renaming, and is not copied by CREATE DATABASE with a template; a setting of the database
would need a superuser, and would appear in every session of an application. A dump that is restored with its comment
would make a marker elsewhere, so the line names the server.
"""

from __future__ import annotations

import shlex
from typing import Final

from psycopg import sql

from swe_db.errors import ProtectedDatabaseError
from swe_db.migrations.connections import Connection, connection_name, execute

__all__ = ["is_marked", "mark", "require_destroyable"]

_LINE: Final = "created by swe-db, which may replace it (server {server})"
_COMMENT: Final = """
SELECT shobj_description(oid, 'pg_database'), (SELECT system_identifier FROM pg_control_system())
FROM pg_database WHERE datname = %(name)s
"""


def mark(connection: Connection, database: str | None = None) -> None:
    """Mark a database as one that swe-db created; the rest of its comment stays.

    Args:
        connection: Any connection to its server, as the database's owner or a superuser.
        database: Its name; None stands for the connection's own.

    Raises:
        psycopg.Error: The user may not, or there is no such database.
    """
    name = database or connection.info.dbname
    lines, line = _comment(connection, name)
    if line in lines:
        return
    comment = sql.SQL("COMMENT ON DATABASE {} IS {}").format(
        sql.Identifier(name), sql.Literal("\n".join([*lines, line]))
    )
    execute(connection, comment.as_string(connection))


def is_marked(connection: Connection, database: str | None = None) -> bool:
    """Tell whether a database carries the marker; one that does not exist does not.

    Args:
        connection: Any connection to its server.
        database: Its name; None stands for the connection's own.
    """
    lines, line = _comment(connection, database or connection.info.dbname)
    return line in lines


def require_destroyable(connection: Connection, yes_destroy: str | None, database: str | None = None) -> None:
    """Refuse to destroy a database that swe-db did not create, unless the user typed its name.

    Args:
        connection: Any connection to its server.
        yes_destroy: What the user typed for `--yes-destroy`; a name other than the database's is refused always.
        database: Its name; None stands for the connection's own.

    Raises:
        ProtectedDatabaseError: The database may not be destroyed. Nothing was changed.
    """
    name = database or connection.info.dbname
    here = connection_name(connection, name)
    if yes_destroy == name:
        return
    if yes_destroy is not None:
        raise ProtectedDatabaseError(
            f"--yes-destroy names {yes_destroy}, but what would be destroyed is {here}. Nothing was changed. "
            f"Check which of the two is meant, the URL or the name; the flag would be {_flag(name)}."
        )
    if not is_marked(connection, name):
        raise ProtectedDatabaseError(
            f"{here[0].upper()}{here[1:]} does not carry the comment that swe-db leaves on a database that it creates, "
            "so it may hold what somebody needs. Nothing was changed. "
            f"If all that it holds may go, say so by its name: {_flag(name)}"
        )


def _comment(connection: Connection, name: str) -> tuple[list[str], str]:
    """Return the lines of a database's comment, and the one that marks a database of this server."""
    rows = execute(connection, _COMMENT, {"name": name}).fetchall()
    comment, server = rows[0] if rows else (None, None)
    return comment.split("\n") if comment else [], _LINE.format(server=server)


def _flag(name: str) -> str:
    return f"--yes-destroy {shlex.quote(name)}"
