"""Whatever a test does, the next one begins with the pristine state."""

from __future__ import annotations

from collections.abc import Callable

import pytest

RunPytest = Callable[..., pytest.RunResult]

ACTS = """
import os
import subprocess
import sys
import threading

import psycopg
import pytest

USER = "INSERT INTO users (username, email, display_name) VALUES ('kim', 'kim@example.org', 'Kim')"


def commit(database):
    with psycopg.connect(database.url) as connection:
        connection.execute(USER)


def ten_connections(database):
    connections = [psycopg.connect(database.url) for _ in range(10)]
    connections[3].execute(USER)
    connections[3].commit()
    connections[4].execute("LOCK users")
    pytest.shared = connections  # left open, one in a transaction


def thread(database):
    worker = threading.Thread(target=commit, args=[database])
    worker.start()
    worker.join()


def subprocess_commits(database):
    code = f"import psycopg; c = psycopg.connect(); c.execute({USER!r}); c.commit()"
    env = {**os.environ, "PGPASSWORD": database.password, "PGHOST": database.host, "PGPORT": str(database.port)}
    env.update(PGUSER=database.user, PGDATABASE=database.name)
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, env=env)


def ddl(database):
    with psycopg.connect(database.url) as connection:
        connection.execute("ALTER TABLE users ADD COLUMN extra int")
        connection.execute("CREATE SCHEMA other")
        connection.execute("DROP TABLE schema_migrations")


def sequence(database):
    with psycopg.connect(database.url) as connection:
        connection.execute(USER)
        connection.rollback()


def truncate(database):
    with psycopg.connect(database.url) as connection:
        connection.execute("TRUNCATE users CASCADE")


def prepared(database):
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("BEGIN")
        connection.execute(USER)
        connection.execute("PREPARE TRANSACTION 'left behind'")


def number(database):
    with psycopg.connect(database.url, autocommit=True) as connection:
        for (name,) in connection.execute("SELECT oid::regclass::text FROM pg_class WHERE relkind = 'S'").fetchall():
            connection.execute("SELECT nextval(%s)", [name])


def unlogged(database):
    with psycopg.connect(database.url) as connection:
        connection.execute("CREATE UNLOGGED TABLE unlogged (n int)")


def template(database):
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {database.name} IS_TEMPLATE true")


def subscription(database):
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(
            "CREATE SUBSCRIPTION behind CONNECTION 'host=127.0.0.1 port=1' PUBLICATION p WITH (connect = false)"
        )


def end_everybody(database):
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    commit(database)


def read(database):
    content(database)


ACTED = [number, unlogged, template, subscription, end_everybody, read, commit, ten_connections, thread]
ACTED += [subprocess_commits, ddl, sequence, truncate, prepared]


def content(database):
    with psycopg.connect(database.url) as connection:
        tables = connection.execute(
            "SELECT c.oid::regclass::text FROM pg_class c WHERE relkind IN ('r', 'p', 'S')"
            " AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)"
            " AND relpersistence <> 't' AND relnamespace <> 'pg_toast'::regnamespace ORDER BY 1"
        ).fetchall()
        columns = connection.execute(
            "SELECT attrelid::regclass::text, attname FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid"
            " WHERE attnum > 0 AND relpersistence <> 't' ORDER BY 1, 2"
        )
        rows = {name: sorted(map(str, connection.execute(f"SELECT * FROM {name}"))) for (name,) in tables}
        return columns.fetchall(), rows


@pytest.fixture(scope="session")
def pristine():
    return []


@pytest.mark.parametrize("turn", range(2))
@pytest.mark.parametrize("act", ACTED)
def test_act(swe_database, swe_redis, pristine, act, turn):
    found = content(swe_database)
    pristine.append(found)
    assert found == pristine[0]
    assert swe_redis.dbsize() == 0
    act(swe_database)
    swe_redis.set("left", "behind")
    swe_redis.execute_command("SELECT", 3)
    swe_redis.set("left", "behind")
    swe_redis.execute_command("SELECT", 0)
"""


@pytest.mark.parametrize("backend", ["docker", "local", "embedded"])
def test_the_next_test_begins_pristine(pytester: pytest.Pytester, run: RunPytest, backend: str) -> None:
    """Commits, threads, subprocesses, DDL, sequences, TRUNCATE and open connections leave nothing to the next test."""
    pytester.makepyfile(ACTS)
    run("--swe-db", f"--swe-db-backend={backend}", "-W", "ignore::ResourceWarning").assert_outcomes(
        passed=2 * ACTS.count("(database):") - 2
    )


def test_a_worker_keeps_its_url(pytester: pytest.Pytester, run: RunPytest) -> None:
    """The URLs of a worker are the same in each of its tests."""
    pytester.makepyfile(
        """
        import pytest

        seen = set()

        @pytest.mark.parametrize("turn", range(3))
        def test_url(swe_database, swe_redis, swe_worker, turn):
            seen.add((swe_database.url, swe_worker.url, swe_worker.redis_url))
            assert len(seen) == 1
            assert swe_database.url == swe_worker.url
        """
    )
    run("--swe-db").assert_outcomes(passed=3)


MARKED = """
import pytest

INSERT = "INSERT INTO users (username, email, display_name) VALUES ('kim', 'k@example.org', 'Kim')"

@pytest.mark.parametrize("turn", range(2))
@pytest.mark.swe_db(isolation={kind!r})
def test_it(swe_db, swe_database, turn):
    assert swe_db.execute("SELECT count(*) FROM users WHERE username = 'kim'").fetchone() == (0,)
    swe_db.execute(INSERT)
    swe_db.commit()
    with pytest.raises(Exception):
        swe_db.execute("SELECT 1 / 0")
    swe_db.rollback()
    assert swe_db.execute("SELECT count(*) FROM users WHERE username = 'kim'").fetchone() == (1,)
    with swe_database.connect() as other:
        seen = other.execute("SELECT count(*) FROM users WHERE username = 'kim'").fetchone()
    assert seen == ({others},)
"""


@pytest.mark.parametrize(("kind", "others"), [("reset", 1), ("clone", 1), ("rollback", 0)])
@pytest.mark.needs("local")
def test_the_marker_chooses_the_isolation(pytester: pytest.Pytester, run: RunPytest, kind: str, others: int) -> None:
    """Each way gives the next test what this one had; with `rollback` other connections do not see a commit."""
    pytester.makepyfile(MARKED.format(kind=kind, others=others))
    run("--swe-db", "--swe-db-backend=local").assert_outcomes(passed=2)
