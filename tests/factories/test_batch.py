"""Many rows at once: the same rows as one by one, in one statement for each table."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from factory.declarations import Iterator, LazyAttribute, Sequence
from factory.helpers import post_generation

from support.rows import stored
from swe_db import factories
from swe_db.errors import FactoryError
from swe_db.factories import (
    ActivityFeedFactory,
    AgentExecutionFactory,
    AuditLogFactory,
    ProjectFactory,
    Row,
    RowFactory,
    Task,
    TaskCommentFactory,
    TaskFactory,
    UserFactory,
)
from swe_db.factories.tables import describe


class TitledFactory(TaskFactory):
    """A factory with a declaration of factory-boy's own, which only its machinery can evaluate."""

    title = Sequence(lambda number: f"Task {number}")  # type: ignore[no-untyped-call]


class HookedFactory(UserFactory):
    """A factory with a hook that wants each user stored before it runs."""

    @post_generation  # type: ignore[untyped-decorator]
    def with_project(user: Any, create: bool, extracted: Any, **values: Any) -> None:  # noqa: N805
        """Give the user a project."""
        ProjectFactory.create(owner=user)


def without_keys(row: Row) -> dict[str, Any]:
    """Return the columns but for the ids that PostgreSQL gives."""
    keys = {"id", "object_id", "resource_id", *(relation.column for relation in describe(type(row)).relations.values())}
    return {name: value for name, value in dataclasses.asdict(row).items() if name not in keys}


def recorded(connection: psycopg.Connection[Any]) -> list[str]:
    """Return the list into which the statements of the connection go from here on, by their beginning."""
    statements: list[str] = []

    class Recorder(psycopg.Cursor[Any]):
        def execute(self, query: Any, *arguments: Any, **options: Any) -> Recorder:
            statements.append(query.as_string(self).partition(" (")[0])
            return super().execute(query, *arguments, **options)

    connection.cursor_factory = Recorder
    return statements


CALLS: dict[str, Callable[[], tuple[type[RowFactory[Any]], dict[str, Any]]]] = {
    **{name: lambda each=each: (each, {}) for name, each in factories.ALL.items()},  # type: ignore[misc]
    "task with traits": lambda: (TaskFactory, {"issue": True, "done": True, "agent_assigned": True, "subtask": True}),
    "task with children": lambda: (TaskFactory, {"comments": 2, "comments__reply": True, "with_attachments": True}),
    "task with deep values": lambda: (TaskFactory, {"project__owner__admin": True, "project__name": "Apollo"}),
    "task of a project": lambda: (TaskFactory, {"project": ProjectFactory.create()}),
    "retried run": lambda: (AgentExecutionFactory, {"retried": True, "for_task": True, "by_user": True}),
    "entry about a task": lambda: (ActivityFeedFactory, {"about_task": True, "by_agent": True}),
    "event about a user": lambda: (AuditLogFactory, {"resource": UserFactory.create(), "by_user": True}),
    "factory-boy's own": lambda: (TitledFactory, {"comments": 1}),
    "lazy value": lambda: (TaskFactory, {"title": LazyAttribute(lambda task: f"As {task.status}")}),  # type: ignore[no-untyped-call]
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_batch_is_what_the_loop_makes(
    bound: psycopg.Connection[Any], call: Callable[[], tuple[type[RowFactory[Any]], dict[str, Any]]]
) -> None:
    """Row by row, a batch has the columns that create gives, whichever machinery makes it, and all of it is stored."""
    with factories.seeded(3):
        each, values = call()
        one_by_one = [each.create(**values) for _ in range(4)]
    bound.rollback()
    with factories.seeded(3):
        each, values = call()
        batch = each.create_batch(4, **values)
    assert [without_keys(row) for row in batch] == [without_keys(row) for row in one_by_one]
    assert all(dataclasses.asdict(row) == stored(bound, row) for row in batch)


def test_one_statement_for_each_table(connection: psycopg.Connection[Any]) -> None:
    """A batch with its parents and children takes as many statements as tables, parents before children."""
    statements = recorded(connection)
    with factories.bound(connection):
        TaskFactory.create_batch(30, agent_assigned=True, with_attachments=True)
    assert statements == [
        'INSERT INTO "users"',
        'INSERT INTO "agents"',
        'INSERT INTO "projects"',
        'INSERT INTO "tasks"',
        'INSERT INTO "task_attachments"',
    ]


def test_rows_of_one_table_that_need_each_other(connection: psycopg.Connection[Any]) -> None:
    """Where rows of a table point at others of it, these go in before."""
    statements = recorded(connection)
    with factories.bound(connection):
        tasks = TaskFactory.create_batch(5, subtask=True)
    assert Counter(statements)['INSERT INTO "tasks"'] == 2
    assert len({task.parent_task_id for task in tasks}) == 5


def test_a_batch_keeps_its_order(bound: psycopg.Connection[Any]) -> None:
    """The rows come back in the order in which they were made, and their ids rise."""
    tasks = TaskFactory.create_batch(200, project=ProjectFactory.create())
    with factories.seeded(9):
        made = UserFactory.create_batch(50)
    with factories.seeded(9):
        assert [user.username for user in made] == [user.username for user in UserFactory.build_batch(50)]
    assert [task.id for task in tasks] == sorted(task.id for task in tasks)


def test_a_batch_of_none(bound: psycopg.Connection[Any]) -> None:
    """No rows are no statement."""
    assert TaskFactory.create_batch(0) == []


def test_hooks_see_stored_rows(bound: psycopg.Connection[Any]) -> None:
    """A factory with hooks of factory-boy stores its rows one by one, so that each hook has a row to work with."""
    users = HookedFactory.create_batch(3)
    query = "SELECT count(*) FROM projects WHERE owner_id = ANY(%s)"
    assert bound.execute(query, ([user.id for user in users],)).fetchone() == (3,)


def test_a_refused_row_leaves_nothing(bound: psycopg.Connection[Any]) -> None:
    """One bad row refuses the batch: it is one statement."""
    with pytest.raises(FactoryError, match="tasks_estimate_points_check"), bound.transaction():
        TaskFactory.create_batch(3, estimate_points=Iterator([1, 2, 300]))  # type: ignore[no-untyped-call]
    assert bound.execute("SELECT count(*) FROM users").fetchone() == (0,)


def test_row_level_security_lets_a_batch_in(bound: psycopg.Connection[Any]) -> None:
    """A role that sees only some rows can use the factories, as COPY could not."""
    owner = UserFactory.create()
    bound.execute("SELECT set_config('swe.user_id', %s, true)", (str(owner.id),))
    task = TaskFactory.create(project__owner=owner)
    bound.execute("SET LOCAL ROLE swe_admin")
    comments: list[Any] = TaskCommentFactory.create_batch(3, task=task, author_user=owner)
    assert {comment.author_user_id for comment in comments} == {owner.id}


def test_defaults_of_the_database_hold(bound: psycopg.Connection[Any]) -> None:
    """What neither the caller nor the factory says is left to the column's default."""
    owner = UserFactory.create()
    bound.execute("SELECT set_config('swe.user_id', %s, true)", (str(owner.id),))
    tasks: list[Task] = TaskFactory.create_batch(2, project__owner=owner)
    assert [task.created_by_user_id for task in tasks] == [owner.id, owner.id]
