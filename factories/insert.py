"""How rows go into their tables: one statement for all that have the same table and columns.

The rows travel as one JSON array, so that a thousand rows are one parameter and one round trip. Unlike COPY that gives
back what was stored, and works under row-level security.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from types import NoneType
from typing import Any, Final, TypeAlias
from uuid import UUID

import msgspec
import psycopg
from psycopg import sql
from psycopg.adapt import PyFormat, Transformer
from psycopg.rows import tuple_row

from swe_db.errors import FactoryError
from swe_db.factories.drafts import Draft
from swe_db.factories.refusals import refused
from swe_db.factories.rows import Row
from swe_db.factories.tables import Table, describe

__all__ = ["save", "save_async"]

AnyConnection: TypeAlias = psycopg.Connection[Any] | psycopg.AsyncConnection[Any]

# What JSON takes as it is; and float, unless it is infinite.
PLAIN: Final = frozenset({str, int, bool, NoneType, dict, list, datetime, date, UUID, Decimal})


@dataclasses.dataclass(frozen=True)
class Insert:
    """One statement.

    Attributes:
        row_class: The class of the rows.
        columns: Those that it fills.
        rows: The values of these columns, row by row.
        returned: The columns that it gives back.
    """

    row_class: type[Row]
    columns: tuple[str, ...]
    rows: Sequence[Mapping[str, Any]]
    returned: tuple[str, ...]

    @property
    def table(self) -> Table:
        """What is known of the table."""
        return describe(self.row_class)

    def statement(self) -> sql.Composed:
        """Return the statement; its one parameter is the rows as JSON."""
        table, columns = sql.Identifier(self.table.name), sql.SQL(", ").join(map(sql.Identifier, self.columns))
        returned = sql.SQL(", ").join(map(sql.Identifier, self.returned))
        return sql.SQL(
            "INSERT INTO {table} ({columns}) SELECT {columns} FROM json_populate_recordset(NULL::{table}, %s::json) "
            "RETURNING {returned}"
        ).format(table=table, columns=columns, returned=returned)

    def parameter(self, connection: AnyConnection) -> str:
        """Return the rows as JSON.

        Raises:
            FactoryError: A value cannot be written so.
        """
        try:
            return msgspec.json.encode([_written(row, connection) for row in self.rows]).decode()
        except (TypeError, ValueError, OverflowError, psycopg.ProgrammingError) as error:
            raise FactoryError(f"{self.table.name}: a value cannot be stored: {error}") from None


def _written(row: Mapping[str, Any], connection: AnyConnection) -> Mapping[str, Any]:
    """Return a row as JSON can take it; what is missing there is NULL."""
    odd = {
        name: _text(value, connection)
        for name, value in row.items()
        if type(value) not in PLAIN and not _is_finite(value)
    }
    return {name: value for name, value in {**row, **odd}.items() if value is not None}


def _is_finite(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _text(value: Any, connection: AnyConnection) -> str:
    """Return a value that JSON does not know as PostgreSQL reads it: bytes, a range, an address."""
    if isinstance(value, str):  # an enumeration's member
        return str.__str__(value)
    if isinstance(value, int):
        return int.__repr__(value)
    dumped = Transformer.from_context(connection).get_dumper(value, PyFormat.TEXT).dump(value)
    return bytes(dumped or b"").decode()


def insert(connection: psycopg.Connection[Any], one: Insert) -> list[tuple[Any, ...]]:
    """Run one statement and return what it gives back, in the order of the rows.

    Raises:
        FactoryError: PostgreSQL refuses it.
    """
    parameter = one.parameter(connection)
    try:
        with connection.cursor(row_factory=tuple_row) as cursor:
            return cursor.execute(one.statement(), (parameter,)).fetchall()
    except psycopg.Error as error:
        raise refused(error, one.table, one.columns) from None


async def insert_async(connection: psycopg.AsyncConnection[Any], one: Insert) -> list[tuple[Any, ...]]:
    """Run one statement and return what it gives back, in the order of the rows.

    Raises:
        FactoryError: PostgreSQL refuses it.
    """
    parameter = one.parameter(connection)
    try:
        async with connection.cursor(row_factory=tuple_row) as cursor:
            await cursor.execute(one.statement(), (parameter,))
            return await cursor.fetchall()
    except psycopg.Error as error:
        raise refused(error, one.table, one.columns) from None


class Saving:
    """The statements that store drafts, parents before children, and what they give back.

    Args:
        drafts: All of them; each stands behind those that it points at.
        wanted: Those whose stored rows are asked for.

    Attributes:
        groups: The drafts of each statement.
    """

    def __init__(self, drafts: Sequence[Draft], wanted: Sequence[Draft]) -> None:
        self._wanted = wanted
        self._asked = {id(draft) for draft in wanted}
        self._rows: dict[int, Any] = {}
        groups: dict[tuple[Any, ...], list[Draft]] = {}
        for draft in drafts:
            key = (draft.level, draft.row_class.table, id(draft) in self._asked, *draft.values)
            groups.setdefault(key, []).append(draft)
        self.groups = [groups[key] for key in sorted(groups, key=lambda key: key[0])]

    def statement(self, group: Sequence[Draft]) -> Insert:
        """Return the statement for a group; those that it points at must be stored."""
        row_class, rows = group[0].row_class, [draft.stored_values() for draft in group]
        columns = tuple(describe(row_class).columns)
        asked = id(group[0]) in self._asked or "id" not in columns
        return Insert(row_class, tuple(rows[0]), rows, columns if asked else ("id",))

    def keep(self, group: Sequence[Draft], one: Insert, found: Sequence[tuple[Any, ...]]) -> None:
        """Take what the statement of a group gave back."""
        for draft, values in zip(group, found, strict=True):
            stored = dict(zip(one.returned, values, strict=True))
            draft.key = stored.get("id")
            if id(draft) in self._asked:
                self._rows[id(draft)] = draft.row_class(**stored)

    def rows(self) -> list[Any]:
        """Return the stored rows of those that were asked for, in their order."""
        return [self._rows[id(draft)] for draft in self._wanted]


def save(connection: psycopg.Connection[Any], drafts: Sequence[Draft], wanted: Sequence[Draft]) -> list[Any]:
    """Store drafts and return the rows of those that are wanted, in their order.

    Raises:
        FactoryError: PostgreSQL refuses a row.
    """
    saving = Saving(drafts, wanted)
    for group in saving.groups:
        one = saving.statement(group)
        saving.keep(group, one, insert(connection, one))
    return saving.rows()


async def save_async(
    connection: psycopg.AsyncConnection[Any], drafts: Sequence[Draft], wanted: Sequence[Draft]
) -> list[Any]:
    """Do what `save` does, on an AsyncConnection.

    Raises:
        FactoryError: PostgreSQL refuses a row.
    """
    saving = Saving(drafts, wanted)
    for group in saving.groups:
        one = saving.statement(group)
        saving.keep(group, one, await insert_async(connection, one))
    return saving.rows()
