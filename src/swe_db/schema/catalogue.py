"""What schema public of a database holds: tables, what belongs to each, functions; read from the system's catalogue."""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, Final

from psycopg import Cursor
from psycopg.rows import dict_row

from swe_db.errors import MigrationError
from swe_db.migrations.connections import Connection, Target, connection_name, session

__all__ = [
    "Catalogue",
    "Column",
    "Constraint",
    "Function",
    "Grant",
    "Index",
    "Policy",
    "Relation",
    "Table",
    "Trigger",
    "read_catalogue",
]

PARTS: Final = ("columns", "indexes", "constraints", "triggers", "policies", "grants")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Column:
    """A column: its type as SQL writes it, its default or what it is generated as, both expressions."""

    name: str
    type: str
    nullable: bool
    default_value: str | None
    generated_as: str | None
    identity: str | None
    comment: str | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Index:
    """An index.

    Attributes:
        name: Its name.
        is_primary: Whether it is that of the primary key.
        is_unique: Whether it refuses the same twice.
        is_valid: Whether queries may use it.
        definition: Method, columns and condition.
        unique_columns: The columns that it makes unique in every row; None where it is partial, invalid or not unique.
    """

    name: str
    is_primary: bool
    is_unique: bool
    is_valid: bool
    definition: str
    unique_columns: Sequence[str] | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Constraint:
    """A constraint.

    Attributes:
        name: Its name.
        kind: `primary key`, `unique`, `foreign key`, `check` or `exclusion`.
        columns: The columns that it is about.
        definition: It as SQL writes it.
        target: The table that a foreign key leads to.
    """

    name: str
    kind: str
    columns: Sequence[str]
    definition: str
    target: str | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trigger:
    """A trigger: the statement that makes it, and whether it fires: `enabled`, `enabled always`, `disabled`."""

    name: str
    statement: str
    state: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Policy:
    """A policy of row-level security: for which command and roles, and the expressions that rows must fulfil."""

    name: str
    command: str
    permissive: bool
    roles: Sequence[str]
    using_rows: str | None
    check_rows: str | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Grant:
    """A privilege of a role; on some columns, or on the whole table where none is named."""

    role: str
    privilege: str
    columns: Sequence[str]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table:
    """A table or view, its partitions being part of it.

    Attributes:
        name: Its name in schema public.
        kind: `table`, `view`, `materialized view` or `foreign table`.
        comment: What it is for.
        partitioned_by: Method and key, `RANGE (created_at)`; None where it is not partitioned.
        partitions: How many partitions hold its rows; None likewise.
        row_security: Whether policies decide which rows a role sees.
        columns: The columns in their order; the other parts in the order of their names.
    """

    name: str
    kind: str
    comment: str | None
    partitioned_by: str | None
    partitions: int | None
    row_security: bool
    columns: Sequence[Column]
    indexes: Sequence[Index]
    constraints: Sequence[Constraint]
    triggers: Sequence[Trigger]
    policies: Sequence[Policy]
    grants: Sequence[Grant]

    @property
    def relations(self) -> tuple[Relation, ...]:
        """Its foreign keys, as a diagram draws them."""
        nullable = {column.name for column in self.columns if column.nullable}
        unique = [set(index.unique_columns) for index in self.indexes if index.unique_columns]
        return tuple(
            Relation(
                table=self.name,
                columns=rule.columns,
                target=rule.target,
                optional=not nullable.isdisjoint(rule.columns),
                at_most_one=any(columns <= {*rule.columns} for columns in unique),
            )
            for rule in self.constraints
            if rule.target is not None
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Relation:
    """A foreign key.

    Attributes:
        table: The table that has it.
        columns: Its columns.
        target: The table that it leads to.
        optional: Whether a row may lead nowhere.
        at_most_one: Whether at most one row leads to the same row.
    """

    table: str
    columns: Sequence[str]
    target: str
    optional: bool
    at_most_one: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Function:
    """A function.

    Attributes:
        name: Its name.
        arguments: Its arguments with types and defaults.
        result: What it returns.
        is_trigger: Whether only triggers call it.
        as_owner: Whether it runs with its owner's rights.
        comment: What it does.
        callers: The roles that may call it beside its owner; PUBLIC are all.
    """

    name: str
    arguments: str
    result: str
    is_trigger: bool
    as_owner: bool
    comment: str | None
    callers: Sequence[str]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Catalogue:
    """What schema public holds.

    Attributes:
        database: The database's name.
        version: The server's version, e.g. `15.18`.
        tables: Its tables and views, by name.
        functions: Its functions, by name.
    """

    database: str
    version: str
    tables: Sequence[Table]
    functions: Sequence[Function]


def read_catalogue(target: Target) -> Catalogue:
    """Read what schema public of a database holds; nothing is written.

    Args:
        target: A URL, or an open connection outside a transaction.

    Raises:
        ConfigError: The URL is malformed, or names no host or no database.
        MigrationError: There is no table.
        ServerError: The server cannot be reached or refuses.
    """
    with session(target, writes=False) as opened:
        connection = opened.connection
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            return _read(connection)


def _read(connection: Connection) -> Catalogue:
    parts = {part: _by_relation(connection, part) for part in PARTS}
    tables = [_table(row, parts) for row in _rows(connection, "tables")]
    if not tables:
        raise MigrationError(
            f"Schema public of {connection_name(connection)} holds no table. `swe-db setup` migrates and seeds it."
        )
    return Catalogue(
        database=connection.info.dbname,
        version=re.split(r"[^\d.]", connection.info.parameter_status("server_version") or "")[0],
        tables=tables,
        functions=[Function(**row) for row in _rows(connection, "functions")],
    )


def _table(row: Mapping[str, Any], parts: Mapping[str, Mapping[str, list[dict[str, Any]]]]) -> Table:
    name = row["name"]
    return Table(
        **row,
        columns=[Column(**each) for each in parts["columns"][name]],
        indexes=[Index(**each) for each in parts["indexes"][name]],
        constraints=[Constraint(**each) for each in parts["constraints"][name]],
        triggers=[Trigger(**each) for each in parts["triggers"][name]],
        policies=[Policy(**each) for each in parts["policies"][name]],
        grants=[Grant(**each) for each in parts["grants"][name]],
    )


def _by_relation(connection: Connection, part: str) -> Mapping[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in _rows(connection, part):
        found[row.pop("relation")].append(row)
    return found


def _rows(connection: Connection, query: str) -> list[dict[str, Any]]:
    text = (files("swe_db.schema") / f"{query}.sql").read_text(encoding="utf-8")
    return Cursor(connection, row_factory=dict_row).execute(text.encode(), prepare=False).fetchall()
