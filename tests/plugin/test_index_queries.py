"""What `swe_queries.assert_uses_index` takes for a query that is on an index."""

from __future__ import annotations

from collections.abc import Callable

import pytest

RunPytest = Callable[..., pytest.RunResult]

TEST = """
import psycopg
import pytest

ON_AN_INDEX = [
    ("SELECT * FROM users WHERE id = %s", (1,)),
    ("SELECT * FROM users WHERE id = 1", None),
    ("SELECT * FROM users WHERE id = %s", None),
    ("SELECT * FROM users WHERE id = $1", None),
    ("SELECT * FROM tasks WHERE project_id = %(project)s AND status = %(status)s", None),
    ("SELECT * FROM tasks WHERE project_id = %(project)s", {"project": 1}),
    ("SELECT * FROM users WHERE lower(email) = lower($1) AND deleted_at IS NULL", None),
    ("SELECT * FROM users WHERE id = 1 OR id = 2", None),
    ("SELECT * FROM users WHERE email LIKE 'a%' AND id = $1", None),
    ("WITH one AS (SELECT * FROM users WHERE id = 1) SELECT * FROM one", None),
    ("WITH one AS MATERIALIZED (SELECT * FROM users WHERE id = $1) SELECT * FROM one WHERE username <> ''", None),
    ("SELECT * FROM tasks JOIN projects ON projects.id = project_id WHERE tasks.id = 1", None),
    ("SELECT * FROM users ORDER BY id LIMIT 10", None),
    ("SELECT * FROM audit_logs WHERE resource_type = 'task' AND resource_id = '1'", None),
    ("UPDATE users SET display_name = 'x' WHERE id = $1", None),
    ("DELETE FROM users WHERE id = %s", (1,)),
    ("SELECT * FROM tasks WHERE project_id = $1 ORDER BY id LIMIT 10", None),
    ("SELECT count(*) FROM users WHERE deleted_at IS NULL", None),
    ("SELECT * FROM tasks WHERE id = $1 AND status = 'todo' AND deleted_at IS NULL", None),
    ("SELECT * FROM users WHERE preferences @> '{}'", None),
    ("SELECT now(), g FROM generate_series(1, 3) AS g JOIN users ON users.id = g", None),
]
NOT = [
    ("SELECT * FROM users WHERE display_name || 'x' = 'y'", "scans users from end to end"),
    ("SELECT * FROM users WHERE display_name = %s ORDER BY id LIMIT 10", "scans users .* do not fit .*users_pkey"),
    ("SELECT 1", "does not use an index"),
    ("INSERT INTO users (username, email, display_name) VALUES ('a', 'b', 'c')", "does not use an index"),
    ("WITH one AS MATERIALIZED (SELECT * FROM users) SELECT * FROM one", "scans users from end to end"),
    ("SELECT * FROM audit_logs WHERE actor_name || '' = $1", "scans audit_logs.* from end to end"),
    ("SELECT * FROM users WHERE display_name = $1 AND deleted_at IS NULL", "scans users from end to end, for .* fit"),
    ("SELECT * FROM tasks WHERE title = 'x' AND status = 'todo'", "scans tasks from end to end"),
    ("SELECT * FROM two WHERE second = 1", "scans two from end to end, for its conditions do not fit two_key"),
    ("SELECT * FROM users TABLESAMPLE SYSTEM (10)", "scans users from end to end"),
]


@pytest.mark.parametrize(("query", "parameters"), ON_AN_INDEX)
def test_on_an_index(swe_queries, query, parameters):
    swe_queries.assert_uses_index(query, parameters)


@pytest.mark.parametrize(("query", "message"), NOT)
def test_not(swe_db, swe_queries, query, message):
    swe_db.execute("CREATE TABLE two (first int, second int)")
    swe_db.execute("CREATE INDEX two_key ON two (first, second)")
    swe_db.commit()
    swe_queries.clear()
    with pytest.raises(AssertionError, match=message):
        swe_queries.assert_uses_index(query)
    swe_queries.assert_count(0)


def test_named(swe_queries):
    swe_queries.assert_uses_index("SELECT * FROM users WHERE id = 1", name="users_pkey")
    with pytest.raises(AssertionError, match="does not use other, but users_pkey"):
        swe_queries.assert_uses_index("SELECT * FROM users WHERE id = 1", name="other")


def test_named_as_on_the_parent(swe_db, swe_queries):
    swe_db.execute("CREATE TABLE parent (key int) PARTITION BY LIST (key)")
    swe_db.execute("CREATE TABLE child PARTITION OF parent DEFAULT")
    swe_db.execute("CREATE INDEX parent_key ON parent (key)")
    swe_db.commit()
    for name in ("parent_key", "child_key_idx"):
        swe_queries.assert_uses_index("SELECT * FROM parent WHERE key = 1", name=name)


def test_nothing_is_run_and_nothing_stays(swe_db, swe_queries):
    swe_db.row_factory = psycopg.rows.dict_row
    swe_queries.assert_uses_index("DELETE FROM users WHERE id = %s", (1,), connection=swe_db)
    swe_queries.assert_uses_index("DELETE FROM users WHERE id = %s", connection=swe_db)
    with pytest.raises(psycopg.errors.UndefinedColumn):
        swe_queries.assert_uses_index("SELECT nope FROM users WHERE id = %s", connection=swe_db)
    swe_queries.assert_uses_index("SELECT FROM users WHERE id = 1; DELETE FROM agents", ())
    swe_queries.assert_count(0)
    facts = "SELECT (SELECT count(*) FROM agents) AS agents, current_setting('enable_seqscan') AS setting"
    assert swe_db.execute(facts).fetchone() == {"agents": 10, "setting": "on"}
    assert swe_db.execute("SELECT FROM pg_prepared_statements").fetchall() == []


def test_where_the_test_is(swe_db, swe_queries):
    swe_db.execute("CREATE TABLE mine (key int)")
    swe_db.execute("CREATE INDEX mine_key ON mine (key)")
    with pytest.raises(psycopg.errors.UndefinedTable):
        swe_queries.assert_uses_index("SELECT * FROM mine WHERE key = 1")
    swe_queries.assert_uses_index("SELECT * FROM mine WHERE key = 1", name="mine_key", connection=swe_db)
    swe_db.execute("SELECT * FROM mine WHERE key = 1")
    swe_queries.assert_uses_index(swe_queries.statements[-1].sql, connection=swe_db)


def test_a_lock_of_the_tests_own(swe_db, swe_queries):
    swe_db.execute("LOCK TABLE users")
    with pytest.raises(psycopg.errors.LockNotAvailable):
        swe_queries.assert_uses_index("SELECT * FROM users WHERE id = 1")
"""


@pytest.mark.parametrize("backend", ["local", "embedded"])
def test_it_tells_what_is_on_an_index(pytester: pytest.Pytester, run: RunPytest, backend: str) -> None:
    """A query passes if an index finds its rows; it fails if a table or an index is read for the sake of some rows."""
    pytester.makepyfile(TEST)
    result = run("--swe-db", f"--swe-db-backend={backend}")
    cases = TEST.count('    ("')
    result.assert_outcomes(passed=cases + TEST.count("\ndef test_") - 2)
