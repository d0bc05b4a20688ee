"""A fingerprint of a database and its server: everything that one test could leave for the next."""

from __future__ import annotations

from typing import Any, Final

import psycopg
from psycopg import sql

# Columns that are only physical.
PHYSICAL: Final = {
    "pg_class": {"relfilenode", "relfrozenxid", "relminmxid", "relallvisible", "relallfrozen"},
    "pg_shdepend": {"dbid"},
    "pg_db_role_setting": {"setdatabase"},
    "pg_database": {"oid", "datfrozenxid", "datminmxid"},
    "pg_statistic": {"stavalues1", "stavalues2", "stavalues3", "stavalues4", "stavalues5"},
}
CORRELATION: Final = 3  # STATISTIC_KIND_CORRELATION
TEMPORARY: Final = "SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_(toast_)?temp_'"
# What belongs to temporary objects of other sessions, which no user sees.
OF_SESSIONS: Final = {
    "pg_namespace": "nspname ~ '^pg_(toast_)?temp_'",
    "pg_class": f"relnamespace IN ({TEMPORARY})",
    "pg_type": f"typnamespace IN ({TEMPORARY})",
    "pg_proc": f"pronamespace IN ({TEMPORARY})",
    "pg_attribute": f"attrelid IN (SELECT oid FROM pg_class WHERE relnamespace IN ({TEMPORARY}))",
    "pg_index": f"indrelid IN (SELECT oid FROM pg_class WHERE relnamespace IN ({TEMPORARY}))",
    "pg_constraint": f"connamespace IN ({TEMPORARY})",
    "pg_statistic": f"starelid < 16384 OR starelid IN (SELECT oid FROM pg_class WHERE relnamespace IN ({TEMPORARY}))",
    "pg_depend": "true",  # by oids of all kinds; what they lead to is compared itself
    "pg_shdepend": "dbid NOT IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))"
    " OR classid = 'pg_database'::regclass",
    "pg_database": "starts_with(datname, 'swe_db_') AND datname <> current_database()",
    # A database that was replaced is dropped in the background.
    "pg_subscription": "subdbid <> (SELECT oid FROM pg_database WHERE datname = current_database())",
    "pg_db_role_setting": "setdatabase NOT IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))",
}
STATE: Final = {
    "sequences": "SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2",
    "prepared": "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()",
    "locks": "SELECT locktype, objid, mode FROM pg_locks WHERE locktype = 'advisory' AND database = "
    "(SELECT oid FROM pg_database WHERE datname = current_database())",
    "slots": "SELECT slot_name FROM pg_replication_slots",
    "settings": "SELECT name, setting FROM pg_settings WHERE source NOT IN ('session', 'client') ORDER BY 1",
    "large objects": "SELECT loid, pageno, data FROM pg_largeobject ORDER BY 1, 2",
}


# Of a larger relation the sum of its rows' hashes is kept: what differs there, its smaller neighbours mostly tell.
SHOWN: Final = 20_000  # characters
ROWS: Final = sql.SQL("""
  SELECT {name}, CASE WHEN sum(length(row)) > {shown} THEN ARRAY[count(*)::text, sum(hashtextextended(row, 0))::text]
    ELSE array_agg(row) END
  FROM (SELECT ROW({columns})::text COLLATE "C" AS row FROM {relation} AS t WHERE NOT ({left_out}) OFFSET 0) AS rows
""")
COLUMNS: Final = """
  SELECT n.nspname, c.relname, array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE NOT a.attisdropped)
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
  WHERE n.nspname = 'pg_catalog' AND c.relkind = 'r'
    OR c.oid >= 16384 AND c.relkind IN ('r', 'm', 'S') AND c.relpersistence <> 't'
  GROUP BY 1, 2
"""


def fingerprint(connection: psycopg.Connection[Any]) -> dict[str, object]:
    """Return the content of every table, catalogue and sequence, by name."""
    found: dict[str, object] = {name: connection.execute(query).fetchall() for name, query in STATE.items()}
    queries = [_rows(*relation) for relation in connection.execute(COLUMNS).fetchall()]
    content = connection.execute(sql.SQL("UNION ALL").join(queries)).fetchall()
    return found | {name: sorted(rows or ()) for name, rows in content}


def _rows(schema: str, name: str, columns: list[str] | None) -> sql.Composed:
    """Return the query of a relation's name and rows."""
    in_catalogue = schema == "pg_catalog"
    kept = [column for column in columns or () if not in_catalogue or column not in PHYSICAL.get(name, set())]
    return ROWS.format(
        name=sql.Literal(name if in_catalogue else f"{schema}.{name}"),
        shown=sql.Literal(SHOWN),
        columns=sql.SQL(", ").join(_value(name, column) for column in kept),
        relation=sql.Identifier(schema, name),
        left_out=sql.SQL(OF_SESSIONS.get(name, "false") if in_catalogue else "false"),
    )


def _value(table: str, column: str) -> sql.Composable:
    """Return what of a column is compared: nothing of a correlation, which is that of values with places on disk."""
    value = sql.Identifier("t", column)
    if table != "pg_statistic" or not column.startswith("stanumbers"):
        return value
    kind = sql.Identifier("t", f"stakind{column[-1]}")
    return sql.SQL("CASE WHEN {} <> {} THEN {} END").format(kind, sql.Literal(CORRELATION), value)


def differences(before: dict[str, object], after: dict[str, object]) -> dict[str, object]:
    """Return what is not the same in two fingerprints, by name."""
    return {
        name: (before.get(name), after.get(name))
        for name in before.keys() | after.keys()
        if before.get(name) != after.get(name)
    }
