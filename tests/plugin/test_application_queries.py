"""What `swe_queries` sees of the application under test, from the log of a server of our own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from swe_db.servers.server import PostgresServer

RunPytest = Callable[..., pytest.RunResult]

APPLICATION = """
import pathlib
import subprocess
import threading
import time

import psycopg
import pytest
import sqlalchemy


def texts(queries):
    return [(each.source, each.sql) for each in queries.statements]


@pytest.fixture(scope="session")
def engine(swe_worker):
    url = sqlalchemy.make_url(swe_worker.url).set(drivername="postgresql+psycopg")
    engine = sqlalchemy.create_engine(url, pool_pre_ping=True)
    engine.connect().close()
    yield engine
    engine.dispose()


@pytest.fixture
def users(engine):
    def users(count):
        with engine.begin() as connection:
            for key in range(count):
                connection.execute(sqlalchemy.text("SELECT * FROM users WHERE id = :key"), {"key": key})

    return users


def test_sources(swe_queries):
    assert swe_queries.sources == ("test", "application")
    assert swe_queries.statements == []


@pytest.mark.parametrize("round", range(3))
def test_a_pool_that_was_open_before(users, swe_queries, round):
    users(2)
    swe_queries.assert_count(2, source="application")
    first, last = swe_queries.statements
    assert first.source == "application"
    assert " ".join(first.sql.split()) == "SELECT * FROM users WHERE id = $1"
    assert (first.parameters, last.parameters) == ("$1 = '0'", "$1 = '1'")
    assert first.pid == last.pid
    with pytest.raises(AssertionError, match="repeated 2 times: SELECT [*] FROM users WHERE id = [$]1"):
        swe_queries.assert_no_repeats()
    swe_queries.assert_no_repeats(source="test")
    swe_queries.assert_uses_index(first.sql, name="users_pkey")


def test_nothing_is_recorded_before_it_is_asked_for(users, request):
    users(3)
    queries = request.getfixturevalue("swe_queries")
    users(1)
    queries.assert_count(1)


def test_both_in_their_order(users, swe_db, swe_queries):
    users(1)
    swe_db.execute("SELECT 'mine'")
    swe_db.commit()
    users(1)
    swe_db.cursor().executemany("SELECT %s", [(1,), (2,)])
    assert [each.source for each in swe_queries.statements] == ["application", "test", "application", "test"]
    with swe_queries.expect(1, source="application"), swe_queries.expect(2):
        users(1)
        swe_db.execute("SELECT 1")
    swe_queries.clear()
    users(1)
    swe_queries.assert_count(1)
    report = str(swe_queries).splitlines()
    assert report[0] == "1 statement: 0 on the test's own connections, 1 on the application's"
    assert report[1].startswith("  1. application  SELECT * FROM users WHERE id = $1  <- $1 = '0'")


def test_a_new_engine_and_its_chores(swe_database, swe_queries):
    engine = sqlalchemy.create_engine(swe_database.sqlalchemy_url())
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("SELECT 'hello'"))
    engine.dispose()
    assert texts(swe_queries) == [("application", "SELECT 'hello'")]


PSQL = "SELECT 'a\\nb' AS \\"LOG:  statement: SELECT\\";\\n-- x\\nSELECT 42"


def test_a_subprocess(swe_postgres, swe_env, swe_queries):
    program = (swe_postgres.log.parent / "data/postmaster.opts").read_text().split()[0]
    psql = pathlib.Path(program).with_name("psql")
    subprocess.run([psql, "--no-psqlrc", "-c", PSQL, "-c", "SELECT 1", "-c", "SELECT 43"], check=True)
    assert texts(swe_queries) == [("application", PSQL), ("application", "SELECT 43")]
    assert {each.application_name for each in swe_queries.statements} == {"psql"}
    assert {each.location for each in swe_queries.statements} == {None}


def test_threads(swe_database, swe_queries):
    def work(key):
        with psycopg.connect(swe_database.url, autocommit=True, application_name="a b LOG:  c") as connection:
            for _ in range(20):
                connection.execute("SELECT %s", [f"{key}\\n" * 1000])

    threads = [threading.Thread(target=work, args=[key]) for key in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    (group,) = swe_queries.repeated()
    assert len(group.statements) == 80
    assert len({each.pid for each in group.statements}) == 4
    assert {each.application_name for each in group.statements} == {"a b LOG:  c"}
    assert {len(each.parameters) for each in group.statements} < set(range(1000, 1100))


def test_cursors_and_other_databases(swe_database, swe_queries):
    with psycopg.connect(swe_database.url) as connection:
        with connection.cursor("named") as cursor:
            cursor.execute("SELECT generate_series(1, 1000)")
            assert len(cursor.fetchmany(10)) == 10
            assert len(cursor.fetchall()) == 990
        connection.execute("SET LOCAL work_mem = '1MB'")
        with connection.cursor().copy("COPY (SELECT 4) TO STDOUT") as copy:
            list(copy)
    with psycopg.connect(swe_database.url, dbname="postgres") as connection:
        connection.execute("SELECT 'elsewhere'")
    assert [sql for _, sql in texts(swe_queries)] == [
        'DECLARE "named" CURSOR FOR SELECT generate_series(1, 1000)', "COPY (SELECT 4) TO STDOUT",
    ]


def test_what_it_leaves(swe_db):
    for _ in range(5000):
        if swe_db.execute("SHOW log_statement").fetchone() == ("none",):
            break
        time.sleep(0.001)
    assert swe_db.execute("SHOW log_statement").fetchone() == ("none",)
    assert "swe-db" not in swe_db.execute("SHOW log_line_prefix").fetchone()[0]
    assert swe_db.execute("SELECT size FROM pg_stat_file('postgresql.auto.conf')").fetchone()[0] < 100


def test_a_test_that_ends_every_session(swe_database, swe_queries):
    with psycopg.connect(swe_database.url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            " AND backend_type = 'client backend' AND datname = 'postgres'"
        )
    swe_queries.assert_count(1)


def test_and_the_next_one(users, swe_queries, swe_db):
    users(1)
    swe_queries.assert_count(1)
"""

WORKERS = """
import psycopg
import pytest


@pytest.mark.parametrize("number", range(6))
def test_alone(swe_database, swe_queries, number):
    with psycopg.connect(swe_database.url) as connection:
        for _ in range(50):
            connection.execute(f"SELECT 'number {number}'")
    assert {each.sql for each in swe_queries.statements} == {f"SELECT 'number {number}'"}
    swe_queries.assert_count(50)
"""

ELSEWHERE = """
import psycopg


def test_elsewhere(swe_db, swe_database, swe_queries):
    assert swe_queries.sources == ("test",)
    swe_db.execute("SELECT 'mine'")
    with psycopg.connect(swe_database.url) as connection:
        connection.execute("SELECT 'not seen'")
    swe_queries.assert_count(1)
    heading, *_ = str(swe_queries).splitlines()
    assert heading.startswith("1 statement on the test's own connections; the application's are not seen")
"""


@pytest.mark.parametrize("backend", ["local", "embedded"])
def test_it_records_the_application(pytester: pytest.Pytester, run: RunPytest, backend: str) -> None:
    """Each statement of another connection counts once, of whatever driver, thread or process; what drivers do not."""
    pytester.makepyfile(APPLICATION)
    result = run("--swe-db", f"--swe-db-backend={backend}")
    result.assert_outcomes(passed=APPLICATION.count("def test_") + 2)


def test_workers_do_not_see_each_other(pytester: pytest.Pytester, run: RunPytest) -> None:
    """Two workers of xdist that run at the same time see only their own statements."""
    pytester.makepyfile(WORKERS)
    result = run("--swe-db", "--swe-db-backend=local", "-n", "2")
    result.assert_outcomes(passed=6)


def test_the_log_of_a_named_server_is_left_alone(
    pytester: pytest.Pytester, run: RunPytest, postgres: PostgresServer
) -> None:
    """Where the user names the server, only the test's own statements are seen, and the report says so."""
    pytester.makepyfile(ELSEWHERE)
    flags = ("--swe-db-backend=url", "--swe-db-redis-backend=fake", f"--swe-db-postgres-url={postgres.url}")
    result = run("--swe-db", *flags)
    result.assert_outcomes(passed=1)


@pytest.mark.needs("docker")
def test_a_container_is_shared(pytester: pytest.Pytester, run: RunPytest) -> None:
    """A container serves all workers of a run, so its log is left alone too."""
    pytester.makepyfile(ELSEWHERE)
    result = run("--swe-db", "--swe-db-backend=docker")
    result.assert_outcomes(passed=1)
