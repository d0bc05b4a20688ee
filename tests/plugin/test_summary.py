"""The terminal summary tells how tests were isolated, why, and what that cost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

RunPytest = Callable[..., pytest.RunResult]

SUITE = """
import pytest

def test_reads(swe_db):
    swe_db.execute("SELECT * FROM users").fetchall()

@pytest.mark.parametrize("number", range(2))
def test_commits(swe_db, number):
    swe_db.execute("INSERT INTO tasks (project_id, title) VALUES (1, 'kept')")
    swe_db.commit()

@pytest.mark.swe_db(isolation="clone")
def test_clone(swe_db):
    pass

def test_ddl(swe_db):
    swe_db.execute("ALTER TABLE users ADD COLUMN extra int")
    swe_db.commit()

def test_without():
    pass
"""
COUNTED = "5 tests: 1 clean, 2 restored, 2 replaced"


@pytest.fixture(autouse=True)
def suite(pytester: pytest.Pytester) -> None:
    """A suite with a test of each kind."""
    pytester.makepyfile(SUITE)


@pytest.mark.parametrize("workers", [[], ["-n2"]], ids=["serial", "n2"])
def test_one_line_says_what_became_of_the_tests(run: RunPytest, workers: list[str]) -> None:
    """The line counts the tests that had a database, of all workers together, and tells of the start."""
    result = run("--swe-db", *workers)
    result.assert_outcomes(passed=6)
    result.stdout.re_match_lines([rf"swe-db: {COUNTED}; Postgres started in [\d to]+ ms (from|with)"])
    result.stdout.no_fnmatch_line("*p95*")


@pytest.mark.parametrize("workers", [[], ["-n2"]], ids=["serial", "n2"])
def test_durations_tell_the_reasons_and_the_cost(run: RunPytest, workers: list[str]) -> None:
    """The section has the start, each reason of a replacement with its count, percentiles and the slowest tests."""
    run("--swe-db", "-k", "reads")
    result = run("--swe-db", "--swe-db-durations", *workers)
    result.stdout.re_match_lines(
        [
            "=+ swe-db: durations =+",
            r"Postgres started in [\d to]+ ms from a prepared data directory",
            COUNTED,
            '  replaced 1 times: isolation="clone"',
            r"set-up and tear-down of a test's database: p50 \d+\.\d+ ms, p95 \d+\.\d+ ms, together \d+ ms",
            r" +\d+\.\d+ ms replaced +test_durations_tell.*::test_(ddl|clone)",
        ]
    )
    assert any(line.startswith("  replaced 1 times: pg_attribute") for line in result.outlines), result.outlines


@pytest.mark.parametrize("arguments", [["-q", "--swe-db"], ["--swe-db", "-k", "without"], []])
def test_nothing_is_told_unasked(run: RunPytest, arguments: list[str]) -> None:
    """Quiet runs, those that needed no database and those without swe-db have no line."""
    run(*arguments).stdout.no_fnmatch_line("*started in*")


def test_a_start_without_a_cache_says_why(run: RunPytest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that cannot be used costs time, so the reason is told."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    result = run("--swe-db", "--swe-db-durations")
    result.stdout.fnmatch_lines(["Postgres started in * ms without a prepared data directory (*/proc*)"])


def test_where_there_is_no_test_the_first_one_is_shown(pytester: pytest.Pytester, run: RunPytest) -> None:
    """A directory without tests is where somebody begins: the test that is shown passes as it stands."""
    next(pytester.path.glob("test_*.py")).unlink()
    shown = run("--swe-db").stdout.str().partition("swe-db: there is no test here yet.")[2]
    code = "def " + shown.partition("\ndef ")[2].partition("\n\n")[0]
    pytester.path.joinpath("test_first.py").write_text(code, encoding="utf-8")
    result = run("--swe-db")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["swe-db: 1 test: 1 *"])
    run("--swe-db", "-k", "other").stdout.no_fnmatch_line("*no test here yet*")
