"""The same rows through an AsyncConnection."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from factory.helpers import post_generation
from psycopg.rows import dict_row

from swe_db import factories
from swe_db.errors import FactoryError
from swe_db.factories import TaskFactory, UserFactory


@pytest_asyncio.fixture
async def async_connection(database_url: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """A connection whose transaction is rolled back after the test."""
    connection = await psycopg.AsyncConnection.connect(database_url)
    yield connection
    await connection.rollback()
    await connection.close()


@pytest.mark.asyncio
async def test_create_async(async_connection: psycopg.AsyncConnection[Any]) -> None:
    """A row and those that it needs are stored, and come back as stored."""
    with factories.bound(async_connection):
        task = await TaskFactory.create_async(agent_assigned=True, done=True)
        more = await TaskFactory.create_batch_async(5, project_id=task.project_id)
    async with async_connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute("SELECT * FROM tasks WHERE id = %s", (task.id,))
        assert dataclasses.asdict(task) == await cursor.fetchone()
    assert {each.project_id for each in more} == {task.project_id}


@pytest.mark.asyncio
async def test_the_same_data(
    async_connection: psycopg.AsyncConnection[Any], connection: psycopg.Connection[Any]
) -> None:
    """The data do not depend on how they are stored."""
    with factories.bound(connection), factories.seeded(4):
        row = UserFactory.create()
    connection.rollback()
    with factories.bound(async_connection), factories.seeded(4):
        other = await UserFactory.create_async()
    assert dataclasses.replace(row, id=other.id) == other


@pytest.mark.asyncio
async def test_the_other_kind_of_connection(
    async_connection: psycopg.AsyncConnection[Any], connection: psycopg.Connection[Any]
) -> None:
    """Where only the other kind is bound the message has the call that works."""
    with factories.bound(async_connection), pytest.raises(FactoryError, match=r"await UserFactory\.create_async\(\)"):
        UserFactory.create()
    with factories.bound(connection), pytest.raises(FactoryError, match=r"`UserFactory\.create\(\)`"):
        await UserFactory.create_async()
    with pytest.raises(FactoryError, match=r"with factories\.bound\(connection\): await UserFactory\.create_async"):
        await UserFactory.create_async()


@pytest.mark.asyncio
async def test_a_refusal(async_connection: psycopg.AsyncConnection[Any]) -> None:
    """What PostgreSQL refuses is the same message."""
    with factories.bound(async_connection), pytest.raises(FactoryError, match=r"^tasks\.priority: .*CHECK"):
        await TaskFactory.create_async(priority="urgent")


@pytest.mark.asyncio
async def test_hooks_are_refused(async_connection: psycopg.AsyncConnection[Any]) -> None:
    """A hook of factory-boy cannot wait for a row to be stored, so that it is refused, not run on half a row."""

    class HookedFactory(UserFactory):
        @post_generation  # type: ignore[untyped-decorator]
        def hook(user: Any, create: bool, extracted: Any, **values: Any) -> None:  # noqa: N805
            raise AssertionError("it ran")

    with factories.bound(async_connection), pytest.raises(FactoryError, match="HookedFactory has hooks"):
        await HookedFactory.create_async()
