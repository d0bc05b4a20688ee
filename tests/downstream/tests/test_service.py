"""The service commits and opens its own connections; the tests look at what it left behind."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg.rows import namedtuple_row
from tracker import service

PROJECT = "moe-router"


@pytest.mark.usefixtures("swe_env")
def test_added_task_is_open(swe_db: psycopg.Connection[Any]) -> None:
    """A task that was added is stored, open and unassigned, and the audit trail knows it."""
    task_id = service.add_task(PROJECT, "Route by load")
    swe_db.row_factory = namedtuple_row
    [task] = swe_db.execute("SELECT * FROM tasks")
    [event] = swe_db.execute("SELECT * FROM audit_logs")
    assert (task.id, task.status, task.assigned_user_id) == (task_id, "todo", None)
    assert (event.event_type, event.resource_id) == ("task.created", str(task_id))


def test_finished_task(swe_db: psycopg.Connection[Any], task_id: int, team: list[str]) -> None:
    """A task goes from open by way of its owner to done, each step with its time."""
    assert service.claim_task(PROJECT, team[0]) == task_id
    service.finish_task(task_id)
    query = (
        "SELECT tasks.status, username, completed_at >= started_at FROM tasks JOIN users ON users.id = assigned_user_id"
    )
    assert swe_db.execute(query).fetchall() == [("done", team[0], True)]


def test_threads_claim_different_tasks(swe_env: dict[str, str], team: list[str]) -> None:
    """Eight threads at once claim five tasks, each of them once; three go away with nothing."""
    tasks = {service.add_task(PROJECT, f"Task {number}") for number in range(5)}
    with ThreadPoolExecutor(8) as threads:
        claims = list(threads.map(lambda number: service.claim_task(PROJECT, team[number % 2]), range(8)))
    assert sorted(claim for claim in claims if claim is not None) == sorted(tasks)
    assert claims.count(None) == 3


def test_estimates_stay_on_the_scale(swe_db: psycopg.Connection[Any], task_id: int) -> None:
    """A later estimate replaces the earlier one, and points off the seeded scale are refused."""
    service.estimate_task(task_id, "yuki", 5)
    service.estimate_task(task_id, "yuki", 8)
    with pytest.raises(ValueError, match=r"\(points\)=\(4\) is not present"):
        service.estimate_task(task_id, "yuki", 4)
    assert swe_db.execute("SELECT points FROM task_estimates").fetchall() == [(8,)]


@pytest.mark.usefixtures("swe_env")
def test_unknown_project() -> None:
    """A task cannot be added to a project that is not there, and nothing is written."""
    with pytest.raises(LookupError, match="no project 'atlantis'"):
        service.add_task("atlantis", "Rise")
    with service.connect() as connection:
        assert connection.execute("SELECT count(*) FROM audit_logs").fetchone() == (0,)
