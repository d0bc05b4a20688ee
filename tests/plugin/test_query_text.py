"""When two statements are the same one, and which of them do not count."""

from __future__ import annotations

import pytest

from swe_db.queries.text import is_chore, is_driver_chore, is_read, normalised, numbered

SAME = [
    ("SELECT * FROM t WHERE a = 1", "SELECT * FROM t WHERE a = ?"),
    ("SELECT  *\n FROM t -- all\n WHERE a = 'x''y' /* b\n = 1 */;", "SELECT * FROM t WHERE a = ?"),
    (r"SELECT e'a\'b', $x$ a ' $$ b $x$, U&'d', x'1F', -5, 1.5e3, .5", "SELECT ?, ?, ?, ?, -?, ?, ?"),
    ('SELECT "a1\'2", t2.c3, $1, %s, %(name)s', 'SELECT "a1\'2", t2.c3, $1, %s, %(name)s'),
    ("SELECT * FROM t WHERE a in (1, 2,3) AND b IN ($1)", "SELECT * FROM t WHERE a IN (?, ...) AND b IN (?, ...)"),
    ("SELECT 'a;b'; SELECT 2", "SELECT ?; SELECT ?"),
    ("SELECT 'never closed", "SELECT 'never closed"),
]
CHORES = [
    "",
    " ; ",
    "/* note */ BEGIN",
    "START  TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    "commit;",
    "RELEASE SAVEPOINT swe_db; SAVEPOINT swe_db",
    "SET search_path = a",
    "show standard_conforming_strings",
    "DEALLOCATE ALL",
    'FETCH FORWARD 10 FROM "c"',
]
DRIVER_CHORES = [
    "SELECT 1",
    "select pg_catalog.version()",
    "select current_schema()",
    "SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;",
    "SELECT current_setting('jit') AS cur, set_config('jit', 'off', false) AS new",
    "SELECT typname AS name, oid FROM pg_type t WHERE t.oid = to_regtype($1)",
    "WITH RECURSIVE typeinfo_tree (oid) AS (SELECT oid FROM pg_catalog.pg_type) SELECT * FROM typeinfo_tree",
]
QUERIES = [
    "SELECT 11",
    "SELECT 1 FROM users",
    "BEGIN; DELETE FROM users; COMMIT",
    "SELECT set_config('a', name, true) FROM users",
    "SELECT version FROM pages",
    "SELECT * FROM settings",
    "COMMENT ON TABLE users IS 'x'",
    "SETTLE",
    "DO $$ BEGIN; END $$",
    'DECLARE "c" CURSOR FOR SELECT 2',
    "NOTIFY a",
]


@pytest.mark.parametrize(("sql", "expected"), SAME)
def test_literals_comments_and_space_make_no_difference(sql: str, expected: str) -> None:
    """Statements that differ only in literals, comments, white space and the length of lists are the same."""
    assert normalised(sql) == expected


@pytest.mark.parametrize("sql", CHORES)
def test_chores(sql: str) -> None:
    """Transaction control and settings of the session do not count, whoever sends them."""
    assert is_chore(sql)
    assert is_driver_chore(sql)


@pytest.mark.parametrize("sql", DRIVER_CHORES)
def test_chores_of_drivers(sql: str) -> None:
    """What drivers and pools ask by themselves counts only where a test asks it."""
    assert is_driver_chore(sql)
    assert not is_chore(sql)


@pytest.mark.parametrize("sql", QUERIES)
def test_queries(sql: str) -> None:
    """Everything else counts."""
    assert not is_driver_chore(sql)


def test_what_reads() -> None:
    """A statement reads if it begins as one that returns rows."""
    assert is_read("/* a */ (select 1)")
    assert is_read("WITH x AS (SELECT 1) SELECT")
    assert not is_read("INSERT INTO t SELECT 1")
    assert not is_read("")


def test_placeholders_are_numbered() -> None:
    """Each placeholder of psycopg becomes the parameter that the server is given, outside of literals."""
    assert numbered("a = %s AND b = %(x)s AND c = %(x)s AND d = '%s' AND e LIKE 'a%%'") == (
        "a = $1 AND b = $2 AND c = $2 AND d = '%s' AND e LIKE 'a%'"
    )
    assert numbered("a = $1 AND b LIKE 'a%%'") == "a = $1 AND b LIKE 'a%%'"
