"""Estimates: rows of a table of the tracker's own, beside those of swe-db."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from rows import SCALE, TaskEstimateFactory
from tracker import service

from swe_db.factories import TaskFactory, UserFactory

if TYPE_CHECKING:
    from swe_db.factories.fixture import Factories


@pytest.mark.usefixtures("swe_env")
def test_a_later_estimate_wins(swe_factories: Factories, swe_db: psycopg.Connection[Any]) -> None:
    """What the same user says later replaces what was said before."""
    ada = UserFactory(username="ada")
    estimate = TaskEstimateFactory(user=ada, tiny=True)
    swe_factories.commit()
    service.estimate_task(estimate.task_id, "ada", 8)
    assert swe_db.execute("SELECT points FROM task_estimates").fetchall() == [(8,)]


def test_many_estimates(swe_db: psycopg.Connection[Any]) -> None:
    """Many people may estimate one task, each on the scale."""
    task = TaskFactory()
    estimates = TaskEstimateFactory.create_batch(100, task=task)
    assert {estimate.task_id for estimate in estimates} == {task.id}
    assert {estimate.points for estimate in estimates} == set(SCALE)
    query = "SELECT count(DISTINCT user_id) FROM task_estimates WHERE task_id = %s"
    assert swe_db.execute(query, (task.id,)).fetchone() == (100,)


async def test_from_a_coroutine(swe_async_db: psycopg.AsyncConnection[Any]) -> None:
    """The same on asyncio."""
    estimate = await TaskEstimateFactory.create_async(huge=True, task__project__owner__manager=True)
    cursor = await swe_async_db.execute(
        "SELECT role FROM users JOIN projects ON owner_id = users.id JOIN tasks ON project_id = projects.id "
        "WHERE tasks.id = %s",
        (estimate.task_id,),
    )
    assert (estimate.points, await cursor.fetchone()) == (13, ("manager",))
