"""Checksums of the tables of a database, computed in the database; the order of rows does not matter.

A row's line is the texts of its columns in the order of their names, generated columns left out; its MD5 is cut into
two halves, and each half is added up over the table modulo 2**64. Everything that is left to the settings of a session
is pinned, so the same rows give the same checksum everywhere, in files too (`swe_db.generate.files`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Final

import psycopg
from psycopg import sql

from swe_db.errors import GenerateError
from swe_db.migrations.connections import Connection, Target, connection_name, execute, session, set_all

__all__ = ["Fingerprint", "TableFingerprint", "fingerprint_of_database"]

# What the texts of values, the rows seen and the way of the query depend on.
_PINNED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "TimeZone": "UTC",
        "DateStyle": "ISO, MDY",
        "IntervalStyle": "postgres",
        "bytea_output": "hex",
        "extra_float_digits": "1",
        "lc_monetary": "C",
        "quote_all_identifiers": "off",
        "search_path": "pg_catalog, pg_temp",
        "xmlbinary": "base64",
        # Rather an error than a checksum of the rows that this user may see.
        "row_security": "off",
        "statement_timeout": "0",
        "jit": "off",
        # A checksum is worth more than handing it to the leader costs.
        "parallel_tuple_cost": "0",
    }
)
_PARALLEL: Final = "SELECT set_config('max_parallel_workers_per_gather', current_setting('max_parallel_workers'), true)"


@dataclass(frozen=True, slots=True)
class TableFingerprint:
    """What there is in one table.

    Attributes:
        rows: How many rows.
        checksum: Two sums over their MD5, as 32 hexadecimal digits.
    """

    rows: int
    checksum: str


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What there is in all tables.

    Attributes:
        tables: By name; tables that are not in schema public have their schema before it.
    """

    tables: Mapping[str, TableFingerprint]

    @property
    def whole(self) -> str:
        """One checksum of all tables that have rows: 32 hexadecimal digits. Empty tables do not change it."""
        lines = [f"{name} {one.rows} {one.checksum}\n" for name, one in sorted(self.tables.items()) if one.rows]
        return hashlib.sha256("".join(lines).encode()).hexdigest()[:32]

    def differences(self, other: Fingerprint) -> list[str]:
        """Return the names of the tables whose rows are not the same; one that is missing counts as empty."""
        nothing = TableFingerprint(0, "0" * 32)
        names = sorted(self.tables.keys() | other.tables.keys())
        return [name for name in names if self.tables.get(name, nothing) != other.tables.get(name, nothing)]


def fingerprint_of_database(
    target: Target, *, on_table: Callable[[str, TableFingerprint], None] | None = None
) -> Fingerprint:
    """Return the checksums of all tables with data of users, as they were at one moment.

    Left out are `schema_migrations`, the ledger of loads in schema `swe_load`, and what belongs to an extension.

    Args:
        target: A URL, or an open connection outside a transaction.
        on_table: Called with the name of each table and what is in it, as soon as that is known.

    Raises:
        ConfigError: The URL is malformed, or names no host or no database.
        GenerateError: The user may not read every row of every table.
        ServerError: The server cannot be reached, refuses the connection, or the connection is lost.
    """
    found: dict[str, TableFingerprint] = {}
    with session(target, writes=False) as opened:
        connection = opened.connection
        with connection.transaction():
            execute(connection, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            set_all(connection, _PINNED, local=True)
            execute(connection, _PARALLEL)
            for name, statement in _statements(connection):
                found[name] = _fingerprint(connection, name, statement)
                if on_table is not None:
                    on_table(name, found[name])
    return Fingerprint(found)


def _statements(connection: Connection) -> Iterator[tuple[str, str]]:
    """Yield the name of each table and the statement that computes its checksum."""
    template = sql.SQL(_query("fingerprint"))
    for schema, table, line in execute(connection, _query("columns")).fetchall():
        statement = template.format(line=sql.SQL(line), table=sql.Identifier(schema, table))
        yield table if schema == "public" else f"{schema}.{table}", statement.as_string(connection)


def _query(name: str) -> str:
    return (files("swe_db.generate.verify") / f"{name}.sql").read_text(encoding="utf-8")


def _fingerprint(connection: Connection, name: str, statement: str) -> TableFingerprint:
    try:
        rows, first, second = execute(connection, statement).fetchall()[0]
    except psycopg.errors.InsufficientPrivilege as error:
        raise GenerateError(
            f"{connection_name(connection)}: user {connection.info.user} may not read all rows of {name} "
            f"({error.diag.message_primary}). A fingerprint is of all rows: connect as the owner of the tables."
        ) from None
    mask = (1 << 64) - 1
    return TableFingerprint(int(rows), f"{int(first) & mask:016x}{int(second) & mask:016x}")
