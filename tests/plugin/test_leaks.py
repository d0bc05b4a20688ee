"""What a test leaves open is ended, and told with the test's id."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from swe_db.servers.server import PostgresServer, RedisServer

RunPytest = Callable[..., pytest.RunResult]

LEAKING = """
import psycopg

KEPT = []

def test_transaction(swe_database):
    KEPT.append(psycopg.connect(swe_database.url, application_name="shop"))
    KEPT[-1].execute("SELECT 1")

def test_lock(swe_database):
    KEPT.append(psycopg.connect(swe_database.url, autocommit=True))
    KEPT[-1].execute("SELECT pg_advisory_lock(1)")

def test_prepared(swe_database):
    with psycopg.connect(swe_database.url, autocommit=True) as connection:
        connection.execute("BEGIN")
        connection.execute("PREPARE TRANSACTION 'half'")

def test_nothing(swe_database):
    KEPT.append(psycopg.connect(swe_database.url, autocommit=True))
    KEPT[-1].execute("SELECT 1")

def test_pool_lives(swe_database):
    KEPT[-1].execute("SELECT 1")
"""


@pytest.mark.parametrize("workers", [[], ["-n2"]])
@pytest.mark.needs("local")
def test_leaks_are_told_with_the_test(pytester: pytest.Pytester, run: RunPytest, workers: list[str]) -> None:
    """Transactions, locks and prepared transactions are; an idle connection of a pool is none, and stays."""
    pytester.makepyfile(test_it=LEAKING)
    result = run("--swe-db", "--swe-db-backend=local", "--dist=loadfile", *workers)
    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines(
        [
            "*left open, and ended after the test*",
            "test_it.py::test_transaction: a session that is idle in transaction of shop; its last statement: SELECT 1",
            "test_it.py::test_lock: a session lock*; its last statement: SELECT pg_advisory_lock(1)",
            "test_it.py::test_prepared: a prepared transaction: half",
        ]
    )
    result.stdout.no_fnmatch_line("*test_nothing: *")


@pytest.mark.needs("local")
def test_strict_leaks_fail_the_test(pytester: pytest.Pytester, run: RunPytest) -> None:
    """With `--swe-db-strict-leaks` each of the three is an error at tear-down that says what was left."""
    pytester.makepyfile(test_it=LEAKING)
    result = run("--swe-db", "--swe-db-backend=local", "--swe-db-strict-leaks")
    result.assert_outcomes(passed=5, errors=3)
    result.stdout.fnmatch_lines(["*the test left open what it must close*", "*a session that is idle in transaction*"])


@pytest.mark.needs("local")
def test_redis_clients_are_told(pytester: pytest.Pytester, run: RunPytest) -> None:
    """A subscriber that a test leaves is ended and named with the test's id; --swe-db-strict-leaks fails the test."""
    pytester.makepyfile(
        """
        left = []

        def test_leaves(swe_redis, swe_redis_server):
            left.append(swe_redis_server.connect().pubsub())
            left[0].subscribe("channel")

        def test_next(swe_redis):
            assert swe_redis.publish("channel", "message") == 0
        """
    )
    flags = ("--swe-db", "--swe-db-backend=local", "-W", "ignore::ResourceWarning")
    result = run(*flags)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*test_leaves*a Redis client that is subscribed*"])
    run(*flags, "--swe-db-strict-leaks").assert_outcomes(passed=2, errors=1)


CHANGING = """
import psycopg, pytest

@pytest.mark.parametrize("statement", {statements!r})
def test_it(swe_database, statement):
    with psycopg.connect(swe_database.url, autocommit=True) as connection:
        connection.execute(statement)
"""


@pytest.mark.parametrize("flags", [(), ("--swe-db-strict-leaks",)])
def test_changes_on_a_shared_server_are_named(
    pytester: pytest.Pytester, run: RunPytest, postgres: PostgresServer, redis_server: RedisServer, flags: tuple[str]
) -> None:
    """What a test changes beside its database on a server of the user's is told with the test's id, and stays."""
    statements = ["CREATE ROLE left_behind", "ALTER ROLE left_behind LOGIN", "SELECT 1", "DROP ROLE left_behind"]
    pytester.makepyfile(test_it=CHANGING.format(statements=statements))
    result = run("--swe-db", f"--swe-db-postgres-url={postgres.url}", f"--swe-db-redis-url={redis_server.url}", *flags)
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        [
            "*changed on a server that others use, and left as it is*",
            "test_it.py::test_it[[]CREATE ROLE left_behind[]]: the role left_behind is new, by the test or by others*",
            "test_it.py::test_it[[]ALTER ROLE left_behind LOGIN[]]: the role left_behind was changed, *",
            "test_it.py::test_it[[]DROP ROLE left_behind[]]: the role left_behind is gone, *",
        ]
    )
    result.stdout.no_fnmatch_line("*SELECT 1*: *")


@pytest.mark.needs("docker")
def test_changes_on_a_container_of_its_own_are_undone(pytester: pytest.Pytester, run: RunPytest) -> None:
    """A container that serves one worker is put back as a whole, Redis too; where workers share one, it is named."""
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("turn", range(2))
        def test_it(swe_db, swe_redis, turn):
            swe_db.execute("CREATE ROLE left_behind")
            swe_db.commit()
            assert swe_redis.config_get("maxmemory-samples") == {"maxmemory-samples": "5"}
            swe_redis.config_set("maxmemory-samples", 7)
        """
    )
    flags = ("--swe-db", "--swe-db-backend=docker")
    run(*flags).assert_outcomes(passed=2)
    result = run(*flags, "-n2", "-k", "0")
    result.stdout.fnmatch_lines(["*the role left_behind is new, *"])
