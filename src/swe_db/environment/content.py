"""What a database holds, as digests that are the same after it was dumped and restored."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import Final

from psycopg import sql

from swe_db.environment.maintenance import query
from swe_db.errors import SnapshotError
from swe_db.migrations.connections import Connection, execute, set_all
from swe_db.migrations.connections import query as migrations_query

__all__ = ["catalogue_of", "is_empty", "require_catalogue", "require_sequences", "roles_of"]

# What Postgres writes of an expression it may write in other words after reading it again.
WITH_EXPRESSIONS: Final = ("column", "constraint", "index", "materialized view", "policy", "type", "view")


def catalogue_of(connection: Connection) -> dict[str, str]:
    """Return a digest of the objects of each kind: tables, columns, triggers, policies, partitions, ..."""
    set_all(connection, {"search_path": "public"})
    entries: defaultdict[str, list[object]] = defaultdict(list)
    for kind, identity, parent, definition in execute(connection, migrations_query("catalogue")):
        entries[kind].append((identity, parent, None if kind in WITH_EXPRESSIONS else definition))
    for kind, definition in execute(connection, query("guards")):
        entries[kind].append(definition)
    return {kind: hashlib.sha256(repr(found).encode()).hexdigest() for kind, found in sorted(entries.items())}


def require_catalogue(connection: Connection, expected: dict[str, str]) -> None:
    """Make sure that a database holds the objects that a digest was made of.

    Raises:
        SnapshotError: It does not.
    """
    found = catalogue_of(connection)
    kinds = sorted(kind for kind in expected.keys() | found.keys() if expected.get(kind) != found.get(kind))
    if kinds:
        raise SnapshotError(
            f"What was restored is not what was backed up; these differ: {', '.join(kinds)}. It was given up, and the "
            "database is as it was. This is a fault of swe-db or of pg_restore: please report it."
        )


def require_sequences(connection: Connection) -> None:
    """Make sure that no sequence gives a value that a row has already.

    Raises:
        SnapshotError: One does.
    """
    for relation, column, value in execute(connection, query("sequences")).fetchall():
        newest = sql.SQL("SELECT max({}) FROM {}").format(sql.Identifier(column), sql.SQL(relation))
        highest = execute(connection, newest.as_string(connection)).fetchall()[0][0]
        if highest is not None and highest >= value:
            raise SnapshotError(
                f"The sequence of {relation}.{column} would give {value}, and the rows go up to {highest}: it was so "
                "when the backup was made. What was restored was given up, and the database is as it was. "
                "Set the sequence in the original, and back up again."
            )


def is_empty(connection: Connection) -> bool:
    """Tell whether a database holds nothing that somebody has made."""
    return bool(execute(connection, query("is_empty")).fetchall()[0][0])


def roles_of(connection: Connection) -> tuple[str, ...]:
    """Return the roles that a database's objects and grants refer to."""
    return tuple(name for (name,) in execute(connection, query("roles")).fetchall())
