"""The factories against a migrated database."""

from __future__ import annotations

import dataclasses
import secrets
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import namedtuple_row

from swe_db import factories, migrate
from swe_db.errors import FactoryError
from swe_db.factories import Project, ProjectFactory, Row, RowFactory, Task, TaskFactory, User, UserFactory
from swe_db.factories.columns import describe
from swe_db.servers.server import PostgresServer

FILLED_BY_POSTGRES = {"id", "external_id", "created_at", "updated_at"}


@pytest.fixture(scope="module")
def database_url(postgres: PostgresServer) -> Iterator[str]:
    """The URL of a migrated database."""
    name = f"factories_{secrets.token_hex(4)}"
    with psycopg.connect(postgres.url, autocommit=True) as maintenance:
        maintenance.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        url = postgres.address.database(name).url
        migrate(url)
        yield url
        maintenance.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection whose transaction is rolled back after the test."""
    connection = psycopg.connect(database_url)
    yield connection
    connection.rollback()
    connection.close()


@pytest.fixture
def bound(connection: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[Any]]:
    """The connection that the factories are bound to."""
    with factories.bound(connection):
        yield connection


def stored(connection: psycopg.Connection[Any], row: Row) -> dict[str, object]:
    """Return the columns of `row` as the database has them."""
    query = sql.SQL("SELECT * FROM {} WHERE id = %s").format(sql.Identifier(row.table))
    with connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        [found] = cursor.execute(query, (row.id,))
    return found


@pytest.mark.parametrize("factory", factories.ALL.values(), ids=factories.ALL)
def test_create_returns_the_stored_row(bound: psycopg.Connection[Any], factory: type[RowFactory[Any]]) -> None:
    """What create returns is what the table holds, column by column."""
    row = factory.create()
    assert dataclasses.asdict(row) == stored(bound, row)


@pytest.mark.parametrize("factory", factories.ALL.values(), ids=factories.ALL)
def test_created_rows_do_not_collide(bound: psycopg.Connection[Any], factory: type[RowFactory[Any]]) -> None:
    """Rows left to themselves are valid beside each other under every constraint."""
    rows = factory.create_batch(20)
    assert len({row.id for row in rows}) == 20


@pytest.mark.parametrize("factory", factories.ALL.values(), ids=factories.ALL)
def test_build_gives_what_create_would(bound: psycopg.Connection[Any], factory: type[RowFactory[Any]]) -> None:
    """A built row has the column defaults of the database, so that it differs only in what is its own."""
    created = dataclasses.asdict(factory.create(__sequence=700))
    built = dataclasses.asdict(factory.build(__sequence=700))
    foreign_keys = {relation.column for relation in describe(factory._meta.model).relations.values()}
    different = {name for name, value in built.items() if value != created[name]}
    assert different <= FILLED_BY_POSTGRES | foreign_keys
    assert {name: type(value) for name, value in built.items()} == {n: type(v) for n, v in created.items()}


def test_build_needs_no_database() -> None:
    """A built row has every column and an id that no stored row has; so have the rows that it needs."""
    task: Task = TaskFactory.build()
    assert isinstance(task.external_id, UUID)
    assert task.created_at.tzinfo is UTC
    assert task.id < 0
    assert task.project_id < 0
    assert TaskFactory.build().id != task.id


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
    with pytest.raises(psycopg.errors.NotNullViolation):
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


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"owner": 7}, "owner must be a row of users and is of type int; an id is given as owner_id"),
        ({"owner": ProjectFactory.build()}, "owner must be a row of users and is a row of projects"),
        ({"owner": UserFactory.build(), "owner_id": 7}, "give owner or owner_id, not both"),
        ({"owner": UserFactory.build()}, "only built: make it with create"),
        ({"ownr": UserFactory.build()}, "no relation ownr; its relations are owner"),
    ],
)
def test_wrong_relations_are_refused(bound: psycopg.Connection[Any], wrong: dict[str, Any], message: str) -> None:
    """A relation that is no stored row of the right table is an error that says what is wrong."""
    with pytest.raises(FactoryError, match=message):
        ProjectFactory.create(**wrong)


def test_build_refuses_what_is_no_column() -> None:
    """A misspelt column is named, with those that there are."""
    with pytest.raises(FactoryError, match=r"no column or relation usernam; its columns are .*username"):
        UserFactory.build(usernam="ada")


def test_create_leaves_unknown_columns_to_postgres(bound: psycopg.Connection[Any]) -> None:
    """A column that a project added to a table can be given; one that nobody added is PostgreSQL's error."""
    bound.execute("ALTER TABLE users ADD COLUMN team jsonb")
    user = UserFactory.create(team={"name": "core"})
    assert stored(bound, user)["team"] == {"name": "core"}
    with pytest.raises(psycopg.errors.UndefinedColumn):
        UserFactory.create(usernam="ada")


def test_a_database_of_another_version_is_named(bound: psycopg.Connection[Any]) -> None:
    """Where the table lacks a column of the row class the error says which, and what to look at."""
    bound.execute("ALTER TABLE users DROP COLUMN locale")
    with pytest.raises(FactoryError, match=r"users has no column locale: .*swe-db verify"):
        UserFactory.create()


def test_rows_cannot_be_changed() -> None:
    """A row is what was stored: to assign to it is an error."""
    project: Project = ProjectFactory.build()
    with pytest.raises(AttributeError):
        project.name = "other"  # type: ignore[misc]
