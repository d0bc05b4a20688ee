"""What a test leaves open is ended, and told with the test's id."""

from __future__ import annotations

from collections.abc import Callable

import pytest

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
