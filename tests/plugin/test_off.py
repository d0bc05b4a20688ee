"""The plugin is installed, but nobody has switched it on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from swe_db.config import OPTIONS

RunPytest = Callable[..., pytest.RunResult]

MIXED = """
import unittest

import pytest

def test_plain(): pass

def test_asks(swe_db): raise AssertionError

def test_asks_late(request): request.getfixturevalue("swe_worker")

@pytest.mark.swe_db
def test_marked(): raise AssertionError

@pytest.mark.usefixtures("swe_env")
class TestClass(unittest.TestCase):
    def test_it(self): raise AssertionError
"""


def test_tests_that_need_it_are_skipped_with_the_remedy(pytester: pytest.Pytester, run: RunPytest) -> None:
    """A test that asks, however it asks, is skipped with a reason that says how to switch swe-db on."""
    pytester.makepyfile(MIXED)
    result = run("-rs")
    result.assert_outcomes(passed=1, skipped=4)
    result.stdout.fnmatch_lines(
        ["SKIPPED * swe-db is off: switch it on with --swe-db, or with swe_db = true in the ini file"]
    )


def test_nothing_is_set_up_for_a_skipped_test(pytester: pytest.Pytester, run: RunPytest) -> None:
    """A fixture of the project that comes first is not set up for a test that is skipped anyway."""
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture(scope="session")
        def costly(): raise AssertionError

        def test_it(costly, swe_db): pass
        """
    )
    run().assert_outcomes(skipped=1)


def test_one_line_counts_the_skipped(pytester: pytest.Pytester, run: RunPytest) -> None:
    """The summary says once how many tests were skipped for that."""
    pytester.makepyfile(MIXED)
    result = run()
    result.stdout.fnmatch_lines(["swe-db: 4 skipped because it is off (--swe-db switches it on)"])
    assert result.stdout.str().count("swe-db:") == 1


def test_the_line_counts_over_xdist(pytester: pytest.Pytester, run: RunPytest) -> None:
    """The count is the same when workers skip."""
    pytester.makepyfile(MIXED)
    run("-n2").stdout.fnmatch_lines(["swe-db: 4 skipped because it is off (--swe-db switches it on)"])


def test_a_suite_without_such_tests_sees_nothing(pytester: pytest.Pytester, run: RunPytest) -> None:
    """A suite that does not use swe-db reads nothing about it."""
    pytester.makepyfile("def test_plain(): pass")
    result = run()
    result.assert_outcomes(passed=1)
    assert "swe-db:" not in result.stdout.str()


def test_the_command_line_switches_off_what_the_ini_file_switches_on(pytester: pytest.Pytester, run: RunPytest) -> None:
    """--no-swe-db wins over swe_db = true."""
    pytester.makepyfile(MIXED)
    run("-o", "swe_db=true", "--no-swe-db").assert_outcomes(passed=1, skipped=4)


@pytest.mark.parametrize("argument", ["--help", "--version", "--fixtures", "--markers"])
def test_questions_are_answered_without_servers(run: RunPytest, argument: str) -> None:
    """--help and the like work with everything switched on, and start nothing."""
    result = run("--swe-db", "-o", "swe_db_env=true", "--swe-db-backend=url", argument)
    assert result.ret == 0


def test_help_shows_every_option(run: RunPytest) -> None:
    """--help has a group of its own with every flag, its help and its environment variable."""
    text = " ".join(run("--help").stdout.str().split())
    assert "swe-db: a real Postgres and Redis for every test" in text
    for option in OPTIONS:
        assert option.flag in text
        assert f"[{option.env}]" in text


def test_fixtures_are_listed_with_what_they_give(run: RunPytest) -> None:
    """--fixtures lists every fixture of the contract with a sentence."""
    text = run("--fixtures").stdout.str()
    assert "swe_db -- " in text
    assert "An open psycopg connection to this test's database, not autocommit" in text
