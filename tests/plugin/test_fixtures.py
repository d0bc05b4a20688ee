"""What each fixture gives to a downstream test."""

from __future__ import annotations

from collections.abc import Callable

import pytest

RunPytest = Callable[..., pytest.RunResult]

FIXTURES = """
import os
import subprocess
import sys
from urllib.parse import urlsplit

import psycopg
import pytest
import redis


def test_postgres(swe_postgres):
    assert swe_postgres.backend == "local"
    assert swe_postgres.version.split(".")[0].isdigit()
    assert urlsplit(swe_postgres.url).hostname == "127.0.0.1"
    with psycopg.connect(swe_postgres.url) as connection:
        row = connection.execute(
            "SELECT current_setting('server_version'), current_setting('TimeZone'), rolsuper"
            " FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    assert (row[0].split()[0], row[1], row[2]) == (swe_postgres.version, "UTC", True)


def test_redis_server(swe_redis_server):
    with redis.Redis.from_url(swe_redis_server.url) as client:
        info = client.info("server")
    assert swe_redis_server.version in (info["redis_version"], info.get("valkey_version"))
    assert urlsplit(swe_redis_server.url).hostname == "127.0.0.1"


def test_database(swe_database, swe_worker):
    parts = urlsplit(swe_database.url)
    assert swe_database.url == swe_worker.url
    assert (swe_database.host, swe_database.port) == (parts.hostname, parts.port)
    assert (swe_database.user, swe_database.password) == (parts.username, parts.password)
    assert swe_database.name == parts.path[1:]
    assert swe_database.sqlalchemy_url("asyncpg") == swe_database.url.replace("postgresql:", "postgresql+asyncpg:")
    with psycopg.connect(swe_database.url) as connection:
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
        assert connection.execute("SELECT count(*) > 0 FROM users").fetchone() == (True,)


def test_connect_takes_a_role_and_a_user(swe_database):
    connection = swe_database.connect(role="swe_user", user_id=7, autocommit=True)
    assert connection.execute("SELECT current_user, current_setting('swe.user_id')").fetchone() == ("swe_user", "7")


def test_the_role_survives_a_rollback(swe_database):
    connection = swe_database.connect(role="swe_user")
    connection.execute("SELECT 1")
    connection.rollback()
    assert connection.execute("SELECT current_user").fetchone() == ("swe_user",)


def test_db(swe_db, swe_database):
    assert isinstance(swe_db, psycopg.Connection)
    assert not swe_db.autocommit
    assert swe_db.info.dbname == swe_database.name


def test_redis(swe_redis, swe_redis_server):
    swe_redis.set("key", "value")
    assert swe_redis.get("key") == b"value"
    with redis.Redis.from_url(swe_redis_server.url) as other:
        assert other.get("key") == b"value"


def test_env(swe_env, swe_database, swe_redis_server):
    assert os.environ["DATABASE_URL"] == swe_env["DATABASE_URL"] == swe_database.url
    assert os.environ["REDIS_URL"] == swe_redis_server.url
    code = "import psycopg; print(psycopg.connect().info.dbname)"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == swe_database.name, done.stderr


def test_env_is_gone_after_the_test():
    assert "DATABASE_URL" not in os.environ
    assert "PGHOST" not in os.environ


def test_env_removes_what_would_mislead(monkeypatch, request):
    monkeypatch.setenv("PGHOSTADDR", "192.0.2.1")
    request.getfixturevalue("swe_env")
    assert "PGHOSTADDR" not in os.environ


def test_a_misleading_environment_does_not_lead_our_own_connections_astray(monkeypatch, request):
    monkeypatch.setenv("PGHOSTADDR", "192.0.2.1")
    assert request.getfixturevalue("swe_db").execute("SELECT 1").fetchone() == (1,)


@pytest.mark.swe_db
def test_the_marker_sets_the_environment():
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.fixture
def application():
    return os.environ["DATABASE_URL"]


@pytest.mark.swe_db
def test_the_marker_comes_before_the_projects_fixtures(application, swe_database):
    assert application == swe_database.url


def test_the_variables_of_the_shell_have_no_part_in_our_connections(monkeypatch, swe_database):
    for name, value in {"PGSSLMODE": "require", "PGOPTIONS": "-c nonsense=1", "PGSERVICE": "nope"}.items():
        monkeypatch.setenv(name, value)
    assert swe_database.connect().execute("SELECT 1").fetchone() == (1,)


def test_all_share_one_database(swe_db, swe_database, swe_env):
    swe_db.execute("CREATE TABLE shared ()")
    swe_db.commit()
    with swe_database.connect() as second, psycopg.connect(os.environ["DATABASE_URL"]) as third:
        assert second.execute("SELECT count(*) FROM shared").fetchone() == (0,)
        assert third.execute("SELECT count(*) FROM shared").fetchone() == (0,)
"""

UNITTEST = """
import os
import unittest

import psycopg
import pytest


@pytest.mark.usefixtures("swe_env")
class TestTasks(unittest.TestCase):
    def test_environment(self):
        with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
            self.assertEqual(connection.execute("SELECT 1").fetchone(), (1,))
"""

LOAD = """
import psycopg
import pytest


@pytest.fixture(scope="session", autouse=True)
def loaded(swe_worker):
    swe_worker.load("CREATE TABLE one (n int); INSERT INTO one VALUES (1)")
    swe_worker.load(load_two)
    swe_worker.load(load_three)


def load_two(connection):
    connection.execute("CREATE TABLE two (n int)")
    connection.execute("INSERT INTO two VALUES (2)")


async def load_three(connection):
    await connection.execute("CREATE TABLE three (n int)")
    await connection.execute("INSERT INTO three VALUES (3)")


@pytest.mark.parametrize("time", range(2))
def test_loaded(swe_db, time):
    assert swe_db.execute("SELECT * FROM one, two, three").fetchall() == [(1, 2, 3)]
    swe_db.execute("DELETE FROM one")
    swe_db.commit()


def test_a_failing_load_changes_nothing(swe_worker):
    with pytest.raises(psycopg.errors.UndefinedTable):
        swe_worker.load("CREATE TABLE half (); SELECT * FROM nowhere")


def test_nothing_half(swe_db):
    assert swe_db.execute("SELECT to_regclass('half'), to_regclass('one')::text").fetchone() == (None, "one")


def test_not_inside_a_test(swe_worker, swe_db):
    with pytest.raises(Exception, match="session or module scope"):
        swe_worker.load("SELECT 1")
"""


@pytest.mark.needs("local")
def test_each_fixture_is_what_the_contract_says(pytester: pytest.Pytester, run: RunPytest) -> None:
    """Every fixture of the table in the README gives what it promises."""
    pytester.makepyfile(FIXTURES)
    run("--swe-db", "--swe-db-backend=local").assert_outcomes(passed=FIXTURES.count("\ndef test_"))


def test_env_serves_a_unittest_class(pytester: pytest.Pytester, run: RunPytest) -> None:
    """A unittest.TestCase gets the environment with usefixtures."""
    pytester.makepyfile(UNITTEST)
    run("--swe-db").assert_outcomes(passed=1)


def test_load_adds_to_what_every_test_begins_with(pytester: pytest.Pytester, run: RunPytest) -> None:
    """SQL, a function and an async function add to the pristine state; a failing one and one inside a test do not."""
    pytester.makepyfile(LOAD)
    run("--swe-db").assert_outcomes(passed=5)


def test_a_fixture_can_be_overridden(pytester: pytest.Pytester, run: RunPytest) -> None:
    """A project replaces a fixture by one of the same name, on top of ours."""
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture
        def swe_db(swe_db):
            swe_db.execute("SET application_name = 'mine'")
            return swe_db
        """
    )
    pytester.makepyfile("def test_mine(swe_db): assert swe_db.execute('SHOW application_name').fetchone() == ('mine',)")
    run("--swe-db").assert_outcomes(passed=1)
