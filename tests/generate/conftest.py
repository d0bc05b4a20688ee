"""What the tests of the generator share."""

from __future__ import annotations

import pytest

from support.data_sets import DataSet
from swe_db.generate.plan import Plan


@pytest.fixture(scope="session")
def small() -> DataSet:
    """The scale `small`."""
    return DataSet(Plan.of("small"))


@pytest.fixture(scope="session")
def team() -> DataSet:
    """The scale `team`."""
    return DataSet(Plan.of("team"))
