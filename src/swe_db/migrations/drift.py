"""Drift: what a database holds against what its migration files build."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import psycopg
from psycopg import sql

from swe_db.errors import MigrationError, ServerError
from swe_db.migrations.connections import Connection, Session, Target, conninfo_for, execute, query, session
from swe_db.migrations.files import Directory
from swe_db.migrations.runner import migrate

__all__ = ["Difference", "DriftNotCheckedError", "find_drift"]

_PREFIX: Final = "swe_db_verify"

_Key: TypeAlias = tuple[str, str]


class DriftNotCheckedError(MigrationError):
    """There can be no scratch database to compare with; the message says why."""


@dataclass(frozen=True, slots=True)
class Difference:
    """An object that is not as the files build it.

    Attributes:
        kind: `table`, `column`, `index`, `constraint`, `trigger`, `function`, `view`, `policy`, `sequence`, `grant`,
            `comment`, ...
        identity: Its name, after that of its table and a dot.
        change: `missing` in the database, `different`, or `extra`: no file makes it.
        expected: Its definition by the files; None for `extra`.
        found: Its definition in the database; None for `missing`.
        ours: Whether a file makes it, or the table or function that it belongs to.
    """

    kind: str
    identity: str
    change: Literal["missing", "different", "extra"]
    expected: str | None
    found: str | None
    ours: bool

    def __str__(self) -> str:
        return f"{self.change} {self.kind} {self.identity}"


def find_drift(
    target: Target, opened: Session, *, directories: Sequence[Directory], bundled: bool
) -> tuple[Difference, ...]:
    """Build the files in a scratch database beside the target, and compare.

    Args:
        target: What the session was opened for.
        opened: The session of the target.
        directories: Directories of migrations beyond those that swe-db brings.
        bundled: Whether those that swe-db brings belong to it.

    Raises:
        DriftNotCheckedError: The user may not create databases, or the scratch database cannot be built.
    """
    found = _catalogue(opened.connection)
    with _scratch(opened.connection) as name:
        there = conninfo_for(target, dbname=name)
        try:
            migrate(there, directories=directories, bundled=bundled, allow_gaps=True, allow_out_of_order=True)
            with session(there) as scratch:
                expected = _catalogue(scratch.connection)
        except (MigrationError, ServerError) as error:
            raise DriftNotCheckedError(f"the files cannot be applied to a scratch database: {error}") from error
    return tuple(_compare(expected, found))


@dataclass(frozen=True, slots=True)
class _Entry:
    parent: str | None
    definition: str


def _catalogue(connection: Connection) -> dict[_Key, _Entry]:
    rows = execute(connection, query("catalogue"))
    return {(kind, identity): _Entry(parent, definition or "") for kind, identity, parent, definition in rows}


def _compare(expected: Mapping[_Key, _Entry], found: Mapping[_Key, _Entry]) -> Iterator[Difference]:
    owners = {identity for (_, identity), entry in expected.items() if entry.parent is None}
    for kind, identity in sorted(expected.keys() | found.keys()):
        wanted, there = expected.get((kind, identity)), found.get((kind, identity))
        if wanted is not None and there is None:
            yield Difference(kind, identity, "missing", wanted.definition, None, ours=True)
        elif wanted is None and there is not None:
            yield Difference(kind, identity, "extra", None, there.definition, ours=there.parent in owners)
        elif wanted is not None and there is not None and _folded(wanted.definition) != _folded(there.definition):
            yield Difference(kind, identity, "different", wanted.definition, there.definition, ours=True)


def _folded(definition: str) -> str:
    """Return a definition without parentheses: of `(a AND b) AND c` a dump that is restored makes `a AND b AND c`."""
    return definition.replace("(", "").replace(")", "")


@contextlib.contextmanager
def _scratch(connection: Connection) -> Iterator[str]:
    may_create, encoding, collate, ctype = execute(connection, query("scratch_facts")).fetchall()[0]
    if not may_create:
        user = connection.info.user
        raise DriftNotCheckedError(f"user {user} may not create the scratch database to compare with (CREATEDB)")
    for (stale,) in execute(connection, query("stale_scratch")).fetchall():
        _drop(connection, stale)
    name = f"{_PREFIX}_{int(time.time())}_{secrets.token_hex(4)}"
    create = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}")
    try:
        execute(connection, create.format(sql.Identifier(name), encoding, collate, ctype).as_string(connection))
        yield name
    except psycopg.Error as error:
        raise DriftNotCheckedError(
            f"the scratch database cannot be made: {error.diag.message_primary or error}"
        ) from error
    finally:
        _drop(connection, name)


def _drop(connection: Connection, name: str) -> None:
    with contextlib.suppress(psycopg.Error):
        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        execute(connection, drop.as_string(connection))
