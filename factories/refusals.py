"""What PostgreSQL says about a row that it refuses, as one message with table, column and rule."""

from __future__ import annotations

import functools
import importlib.resources
import re
from collections.abc import Sequence
from typing import Final

import psycopg

from swe_db.errors import FactoryError
from swe_db.factories.tables import Table

__all__ = ["refused"]

CONSTRAINT: Final = r"\n  CONSTRAINT (\w+)\s+(.*?)(?=,\n  (?:CONSTRAINT|--)|\n\))"
UNIQUE_INDEX: Final = r"CREATE (UNIQUE) INDEX IF NOT EXISTS (\w+) ON [\w.]+ ([^;]*);"


def refused(error: psycopg.Error, table: Table, columns: Sequence[str]) -> FactoryError:
    """Return the error that tells which row was refused, and by which rule.

    Args:
        error: What PostgreSQL said.
        table: The table.
        columns: The columns that were written.
    """
    words = " ".join((error.diag.message_primary or str(error)).split())
    detail = f" ({key})" if (key := _key(error)) else ""
    hint = f"; its columns are {', '.join(table.columns)}" if isinstance(error, psycopg.errors.UndefinedColumn) else ""
    missing = (
        "; it was not made by the migrations of this version: see `swe-db verify`" if _is_old(error, table) else ""
    )
    return FactoryError(
        f"{_place(error, table, columns)}: {words}{detail}{hint or _rule(error)}{missing}", sqlstate=error.sqlstate
    )


def _is_old(error: psycopg.Error, table: Table) -> bool:
    if not isinstance(error, psycopg.errors.UndefinedColumn):
        return False
    named = re.findall(r'"(\w+)"', error.diag.message_primary or "")
    return bool(named) and named[0] in table.columns


def _place(error: psycopg.Error, table: Table, columns: Sequence[str]) -> str:
    name = error.diag.table_name or table.name
    if error.diag.column_name:
        return f"{name}.{error.diag.column_name}"
    text = _key(error).partition("=")[0] or f"{_rule(error)} {error.diag.message_primary}"
    named = [column for column in columns if re.search(rf"\b{re.escape(column)}\b", text)]
    return ", ".join(f"{name}.{column}" for column in named) or name


def _key(error: psycopg.Error) -> str:
    """Return the detail that names the key, empty where it shows the whole row."""
    detail = error.diag.message_detail or ""
    return detail if detail.startswith("Key ") else ""


def _rule(error: psycopg.Error) -> str:
    name = error.diag.constraint_name
    if not name:
        return ""
    rule = _rules().get(name)
    return f"; the rule is {name}: {rule}" if rule else f"; the rule is {name}"


@functools.cache
def _rules() -> dict[str, str]:
    """Return the constraints and unique indexes of the schema that swe-db brings, by name.

    They are read from its files: after an error the connection answers nothing until its transaction has ended.
    """
    folder = importlib.resources.files("swe_db").joinpath("sql", "schema")
    texts = [file.read_text(encoding="utf-8") for file in folder.iterdir() if file.name.endswith(".sql")]
    rules: dict[str, str] = {}
    for text in texts:
        rules.update(dict(re.findall(CONSTRAINT, text, re.DOTALL)))
        rules.update({name: f"{unique} {what}" for unique, name, what in re.findall(UNIQUE_INDEX, text)})
    return {name: " ".join(rule.split()) for name, rule in rules.items()}
