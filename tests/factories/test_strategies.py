"""Rows for property tests."""

from __future__ import annotations

import sys
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from swe_db import factories
from swe_db.errors import FactoryError
from swe_db.factories import Row, RowFactory, Task, TaskFactory, User, UserFactory, strategy
from swe_db.factories.tables import describe

QUICK = settings(
    max_examples=25, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@QUICK
@given(task=strategy(TaskFactory))
def test_rows_are_typed(task: Task) -> None:
    """What is drawn is a row as build makes it."""
    assert isinstance(task, Task)
    assert task.id < 0
    assert all(column.takes(getattr(task, name)) for name, column in describe(Task).columns.items())


@pytest.mark.parametrize("factory", factories.ALL.values(), ids=factories.ALL)
def test_drawn_rows_are_valid(bound: psycopg.Connection[Any], factory: type[RowFactory[Any]]) -> None:
    """PostgreSQL takes every row that is drawn, with related rows that are stored."""
    table = describe(factory._meta.model)
    parents: dict[str, Any] = {}
    stored: list[Row] = []

    @settings(QUICK, phases=[Phase.generate], max_examples=10)
    @given(row=strategy(factory))
    def check(row: Row) -> None:
        values = {name: getattr(row, name) for name, column in table.columns.items() if not column.is_generated}
        values.pop("id", None)
        for relation in table.relations.values():
            if values[relation.column] is not None:
                same = {"task": parents["task"]} if relation.name == "parent_comment" else {}
                parents.setdefault(relation.name, factories.ALL[relation.target].create(**same))
                values[relation.column] = parents[relation.name].id
        with bound.transaction(force_rollback=True):
            stored.append(factory.create(**values))

    check()
    assert len(stored) > 1


def test_columns_can_be_set() -> None:
    """Columns and traits that are given hold for every row, and go with the traits that are drawn."""

    @QUICK
    @given(user=strategy(UserFactory, service=True, timezone="Asia/Tokyo"))
    def check(user: User) -> None:
        assert (user.role, user.timezone, user.github_id) == ("service", "Asia/Tokyo", None)

    check()


def test_examples_shrink() -> None:
    """The simplest row that fails has no traits that it does not need."""
    found = find(
        strategy(TaskFactory), lambda task: task.status == "done", settings=settings(database=None, max_examples=2000)
    )
    assert (found.status, found.task_type, found.deleted_at, found.assigned_user_id) == ("done", "task", None, None)


@QUICK
@given(tasks=st.lists(strategy(TaskFactory), max_size=3))
def test_strategies_compose(tasks: list[Task]) -> None:
    """It is a strategy like any other."""
    assert len(tasks) <= 3


def test_without_hypothesis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Hypothesis is missing the message has the command that installs it."""
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    with pytest.raises(FactoryError, match="pip install hypothesis"):
        strategy(UserFactory)
