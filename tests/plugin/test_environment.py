"""swe_db_env: the variables of the whole run, for applications that read them at import."""

from __future__ import annotations

from collections.abc import Callable

import pytest

RunPytest = Callable[..., pytest.RunResult]


@pytest.fixture
def application(pytester: pytest.Pytester, run: RunPytest) -> None:
    """An application that reads its URLs when it is imported, and a conftest that imports it."""
    pytester.makeini("[pytest]\nswe_db_env = true\n")  # in place of the one that `run` makes
    pytester.makepyfile(
        app="""
        import os

        URL = os.environ["DATABASE_URL"]
        REDIS_URL = os.environ["REDIS_URL"]
        """
    )
    pytester.makeconftest("import app")
    pytester.makepyfile(
        test_app="""
        import app
        import psycopg
        import pytest
        import redis

        AT_IMPORT = psycopg.connect(app.URL).execute("SELECT count(*) > 0 FROM users").fetchone()

        @pytest.mark.parametrize("turn", range(4))
        def test_it(swe_database, swe_redis, turn):
            assert AT_IMPORT == (True,)
            assert swe_database.url == app.URL
            with psycopg.connect(app.URL) as connection:
                connection.execute("CREATE TABLE made ()")
            with redis.Redis.from_url(app.REDIS_URL) as client:
                assert client.set("made", 1, nx=True)
        """
    )


@pytest.mark.usefixtures("application")
@pytest.mark.parametrize("workers", [[], ["-n2"]])
def test_an_application_may_read_them_at_import(run: RunPytest, workers: list[str]) -> None:
    """They are set before conftest and test modules are imported, and lead to a database that is ready."""
    run("--swe-db", "-W", "ignore::ResourceWarning", *workers).assert_outcomes(passed=4)


@pytest.mark.usefixtures("application")
def test_collecting_starts_nothing(run: RunPytest) -> None:
    """--collect-only imports the application with URLs where nothing listens."""
    result = run("--swe-db", "--collect-only", "-q", "--deselect", "test_app.py")
    assert "KeyError" not in result.stdout.str()


@pytest.mark.usefixtures("application")
def test_a_failing_start_is_a_usage_error(run: RunPytest) -> None:
    """Where no server can be had, pytest ends before anything is imported, with the remedy."""
    result = run("--swe-db", "--swe-db-backend=url")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: no Postgres for the tests*", "*SWE_DB_POSTGRES_URL*"])


@pytest.mark.usefixtures("application")
def test_every_test_begins_pristine(pytester: pytest.Pytester, run: RunPytest) -> None:
    """With the variables set for the whole run, a test that asks for nothing is isolated as well."""
    pytester.makepyfile(
        test_app="""
        import app
        import psycopg
        import pytest
        import redis

        @pytest.mark.parametrize("turn", range(2))
        def test_it(turn):
            with psycopg.connect(app.URL) as connection, redis.Redis.from_url(app.REDIS_URL) as client:
                assert connection.execute("DELETE FROM agents").rowcount == 10
                assert client.set("made", 1, nx=True)
        """
    )
    run("--swe-db").assert_outcomes(passed=2)


@pytest.mark.usefixtures("application")
@pytest.mark.parametrize("arguments", [["-n0"], ["-nauto", "--pdb"]])
def test_a_run_without_workers_has_servers(run: RunPytest, arguments: list[str]) -> None:
    """Where xdist is asked for but has no workers, this process runs the tests, on servers of its own."""
    run("--swe-db", "-W", "ignore::ResourceWarning", *arguments).assert_outcomes(passed=4)
