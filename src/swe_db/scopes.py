"""Where the data of factories come from in a test: its id and the seed, whether swe-db is on or off.

What a fixture of a wider scope makes depends on the fixture, not on the test that happens to need it first.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

import pytest

from swe_db.factories.scope import Scope, inside
from swe_db.fixtures import SETTINGS

__all__: list[str] = []

SCOPE: Final[pytest.StashKey[Scope]] = pytest.StashKey()
PASSING: Final = (pytest.skip.Exception, pytest.xfail.Exception)


def _scope(config: pytest.Config, key: str) -> Scope:
    settings = config.stash[SETTINGS].config
    return Scope(key, settings.random_seed, settings.factory_locale)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Number the rows of each test by itself."""
    item.stash[SCOPE] = scope = _scope(item.config, _test_id(item))
    with inside(scope):
        return (yield)


def _test_id(item: pytest.Item) -> str:
    """Return the test's id without the groups that a worker of xdist adds to it."""
    marks = item.iter_markers("xdist_group")
    groups = {str(mark.args[0] if mark.args else mark.kwargs.get("name", "default")) for mark in marks}
    return item.nodeid.removesuffix(f"@{'_'.join(sorted(groups))}") if groups else item.nodeid


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, Any, Any]:
    """Number the rows of a fixture that several tests share by itself."""
    if fixturedef.scope == "function":
        return (yield)
    key = f"{fixturedef.baseid}::{fixturedef.argname}[{getattr(request, 'param_index', 0)}]"
    with inside(_scope(request.config, key)):
        return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Say in the report of a failed test with which seed its data were made."""
    scope = item.stash.get(SCOPE, None)
    if scope is None or not scope.used or call.excinfo is None or call.excinfo.errisinstance(PASSING):
        return
    item.add_report_section(call.when, "swe-db factories", f"--swe-db-random-seed={scope.seed}")
