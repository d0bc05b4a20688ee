"""What `swe_queries` sees of a downstream test, and what it says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

RunPytest = Callable[..., pytest.RunResult]

PASSING = """
import psycopg
import pytest


def test_every_way_to_run_a_statement(swe_db, swe_queries):
    swe_db.execute("SELECT %s", (1,))
    with swe_db.cursor() as cursor:
        cursor.executemany("SELECT %s", [(1,), (2,)])
        list(cursor.stream("SELECT 3"))
        with cursor.copy("COPY (SELECT 4) TO STDOUT") as copy:
            list(copy)
    with swe_db.cursor("named") as cursor:
        assert cursor.execute("SELECT 5").fetchall() == [(5,)]
    swe_db.execute(psycopg.sql.SQL("SELECT {}").format(6), prepare=True)
    assert [statement.sql for statement in swe_queries.statements] == [
        "SELECT %s", "SELECT %s", "SELECT 3", "COPY (SELECT 4) TO STDOUT", "SELECT 5", "SELECT 6",
    ]
    assert {statement.pid for statement in swe_queries.statements} == {swe_db.info.backend_pid}
    assert swe_queries.statements[0].parameters == "(1,)"


def test_later_connections_and_budgets(swe_queries, swe_database):
    with swe_queries.expect(at_most=1):
        swe_database.connect().execute("SELECT 1")
    swe_queries.assert_count(1)
    with pytest.raises(AssertionError, match="at most 0 statements, ran 1"):
        swe_queries.assert_count(at_most=0)
    swe_queries.clear()
    assert len(swe_queries) == 0


def test_repeated(swe_db, swe_queries):
    for key in range(3):
        swe_db.execute("SELECT * FROM users WHERE id = %s", (key,))
    swe_db.execute("SELECT 1")
    (group,) = swe_queries.repeated(at_least=3)
    assert [statement.parameters for statement in group.statements] == ["(0,)", "(1,)", "(2,)"]


def test_index(swe_queries):
    swe_queries.assert_uses_index("SELECT * FROM users WHERE id = %s", (1,))
    swe_queries.assert_uses_index("SELECT * FROM users WHERE id = 1", name="users_pkey")
    with pytest.raises(AssertionError, match="does not use other"):
        swe_queries.assert_uses_index("SELECT * FROM users WHERE id = 1", name="other")
    with pytest.raises(AssertionError, match="scans users from end to end"):
        swe_queries.assert_uses_index("SELECT * FROM users WHERE display_name || 'x' = 'y'")
    swe_queries.assert_count(0)


@pytest.mark.asyncio
async def test_async(swe_async_db, swe_queries):
    await swe_async_db.execute("SELECT 1")
    async with swe_async_db.cursor() as cursor:
        async for _ in cursor.stream("SELECT 2"):
            pass
    assert [statement.sql for statement in swe_queries.statements] == ["SELECT 1", "SELECT 2"]
"""


def test_it_records_the_tests_own_connections(pytester: pytest.Pytester, run: RunPytest) -> None:
    """Each way to run a statement on a connection of the test counts once, and what swe-db asks does not count."""
    pytester.makepyfile(PASSING)
    result = run("--swe-db", "--swe-db-backend=local")
    result.assert_outcomes(passed=5)


def test_a_failed_test_lists_its_statements(pytester: pytest.Pytester, run: RunPytest) -> None:
    """The report of a failed test has the statements that it ran."""
    test = "def test_one(swe_db, swe_queries):\n    swe_db.execute('SELECT 42')\n    assert False\n"
    pytester.makepyfile(test)
    result = run("--swe-db", "--swe-db-backend=local")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*swe_queries*", "*1. SELECT 42"])
