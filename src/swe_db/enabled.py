"""The one fixture that reaches every test, registered only where swe-db is on."""

from __future__ import annotations

import pytest

from swe_db.fixtures import RUN


@pytest.fixture(autouse=True)
def _swe_marked(request: pytest.FixtureRequest) -> None:
    """Give a test that carries the marker its servers, before the project's own fixtures of its scope are set up.

    With `swe_db_env` that is every test: any of them can reach the servers without asking for a fixture.
    """
    if request.config.stash[RUN].settings.config.env or request.node.get_closest_marker("swe_db"):
        request.getfixturevalue("swe_env")
