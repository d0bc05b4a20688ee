"""The report of a failed test has what its Postgres and Redis were like."""

from __future__ import annotations

from collections.abc import Callable

import pytest

RunPytest = Callable[..., pytest.RunResult]

# Reports give up after two seconds, in which a busy machine may have had no time for them.
PATIENT = """
from swe_db import failure
from swe_db.isolation import differences

failure.TIME, failure.TIMEOUT, differences.TIME = "60s", 60, 60.0
"""
CHANGING = f"""{PATIENT}
import psycopg

def test_changes(swe_database, swe_db, swe_redis):
    with swe_database.connect(autocommit=True) as connection:
        connection.execute("UPDATE projects SET name = 'Other' WHERE slug = 'moe-router'")
        connection.execute("DELETE FROM agents WHERE slug = 'tester'")
        connection.execute("CREATE TABLE extra (id int)")
        connection.execute("UPDATE users SET role = role")
    swe_db.execute("INSERT INTO tasks (project_id, title) VALUES (1, 'Not committed')")
    swe_redis.set("greeting", "hello", ex=50)
    swe_redis.rpush("queue", "a", "b")
    raise ValueError("so")

def test_nothing(swe_db):
    swe_db.execute("SELECT 'the last words'")
    raise ValueError("so")
"""
# Runs the command lines of a report while the test's servers still live.
USING = """
import subprocess

def pytest_exception_interact(node, call, report):
    lines = [line.strip() for _, text in report.sections for line in text.splitlines()]
    psql, redis = (line.replace("-it ", "-i ") for line in lines if "psql -" in line or "redis-cli -" in line)
    for line in (psql + " -At -w -c 'SELECT username FROM users ORDER BY id LIMIT 1'", redis + " GET greeting"):
        done = subprocess.run(line, shell=True, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        print(f"ANSWER {done.stdout.strip()} {done.stderr.strip()}")
"""
GREETING = f"""{PATIENT}
def test_it(swe_database, swe_redis):
    swe_redis.set("greeting", "hello")
    raise ValueError("so")
"""


@pytest.mark.needs("local")
def test_rows_keys_and_statements(pytester: pytest.Pytester, run: RunPytest) -> None:
    """The section has what was added, changed and removed, uncommitted rows included, keys, and the last statements."""
    pytester.makepyfile(CHANGING)
    result = run("--swe-db", "--swe-db-backend=local")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "*Captured swe-db call*",
            "rows against the pristine state:",
            "  table extra was created",
            "  public.agents: 1 removed",
            "    - id=6 * slug=tester *",
            "  public.projects: 1 changed",
            "    ~ id=2 name: MoE Router -> Other, *",
            "  public.tasks: 1 added (with what is not committed)",
            "    + id=1 * title=Not committed *",
            "last statement of each session:",
            "  * (idle in transaction): INSERT INTO tasks *",
            "Redis keys:",
            "*Captured swe-db call*",
            "  no row differs",
            "  * (idle in transaction): SELECT 'the last words'",
        ]
    )
    result.stdout.fnmatch_lines_random(["  greeting (string, * s to live): hello", "  queue (list): [[]b'a', b'b']"])


@pytest.mark.needs("local")
def test_xdist_hands_it_on(pytester: pytest.Pytester, run: RunPytest) -> None:
    """The section of a worker's test is shown by the controller."""
    pytester.makepyfile(CHANGING)
    result = run("--swe-db", "--swe-db-backend=local", "-n1")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["  public.agents: 1 removed"])


@pytest.mark.parametrize("backend", ["local", "docker"])
def test_the_command_lines_work(pytester: pytest.Pytester, run: RunPytest, backend: str) -> None:
    """While the test's servers live, psql and redis-cli connect to its database and its Redis and ask for nothing."""
    pytester.makepyfile(GREETING)
    pytester.makeconftest(USING)
    result = run("--swe-db", f"--swe-db-backend={backend}", "-s")
    result.assert_outcomes(failed=1)
    result.stdout.re_match_lines([r".*ANSWER admin\s*$", r"ANSWER hello\s*$"])


@pytest.mark.needs("local")
def test_no_password_is_told(pytester: pytest.Pytester, run: RunPytest) -> None:
    """Neither the password of Postgres nor that of Redis is in the report."""
    pytester.makepyfile(
        """
        from pathlib import Path

        def test_it(swe_worker, swe_database, swe_redis):
            secrets = swe_database.password, swe_worker.redis.address.password
            Path("secrets").write_text("\\n".join(secrets))
            raise ValueError("so")
        """
    )
    output = run("--swe-db", "--swe-db-backend=local").stdout.str()
    assert "redis-cli -s" in output
    for secret in (pytester.path / "secrets").read_text().split():
        assert secret not in output


@pytest.mark.needs("local")
def test_the_debugger_comes_after_it(pytester: pytest.Pytester, run: RunPytest) -> None:
    """With --pdb the section is shown before the debugger begins."""
    pytester.makepyfile(GREETING)
    pytester.makeconftest(
        """
        import pdb

        class Debugger(pdb.Pdb):
            def interaction(self, *args):
                print("DEBUGGER")
        """
    )
    result = run("--swe-db", "--swe-db-backend=local", "--pdb", "--pdbcls=conftest:Debugger")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*psql (while*", "  psql -h *", "DEBUGGER"])


@pytest.mark.needs("local")
def test_only_what_fails_has_it(pytester: pytest.Pytester, run: RunPytest) -> None:
    """Tests that pass, skip or xfail have no section, nor has one that uses no server; a failing set-up has it."""
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture
        def broken(swe_db):
            raise ValueError("so")

        def test_set_up(broken): pass
        def test_passes(swe_db): pass
        def test_skips(swe_db): pytest.skip("so")
        def test_xfails(swe_db): pytest.xfail("so")
        def test_no_server(): raise ValueError("so")
        """
    )
    result = run("--swe-db", "--swe-db-backend=local", "-rA")
    result.assert_outcomes(errors=1, passed=1, skipped=1, xfailed=1, failed=1)
    assert result.stdout.str().count("Captured swe-db") == 1
    result.stdout.fnmatch_lines(["*Captured swe-db setup*"])


@pytest.mark.needs("local")
def test_what_cannot_be_told_is_a_line(pytester: pytest.Pytester, run: RunPytest) -> None:
    """A test that ended the sessions of swe-db itself has a line in place of the rows, and the run goes on."""
    pytester.makepyfile(
        """
        def test_kills(swe_db):
            swe_db.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'swe-db'"
            )
            raise ValueError("so")

        def test_next(swe_db):
            swe_db.execute("SELECT 1")
        """
    )
    result = run("--swe-db", "--swe-db-backend=local")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["rows against the pristine state:", "  not known: AdminShutdown: *"])


def test_clones_are_not_compared(pytester: pytest.Pytester, run: RunPytest, ordinary_url: str) -> None:
    """Where the pristine rows are not at hand, the section says so, with the tables of open transactions."""
    pytester.makepyfile(CHANGING.replace('connection.execute("UPDATE', "# "))
    result = run("--swe-db", f"--swe-db-postgres-url={ordinary_url}", "--swe-db-redis-backend=fake")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "  psql -h 127.0.0.1 -p * -U ordinary_* -d swe_db_w_*",
            "  not compared: only isolation by reset keeps the pristine rows at hand",
            "  tasks: written, not committed, by session *",
            "  none: it lives in this process",
        ]
    )
