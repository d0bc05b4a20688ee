"""Every combination of traits that makes sense is a valid row, with its times in order."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from swe_db import factories
from swe_db.errors import FactoryError
from swe_db.factories import (
    ActivityFeedFactory,
    AgentExecutionFactory,
    AgentFactory,
    AuditLogFactory,
    EvidenceFactory,
    ProjectFactory,
    RowFactory,
    TaskCommentFactory,
    TaskFactory,
    UserFactory,
)
from swe_db.factories.agent_words import KINDS
from swe_db.factories.events import EVENTS
from swe_db.factories.evidence_words import SOURCES
from swe_db.factories.insert import save

Rows = dict[tuple[str, ...], Any]

# Columns with times, in the order in which they come.
CAUSES: dict[str, list[list[str]]] = {
    "users": [["created_at", "last_login_at", "deleted_at"]],
    "projects": [["created_at", "deleted_at"]],
    "agents": [["created_at", "last_execution_at", "last_heartbeat_at", "deleted_at"]],
    "agent_executions": [["created_at", "queued_at", "started_at", "completed_at"]],
    "tasks": [
        ["created_at", "started_at", "completed_at", "deleted_at"],
        ["created_at", "planned_start_at", "started_at"],
        ["planned_start_at", "due_at"],
    ],
    "task_comments": [["created_at", "edited_at"]],
    "evidence": [
        ["source_published_at", "created_at", "collected_at", "verified_at"],
        ["collected_at", "attested_at"],
        ["collected_at", "expires_at"],
    ],
}


# They make rows of other tables, whatever the columns of the task are: not with each of these.
CHILDREN = {"with_comments", "with_attachments"}
APART = {"subtask", "overdue", "analysed", "deleted"}


def combinations(factory: type[RowFactory[Any]]) -> Iterator[tuple[str, ...]]:
    """Yield every choice of traits with at most one of each group."""
    groups = [("", *group) for group in factory._meta.traits]
    for choice in itertools.product(*groups):
        if not (CHILDREN.intersection(choice) and APART.intersection(choice)):
            yield tuple(filter(None, choice))


def all_rows(connection: psycopg.Connection[Any], factory: type[RowFactory[Any]]) -> Rows:
    """Insert a row with each combination, all of them in a few statements, and return them as stored."""
    chosen = list(combinations(factory))
    made = [factory._collect(1, dict.fromkeys(traits, True)) for traits in chosen]
    wanted = [draft for [draft], _ in made]
    drafts = [draft for _, drafts in made for draft in drafts]
    return dict(zip(chosen, save(connection, drafts, wanted), strict=True))


@pytest.mark.parametrize("name", factories.ALL)
def test_every_combination_is_valid(connection: psycopg.Connection[Any], name: str) -> None:
    """PostgreSQL takes a row with every combination, and no time lies before its cause."""
    for traits, row in all_rows(connection, factories.ALL[name]).items():
        for columns in CAUSES.get(name, []):
            times: list[datetime] = [time for column in columns if (time := getattr(row, column)) is not None]
            assert times == sorted(times), (traits, columns)


def test_a_trait_shows() -> None:
    """A trait sets the column that it is named for, and the columns that go with it."""
    task = TaskFactory.build(pull_request=True, done=True, agent_assigned=True)
    assert (task.task_type, task.status, task.assigned_user_id) == ("pull_request", "done", None)
    assert task.github_pull_request_number == task.github_pull_request_id
    assert task.completed_at is not None
    run = AgentExecutionFactory.build(timed_out=True)
    assert (run.status, run.error_type, run.output, run.duration_ms) == ("timed_out", "Timeout", None, 1_800_000)
    assert EvidenceFactory.build(refuted=True).credibility_score <= Decimal("0.1")


def test_a_column_decides_as_its_trait_does() -> None:
    """A state that is given as a column has the same consequences as the trait."""
    with factories.seeded(1):
        by_trait = TaskFactory.build(done=True)
    with factories.seeded(1):
        assert TaskFactory.build(status="done") == by_trait


def test_traits_that_exclude_each_other() -> None:
    """Two states at once are refused by name."""
    with pytest.raises(FactoryError, match="TaskFactory: blocked and done exclude each other"):
        TaskFactory.build(blocked=True, done=True)
    with pytest.raises(FactoryError, match="UserFactory: admin and service exclude each other"):
        ProjectFactory.build(owner__admin=True, owner__service=True)


def test_given_times_stay_in_order() -> None:
    """Times that are left out come before or after those that are given, as they must."""
    past = datetime(2020, 5, 1, tzinfo=UTC)
    task = TaskFactory.build(done=True, completed_at=past)
    assert task.created_at <= past
    assert task.started_at is not None
    assert task.started_at <= past
    assert TaskFactory.build(due_at=past).planned_start_at == past
    late = TaskFactory.build(done=True, started_at=datetime(2030, 1, 1, tzinfo=UTC))
    assert late.completed_at is not None
    assert late.completed_at > datetime(2030, 1, 1, tzinfo=UTC)


def test_children(bound: psycopg.Connection[Any]) -> None:
    """A task's comments and attachments are made with it, after it, as many as are asked for."""
    task = TaskFactory.create(with_attachments=True, comments=3, comments__by_agent=True)
    query = "SELECT count(*), count(author_agent_id), bool_and(created_at > %s) FROM task_comments WHERE task_id = %s"
    assert bound.execute(query, (task.created_at, task.id)).fetchone() == (3, 3, True)
    query = "SELECT count(*) FROM task_attachments WHERE task_id = %s"
    assert bound.execute(query, (task.id,)).fetchone() == (2,)


def test_what_belongs_together_stays_together(bound: psycopg.Connection[Any]) -> None:
    """A reply is on its parent's task, a subtask in its parent's project, a run and evidence in that of their task."""
    task = TaskFactory.create()
    comment = TaskCommentFactory.create(task=task)
    assert TaskCommentFactory.create(parent_comment=comment).task_id == task.id
    assert TaskFactory.create(parent_task=task).project_id == task.project_id
    assert TaskFactory.create(parent_task=None).project_id != task.project_id
    assert TaskCommentFactory.create(author_agent=None).author_user_id is not None
    assert AgentExecutionFactory.create(task=task).project_id == task.project_id
    assert EvidenceFactory.create(task=task).project_id == task.project_id
    assert ActivityFeedFactory.create(task=task).project_id == task.project_id
    retry = AgentExecutionFactory.create(retried=True)
    query = "SELECT agent_id FROM agent_executions WHERE id = %s"
    assert bound.execute(query, (retry.parent_execution_id,)).fetchone() == (retry.agent_id,)


@pytest.mark.parametrize("factory", [UserFactory, ProjectFactory, AgentFactory, TaskFactory, EvidenceFactory])
def test_audit_events_fit_their_resource(bound: psycopg.Connection[Any], factory: type[RowFactory[Any]]) -> None:
    """An event about a row names it, and what it says of the row afterwards is what the row has."""
    row = factory.create()
    for event in AuditLogFactory.create_batch(40, resource=row):
        assert event.resource_id == str(row.id)
        assert event.event_type.startswith(f"{event.resource_type}.")
        assert event.created_at > row.created_at
        for field in {"name", "status", "title", "username", "verification_status"} & (event.new_values or {}).keys():
            assert (event.new_values or {})[field] == getattr(row, field)
        assert event.old_values is None or event.old_values != event.new_values


@pytest.mark.parametrize("source_type", SOURCES)
def test_evidence_fits_its_source(source_type: str) -> None:
    """Evidence of every source type has a title, an address and a score as such evidence has."""
    evidence = EvidenceFactory.build(source_type=source_type)
    low, high = SOURCES[source_type].credibility
    assert Decimal(low) <= evidence.credibility_score <= Decimal(high)
    assert evidence.source_name == SOURCES[source_type].name
    assert source_type in evidence.tags


def test_every_kind_is_known(connection: psycopg.Connection[Any]) -> None:
    """There are words for every source type, every event and every type of agent that the schema allows."""
    query = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s LIMIT 1"
    known = {
        "evidence_source_type_check": SOURCES,
        "audit_logs_event_type_check": EVENTS,
        "agents_agent_type_check": KINDS,
    }
    for constraint, words in known.items():
        [(rule,)] = connection.execute(query, (constraint,)).fetchall()
        assert set(re.findall(r"'([^']+)'::text", rule)) == words.keys()
