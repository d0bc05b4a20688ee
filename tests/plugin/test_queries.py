"""What `swe_queries` sees of a downstream test's own connections, and what it says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

RunPytest = Callable[..., pytest.RunResult]

PASSING = """
import psycopg
import pytest
from psycopg import sql


def line(function, number):
    return f"test_it_records_the_tests_own_connections.py:{function.__code__.co_firstlineno + number}"


def texts(queries):
    return [statement.sql for statement in queries.statements]


def test_every_way_to_run_a_statement(swe_db, swe_queries):
    swe_db.execute("SELECT %s", (1,))
    with swe_db.cursor() as cursor:
        cursor.executemany("SELECT %s", [(1,), (2,)])
        list(cursor.stream("SELECT 3"))
        with cursor.copy("COPY (SELECT 4) TO STDOUT") as copy:
            list(copy)
    with swe_db.cursor("named") as cursor:
        assert cursor.execute("SELECT 5").fetchall() == [(5,)]
    swe_db.execute(sql.SQL("SELECT {}").format(6), prepare=True)
    swe_db.execute(query=b"SELECT 7", params=None)
    assert texts(swe_queries) == [
        "SELECT %s", "SELECT %s", "SELECT 3", "COPY (SELECT 4) TO STDOUT", "SELECT 5", "SELECT 6", "SELECT 7",
    ]
    assert {statement.pid for statement in swe_queries.statements} == {swe_db.info.backend_pid}
    assert swe_queries.statements[0].parameters == "(1,)"
    assert swe_queries.statements[0].location == line(test_every_way_to_run_a_statement, 1)
    assert {statement.source for statement in swe_queries.statements} == {"test"}


def test_every_cursor(swe_db, swe_queries):
    class Mine(psycopg.Cursor):
        def execute(self, query, params=None, **options):
            return super().execute(f"{query} + 1", params, **options)

    psycopg.ClientCursor(swe_db, row_factory=psycopg.rows.dict_row).execute("SELECT 'a%%', %s", (1,))
    psycopg.ServerCursor(swe_db, "c").execute("SELECT 2").close()
    swe_db.cursor_factory = Mine
    assert swe_db.execute("SELECT 3").fetchone() == (4,)
    swe_db.cursor_factory = psycopg.Cursor
    with swe_db.pipeline():
        swe_db.execute("SELECT 5")
        swe_db.execute("SELECT 6")
    assert texts(swe_queries) == ["SELECT 'a%%', %s", "SELECT 2", "SELECT 3 + 1", "SELECT 5", "SELECT 6"]


def test_what_is_no_query(swe_db, swe_queries):
    with swe_db.transaction(), swe_db.transaction():
        swe_db.execute("/* why */ SET LOCAL work_mem = '1MB'")
        swe_db.execute("SHOW work_mem")
    swe_db.execute("BEGIN; COMMIT")
    swe_db.execute("")
    swe_queries.assert_count(0)
    swe_db.execute("BEGIN; SELECT 1; COMMIT")
    swe_queries.assert_count(1)


def test_what_fails_stays_as_it_was(swe_db, swe_queries):
    with pytest.raises(psycopg.errors.UndefinedColumn):
        swe_db.execute("SELECT nope")
    with pytest.raises(TypeError):
        swe_db.execute()
    assert texts(swe_queries) == ["SELECT nope"]
    swe_db.close()
    with pytest.raises(psycopg.OperationalError, match="closed"):
        swe_db.execute(sql.SQL("SELECT {}").format("x"))


def test_parameters_are_told_briefly_and_not_used_up(swe_db, swe_queries):
    swe_db.execute("CREATE TEMPORARY TABLE t (x text)")
    swe_db.cursor().executemany("INSERT INTO t VALUES (%s)", ((key,) for key in "ab"))
    swe_db.execute("INSERT INTO t VALUES (%(x)s)", {"x": "y" * 10_000})
    assert swe_db.execute("SELECT count(*) FROM t").fetchone() == (3,)
    none, many, long, _ = (statement.parameters for statement in swe_queries.statements)
    assert none is many is None
    assert len(long) < 300


def test_later_connections_and_budgets(swe_queries, swe_database):
    with swe_queries.expect(at_most=1):
        swe_database.connect().execute("SELECT 1")
    swe_queries.assert_count(1)
    swe_queries.assert_count(1, source="test")
    with pytest.raises(AssertionError, match="at most 0 statements, ran 1"):
        swe_queries.assert_count(at_most=0)
    swe_queries.clear()
    assert len(swe_queries) == 0
    with pytest.raises(ValueError, match="is 'nobody'"):
        swe_queries.assert_count(0, source="nobody")


def test_repeated(swe_db, swe_queries):
    for key in range(3):
        swe_db.execute("SELECT * FROM users WHERE id = %s", (key,))
        swe_db.execute(f"SELECT  * FROM agents WHERE slug = 'a{key}' AND id IN ({', '.join('123'[: key + 1])})")
        swe_db.execute("DELETE FROM users WHERE id = %s", (-1,))
    swe_db.execute("SELECT 1")
    assert len(swe_queries.repeated(at_least=3)) == 3
    group = swe_queries.repeated()[0]
    assert [statement.parameters for statement in group.statements] == ["(0,)", "(1,)", "(2,)"]
    swe_queries.assert_no_repeats(at_least=4)
    with pytest.raises(AssertionError) as caught:
        swe_queries.assert_no_repeats()
    assert str(caught.value).splitlines() == [
        "2 queries ran 2 times or more (N+1)",
        "repeated 3 times: SELECT * FROM users WHERE id = %s",
        f"    at {line(test_repeated, 2)}",
        "    first: (0,)",
        "    last:  (2,)",
        "repeated 3 times: SELECT * FROM agents WHERE slug = ? AND id IN (?, ...)",
        f"    at {line(test_repeated, 3)}",
        "    first: SELECT * FROM agents WHERE slug = 'a0' AND id IN (1)",
        "    last:  SELECT * FROM agents WHERE slug = 'a2' AND id IN (1, 2, 3)",
    ]


@pytest.mark.swe_db(isolation="rollback")
def test_rollback(swe_db, swe_queries):
    swe_db.execute("SELECT 1")
    swe_db.commit()
    swe_db.execute("SELECT 2")
    swe_db.rollback()
    assert texts(swe_queries) == ["SELECT 1", "SELECT 2"]


@pytest.mark.asyncio
async def test_async(swe_async_db, swe_queries):
    await swe_async_db.execute("SELECT 1")
    async with swe_async_db.cursor() as cursor:
        async for _ in cursor.stream("SELECT 2"):
            pass
        async with cursor.copy("COPY (SELECT 3) TO STDOUT") as copy:
            [_ async for _ in copy]
        await cursor.executemany("SELECT %s", [(4,)])
    async with swe_async_db.cursor("named") as cursor:
        await cursor.execute("SELECT 5")
    await psycopg.AsyncClientCursor(swe_async_db).execute("SELECT 6")
    assert texts(swe_queries) == [
        "SELECT 1", "SELECT 2", "COPY (SELECT 3) TO STDOUT", "SELECT %s", "SELECT 5", "SELECT 6",
    ]
    assert swe_queries.statements[0].location == line(test_async, 2)


def test_psycopg_is_as_it_was_afterwards():
    assert psycopg.Cursor.execute.__module__ == "psycopg.cursor"
    assert not hasattr(psycopg.Cursor.execute, "__wrapped__")
"""


def test_it_records_the_tests_own_connections(pytester: pytest.Pytester, run: RunPytest) -> None:
    """Each way to run a statement on a connection of the test counts once, whatever the class of its cursor."""
    pytester.makepyfile(PASSING)
    result = run("--swe-db", "--swe-db-backend=local")
    result.assert_outcomes(passed=PASSING.count("def test_"))


def test_a_failed_test_lists_its_statements(pytester: pytest.Pytester, run: RunPytest) -> None:
    """The report of a failed test has the statements that it ran and where, and says of whom there are some."""
    test = "def test_one(swe_db, swe_queries):\n    swe_db.execute('SELECT 42')\n    assert False\n"
    pytester.makepyfile(test_one=test)
    result = run("--swe-db", "--swe-db-backend=local")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*swe_queries*",
            "1 statement: 1 on the test's own connections, 0 on the application's",
            "  1. test *SELECT 42  (test_one.py:2)",
        ]
    )
