"""From the keywords of a factory to the columns of its table, and from a stored row to its class."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from psycopg.types.json import Jsonb

from swe_db.errors import FactoryError
from swe_db.factories.rows import JSONB, References, Row

__all__ = ["Relation", "Table", "adapted", "columns", "describe", "row"]

R = TypeVar("R", bound=Row)


@dataclasses.dataclass(frozen=True)
class Relation:
    """A foreign key.

    Attributes:
        name: The column's name without `_id`: the keyword that takes a row.
        column: The column.
        target: The table that it points at.
    """

    name: str
    column: str
    target: str


@dataclasses.dataclass(frozen=True)
class Table:
    """What a row class says about its table.

    Attributes:
        name: The table's name.
        columns: The names of its columns.
        json: Those of type jsonb.
        relations: Its foreign keys by the name of the relation.
    """

    name: str
    columns: frozenset[str]
    json: frozenset[str]
    relations: Mapping[str, Relation]


def describe(row_class: type[Row]) -> Table:
    """Return what `row_class` says about its table."""
    return _describe(row_class)  # type: ignore[arg-type] # mypy takes a row's hash for that of its class


@functools.cache
def _describe(row_class: type[Row]) -> Table:
    hints = get_type_hints(row_class, include_extras=True)
    notes = {field.name: _notes(hints[field.name]) for field in dataclasses.fields(row_class)}
    relations = [
        Relation(column.removesuffix("_id"), column, note.table)
        for column, found in notes.items()
        for note in found
        if isinstance(note, References)
    ]
    return Table(
        name=row_class.table,
        columns=frozenset(notes),
        json=frozenset(column for column, found in notes.items() if JSONB in found),
        relations={relation.name: relation for relation in relations},
    )


def _notes(hint: object) -> tuple[object, ...]:
    return get_args(hint)[1:] if get_origin(hint) is Annotated else ()


def columns(table: Table, values: Mapping[str, Any], *, stored: bool) -> dict[str, Any]:
    """Return `values` with the row of each relation replaced by the column that points at it.

    Args:
        table: The table.
        values: Columns and relations.
        stored: Whether the related rows must be in the database.

    Raises:
        FactoryError: A relation is no such row, or is given beside its column.
    """
    found = {name: value for name, value in values.items() if name not in table.relations}
    for name, value in found.items():
        if isinstance(value, Row):
            raise FactoryError(
                f"{table.name} has no relation {name}; its relations are {', '.join(table.relations) or 'none'}"
            )
    for relation in table.relations.values():
        related = values.get(relation.name)
        if related is None:
            continue
        if relation.column in found:
            raise FactoryError(f"{table.name}: give {relation.name} or {relation.column}, not both")
        found[relation.column] = _key(table, relation, related, stored=stored)
    return found


def _key(table: Table, relation: Relation, related: object, *, stored: bool) -> int:
    if not isinstance(related, Row) or related.table != relation.target:
        found = f"a row of {related.table}" if isinstance(related, Row) else f"of type {type(related).__qualname__}"
        raise FactoryError(
            f"{table.name}: {relation.name} must be a row of {relation.target} and is {found}; "
            f"an id is given as {relation.column}"
        )
    if stored and related.id < 0:
        raise FactoryError(
            f"{table.name}: the row given as {relation.name} is not in the database, only built: make it with create()"
        )
    return related.id


def adapted(table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` as psycopg takes them: JSON is wrapped, since a bare list would become an array."""
    return {name: _adapted(value, is_json=name in table.json) for name, value in values.items()}


def _adapted(value: object, *, is_json: bool) -> object:
    return Jsonb(value) if isinstance(value, dict) or (is_json and isinstance(value, list)) else value


def row(row_class: type[R], stored: Mapping[str, Any]) -> R:
    """Return a stored row as its class; columns that others added to the table are left out.

    Raises:
        FactoryError: A column is missing.
    """
    table = describe(row_class)
    missing = sorted(table.columns - stored.keys())
    if missing:
        raise FactoryError(
            f"the table {table.name} has no column {', '.join(missing)}: it was not made by the migrations of this "
            "version of swe-db; see `swe-db verify`"
        )
    return row_class(**{name: stored[name] for name in table.columns})
