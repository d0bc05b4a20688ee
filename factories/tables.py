"""What a row class says about its table, and whether values fit its columns."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from types import NoneType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from swe_db.errors import FactoryError
from swe_db.factories.rows import GENERATED, JSONB, References, Row

__all__ = ["Column", "Relation", "Table", "checked", "describe", "refuse_ambiguous"]

SHOWN: int = 80  # characters of a value in a message


@dataclasses.dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        name: Its name.
        types: The Python types that it takes.
        items: The type of the items of a list, None for any.
        is_json: Whether it is jsonb.
        is_generated: Whether PostgreSQL computes it.
    """

    name: str
    types: tuple[type, ...]
    items: type | None
    is_json: bool
    is_generated: bool

    def takes(self, value: object) -> bool:
        """Tell whether the column takes the value."""
        if isinstance(value, bool) and bool not in self.types:
            return False
        if isinstance(value, int | float) and Decimal in self.types:
            return True
        if not isinstance(value, self.types):
            return False
        if isinstance(value, datetime):
            return value.tzinfo is not None
        return self.items is None or all(isinstance(item, self.items) for item in value)  # type: ignore[attr-defined]

    @property
    def wanted(self) -> str:
        """What it takes, for a message."""
        names = [_TYPE_NAMES.get(each, each.__name__) for each in self.types]
        if self.items is not None:
            names = [f"list of {self.items.__name__}" if name == "list" else name for name in names]
        return " or ".join(names)


_TYPE_NAMES: Mapping[type, str] = {NoneType: "None", datetime: "a datetime with a time zone"}


@dataclasses.dataclass(frozen=True)
class Relation:
    """A column that points at a row of another table.

    Attributes:
        name: The column's name without `_id`: the keyword that takes a row.
        column: The column.
        target: The table that it points at.
        enforced: Whether a foreign key says so.
    """

    name: str
    column: str
    target: str
    enforced: bool


@dataclasses.dataclass(frozen=True)
class Table:
    """What a row class says about its table.

    Attributes:
        name: The table's name.
        columns: Its columns by name, in the order of the row class.
        relations: Its relations by name.
    """

    name: str
    columns: Mapping[str, Column]
    relations: Mapping[str, Relation]


def describe(row_class: type[Row]) -> Table:
    """Return what `row_class` says about its table."""
    return _describe(row_class)  # type: ignore[arg-type] # mypy takes a row's hash for that of its class


@functools.cache
def _describe(row_class: type[Row]) -> Table:
    hints = get_type_hints(row_class, include_extras=True)
    notes = {field.name: _notes(hints[field.name]) for field in dataclasses.fields(row_class)}
    relations = [
        Relation(column.removesuffix("_id"), column, note.table, note.enforced)
        for column, found in notes.items()
        for note in found
        if isinstance(note, References)
    ]
    return Table(
        name=row_class.table,
        columns={name: _column(name, hints[name], found) for name, found in notes.items()},
        relations={relation.name: relation for relation in relations},
    )


def _notes(hint: object) -> tuple[object, ...]:
    return get_args(hint)[1:] if get_origin(hint) is Annotated else ()


def _column(name: str, hint: object, notes: tuple[object, ...]) -> Column:
    plain = get_args(hint)[0] if notes else hint
    members = [plain] if get_origin(plain) in {dict, list} else list(get_args(plain)) or [plain]
    items = [get_args(member)[0] for member in members if get_origin(member) is list]
    return Column(
        name=name,
        types=tuple(get_origin(member) or member for member in members),
        items=items[0] if items and items[0] is not Any else None,
        is_json=JSONB in notes,
        is_generated=GENERATED in notes,
    )


def checked(table: Table, values: Mapping[str, Any]) -> None:
    """Refuse what a column of the row class does not take; what others added to the table may be anything.

    Args:
        table: The table.
        values: Values of columns.

    Raises:
        FactoryError: A value has the wrong type, or is given for a column that PostgreSQL computes.
    """
    for name, value in values.items():
        column = table.columns.get(name)
        if column is None:
            _refuse_row(table, name, value)
        elif column.is_generated:
            raise FactoryError(f"{table.name}.{name} is computed by PostgreSQL: it cannot be given")
        elif not column.takes(value):
            raise FactoryError(f"{table.name}.{name} takes {column.wanted}; {_shown(value)} is given")
        elif column.is_json and _is_infinite(value):
            raise FactoryError(
                f"{table.name}.{name} takes JSON, which has no infinite numbers; {_shown(value)} is given"
            )


def _is_infinite(value: object) -> bool:
    try:
        json.dumps(value, allow_nan=False, default=str)
    except TypeError:  # said when it is to be stored
        return False
    except ValueError:
        return True
    return False


def _refuse_row(table: Table, name: str, value: object) -> None:
    if isinstance(value, Row) and name not in table.relations:
        relations = ", ".join(table.relations) or "none"
        raise FactoryError(f"{table.name} has no relation {name}; its relations are {relations}")


def refuse_ambiguous(table: Table, given: Iterable[str]) -> None:
    """Refuse a relation that is given beside its column.

    Raises:
        FactoryError: One is.
    """
    names = {name.partition("__")[0] for name in given}
    for relation in table.relations.values():
        if {relation.name, relation.column} <= names:
            raise FactoryError(f"{table.name}: give {relation.name} or {relation.column}, not both")


def _shown(value: object) -> str:
    text = repr(value)
    text = text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
    return f"{text} of type {type(value).__qualname__}"
