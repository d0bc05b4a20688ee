"""Bad input gives one message, with table, column and rule."""

from __future__ import annotations

import enum
import ipaddress
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.types.range import Range

from swe_db import factories
from swe_db.errors import FactoryError
from swe_db.factories import (
    AgentFactory,
    AuditLogFactory,
    EvidenceChainFactory,
    EvidenceFactory,
    ProjectFactory,
    RowFactory,
    TaskCommentFactory,
    TaskFactory,
    UserFactory,
)

Factory = type[RowFactory[Any]]

WRONG_TYPES: dict[str, tuple[Factory, dict[str, Any], str]] = {
    "number for text": (TaskFactory, {"title": 7}, r"tasks\.title takes str; 7 of type int is given"),
    "text for a number": (TaskFactory, {"estimate_points": "5"}, r"tasks\.estimate_points takes int or None; '5' of"),
    "truth for a number": (TaskFactory, {"estimate_points": True}, r"tasks\.estimate_points takes int or None; True"),
    "text for a time": (TaskFactory, {"due_at": "soon"}, r"tasks\.due_at takes a datetime with a time zone or None"),
    "a time without zone": (TaskFactory, {"due_at": datetime(2026, 1, 1)}, "a datetime with a time zone"),  # noqa: DTZ001
    "None for NOT NULL": (TaskFactory, {"created_at": None}, r"tasks\.created_at takes a datetime with a time zone;"),
    "a list with a number": (TaskFactory, {"labels": ["a", 3]}, r"tasks\.labels takes list of str; \['a', 3\]"),
    "text for JSON": (UserFactory, {"preferences": "{}"}, r"users\.preferences takes dict"),
    "NaN in JSON": (
        UserFactory,
        {"metadata": {"share": float("nan")}},
        r"users\.metadata takes JSON, which has no inf",
    ),
    "text for a UUID": (UserFactory, {"external_id": "1"}, r"users\.external_id takes UUID"),
    "text for a decimal": (EvidenceFactory, {"credibility_score": "0.5"}, r"evidence\.credibility_score takes Decimal"),
    "a computed column": (AgentFactory, {"success_rate": Decimal(1)}, r"agents\.success_rate is computed by Postgr"),
    "deep inside": (TaskFactory, {"project__owner__username": 1}, r"users\.username takes str"),
    "an id for a row": (
        ProjectFactory,
        {"owner": 7},
        "owner must be a row of users and is of type int; an id is given as owner_id",
    ),
    "a row of another table": (ProjectFactory, {"owner": ProjectFactory.build()}, "users and is a row of projects"),
    "a row and its id": (
        ProjectFactory,
        {"owner": UserFactory.build(), "owner_id": 7},
        "give owner or owner_id, not both",
    ),
    "a misspelt relation": (ProjectFactory, {"ownr": UserFactory.build()}, "no relation ownr; its relations are owner"),
}

REFUSED: dict[str, tuple[Factory, dict[str, Any], str]] = {
    "check": (
        TaskFactory,
        {"priority": "urgent"},
        r"^tasks\.priority: new row .*the rule is tasks_priority_check: CHECK \(priority IN \('low', ",
    ),
    "check of two columns": (
        UserFactory,
        {"github_id": None, "github_login": "ada"},
        r"^users\.github_id, users\.github_login: .*users_github_check",
    ),
    "unique": (
        AgentFactory,
        {"slug": "taken"},
        r"^agents\.slug: duplicate key .*\(Key \(slug\)=\(taken\) already exists\.\); .*agents_slug_living_key: UNIQUE",
    ),
    "missing parent": (
        ProjectFactory,
        {"owner_id": 404},
        r"^projects\.owner_id: .*\(Key \(owner_id\)=\(404\) is not present .* the rule is projects_owner_id_fkey",
    ),
    "no parent": (TaskFactory, {"project": None}, r"^tasks\.project_id: null value in column"),
    "too large": (EvidenceFactory, {"credibility_score": Decimal(100)}, r"^evidence: numeric field overflow"),
    "unknown column": (
        UserFactory,
        {"usernam": "ada"},
        r'^users\.usernam: column "usernam" .*its columns are id, external_id',
    ),
    "identity": (UserFactory, {"id": 5}, r"^users\.id: cannot insert a non-DEFAULT value into column \"id\""),
    "zero byte": (UserFactory, {"display_name": "a\x00b"}, "^users"),
    "two authors": (TaskCommentFactory, {"by_agent": True, "author_user_id": 1}, r"task_comments_author_check"),
}


@pytest.mark.parametrize(("factory", "values", "message"), WRONG_TYPES.values(), ids=WRONG_TYPES)
def test_wrong_values_are_named(factory: Factory, values: dict[str, Any], message: str) -> None:
    """A value of the wrong type is refused before there is a statement, with what the column takes."""
    with pytest.raises(FactoryError, match=message):
        factory.build(**values)


@pytest.mark.parametrize(("factory", "values", "message"), WRONG_TYPES.values(), ids=WRONG_TYPES)
def test_a_batch_names_them_too(
    bound: psycopg.Connection[Any], factory: Factory, values: dict[str, Any], message: str
) -> None:
    """The same, in the same words, where many rows are made at once."""
    with pytest.raises(FactoryError, match=message):
        factory.create_batch(2, **values)


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize(("factory", "values", "message"), REFUSED.values(), ids=REFUSED)
def test_refusals_name_table_column_and_rule(
    bound: psycopg.Connection[Any], factory: Factory, values: dict[str, Any], message: str, size: int
) -> None:
    """What PostgreSQL refuses is one error, with the place, its words and the rule, and nothing of psycopg."""
    if values.get("slug") == "taken":
        AgentFactory.create(slug="taken")
    with pytest.raises(FactoryError, match=message) as caught:
        factory.create(**values) if size == 1 else factory.create_batch(size, **values)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert "\n" not in str(caught.value)


def test_the_code_is_kept(bound: psycopg.Connection[Any]) -> None:
    """The error carries PostgreSQL's code, for tests that look at it."""
    with pytest.raises(FactoryError) as caught:
        TaskFactory.create(priority="urgent")
    assert caught.value.sqlstate == "23514"


def test_a_closed_connection(database_url: str) -> None:
    """A connection that was closed is a FactoryError too."""
    connection = psycopg.connect(database_url)
    connection.close()
    with factories.bound(connection), pytest.raises(FactoryError, match="the connection is closed"):
        UserFactory.create()


def test_a_cycle_of_evidence(bound: psycopg.Connection[Any]) -> None:
    """A trigger's refusal reads like that of a constraint."""
    edge = EvidenceChainFactory.create()
    with pytest.raises(FactoryError, match=r"^evidence_chains.*closes a cycle.*evidence_chains_acyclic"):
        EvidenceChainFactory.create(from_evidence_id=edge.to_evidence_id, to_evidence_id=edge.from_evidence_id)


@pytest.mark.parametrize("batch", [False, True])
def test_only_built_rows_are_no_parents(bound: psycopg.Connection[Any], batch: bool) -> None:
    """A row that is not in the database cannot be pointed at."""
    project = ProjectFactory.build()
    with pytest.raises(FactoryError, match="project is not in the database, only built: make it with create"):
        TaskFactory.create_batch(2, project=project) if batch else TaskFactory.create(project=project)


def test_build_refuses_what_is_no_column() -> None:
    """A misspelt column is named, with those that there are."""
    with pytest.raises(FactoryError, match=r"no column or relation usernam; its columns are .*username"):
        UserFactory.build(usernam="ada")


@pytest.mark.parametrize("value", [{"name": "core"}, ["core"], None, 5, 0.25, True])
def test_columns_that_others_added(bound: psycopg.Connection[Any], value: Any) -> None:
    """A column that a project added to a table can be given."""
    bound.execute("ALTER TABLE users ADD COLUMN team jsonb")
    user = UserFactory.create(team=value)
    assert bound.execute("SELECT team FROM users WHERE id = %s", (user.id,)).fetchone() == (value,)


COLOUR = enum.StrEnum("COLOUR", ["RED"])
TYPES: dict[str, Any] = {
    "bytea": b"\x00\xff",
    "interval": datetime(2026, 1, 2, tzinfo=UTC) - datetime(2026, 1, 1, tzinfo=UTC),
    "date": datetime(2026, 1, 2, tzinfo=UTC).date(),
    "time": datetime(2026, 1, 2, 3, tzinfo=UTC).time(),
    "inet": ipaddress.ip_address("10.0.0.1"),
    "double precision": float("inf"),
    "numeric": Decimal("12345678901234567890.123"),
    "int[]": [1, 2],
    "text[][]": [["a", "b"], ["c", "d"]],
    "uuid": uuid.UUID(int=7),
    "text": COLOUR.RED,
    "int4range": Range(1, 5),
}


@pytest.mark.parametrize(("kind", "value"), TYPES.items(), ids=TYPES)
def test_types_of_other_columns(bound: psycopg.Connection[Any], kind: str, value: Any) -> None:
    """Whatever psycopg can write comes back as it was given."""
    bound.execute(f"ALTER TABLE users ADD COLUMN extra {kind}")
    user = UserFactory.create(extra=value)
    assert bound.execute("SELECT extra FROM users WHERE id = %s", (user.id,)).fetchone() == (value,)


def test_what_cannot_be_written(bound: psycopg.Connection[Any]) -> None:
    """A value that nobody can write is named with its table."""
    with pytest.raises(FactoryError, match="users: a value cannot be stored"):
        UserFactory.create(metadata={"what": object()})


def test_unknown_kinds_reach_the_rule(bound: psycopg.Connection[Any]) -> None:
    """A type that no words are known for is PostgreSQL's to refuse."""
    for factory, values in (
        (AgentFactory, {"agent_type": "poet"}),
        (EvidenceFactory, {"source_type": "rumour"}),
        (AuditLogFactory, {"event_type": "task.dreamt"}),
    ):
        with pytest.raises(FactoryError, match=r"_type: .*the rule is .*_type_check"), bound.transaction():
            factory.create(**values)


def test_a_database_of_another_version_is_named(bound: psycopg.Connection[Any]) -> None:
    """Where the table lacks a column of the row class the error says which, and what to look at."""
    bound.execute("ALTER TABLE users DROP COLUMN locale")
    with pytest.raises(FactoryError, match=r'column "locale" .*swe-db verify'):
        UserFactory.create()


def test_an_unknown_locale() -> None:
    """A locale that Faker does not have is named."""
    with factories.seeded(1, locale="xx_XX"), pytest.raises(FactoryError, match="Faker has no locale 'xx_XX'"):
        UserFactory.build()
