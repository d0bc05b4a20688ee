"""What the database holds of a row that a factory made."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from swe_db.factories import Row

__all__ = ["stored"]


def stored(connection: psycopg.Connection[Any], row: Row) -> dict[str, Any]:
    """Return the columns of `row` as the database has them."""
    key = "version" if row.table == "schema_migrations" else "id"
    query = sql.SQL("SELECT * FROM {} WHERE {} = %s").format(sql.Identifier(row.table), sql.Identifier(key))
    with connection.cursor(row_factory=dict_row) as cursor:
        [found] = cursor.execute(query, (getattr(row, key),))
    return found
