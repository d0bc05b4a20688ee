"""The row classes against the live catalogue."""

from __future__ import annotations

import dataclasses
from dataclasses import MISSING
from datetime import datetime
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from types import NoneType
from typing import Annotated, Any, LiteralString, get_args, get_origin, get_type_hints
from uuid import UUID

import psycopg
from psycopg import sql

from swe_db import factories
from swe_db.factories.rows import Row
from swe_db.factories.tables import describe

PYTHON_TYPES: dict[str, set[Any]] = {
    "bigint": {int},
    "boolean": {bool},
    "inet": {IPv4Address, IPv4Interface, IPv6Address, IPv6Interface},
    "numeric": {Decimal},
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

DEFAULTS = """
SELECT attname, pg_get_expr(adbin, adrelid)
FROM pg_attribute JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE attrelid = %s::regclass AND attgenerated = ''
"""

TABLES = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
"""

FOREIGN_KEYS = """
SELECT attname, confrelid::regclass::text
FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
WHERE contype = 'f' AND conrelid = %s::regclass
"""


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
            assert fields[column] - {NoneType} <= PYTHON_TYPES[kind.partition("(")[0]], f"{name}.{column}"
            assert (NoneType not in fields[column]) == not_null, f"{name}.{column}"


def test_json_columns_are_marked(connection: psycopg.Connection[Any]) -> None:
    """The columns of type jsonb, and no others, are those whose values are wrapped."""
    for name, factory in factories.ALL.items():
        json = {column for column, kind, _ in connection.execute(COLUMNS, (name,)) if kind == "jsonb"}
        assert {name for name, column in describe(factory._meta.model).columns.items() if column.is_json} == json


def test_computed_columns_are_marked(connection: psycopg.Connection[Any]) -> None:
    """The columns that PostgreSQL computes, and no others, are those that cannot be given."""
    query = "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attgenerated <> ''"
    for name, factory in factories.ALL.items():
        generated = {column for (column,) in connection.execute(query, (name,))}
        columns = describe(factory._meta.model).columns.values()
        assert {column.name for column in columns if column.is_generated} == generated


def test_every_table_has_a_factory(connection: psycopg.Connection[Any]) -> None:
    """No table of the schema is without a factory; a partition is part of its table."""
    assert {name for (name,) in connection.execute(TABLES)} == factories.ALL.keys()


def test_defaults_are_those_of_the_columns(connection: psycopg.Connection[Any]) -> None:
    """Where a row class has a default, a row that leaves the column out has the same in the database."""
    for name, factory in factories.ALL.items():
        expressions: dict[str, LiteralString] = dict(connection.execute(DEFAULTS, (name,)).fetchall())
        for field in dataclasses.fields(factory._meta.model):
            assert default_of(field) in (MISSING, value_of(connection, expressions.get(field.name, "NULL"))), field.name


def default_of(field: dataclasses.Field[Any]) -> object:
    """Return the default of a field, MISSING if it has none."""
    return field.default if field.default_factory is MISSING else field.default_factory()


def value_of(connection: psycopg.Connection[Any], expression: LiteralString) -> object:
    """Return what a default is worth in this session."""
    [(found,)] = connection.execute(sql.SQL("SELECT {}").format(sql.SQL(expression)))
    return found


def test_relations_are_the_foreign_keys(connection: psycopg.Connection[Any]) -> None:
    """Each foreign key is a relation, named as its column without `_id`, to the table that it points at."""
    for name, factory in factories.ALL.items():
        relations = describe(factory._meta.model).relations
        enforced = {(relation.column, relation.target) for relation in relations.values() if relation.enforced}
        assert enforced == set(connection.execute(FOREIGN_KEYS, (name,)))
        assert {f"{key}_id" for key in relations} == {relation.column for relation in relations.values()}


def test_all_is_by_table_name() -> None:
    """`ALL` has each factory under the name of its table."""
    assert {name: factory._meta.model.table for name, factory in factories.ALL.items()} == {
        name: name for name in factories.ALL
    }
