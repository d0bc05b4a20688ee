"""The project in tests/downstream, which uses swe-db as anybody would, passes wherever its servers come from."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import psycopg
import pytest

from support.backends import IMAGE_FLAGS
from support.inner import PYTEST
from swe_db.servers.server import PostgresServer, RedisServer

SERIAL: tuple[str, ...] = ()
TWO: tuple[str, ...] = ("-n2",)
# Every backend once, and each way of running with more than one of them.
RUNS = [("docker", TWO), ("local", SERIAL), ("local", TWO), ("embedded", SERIAL), ("url", TWO)]
if os.environ.get("TESTS_DOWNSTREAM") == "all":
    RUNS += [("docker", SERIAL), ("embedded", TWO), ("url", SERIAL)]
PROJECT = Path(__file__).parent / "downstream"


def run_project(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the project's own tests."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST", "SWE_DB", "DATABASE", "REDIS"))
    }
    command = [*PYTEST, str(PROJECT), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, cwd=PROJECT.parent.parent
    )


def databases_of_tests(postgres: PostgresServer) -> list[tuple[str]]:
    """The databases of tests, and those being built, that are on a server."""
    with psycopg.connect(postgres.url) as connection:
        query = "SELECT datname FROM pg_database WHERE datname ~ '^swe_db_[wb]_' ORDER BY 1"
        return connection.execute(query).fetchall()


def passed(result: subprocess.CompletedProcess[str]) -> bool:
    """Tell whether every test ran and passed."""
    last = result.stdout.strip().splitlines()[-1]
    return result.returncode == 0 and " passed" in last and "skipped" not in last


@pytest.mark.parametrize(("backend", "workers"), [each for each in RUNS if each[0] != "url"])
def test_it_passes(backend: str, workers: tuple[str, ...]) -> None:
    """On servers started here, serial and with two workers."""
    result = run_project("--swe-db", f"--swe-db-backend={backend}", *IMAGE_FLAGS, *workers)
    assert passed(result), result.stdout + result.stderr
    assert f"({backend}" in result.stdout


@pytest.mark.parametrize("workers", [workers for backend, workers in RUNS if backend == "url"])
def test_it_passes_by_url(postgres: PostgresServer, redis_server: RedisServer, workers: tuple[str, ...]) -> None:
    """On servers that the user names; only the template stays behind."""
    before = databases_of_tests(postgres)  # tests that kill a run leave its databases
    urls = [f"--swe-db-postgres-url={postgres.url}", f"--swe-db-redis-url={redis_server.url}"]
    result = run_project("--swe-db", "--swe-db-backend=url", *urls, *workers)
    assert passed(result), result.stdout + result.stderr
    assert databases_of_tests(postgres) == before


def test_it_is_skipped_without_the_switch() -> None:
    """Without --swe-db its tests are skipped and the line that says so is there."""
    result = run_project()
    assert result.returncode == 0, result.stdout + result.stderr
    assert "skipped because it is off (--swe-db switches it on)" in result.stdout
