"""The row classes against the live catalogue."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime
from types import NoneType
from typing import Annotated, Any, get_args, get_origin, get_type_hints
from uuid import UUID

import psycopg
import pytest

from swe_db import factories, migrate
from swe_db.factories.columns import describe
from swe_db.factories.rows import Row

PYTHON_TYPES: dict[str, set[Any]] = {
    "bigint": {int},
    "integer": {int},
    "smallint": {int},
    "jsonb": {dict[str, Any], list[Any]},
    "text": {str},
    "text[]": {list[str]},
    "timestamp with time zone": {datetime},
    "uuid": {UUID},
}

COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod), attnotnull
FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped
"""

FOREIGN_KEYS = """
SELECT attname, confrelid::regclass::text
FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
WHERE contype = 'f' AND conrelid = %s::regclass
"""


@pytest.fixture
def connection(new_database: Callable[[], str]) -> Any:
    """A connection to a migrated database."""
    url = new_database()
    migrate(url)
    with psycopg.connect(url) as connection:
        yield connection


def annotated_types(hint: Any) -> set[Any]:
    """Return the types that a hint allows: `{int, NoneType}` of `Annotated[int | None, …]`."""
    plain = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    return {plain} if get_origin(plain) in {dict, list} else set(get_args(plain)) or {plain}


def test_row_classes_match_the_catalogue(connection: psycopg.Connection[Any]) -> None:
    """Each row class has one field for each column, of the column's type, with None where NULL may be."""
    for name, factory in factories.ALL.items():
        row_class: type[Row] = factory._meta.model
        hints = get_type_hints(row_class, include_extras=True)
        fields = {field.name: annotated_types(hints[field.name]) for field in dataclasses.fields(row_class)}
        catalogue = {column: (kind, not_null) for column, kind, not_null in connection.execute(COLUMNS, (name,))}
        assert fields.keys() == catalogue.keys()
        for column, (kind, not_null) in catalogue.items():
            assert fields[column] - {NoneType} <= PYTHON_TYPES[kind], f"{name}.{column}"
            assert (NoneType not in fields[column]) == not_null, f"{name}.{column}"


def test_json_columns_are_marked(connection: psycopg.Connection[Any]) -> None:
    """The columns of type jsonb, and no others, are those whose values are wrapped."""
    for name, factory in factories.ALL.items():
        json = {column for column, kind, _ in connection.execute(COLUMNS, (name,)) if kind == "jsonb"}
        assert describe(factory._meta.model).json == json


def test_relations_are_the_foreign_keys(connection: psycopg.Connection[Any]) -> None:
    """Each foreign key is a relation, named as its column without `_id`, to the table that it points at."""
    for name, factory in factories.ALL.items():
        relations = describe(factory._meta.model).relations
        assert {(relation.column, relation.target) for relation in relations.values()} == set(
            connection.execute(FOREIGN_KEYS, (name,))
        )
        assert {f"{key}_id" for key in relations} == {relation.column for relation in relations.values()}


def test_all_is_by_table_name() -> None:
    """`ALL` has each factory under the name of its table."""
    assert {name: factory._meta.model.table for name, factory in factories.ALL.items()} == {
        name: name for name in factories.ALL
    }
