"""What each role sees and changes of people and work: grants and row-level security together."""

from __future__ import annotations

from typing import Any, Final

import psycopg
import pytest
from psycopg import Connection
from psycopg.errors import InsufficientPrivilege, InvalidTextRepresentation

from support.sql import ROLES, become, refusal, run_sql, scalar
from support.sql_cases import insert

ADA: Final = 1
BOB: Final = 2
GONE: Final = 541

# Beside the base rows: ada's private, public and deleted projects and bob's private one, and work in them.
ROWS: Final = """
INSERT INTO public.users (id, username, email, display_name, deleted_at) OVERRIDING SYSTEM VALUE
  VALUES (541, 'gone', 'gone@swe.example', 'Gone', CURRENT_TIMESTAMP);
INSERT INTO public.projects (id, owner_id, name, slug, visibility, deleted_at) OVERRIDING SYSTEM VALUE VALUES
  (503, 1, 'Private', 'private', 'private', NULL), (504, 1, 'Public', 'public', 'public', NULL),
  (505, 1, 'Deleted', 'deleted', 'internal', CURRENT_TIMESTAMP), (506, 2, 'Bob''s', 'bobs', 'private', NULL);
INSERT INTO public.tasks (id, project_id, title, assigned_user_id, created_by_user_id, deleted_at)
  OVERRIDING SYSTEM VALUE VALUES
  (511, 503, 'Hidden', NULL, NULL, NULL), (512, 503, 'Assigned to bob', 2, NULL, NULL),
  (513, 503, 'Made by bob', NULL, 2, NULL), (514, 1, 'Deleted', NULL, NULL, CURRENT_TIMESTAMP),
  (515, 504, 'Public', NULL, NULL, NULL), (516, 1, 'Bob''s turn', 2, NULL, NULL);
INSERT INTO public.task_comments (id, task_id, author_user_id, body) OVERRIDING SYSTEM VALUE VALUES
  (521, 1, 1, 'On the first'), (522, 511, 1, 'On the hidden'), (523, 512, 1, 'For bob'), (524, 1, 2, 'By bob');
INSERT INTO public.task_attachments (id, task_id, uploaded_by_user_id, file_name, size_bytes, storage_url, sha256)
  OVERRIDING SYSTEM VALUE
  SELECT id, task_id, author_user_id, 'a.txt', 1, 's3://bucket/a.txt', repeat('0a', 32) FROM public.task_comments;
INSERT INTO public.agent_executions (id, agent_id, project_id, triggered_by_user_id) OVERRIDING SYSTEM VALUE VALUES
  (531, 1, 503, NULL), (532, 1, 503, 2), (533, 1, NULL, 1);
INSERT INTO public.agent_executions (id, agent_id, triggered_by_user_id, status) OVERRIDING SYSTEM VALUE VALUES
  (534, 1, 2, 'failed');
INSERT INTO public.task_comments (id, task_id, author_agent_id, body) OVERRIDING SYSTEM VALUE VALUES
  (525, 1, 1, 'By an agent');
"""

EVERYTHING: Final = {
    "users": {1, 2, 541},
    "projects": {1, 2, 503, 504, 505, 506},
    "agents": {1, 2},
    "agent_executions": {1, 531, 532, 533, 534},
    "tasks": {1, 2, 511, 512, 513, 514, 515, 516},
    "task_comments": {521, 522, 523, 524, 525},
    "task_attachments": {521, 522, 523, 524},
}
VISIBLE: Final[dict[int | None, dict[str, set[int]]]] = {
    ADA: EVERYTHING | {"users": {1, 2}, "projects": {1, 2, 503, 504, 505}, "agent_executions": {1, 531, 532, 533}},
    BOB: {
        "users": {1, 2},
        "projects": {1, 2, 504, 506},
        "agents": {1, 2},
        "agent_executions": {1, 532, 534},
        "tasks": {1, 2, 512, 513, 515, 516},
        "task_comments": {521, 523, 524, 525},
        "task_attachments": {521, 523, 524},
    },
    GONE: {"users": {1, 2, 541}},
    None: {
        "users": {1, 2},
        "projects": {504},
        "agents": {1, 2},
        "agent_executions": set(),
        "tasks": {515},
        "task_comments": set(),
        "task_attachments": set(),
    },
}

TASK_OF_ADA: Final = insert("tasks", created_by_user_id="1")
HIDDEN_TASK: Final = {"task_id": "511"}

# For each role: what it may do, and how many rows that concerns; then what it may not.
ALLOWED: Final[list[tuple[str, int | None, str, int]]] = [
    ("swe_user", BOB, "UPDATE public.users SET display_name = 'Bobby'", 1),
    ("swe_user", BOB, "UPDATE public.users SET preferences = '{}' WHERE id = 1", 0),
    ("swe_user", BOB, insert("projects", owner_id="2"), 1),
    ("swe_user", BOB, "UPDATE public.projects SET name = 'Mine'", 1),
    ("swe_user", BOB, "UPDATE public.projects SET deleted_at = CURRENT_TIMESTAMP WHERE id = 506", 1),
    ("swe_user", BOB, "UPDATE public.projects SET name = 'Mine' WHERE id IN (1, 503)", 0),
    ("swe_user", BOB, insert("tasks"), 1),
    ("swe_user", BOB, insert("tasks", project_id="506"), 1),
    ("swe_user", BOB, "UPDATE public.tasks SET status = 'done' WHERE id IN (1, 511)", 0),
    ("swe_user", BOB, "UPDATE public.tasks SET status = 'done' WHERE id IN (512, 513)", 2),
    ("swe_user", BOB, "UPDATE public.tasks SET assigned_user_id = 1 WHERE id = 516", 1),
    ("swe_user", ADA, "UPDATE public.tasks SET deleted_at = CURRENT_TIMESTAMP", 8),
    ("swe_user", BOB, insert("task_comments", author_user_id="2"), 1),
    ("swe_user", BOB, "UPDATE public.task_comments SET body = 'Edited'", 1),
    ("swe_user", BOB, "DELETE FROM public.task_comments", 1),
    ("swe_user", BOB, insert("task_attachments"), 1),
    ("swe_user", BOB, "DELETE FROM public.task_attachments", 1),
    ("swe_user", BOB, insert("agent_executions", project_id="1", task_id="512"), 1),
    ("swe_user", BOB, "UPDATE public.agent_executions SET status = 'cancelled'", 1),
    ("swe_manager", ADA, insert("projects"), 1),
    ("swe_manager", None, "UPDATE public.projects SET status = 'paused', owner_id = 2", 6),
    ("swe_manager", None, insert("agents"), 1),
    ("swe_manager", None, "UPDATE public.agents SET configuration = '{}'", 2),
    ("swe_manager", None, "UPDATE public.tasks SET priority = 'high'", 8),
    ("swe_manager", None, insert("agent_executions"), 1),
    ("swe_manager", None, "UPDATE public.agent_executions SET status = 'cancelled'", 4),
    ("swe_manager", ADA, insert("task_comments"), 1),
    ("swe_manager", ADA, "UPDATE public.task_comments SET body = 'Edited'", 3),
    ("swe_manager", ADA, "DELETE FROM public.task_comments", 5),
    ("swe_manager", ADA, "DELETE FROM public.task_attachments", 4),
    ("swe_service", None, "UPDATE public.projects SET metrics = '{}'", 6),
    ("swe_service", None, "UPDATE public.agents SET last_heartbeat_at = CURRENT_TIMESTAMP", 2),
    ("swe_service", None, insert("agent_executions", status="'running'"), 1),
    ("swe_service", None, "UPDATE public.agent_executions SET status = 'succeeded', output = '{}'", 5),
    ("swe_service", None, insert("tasks", ai_analysis="'{}'"), 1),
    ("swe_service", None, "UPDATE public.tasks SET assigned_agent_id = 1, assigned_user_id = NULL", 8),
    ("swe_service", None, insert("task_comments", author_user_id="NULL", author_agent_id="1"), 1),
    ("swe_service", None, "UPDATE public.task_comments SET body = 'Edited'", 1),
    ("swe_service", None, insert("task_attachments"), 1),
    ("swe_admin", None, insert("users"), 1),
    ("swe_admin", None, "UPDATE public.users SET role = 'admin'", 3),
    ("swe_admin", None, "DELETE FROM public.agents WHERE id = 2", 1),
    ("swe_admin", None, "DELETE FROM public.projects", 6),
    ("swe_admin", None, "DELETE FROM public.tasks", 8),
    ("swe_admin", None, "DELETE FROM public.agent_executions", 5),
]
REFUSED: Final[list[tuple[str, int | None, str]]] = [
    ("swe_user", BOB, "UPDATE public.users SET role = 'admin' WHERE id = 2"),
    ("swe_user", BOB, "UPDATE public.users SET email = 'b@swe.example' WHERE id = 2"),
    ("swe_user", BOB, insert("users")),
    ("swe_user", BOB, "DELETE FROM public.users WHERE id = 2"),
    ("swe_user", BOB, insert("projects", owner_id="1")),
    ("swe_user", None, insert("projects", owner_id="1")),
    ("swe_user", BOB, "UPDATE public.projects SET owner_id = 1 WHERE id = 506"),
    ("swe_user", BOB, "DELETE FROM public.projects WHERE id = 506"),
    ("swe_user", None, insert("tasks")),
    ("swe_user", None, insert("tasks", project_id="504")),
    ("swe_user", BOB, insert("tasks", project_id="503")),
    ("swe_user", BOB, TASK_OF_ADA),
    ("swe_user", BOB, "UPDATE public.tasks SET assigned_user_id = 1 WHERE id = 512"),
    ("swe_user", BOB, "UPDATE public.tasks SET project_id = 506 WHERE id = 513"),
    ("swe_user", BOB, "UPDATE public.tasks SET ai_analysis = '{}' WHERE id = 513"),
    ("swe_user", BOB, "DELETE FROM public.tasks WHERE id = 513"),
    ("swe_user", BOB, insert("task_comments", author_user_id="1")),
    ("swe_user", BOB, insert("task_comments", author_user_id="NULL", author_agent_id="1")),
    ("swe_user", BOB, insert("task_comments", author_user_id="2", task_id="511")),
    ("swe_user", BOB, "UPDATE public.task_comments SET task_id = 2 WHERE id = 524"),
    ("swe_user", BOB, insert("task_attachments", uploaded_by_user_id="1")),
    ("swe_user", BOB, insert("task_attachments", **HIDDEN_TASK)),
    ("swe_user", BOB, "UPDATE public.task_attachments SET sha256 = repeat('0b', 32)"),
    ("swe_user", BOB, insert("agents")),
    ("swe_user", BOB, "UPDATE public.agents SET status = 'paused'"),
    ("swe_user", BOB, insert("agent_executions", status="'running'")),
    ("swe_user", BOB, insert("agent_executions", triggered_by_user_id="1")),
    ("swe_user", BOB, insert("agent_executions", project_id="503")),
    ("swe_user", BOB, insert("agent_executions", **HIDDEN_TASK)),
    ("swe_user", BOB, "UPDATE public.agent_executions SET status = 'succeeded' WHERE id = 532"),
    ("swe_user", BOB, "DELETE FROM public.agent_executions WHERE id = 532"),
    ("swe_manager", ADA, insert("users")),
    ("swe_manager", ADA, "UPDATE public.users SET display_name = 'Ada L.' WHERE id = 1"),
    ("swe_manager", ADA, "DELETE FROM public.projects WHERE id = 1"),
    ("swe_manager", ADA, "DELETE FROM public.tasks WHERE id = 1"),
    ("swe_manager", ADA, "DELETE FROM public.agents WHERE id = 2"),
    ("swe_manager", ADA, insert("agent_executions", status="'running'")),
    ("swe_manager", ADA, "UPDATE public.agent_executions SET output = '{}' WHERE id = 1"),
    ("swe_manager", ADA, "UPDATE public.agent_executions SET status = 'failed' WHERE id = 1"),
    ("swe_manager", ADA, insert("task_comments", author_user_id="2")),
    ("swe_service", None, insert("users")),
    ("swe_service", None, "UPDATE public.users SET last_login_at = CURRENT_TIMESTAMP"),
    ("swe_service", None, insert("projects")),
    ("swe_service", None, "UPDATE public.projects SET name = 'Renamed' WHERE id = 1"),
    ("swe_service", None, insert("agents")),
    ("swe_service", None, "UPDATE public.agents SET configuration = '{}'"),
    ("swe_service", None, "DELETE FROM public.agent_executions"),
    ("swe_service", None, "DELETE FROM public.tasks"),
    ("swe_service", None, insert("task_comments")),
    ("swe_service", None, "UPDATE public.task_comments SET author_agent_id = NULL, author_user_id = 1"),
    ("swe_service", None, "DELETE FROM public.task_comments"),
    ("swe_service", None, "DELETE FROM public.task_attachments"),
    *((role, None, "TRUNCATE public.users CASCADE") for role in ROLES),
    *((role, None, "SELECT FROM public.schema_migrations") for role in ROLES),
    *((role, None, "CREATE TABLE public.anything ()") for role in ROLES),
]


@pytest.fixture
def rows(connection: Connection[Any]) -> Connection[Any]:
    """A connection that sees projects of two owners, and work in them."""
    run_sql(connection, ROWS)
    return connection


def visible(connection: Connection[Any], table: str) -> set[int]:
    """Return the ids of the rows that are seen."""
    return {row[0] for row in connection.execute(f"SELECT id FROM public.{table}")}


@pytest.mark.parametrize("table", EVERYTHING)
@pytest.mark.parametrize("role", [None, "swe_admin", "swe_manager", "swe_service"])
def test_who_sees_all(rows: Connection[Any], role: str | None, table: str) -> None:
    """The superuser, admins, managers and services see every row, deleted ones too."""
    if role:
        become(rows, role)
    assert visible(rows, table) == EVERYTHING[table]


@pytest.mark.parametrize(("user_id", "table"), [(user, table) for user, seen in VISIBLE.items() for table in seen])
def test_what_a_user_sees(rows: Connection[Any], user_id: int | None, table: str) -> None:
    """A user sees what is its own, what is in projects it may see, and without swe.user_id only what is public."""
    become(rows, "swe_user", user_id)
    assert visible(rows, table) == VISIBLE[user_id][table]


@pytest.mark.parametrize(("role", "user_id", "statement", "count"), ALLOWED)
def test_what_a_role_may_do(rows: Connection[Any], role: str, user_id: int | None, statement: str, count: int) -> None:
    """A role changes the rows that it is there for, and no others."""
    become(rows, role, user_id)
    assert rows.execute(statement).rowcount == count


@pytest.mark.parametrize(("role", "user_id", "statement"), REFUSED)
def test_what_a_role_may_not_do(rows: Connection[Any], role: str, user_id: int | None, statement: str) -> None:
    """What a role is not there for is refused for lack of privilege."""
    become(rows, role, user_id)
    assert isinstance(refusal(rows, statement), InsufficientPrivilege)


@pytest.mark.parametrize(("role", "user_id", "statement"), REFUSED)
def test_what_is_refused_is_refused_to_the_role(
    rows: Connection[Any], role: str, user_id: int | None, statement: str
) -> None:
    """The statements that roles may not run are sound: the superuser may, but for what the rows themselves forbid."""
    rows.execute("SELECT set_config('swe.user_id', %s, true)", ["" if user_id is None else str(user_id)])
    assert not isinstance(refusal(rows, statement), psycopg.ProgrammingError)


def test_a_setting_that_is_no_id_is_an_error(rows: Connection[Any]) -> None:
    """A swe.user_id that is no number shows no rows, but an error."""
    become(rows, "swe_user")
    rows.execute("SET LOCAL swe.user_id = 'ada'")
    assert isinstance(refusal(rows, "SELECT id FROM public.projects"), InvalidTextRepresentation)


def test_a_user_reads_back_what_it_made(rows: Connection[Any]) -> None:
    """A user's INSERT … RETURNING gives it the row, made in its name."""
    become(rows, "swe_user", BOB)
    statement = insert("tasks", project_id="506").rstrip(";") + " RETURNING created_by_user_id"
    assert scalar(rows, statement) == BOB
