"""What the tests share. The application is imported here, so its engine is made before any test runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from tracker import reports, service

if TYPE_CHECKING:
    from swe_db import Worker

PROJECT = "moe-router"


@pytest.fixture(scope="session")
def team(swe_worker: Worker) -> list[str]:
    """Two people whom every test of this session finds beside the seeds."""

    def hire(connection: psycopg.Connection[Any]) -> None:
        from swe_db import factories  # noqa: PLC0415 - only where rows are made

        with factories.bound(connection):
            factories.UserFactory.create(username="lin")
            factories.UserFactory.create(username="sam")

    swe_worker.load(hire)
    return ["lin", "sam"]


@pytest.fixture
def task_id(swe_env: dict[str, str]) -> int:
    """A task that the application added."""
    return service.add_task(PROJECT, "Route by load")


@pytest.fixture(scope="session", autouse=True)
def _dispose() -> Iterator[None]:
    """Close the engine's pool at the end, as the application does when it stops."""
    yield
    reports.engine.dispose()
