"""What swe_db.generate knows of the database by heart: columns and seeds. Run this file with a URL to write it anew.

The database of the URL is one that `swe-db setup` has made.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from swe_db.generate.parts import TABLES

PLACE = Path(__file__).parents[2] / "src" / "swe_db" / "generate" / "files"
COLUMNS = """
SELECT attname, pg_catalog.format_type(atttypid, atttypmod)
FROM pg_catalog.pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
ORDER BY attnum
"""


def columns_of(url: str) -> dict[str, dict[str, str]]:
    """Return the type of each column that is not generated, by table, in the order of the table."""
    with psycopg.connect(url) as connection:
        return {table: dict(connection.execute(COLUMNS, [f"public.{table}"]).fetchall()) for table in TABLES}


def seeds_of(url: str) -> dict[str, list[dict[str, str | None]]]:
    """Return the rows of the seeds as PostgreSQL writes their values at time zone UTC, by table."""
    found: dict[str, list[dict[str, str | None]]] = {}
    with psycopg.connect(url, options="-c TimeZone=UTC -c DateStyle=ISO") as connection:
        for table, columns in columns_of(url).items():
            rows = connection.execute(_rows(table, list(columns))).fetchall()
            if rows:
                found[table] = [dict(zip(columns, row, strict=True)) for row in rows]
    return found


def _rows(table: str, columns: list[str]) -> sql.Composed:
    values = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(column)) for column in columns)
    return sql.SQL("SELECT {} FROM {} ORDER BY id").format(values, sql.Identifier("public", table))


def as_json(content: Any) -> str:
    """Return the text of a file."""
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    (PLACE / "columns.json").write_text(as_json(columns_of(sys.argv[1])), encoding="utf-8")
    (PLACE / "seeds.json").write_text(as_json(seeds_of(sys.argv[1])), encoding="utf-8")
