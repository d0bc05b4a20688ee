"""The columns of the tables that are filled, with their types in PostgreSQL and in Arrow; and the rows of the seeds."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["columns_of", "conform", "schema_of", "seeded_tables", "tables"]

_TYPES: Final = {
    "bigint": pa.int64(),
    "text[]": pa.list_(pa.string()),
    "timestamp with time zone": pa.timestamp("ms", "UTC"),
}


@functools.cache
def _content(name: str) -> Any:  # noqa: ANN401 - it is JSON
    return json.loads((files("swe_db.generate.files") / f"{name}.json").read_text(encoding="utf-8"))


def tables() -> tuple[str, ...]:
    """Return the names of the tables, parents first."""
    return tuple(_content("columns"))


def columns_of(table: str) -> Mapping[str, str]:
    """Return the type of each column in PostgreSQL, in the order of the table; generated columns are left out."""
    columns: dict[str, str] = _content("columns")[table]
    return columns


@functools.cache
def schema_of(table: str) -> pa.Schema:
    """Return the columns as they are in Arrow: JSON, UUIDs and addresses are texts."""
    return pa.schema([(name, _arrow_type(sql_type)) for name, sql_type in columns_of(table).items()])


def _arrow_type(sql_type: str) -> pa.DataType:
    numeric = re.fullmatch(r"numeric\((\d+),(\d+)\)", sql_type)
    return pa.decimal128(int(numeric[1]), int(numeric[2])) if numeric else _TYPES.get(sql_type, pa.string())


def conform(name: str, table: pa.Table) -> pa.Table:
    """Return a table with the columns of the database in its order and types."""
    return table.select(schema_of(name).names).cast(schema_of(name))


def seeded_tables() -> dict[str, pa.Table]:
    """Return the rows of the bundled seeds, by table; their ids count from 1."""
    return {name: _seeded(schema_of(name), rows) for name, rows in _content("seeds").items()}


def _seeded(schema: pa.Schema, rows: list[dict[str, str | None]]) -> pa.Table:
    columns = [_typed(pa.array([row[field.name] for row in rows], pa.string()), field.type) for field in schema]
    return pa.table(columns, schema=schema)


def _typed(texts: pa.Array, wanted: pa.DataType) -> pa.Array:
    """Return the values that texts of PostgreSQL stand for."""
    if pa.types.is_list(wanted):
        return pc.split_pattern(pc.utf8_trim(texts, "{}"), ",")
    if pa.types.is_timestamp(wanted):
        return pc.replace_substring_regex(texts, r"\+00$", "Z").cast(wanted)
    return texts.cast(wanted)
