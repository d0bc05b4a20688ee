"""Which versions of the dependencies the tests run on."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from support.versions import installed, lower_bound, lowest, requirements


@pytest.mark.parametrize("requirement", requirements(), ids=str)
def test_what_runs_is_allowed(requirement: Requirement) -> None:
    """The version that runs is in its range; in the tox environment `lowest` it is the range's lowest."""
    running, bound = Version(installed()[requirement.name]), Version(lower_bound(requirement))
    assert running == bound if os.environ.get("TESTS_LOWEST") else running >= bound
    assert requirement.specifier.contains(running, prereleases=True)


@pytest.mark.parametrize("line", ["redis", "redis>4", "redis<9", "redis~=5.0"])
def test_a_range_without_a_lowest_version_is_refused(line: str) -> None:
    """A requirement that names no version to begin with is an error that quotes it."""
    with pytest.raises(ValueError, match=f"{line} must name one lowest version"):
        lower_bound(Requirement(line))


def test_extras_stay_with_their_pin() -> None:
    """The pins of `lowest` keep the extras, without which other packages would be installed."""
    pins = [Requirement(line) for line in lowest()]
    assert {"binary"} in [pin.extras for pin in pins if pin.name == "psycopg"]
    assert all(str(pin.specifier).startswith("==") for pin in pins)


def test_pytest_asyncio_without_loop_scopes(pytester: pytest.Pytester, run: Callable[..., pytest.RunResult]) -> None:
    """Beside a pytest-asyncio before 0.24 all works but the async fixtures, which say what they need."""
    pytester.makeconftest("import pytest, pytest_asyncio\npytest_asyncio.fixture = pytest.fixture")
    pytester.makepyfile(
        "import pytest\n"
        "def test_sync(swe_db): swe_db.execute('SELECT 1')\n"
        "@pytest.mark.asyncio\n"
        "async def test_async(swe_async_db): pass\n"
    )
    result = run("--swe-db", "--swe-db-backend=local")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*swe_async_db, which needs pytest-asyncio 0.24 or newer: pip install*"])
