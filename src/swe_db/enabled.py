"""The one fixture that reaches every test, and what a failed test's report gets; registered only where swe-db is on."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

import pytest

from swe_db.fixtures import RUN

# Exceptions of tests that do not fail.
PASSING: Final = (pytest.skip.Exception, pytest.xfail.Exception)


@pytest.fixture(autouse=True)
def _swe_marked(request: pytest.FixtureRequest) -> None:
    """Give a test that carries the marker its servers, before the project's own fixtures of its scope are set up.

    With `swe_db_env` that is every test: any of them can reach the servers without asking for a fixture.
    """
    if request.config.stash[RUN].settings.config.env or request.node.get_closest_marker("swe_db"):
        request.getfixturevalue("swe_env")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Add the statements of a failed test to its report, if it asked for `swe_queries`."""
    queries = getattr(item, "funcargs", {}).get("swe_queries")
    if call.when == "call" and call.excinfo is not None and queries is not None:
        item.add_report_section("call", "swe_queries", str(queries))
    if call.when != "teardown" and call.excinfo is not None and not call.excinfo.errisinstance(PASSING):
        section = item.config.stash[RUN].failure_report(item.nodeid, lambda: _failed_directory(item.config))
        if section:
            item.add_report_section(call.when, "swe-db", section)


def _failed_directory(config: pytest.Config) -> Path:
    """Return where databases are kept: in pytest's cache, so that a test that fails again replaces its own."""
    cache = getattr(config, "cache", None)
    return Path(cache.mkdir("swe-db-failed") if cache else tempfile.mkdtemp(prefix="swe-db-failed-"))


@pytest.hookimpl(tryfirst=True)
def pytest_exception_interact(node: pytest.Item, report: pytest.TestReport) -> None:
    """Show the section before the debugger begins, while its command lines can be used."""
    terminal = node.config.pluginmanager.get_plugin("terminalreporter")
    if not node.config.option.usepdb or terminal is None:
        return
    for title, text in report.sections:
        if title.startswith("Captured swe-db "):
            terminal.write_sep(">", "swe-db")
            terminal.write_line(text)
