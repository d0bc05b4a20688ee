"""What the catalogue of the built schema says: both ways to build it agree, and its conventions hold everywhere."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any, Final

import psycopg
import pytest
from psycopg import Connection

from support.sql import apply_migrations, apply_schema, apply_seeds

INDEXES: Final = {
    "users": 6,
    "projects": 7,
    "agents": 7,
    "agent_executions": 6,
    "tasks": 11,
    "task_comments": 4,
    "task_attachments": 3,
    "evidence": 7,
    "evidence_credibility_history": 1,
    "evidence_chains": 1,
    "audit_logs": 9,
    "activity_feed": 6,
    "schema_migrations": 0,
}
INDEXES_IN_ALL: Final = 67
KEYED_OTHERWISE: Final = {"schema_migrations"}

TABLES: Final = """
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
"""
INDEX_COUNTS: Final = """
    SELECT class.relname, count(*) FROM pg_index AS entry JOIN pg_class AS class ON class.oid = entry.indrelid
    WHERE class.relnamespace = 'public'::regnamespace AND NOT class.relispartition GROUP BY 1
"""
# The columns of the foreign key are the first of the index, in any order, and a condition admits all that are not NULL.
FOREIGN_KEYS_WITHOUT_INDEX: Final = """
    SELECT rule.conname FROM pg_constraint AS rule
    WHERE rule.contype = 'f' AND rule.connamespace = 'public'::regnamespace AND NOT EXISTS (
      SELECT FROM pg_index AS entry
      WHERE entry.indrelid = rule.conrelid AND entry.indisvalid
        AND (entry.indkey::int2[])[0:cardinality(rule.conkey) - 1] @> rule.conkey
        AND (entry.indpred IS NULL OR pg_get_expr(entry.indpred, entry.indrelid) IN (
          SELECT format('(%I IS NOT NULL)', column_name.attname) FROM pg_attribute AS column_name
          WHERE column_name.attrelid = rule.conrelid AND column_name.attnum = ANY (rule.conkey)
        ))
    )
"""
DUPLICATE_INDEXES: Final = """
    SELECT first.indexrelid::regclass::text, second.indexrelid::regclass::text
    FROM pg_index AS first JOIN pg_index AS second ON second.indrelid = first.indrelid
      AND second.indexrelid > first.indexrelid
      AND second.indkey = first.indkey AND second.indoption = first.indoption AND second.indclass = first.indclass
      AND pg_get_expr(second.indexprs, second.indrelid) IS NOT DISTINCT FROM pg_get_expr(first.indexprs, first.indrelid)
      AND pg_get_expr(second.indpred, second.indrelid) IS NOT DISTINCT FROM pg_get_expr(first.indpred, first.indrelid)
    JOIN pg_class AS class ON class.oid = first.indrelid
    WHERE class.relnamespace = 'public'::regnamespace
"""
WITHOUT_COMMENT: Final = """
    SELECT class.oid::regclass::text AS object FROM pg_class AS class
    WHERE class.relnamespace = 'public'::regnamespace AND class.relkind IN ('r', 'p')
      AND obj_description(class.oid, 'pg_class') IS NULL
    UNION ALL
    SELECT format('%s.%s', class.oid::regclass, field.attname)
    FROM pg_class AS class JOIN pg_attribute AS field ON field.attrelid = class.oid
    WHERE class.relnamespace = 'public'::regnamespace AND class.relkind IN ('r', 'p') AND NOT class.relispartition
      AND field.attnum > 0 AND NOT field.attisdropped AND col_description(class.oid, field.attnum) IS NULL
    UNION ALL
    SELECT proc.oid::regprocedure::text FROM pg_proc AS proc
    WHERE proc.pronamespace = 'public'::regnamespace AND obj_description(proc.oid, 'pg_proc') IS NULL
"""
# Type, NOT NULL, identity or generated, default.
COLUMNS: Final = """
    SELECT class.relname, field.attname, field.atttypid::regtype::text, field.attnotnull, field.attidentity::text,
      field.attgenerated::text, pg_get_expr(given.adbin, given.adrelid)
    FROM pg_class AS class
    JOIN pg_attribute AS field ON field.attrelid = class.oid
    LEFT JOIN pg_attrdef AS given ON given.adrelid = class.oid AND given.adnum = field.attnum
    WHERE class.relnamespace = 'public'::regnamespace AND class.relkind IN ('r', 'p') AND NOT class.relispartition
      AND field.attname IN ('id', 'external_id', 'created_at', 'updated_at')
"""
UNIQUE_CONSTRAINTS: Final = """
    SELECT conrelid::regclass::text, contype::text, array_agg(field.attname::text ORDER BY field.attnum)
    FROM pg_constraint JOIN pg_attribute AS field ON field.attrelid = conrelid AND field.attnum = ANY (conkey)
    WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'u') GROUP BY conrelid, contype, pg_constraint.oid
"""
TOUCHED: Final = """
    SELECT class.relname, array_remove(string_to_array(encode(rule.tgargs, 'escape'), E'\\\\000'), '')
    FROM pg_trigger AS rule JOIN pg_class AS class ON class.oid = rule.tgrelid
    WHERE rule.tgfoid = 'public.swe_touch_updated_at'::regproc
"""
GENERATED: Final = """
    SELECT class.relname, array_agg(field.attname::text ORDER BY field.attname)
    FROM pg_class AS class JOIN pg_attribute AS field ON field.attrelid = class.oid
    WHERE class.relnamespace = 'public'::regnamespace AND field.attgenerated <> '' GROUP BY 1
"""
UNSAFE_FUNCTIONS: Final = """
    SELECT oid::regprocedure::text FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace AND prosqlbody IS NULL
      AND (proconfig IS NULL OR NOT 'search_path=pg_catalog, pg_temp' = ANY (proconfig))
"""
DEFINERS_FOR_ALL: Final = """
    SELECT proc.oid::regprocedure::text
    FROM pg_proc AS proc, aclexplode(COALESCE(proc.proacl, acldefault('f', proc.proowner))) AS entry
    WHERE proc.pronamespace = 'public'::regnamespace AND proc.prosecdef AND entry.grantee = 0
"""
COLUMN_ORDER: Final = """
    SELECT class.relname, field.attname FROM pg_class AS class JOIN pg_attribute AS field ON field.attrelid = class.oid
    WHERE class.relnamespace = 'public'::regnamespace AND field.attnum > 0 ORDER BY class.relname, field.attnum
"""


def rows(connection: Connection[Any], query: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    return connection.execute(query.encode()).fetchall()


def names(connection: Connection[Any], query: str) -> set[str]:
    """Return the first column of a query."""
    return {row[0] for row in rows(connection, query)}


def catalogue(url: str) -> list[tuple[Any, ...]]:
    """Return what describes schema public, without anything that differs between databases built alike."""
    query = (files("swe_db.migrations") / "catalogue.sql").read_text(encoding="utf-8")
    with psycopg.connect(url) as connection:
        return rows(connection, query) + rows(connection, COLUMN_ORDER)


def test_schema_and_migrations_build_the_same_catalogue(new_database: Callable[[], str]) -> None:
    """A database built by the reference files equals one built by the migrations, in every definition."""
    reference, migrated = new_database(), new_database()
    apply_schema(reference)
    apply_migrations(migrated)
    expected = catalogue(reference)
    assert len(expected) > 500, "the query finds too little"
    assert catalogue(migrated) == expected


@pytest.mark.parametrize("apply", [apply_schema, apply_migrations])
def test_a_second_run_changes_nothing(new_database: Callable[[], str], apply: Callable[[str], None]) -> None:
    """Running the files again leaves definitions, rows and months of the audit trail as they were."""
    url = new_database()
    apply(url)
    apply_seeds(url)
    with psycopg.connect(url) as connection:
        connection.execute("SELECT public.swe_create_audit_partitions('2026-01-01', 2)")
    before = catalogue(url), contents(url)
    apply(url)
    assert (catalogue(url), contents(url)) == before


def contents(url: str) -> dict[str, list[str]]:
    """Return the rows of every table, and the tables that hold them."""
    with psycopg.connect(url) as connection:
        tables = names(
            connection,
            "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'p', 'S')"
            " AND relnamespace = 'public'::regnamespace",
        )
        return {table: sorted(str(row) for row in rows(connection, f"SELECT * FROM {table}")) for table in tables}


def test_the_tables_are_these(connection: Connection[Any]) -> None:
    """There are the thirteen tables and no other."""
    assert names(connection, TABLES) == INDEXES.keys()


def test_every_table_has_its_indexes(connection: Connection[Any]) -> None:
    """Each table has at least the indexes it is to have, and all together 67 or more."""
    counts = dict(rows(connection, INDEX_COUNTS))
    assert {table: least for table, least in INDEXES.items() if counts.get(table, 0) < least} == {}
    assert sum(counts.values()) >= INDEXES_IN_ALL


def test_every_foreign_key_has_an_index(connection: Connection[Any]) -> None:
    """No foreign key makes a DELETE of the other table scan this one."""
    assert names(connection, FOREIGN_KEYS_WITHOUT_INDEX) == set()


def test_no_index_is_there_twice(connection: Connection[Any]) -> None:
    """No two indexes of a table are the same in columns, order and condition."""
    assert rows(connection, DUPLICATE_INDEXES) == []


def test_everything_has_a_comment(connection: Connection[Any]) -> None:
    """Each table, each column and each function says what it is for."""
    assert names(connection, WITHOUT_COMMENT) == set()


def test_every_table_has_the_four_columns(connection: Connection[Any]) -> None:
    """Tables have id and external_id as keys, created_at and updated_at; updated_at may be generated."""
    found = {(table, column): rest for table, column, *rest in rows(connection, COLUMNS)}
    key = ["bigint", True, "a", "", None]
    external = ["uuid", True, "", "", "gen_random_uuid()"]
    stamp = ["timestamp with time zone", True, "", "", "CURRENT_TIMESTAMP"]
    generated = ["timestamp with time zone", True, "", "s", "created_at"]
    for table in INDEXES.keys() - KEYED_OTHERWISE:
        assert found[table, "id"] == key, table
        assert found[table, "external_id"] == external, table
        assert found[table, "created_at"] == stamp, table
        assert found[table, "updated_at"] in (stamp, generated), table


def test_the_two_keys_are_unique(connection: Connection[Any]) -> None:
    """The id is the primary key and external_id is unique, in audit_logs both together with its partition key."""
    found = {(table, kind, tuple(columns)) for table, kind, columns in rows(connection, UNIQUE_CONSTRAINTS)}
    for table in INDEXES.keys() - KEYED_OTHERWISE:
        also = ("created_at",) if table == "audit_logs" else ()
        assert {(table, "p", ("id", *also)), (table, "u", ("external_id", *also))} <= found


def test_updated_at_is_kept_by_a_trigger_or_generated(connection: Connection[Any]) -> None:
    """Each table but schema_migrations has the trigger, told its generated columns, or a generated updated_at."""
    generated = {table: set(columns) for table, columns in rows(connection, GENERATED)}
    touched = {table: set(columns) for table, columns in rows(connection, TOUCHED)}
    for table in INDEXES.keys() - KEYED_OTHERWISE:
        columns = generated.get(table, set())
        assert (touched.get(table) == columns) is ("updated_at" not in columns), table


def test_functions_fix_their_search_path(connection: Connection[Any]) -> None:
    """No function looks for names where its caller says, unless its body was bound when it was made."""
    assert names(connection, UNSAFE_FUNCTIONS) == set()


def test_what_runs_with_the_owners_rights_is_closed(connection: Connection[Any]) -> None:
    """PUBLIC may neither call a SECURITY DEFINER function nor make it a trigger."""
    assert names(connection, DEFINERS_FOR_ALL) == set()
