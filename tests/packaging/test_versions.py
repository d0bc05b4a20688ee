"""Which versions of the dependencies the tests run on."""

from __future__ import annotations

import os

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
