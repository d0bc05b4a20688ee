"""A pytest plugin that writes down how long the set-up and the tear-down of each test took, fixtures included."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Generator
from pathlib import Path

import pytest

OVERHEAD: pytest.StashKey[float] = pytest.StashKey()
TIMES: pytest.StashKey[dict[str, list[float]]] = pytest.StashKey()
BEGUN: pytest.StashKey[float] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    """Begin with no times."""
    config.stash[TIMES] = {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let tests of all functions follow each other in turn, so that a slow moment of the machine meets them all."""
    items.sort(key=lambda item: int(item.name.partition("[")[2].rstrip("]")))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    """Time the set-up of a test."""
    begin = time.perf_counter()
    yield
    item.stash[OVERHEAD] = time.perf_counter() - begin
    item.config.stash.setdefault(BEGUN, time.time())


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    """Time the tear-down of a test, and add both to those of the same function."""
    begin = time.perf_counter()
    yield
    whole = item.stash[OVERHEAD] + time.perf_counter() - begin
    item.config.stash[TIMES].setdefault(item.name.partition("[")[0], []).append(whole)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the times of this process to a file of its own in BENCHMARK_TIMES, the first test's beginning with them."""
    stash = session.config.stash
    if stash[TIMES]:
        content = {"begun": stash[BEGUN], "times": stash[TIMES]}
        Path(os.environ["BENCHMARK_TIMES"], f"{os.getpid()}.json").write_text(json.dumps(content), encoding="utf-8")
