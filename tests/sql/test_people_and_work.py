"""What the database does by itself to users, projects, agents and tasks; what it refuses is in the cases."""

from __future__ import annotations

from typing import Any, Final

import pytest
from psycopg import Connection

from support.sql import become, run_sql, scalar
from support.sql_cases import insert

CHANGES: Final = {
    "users": "display_name = 'Carol C.'",
    "projects": "tags = ARRAY['new']",
    "agents": "successful_executions = 1, total_executions = 1",
    "agent_executions": "status = 'running', started_at = CURRENT_TIMESTAMP",
    "tasks": "assigned_user_id = 2",
    "task_comments": "body = 'Looks very good'",
    "task_attachments": """metadata = '{"virus_free": true}'""",
}
LONG_AGO: Final = "'2020-01-01 00:00:00+00'"

# Deleting a row of the base, and what a query then gives.
DELETIONS: Final = [
    ("projects", 1, "SELECT count(*) FROM public.tasks", 0),
    ("projects", 1, "SELECT count(*) FROM public.agent_executions", 0),
    ("tasks", 1, "SELECT count(*) FROM public.task_comments WHERE task_id = 1", 0),
    ("tasks", 1, "SELECT count(*) FROM public.task_attachments WHERE task_id = 1", 0),
    ("tasks", 1, "SELECT parent_task_id FROM public.tasks WHERE id = 2", None),
    ("tasks", 1, "SELECT task_id FROM public.agent_executions WHERE id = 1", None),
    ("agents", 1, "SELECT count(*) FROM public.agent_executions", 0),
    ("agents", 2, "SELECT assigned_agent_id FROM public.tasks WHERE id = 1", None),
    ("users", 2, "SELECT assigned_user_id FROM public.tasks WHERE id = 2", None),
    ("users", 2, "SELECT created_by_user_id FROM public.tasks WHERE id = 2", None),
    ("users", 2, "SELECT triggered_by_user_id FROM public.agent_executions WHERE id = 1", None),
    ("users", 2, "SELECT uploaded_by_user_id FROM public.task_attachments WHERE task_id = 1", None),
]
RELATED_ROWS: Final = """
UPDATE public.tasks SET assigned_agent_id = 2 WHERE id = 1;
UPDATE public.tasks SET assigned_user_id = 2, created_by_user_id = 2, parent_task_id = 1 WHERE id = 2;
UPDATE public.agent_executions SET triggered_by_user_id = 2 WHERE id = 1;
"""


@pytest.mark.parametrize("table", CHANGES)
def test_updated_at_follows_a_change(connection: Connection[Any], table: str) -> None:
    """An UPDATE that changes something sets updated_at, whatever it says itself."""
    run_sql(connection, insert(table, id="501", created_at=LONG_AGO, updated_at=LONG_AGO))
    run_sql(connection, f"UPDATE public.{table} SET {CHANGES[table]}, updated_at = {LONG_AGO} WHERE id = 501")
    assert scalar(connection, f"SELECT updated_at = CURRENT_TIMESTAMP FROM public.{table} WHERE id = 501")


@pytest.mark.parametrize("table", CHANGES)
def test_updated_at_stays_without_a_change(connection: Connection[Any], table: str) -> None:
    """An UPDATE that sets a row to what it is leaves updated_at alone."""
    run_sql(connection, insert(table, id="501", created_at=LONG_AGO, updated_at=LONG_AGO))
    run_sql(connection, f"UPDATE public.{table} SET created_at = created_at, metadata = metadata WHERE id = 501")
    assert scalar(connection, f"SELECT updated_at = {LONG_AGO} FROM public.{table} WHERE id = 501")


@pytest.mark.parametrize(("table", "key", "query", "expected"), DELETIONS)
def test_deletion(connection: Connection[Any], table: str, key: int, query: str, expected: int | None) -> None:
    """What has no life of its own goes with its parent; what has one forgets it."""
    run_sql(connection, RELATED_ROWS + insert("task_comments") + insert("task_attachments", uploaded_by_user_id="2"))
    assert scalar(connection, query) != expected
    run_sql(connection, f"DELETE FROM public.{table} WHERE id = {key}")
    assert scalar(connection, query) == expected


@pytest.mark.parametrize("deletion", ["projects WHERE id = 1", "agents WHERE id = 1", "users WHERE id = 2"])
def test_deletion_in_the_transaction_that_made_the_rows(connection: Connection[Any], deletion: str) -> None:
    """Rows that refer to each other by several ways can be deleted in the transaction that wrote them.

    PostgreSQL checks all foreign keys of a row again where the same transaction wrote it, so forgetting one parent must
    not come upon another parent that is already gone.
    """
    run_sql(connection, RELATED_ROWS + insert("task_attachments", uploaded_by_user_id="2"))
    run_sql(
        connection,
        """
        INSERT INTO public.evidence
          (source_type, title, project_id, task_id, agent_execution_id, collected_by_agent_id, collected_by_user_id)
          VALUES ('test_result', 'All pass', 1, 1, 1, 1, NULL), ('code', 'Diff', 1, 1, 1, NULL, 2);
        INSERT INTO public.activity_feed (project_id, task_id, verb, actor_user_id) VALUES (1, 1, 'created', 2);
        """,
    )
    run_sql(connection, f"DELETE FROM public.{deletion}")
    assert scalar(connection, f"SELECT count(*) FROM public.{deletion}") == 0


def test_answers_outlive_a_comment(connection: Connection[Any]) -> None:
    """Deleting a comment leaves its answers on the task, no longer as answers."""
    run_sql(connection, insert("task_comments", id="501") + insert("task_comments", id="502", parent_comment_id="501"))
    run_sql(connection, "DELETE FROM public.task_comments WHERE id = 501")
    row = connection.execute("SELECT task_id, parent_comment_id FROM public.task_comments").fetchall()
    assert row == [(1, None)]


@pytest.mark.parametrize(
    ("successful", "failed", "rate"), [(0, 0, None), (0, 4, "0.0000"), (1, 2, "0.3333"), (5, 0, "1.0000")]
)
def test_success_rate_is_derived(connection: Connection[Any], successful: int, failed: int, rate: str | None) -> None:
    """An agent's success rate is its share of successes to four digits, and NULL before the first result."""
    counters = {"successful_executions": successful, "failed_executions": failed, "total_executions": 9}
    run_sql(connection, insert("agents", id="501", **{name: str(count) for name, count in counters.items()}))
    assert scalar(connection, "SELECT success_rate::text FROM public.agents WHERE id = 501") == rate


@pytest.mark.parametrize(("ended", "milliseconds"), [("1.5 seconds", 1500), ("25 hours", 90_000_000), (None, None)])
def test_duration_is_derived(connection: Connection[Any], ended: str | None, milliseconds: int | None) -> None:
    """A run's duration is the time between its start and its end, and NULL while it runs."""
    connection.execute(
        "UPDATE public.agent_executions SET status = 'failed', started_at = CURRENT_TIMESTAMP,"
        " completed_at = CURRENT_TIMESTAMP + %s::interval",
        [ended],
    )
    assert scalar(connection, "SELECT duration_ms FROM public.agent_executions WHERE id = 1") == milliseconds


def test_total_tokens_is_derived(connection: Connection[Any]) -> None:
    """A run's tokens are those that it read and those that it wrote."""
    run_sql(connection, "UPDATE public.agent_executions SET input_tokens = 900, output_tokens = 100")
    assert scalar(connection, "SELECT total_tokens FROM public.agent_executions WHERE id = 1") == 1000


def test_a_user_needs_a_name_and_an_address(connection: Connection[Any]) -> None:
    """A user made of username, email and display_name is an active one with role user."""
    run_sql(connection, insert("users", id="501"))
    row = connection.execute("SELECT role, status, deleted_at FROM public.users WHERE id = 501").fetchone()
    assert row == ("user", "active", None)


def test_a_task_needs_a_project_and_a_title(connection: Connection[Any]) -> None:
    """A task made of project_id and title is to be done, by nobody yet."""
    run_sql(connection, insert("tasks", id="501"))
    query = "SELECT status, priority, task_type, assigned_user_id, assigned_agent_id FROM public.tasks WHERE id = 501"
    assert connection.execute(query).fetchone() == ("todo", "medium", "task", None, None)


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("tasks", "created_by_user_id"),
        ("agent_executions", "triggered_by_user_id"),
        ("task_attachments", "uploaded_by_user_id"),
    ],
)
@pytest.mark.parametrize("user_id", [None, 2])
def test_the_author_is_who_the_setting_says(
    connection: Connection[Any], table: str, column: str, user_id: int | None
) -> None:
    """A row's author is by default the user in swe.user_id, and nobody where that is not set."""
    become(connection, "swe_admin", user_id)
    run_sql(connection, insert(table, id="501"))
    assert scalar(connection, f"SELECT {column} FROM public.{table} WHERE id = 501") == user_id


def test_a_hostile_search_path_changes_nothing(connection: Connection[Any]) -> None:
    """Functions and operators of other schemas, first in the search path, are not what triggers and policies call."""
    run_sql(
        connection,
        """
        CREATE SCHEMA hostile;
        GRANT USAGE ON SCHEMA hostile TO PUBLIC;
        CREATE FUNCTION hostile.to_jsonb(anyelement) RETURNS jsonb LANGUAGE plpgsql AS
          $$ BEGIN RAISE EXCEPTION 'called' USING ERRCODE = 'P0099'; END $$;
        CREATE FUNCTION hostile.current_setting(text, boolean) RETURNS text LANGUAGE sql RETURN '1';
        CREATE FUNCTION hostile.swe_current_user_id() RETURNS bigint LANGUAGE sql RETURN 1;
        CREATE TABLE hostile.projects (id bigint);
        SET LOCAL search_path = hostile, pg_catalog;
        """,
    )
    become(connection, "swe_user", 2)
    run_sql(connection, "UPDATE public.users SET display_name = 'Bobby'")
    assert scalar(connection, "SELECT array_agg(id) FROM public.users WHERE display_name = 'Bobby'") == [2]
    assert scalar(connection, "SELECT count(*) FROM public.tasks") == 2


@pytest.mark.parametrize("search_path", ["", "pg_catalog", "information_schema"])
def test_any_search_path_works(connection: Connection[Any], search_path: str) -> None:
    """Triggers, defaults and policies find what they need though public is not in the search path."""
    connection.execute("SELECT set_config('search_path', %s, true)", [search_path])
    become(connection, "swe_user", 1)
    run_sql(connection, insert("projects") + insert("tasks"))
    run_sql(connection, "UPDATE public.tasks SET status = 'done', completed_at = CURRENT_TIMESTAMP")
    assert scalar(connection, "SELECT count(*) FROM public.tasks WHERE status = 'done'") == 3
