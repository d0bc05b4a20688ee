"""The factories against a migrated database."""

from __future__ import annotations

import dataclasses
import threading
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import namedtuple_row

from support.rows import stored
from swe_db import factories
from swe_db.errors import FactoryError
from swe_db.factories import Project, ProjectFactory, RowFactory, Task, TaskFactory, User, UserFactory
from swe_db.factories.tables import describe


@pytest.mark.parametrize("factory", factories.ALL.values(), ids=factories.ALL)
def test_create_returns_the_stored_row(bound: psycopg.Connection[Any], factory: type[RowFactory[Any]]) -> None:
    """What create returns is what the table holds, column by column."""
    row = factory.create()
    assert dataclasses.asdict(row) == stored(bound, row)


@pytest.mark.parametrize("factory", factories.ALL.values(), ids=factories.ALL)
def test_created_rows_do_not_collide(bound: psycopg.Connection[Any], factory: type[RowFactory[Any]]) -> None:
    """Rows left to themselves are valid beside each other under every constraint."""
    rows = [factory.create() for _ in range(5)]
    assert all(dataclasses.asdict(row) == stored(bound, row) for row in rows)


@pytest.mark.parametrize("factory", factories.ALL.values(), ids=factories.ALL)
def test_build_gives_what_create_would(bound: psycopg.Connection[Any], factory: type[RowFactory[Any]]) -> None:
    """A built row differs from the one that create makes only in the keys that PostgreSQL gives."""
    with factories.seeded(7):
        created = dataclasses.asdict(factory.create())
    with factories.seeded(7):
        built = dataclasses.asdict(factory.build())
    keys = {"id", "object_id", *(relation.column for relation in describe(factory._meta.model).relations.values())}
    assert {name for name, value in built.items() if value != created[name]} <= keys
    assert {name: type(value) for name, value in built.items()} == {n: type(v) for n, v in created.items()}


def test_build_needs_no_database() -> None:
    """A built row has every column and an id that no stored row has; so have the rows that it needs."""
    task: Task = TaskFactory.build()
    assert isinstance(task.external_id, UUID)
    assert task.created_at.tzinfo is UTC
    assert task.id < 0
    assert task.project_id < 0
    assert TaskFactory.build().id != task.id


@pytest.mark.parametrize("factory", factories.ALL.values(), ids=factories.ALL)
def test_stub_needs_no_database(factory: type[RowFactory[Any]]) -> None:
    """A stub has the columns that build gives, and beside them the relations."""
    with factories.seeded(2):
        built = factory.build()
    with factories.seeded(2):
        stub = factory.stub()
    assert {name: getattr(stub, name) for name in dataclasses.asdict(built)} == dataclasses.asdict(built)
    for relation in describe(factory._meta.model).relations.values():
        related = getattr(stub, relation.name, None)
        assert getattr(related, "id", None) == getattr(built, relation.column) or related is None


def test_calling_a_factory_creates(bound: psycopg.Connection[Any]) -> None:
    """`UserFactory()` is `UserFactory.create()`, and a type checker knows that it gives a User."""
    user: User = UserFactory(role="manager")
    assert stored(bound, user)["role"] == "manager"


def test_create_is_one_statement(connection: psycopg.Connection[Any]) -> None:
    """A row takes one INSERT and no other statement."""
    statements: list[str] = []

    class Recorder(psycopg.Cursor[Any]):
        def execute(self, query: Any, *arguments: Any, **options: Any) -> Recorder:
            statements.append(query.as_string(self))
            return super().execute(query, *arguments, **options)

    connection.cursor_factory = Recorder
    with factories.bound(connection):
        UserFactory.create()
    assert [statement.split()[0] for statement in statements] == ["INSERT"]


def test_values_of_every_kind(bound: psycopg.Connection[Any]) -> None:
    """Arrays, JSON objects, JSON arrays and times come back as they were given."""
    due = datetime(2026, 3, 1, 12, tzinfo=UTC)
    task = TaskFactory.create(
        labels=["bug", "ui"],
        ai_suggestions=[{"step": 1}, "split it"],
        ai_analysis={"risks": ["none"]},
        due_at=due,
    )
    assert (task.labels, task.ai_suggestions) == (["bug", "ui"], [{"step": 1}, "split it"])
    assert (task.ai_analysis, task.due_at) == ({"risks": ["none"]}, due)
    assert dataclasses.asdict(task) == stored(bound, task)


def test_relations_take_rows(bound: psycopg.Connection[Any]) -> None:
    """A row given for a relation is the row that the foreign key points at."""
    ada = UserFactory.create()
    project = ProjectFactory.create(owner=ada)
    parent = TaskFactory.create(project=project)
    task = TaskFactory.create(project=project, parent_task=parent, assigned_user=ada, created_by_user=ada)
    assert project.owner_id == ada.id
    assert (task.project_id, task.parent_task_id) == (project.id, parent.id)
    assert (task.assigned_user_id, task.created_by_user_id) == (ada.id, ada.id)


def test_relations_are_made_on_demand(bound: psycopg.Connection[Any]) -> None:
    """A task left to itself has a project and that an owner; `project__name` reaches into the row that is made."""
    task = TaskFactory.create(project__name="Apollo", project__owner__username="ada")
    query = "SELECT p.name, u.username FROM projects p JOIN users u ON u.id = p.owner_id WHERE p.id = %s"
    assert bound.execute(query, (task.project_id,)).fetchone() == ("Apollo", "ada")


@pytest.mark.parametrize("nested", [False, True])
def test_an_id_makes_no_row(bound: psycopg.Connection[Any], nested: bool) -> None:
    """Where the id of a relation is given no related row is made, also one relation further."""
    ada = UserFactory.create()
    if nested:
        TaskFactory.create(project__owner_id=ada.id)
    else:
        ProjectFactory.create(owner_id=ada.id)
    assert bound.execute("SELECT count(*) FROM users").fetchone() == (1,)


def test_a_relation_may_be_none(bound: psycopg.Connection[Any]) -> None:
    """None for a relation is NULL: PostgreSQL decides whether it may be."""
    assert TaskFactory.create(assigned_user=None).assigned_user_id is None
    with pytest.raises(FactoryError, match=r"^projects\.owner_id: null value"):
        ProjectFactory.create(owner=None)


def test_unbound_create_says_how_to_bind() -> None:
    """Without a connection create is refused, and the message has the line that binds one."""
    with pytest.raises(FactoryError, match=r"with factories\.bound\(connection\): TaskFactory\.create\(\)"):
        TaskFactory.create(project_id=1)


def test_a_binding_ends_with_its_block(connection: psycopg.Connection[Any], database_url: str) -> None:
    """The inner of two bindings holds until its block ends, then the outer one; after that there is none."""
    with psycopg.connect(database_url) as other, factories.bound(connection):
        with factories.bound(other):
            inner = UserFactory.create()
            assert stored(other, inner)
        outer = UserFactory.create()
        assert stored(connection, outer)
        other.rollback()
    with pytest.raises(FactoryError):
        UserFactory.create()


def test_a_binding_holds_in_its_own_thread(bound: psycopg.Connection[Any]) -> None:
    """A thread that the test starts is not bound by accident: it binds a connection of its own."""
    errors: list[BaseException] = []

    def create() -> None:
        try:
            UserFactory.create()
        except FactoryError as error:
            errors.append(error)

    thread = threading.Thread(target=create)
    thread.start()
    thread.join()
    assert len(errors) == 1


def test_nothing_is_committed(connection: psycopg.Connection[Any], database_url: str) -> None:
    """Another connection sees the row only after the commit, which is the test's to make."""
    query = "SELECT count(*) FROM users WHERE username = 'grace'"
    with psycopg.connect(database_url, autocommit=True) as other, factories.bound(connection):
        grace = UserFactory.create(username="grace")
        assert other.execute(query).fetchone() == (0,)
        connection.commit()
        assert other.execute(query).fetchone() == (1,)
        other.execute("DELETE FROM users WHERE id = %s", (grace.id,))


def test_the_connection_keeps_its_row_factory(connection: psycopg.Connection[Any]) -> None:
    """A connection with a row factory of its own may be bound, and keeps it."""
    connection.row_factory = namedtuple_row
    with factories.bound(connection):
        user = UserFactory.create()
    found = connection.execute("SELECT username FROM users WHERE id = %s", (user.id,)).fetchone()
    assert found is not None
    assert found.username == user.username


@pytest.mark.parametrize("what", [None, "postgresql://ada@localhost/app"])
def test_only_a_connection_can_be_bound(what: object) -> None:
    """A URL or an AsyncConnection cannot be bound, and the message says what can."""
    with pytest.raises(FactoryError, match=r"psycopg\.Connection"), factories.bound(what):  # type: ignore[arg-type]
        pytest.fail("it was bound")


def test_rows_cannot_be_changed() -> None:
    """A row is what was stored: to assign to it is an error."""
    project: Project = ProjectFactory.build()
    with pytest.raises(AttributeError):
        project.name = "other"  # type: ignore[misc]
