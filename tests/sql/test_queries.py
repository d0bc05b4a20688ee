"""The questions that applications ask of people and work, each answered from an index, at a size where it matters."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg import Connection

from support.sql import apply_migrations, run_sql

TABLES: Final = ("users", "projects", "agents", "agent_executions", "tasks", "task_comments", "task_attachments")

# What applications ask, and the index that answers.
QUERIES: Final = [
    ("users_email_living_key", "users WHERE lower(email) = 'ada@swe.example' AND deleted_at IS NULL"),
    ("users_username_living_key", "users WHERE lower(username) = 'ada' AND deleted_at IS NULL"),
    ("users_github_id_key", "users WHERE github_id = 42 AND deleted_at IS NULL"),
    ("users_sso_key", "users WHERE sso_provider = 'i' AND sso_subject = 's' AND deleted_at IS NULL"),
    ("users_role_idx", "users WHERE role = 'manager' AND deleted_at IS NULL ORDER BY id LIMIT 50"),
    ("users_preferences_idx", """users WHERE preferences @> '{"notifications": {"digest": "daily"}}'"""),
    ("projects_slug_living_key", "projects WHERE slug = 'one' AND deleted_at IS NULL"),
    ("projects_owner_id_status_idx", "projects WHERE owner_id = 1 AND status = 'active'"),
    (
        "projects_status_updated_at_idx",
        "projects WHERE status = 'active' AND deleted_at IS NULL ORDER BY updated_at DESC LIMIT 20",
    ),
    ("projects_github_id_idx", "projects WHERE github_id = 42"),
    ("projects_github_full_name_idx", "projects WHERE lower(github_full_name) = 'swe-example/one'"),
    ("projects_tags_idx", "projects WHERE tags @> ARRAY['python']"),
    ("projects_settings_idx", """projects WHERE settings @> '{"auto_assign": true}'"""),
    ("agents_slug_living_key", "agents WHERE slug = 'coder' AND deleted_at IS NULL"),
    (
        "agents_agent_type_status_idx",
        "agents WHERE agent_type = 'codegen' AND status = 'active' AND deleted_at IS NULL",
    ),
    (
        "agents_agent_type_success_rate_idx",
        "agents WHERE agent_type = 'codegen' AND deleted_at IS NULL ORDER BY success_rate DESC NULLS LAST LIMIT 5",
    ),
    (
        "agents_model_idx",
        "agents WHERE model_provider = 'moe-router' AND model_name = 'code-large' AND deleted_at IS NULL",
    ),
    (
        "agents_status_last_heartbeat_at_idx",
        "agents WHERE status = 'active' AND last_heartbeat_at < now() - interval '2 days' AND deleted_at IS NULL",
    ),
    (
        "agents_status_success_rate_idx",
        "agents WHERE status = 'active' AND deleted_at IS NULL ORDER BY success_rate DESC NULLS LAST LIMIT 5",
    ),
    ("agents_capabilities_idx", """agents WHERE capabilities @> '["code_review"]'"""),
    (
        "agent_executions_agent_id_created_at_idx",
        "agent_executions WHERE agent_id = 1 ORDER BY created_at DESC LIMIT 20",
    ),
    ("agent_executions_task_id_created_at_idx", "agent_executions WHERE task_id = 1 ORDER BY created_at DESC"),
    (
        "agent_executions_project_id_created_at_idx",
        "agent_executions WHERE project_id = 1 ORDER BY created_at DESC LIMIT 20",
    ),
    ("agent_executions_parent_execution_id_idx", "agent_executions WHERE parent_execution_id = 1"),
    (
        "agent_executions_triggered_by_user_id_idx",
        "agent_executions WHERE triggered_by_user_id = 1 ORDER BY created_at DESC LIMIT 20",
    ),
    ("agent_executions_open_idx", "agent_executions WHERE status = 'queued' ORDER BY queued_at LIMIT 1"),
    ("tasks_project_board_idx", "tasks WHERE project_id = 1 AND status = 'todo' ORDER BY created_at DESC LIMIT 50"),
    (
        "tasks_project_id_updated_at_idx",
        "tasks WHERE project_id = 1 AND deleted_at IS NULL ORDER BY updated_at DESC LIMIT 20",
    ),
    ("tasks_assigned_user_id_idx", "tasks WHERE assigned_user_id = 1 AND status = 'todo' ORDER BY due_at"),
    ("tasks_assigned_agent_id_idx", "tasks WHERE assigned_agent_id = 1 AND status = 'todo' ORDER BY due_at"),
    ("tasks_created_by_user_id_idx", "tasks WHERE created_by_user_id = 1 ORDER BY created_at DESC LIMIT 20"),
    ("tasks_parent_task_id_idx", "tasks WHERE parent_task_id = 1"),
    (
        "tasks_github_issue_number_key",
        "tasks WHERE project_id = 1 AND github_issue_number = 12 AND deleted_at IS NULL",
    ),
    (
        "tasks_github_pull_request_number_key",
        "tasks WHERE project_id = 1 AND github_pull_request_number = 13 AND deleted_at IS NULL",
    ),
    ("tasks_github_issue_node_id_idx", "tasks WHERE github_issue_node_id = 'I_12'"),
    ("tasks_github_pull_request_node_id_idx", "tasks WHERE github_pull_request_node_id = 'PR_13'"),
    (
        "tasks_open_due_at_idx",
        "tasks WHERE due_at < now() AND status NOT IN ('done', 'cancelled') AND deleted_at IS NULL ORDER BY due_at",
    ),
    (
        "tasks_project_id_open_due_at_idx",
        """tasks WHERE project_id = 1 AND due_at < now() + interval '1 day' AND status NOT IN ('done', 'cancelled')
        AND deleted_at IS NULL ORDER BY due_at, id LIMIT 50""",
    ),
    (
        "tasks_project_id_done_at_idx",
        """tasks WHERE project_id = 1 AND status = 'done' AND completed_at >= now() - interval '1 week'
        AND deleted_at IS NULL""",
    ),
    ("tasks_labels_idx", "tasks WHERE labels @> ARRAY['bug']"),
    ("tasks_ai_analysis_idx", """tasks WHERE ai_analysis @> '{"complexity": "high"}'"""),
    ("task_comments_task_id_id_key", "task_comments WHERE task_id = 1 ORDER BY id"),
    ("task_comments_parent_comment_id_idx", "task_comments WHERE parent_comment_id = 1"),
    ("task_comments_author_user_id_idx", "task_comments WHERE author_user_id = 1 ORDER BY created_at DESC LIMIT 20"),
    ("task_comments_author_agent_id_idx", "task_comments WHERE author_agent_id = 1 ORDER BY created_at DESC LIMIT 20"),
    ("task_comments_github_comment_id_key", "task_comments WHERE github_comment_id = 99"),
    ("task_attachments_task_id_created_at_idx", "task_attachments WHERE task_id = 1 ORDER BY created_at"),
    ("task_attachments_uploaded_by_user_id_idx", "task_attachments WHERE uploaded_by_user_id = 1"),
    ("task_attachments_sha256_idx", "task_attachments WHERE sha256 = repeat('0a', 32)"),
]


@pytest.fixture(scope="module")
def filled_url(module_url: str) -> str:
    """A database with thousands of rows, and statistics about them."""
    apply_migrations(module_url)
    with psycopg.connect(module_url) as connection:
        run_sql(connection, Path(__file__).with_name("filling.sql").read_text(encoding="utf-8"))
        run_sql(connection, "ANALYZE")
    return module_url


@pytest.mark.parametrize(("index", "query"), QUERIES)
def test_an_index_answers(filled_url: str, index: str, query: str) -> None:
    """What applications ask is answered from the index that was made for it."""
    with psycopg.connect(filled_url) as connection:
        plan = "\n".join(row[0] for row in connection.execute(f"EXPLAIN SELECT * FROM public.{query}"))
    assert f" {index} " in plan


def test_every_index_answers_something(connection: Connection[Any]) -> None:
    """No index is there for nothing: it is a key, or one of the queries needs it."""
    indexes = connection.execute(
        "SELECT indexrelid::regclass::text FROM pg_catalog.pg_index WHERE indrelid = ANY (%s::regclass[])",
        [[f"public.{table}" for table in TABLES]],
    )
    names = {row[0].removeprefix("public.") for row in indexes}
    keys = {f"{table}_{key}" for table in TABLES for key in ("pkey", "external_id_key")}
    assert names == keys | {index for index, _ in QUERIES}
