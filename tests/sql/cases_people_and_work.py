"""What users, projects, agents, tasks and the table of migrations refuse, and what is like it and passes."""

from __future__ import annotations

from typing import Final

from support.sql import Case
from support.sql_cases import (
    CLOSED,
    EARLIER,
    NOW,
    case,
    deleted_at,
    insert,
    json_object,
    keys,
    members,
    not_negative,
    reference,
    twice,
)

__all__ = ["CASES"]

HEX_63: Final = "repeat('0', 63)"
UPPER_CASE: Final = "repeat('0A', 32)"

SCHEMA_MIGRATIONS: Final = [
    twice("schema_migrations", "schema_migrations_pkey", {}, {}, {"version": "78"}),
    case("schema_migrations", "schema_migrations_version_check", {"version": "0"}, {"version": "1"}),
    case("schema_migrations", "schema_migrations_checksum_check", {"checksum": UPPER_CASE}, {}),
    case("schema_migrations", "schema_migrations_checksum_check", {"checksum": HEX_63}, {}),
    *members("schema_migrations", "status", "running applied failed"),
    not_negative("schema_migrations", "execution_ms"),
]

# A second user, different in all that is unique.
DORA: Final = {"username": "'dora'", "email": "'dora@swe.example'"}
GITHUB_USER: Final = {"github_id": "42", "github_login": "'octocat'"}
SSO_USER: Final = {"sso_provider": "'https://sso.example'", "sso_subject": "'1001'"}

USERS: Final = [
    *keys("users", **DORA),
    case("users", "users_username_check", {"username": "'-carol'"}, {"username": "'C4rol._-'"}),
    case("users", "users_username_check", {"username": "repeat('c', 65)"}, {"username": "repeat('c', 64)"}),
    case("users", "users_email_check", {"email": "'carol.swe.example'"}, {"email": "'c+tag@swe.example'"}),
    case("users", "users_email_check", {"email": "'ca rol@swe.example'"}, {"email": "'ca.rol@swe.example'"}),
    case("users", "users_email_check", {"email": "repeat('c', 253) || '@e'"}, {"email": "repeat('c', 252) || '@e'"}),
    case("users", "users_display_name_check", {"display_name": "'  '"}, {"display_name": "' C '"}),
    *members("users", "role", "admin manager user service"),
    *members("users", "status", "active invited suspended"),
    case("users", "users_github_check", {"github_id": "42"}, GITHUB_USER),
    case("users", "users_sso_check", {"sso_subject": "'1001'"}, SSO_USER),
    json_object("users", "preferences"),
    json_object("users", "metadata"),
    deleted_at("users"),
    # Unique among the living, whatever the case, and free again after a soft delete.
    twice("users", "users_email_living_key", {}, DORA | {"email": "'CAROL@SWE.example'"}, DORA),
    twice("users", "users_email_living_key", CLOSED, DORA | {"email": "'ADA@swe.example'"}, {"username": "'dora'"}),
    twice("users", "users_username_living_key", {}, DORA | {"username": "'CAROL'"}, DORA),
    twice("users", "users_username_living_key", CLOSED, DORA | {"username": "'ADA'"}, DORA | {"username": "'Carol'"}),
    twice("users", "users_github_id_key", GITHUB_USER, DORA | GITHUB_USER, DORA | GITHUB_USER | {"github_id": "43"}),
    twice("users", "users_github_id_key", GITHUB_USER, DORA | GITHUB_USER, DORA | GITHUB_USER | CLOSED),
    twice("users", "users_sso_key", SSO_USER, DORA | SSO_USER, DORA | SSO_USER | {"sso_subject": "'1002'"}),
    twice("users", "users_sso_key", SSO_USER, DORA | SSO_USER, DORA | SSO_USER | CLOSED),
]

FOUR: Final = {"slug": "'four'"}
REPOSITORY: Final = {"repository_provider": "'github'", "repository_url": "'https://github.com/swe-example/three'"}
ON_GITLAB: Final = REPOSITORY | {"repository_provider": "'gitlab'"}

PROJECTS: Final = [
    *keys("projects", **FOUR),
    reference("projects", "owner_id"),
    Case(
        "projects",
        "projects_owner_id_fkey",
        "DELETE FROM public.users WHERE id = 1;",
        "DELETE FROM public.users WHERE id = 2;",
    ),
    case("projects", "projects_name_check", {"name": "' '"}, {"name": "repeat('n', 200)"}),
    case("projects", "projects_name_check", {"name": "repeat('n', 201)"}, {"name": "'n'"}),
    case("projects", "projects_slug_check", {"slug": "'Three'"}, {"slug": "'3-three-3'"}),
    case("projects", "projects_slug_check", {"slug": "'three-'"}, {"slug": "'t'"}),
    case("projects", "projects_slug_check", {"slug": "repeat('t', 101)"}, {"slug": "repeat('t', 100)"}),
    *members("projects", "status", "planning active paused completed archived"),
    *members("projects", "visibility", "private internal public"),
    *(
        case(
            "projects",
            "projects_repository_provider_check",
            REPOSITORY | {"repository_provider": "'unknown'"},
            REPOSITORY | {"repository_provider": f"'{provider}'"},
        )
        for provider in ("github", "gitlab", "bitbucket", "azure_devops", "other")
    ),
    case(
        "projects", "projects_repository_url_check", REPOSITORY | {"repository_url": "'swe-example/three'"}, REPOSITORY
    ),
    case("projects", "projects_repository_check", {"repository_provider": "'github'"}, REPOSITORY),
    case("projects", "projects_repository_check", {"repository_url": REPOSITORY["repository_url"]}, {}),
    case("projects", "projects_github_check", ON_GITLAB | {"github_id": "7"}, REPOSITORY | {"github_id": "7"}),
    case("projects", "projects_github_check", {"github_node_id": "'R_7'"}, REPOSITORY | {"github_node_id": "'R_7'"}),
    case(
        "projects",
        "projects_github_full_name_check",
        REPOSITORY | {"github_full_name": "'three'"},
        REPOSITORY | {"github_full_name": "'swe-example/three'"},
    ),
    case("projects", "projects_default_branch_check", {"default_branch": "'my branch'"}, {"default_branch": "'a/b-1'"}),
    json_object("projects", "settings"),
    json_object("projects", "metrics"),
    json_object("projects", "metadata"),
    case("projects", "projects_tags_check", {"tags": "ARRAY['a', NULL]"}, {"tags": "ARRAY['a', 'b']"}),
    case("projects", "projects_tags_check", {"tags": "ARRAY['']"}, {"tags": "'{}'"}),
    deleted_at("projects"),
    twice("projects", "projects_slug_living_key", {}, {}, FOUR),
    twice("projects", "projects_slug_living_key", CLOSED, {"slug": "'one'"}, {}),
]

MODEL: Final = {"model_provider": "'moe-router'", "model_name": "'code-large'"}
AGENT_TYPES: Final = (
    "orchestrator architect planner codegen reviewer tester security deployer debugger documentation custom"
)
COUNTED: Final = {"total_executions": "3", "successful_executions": "2"}

AGENTS: Final = [
    *keys("agents", **FOUR),
    case("agents", "agents_name_check", {"name": "' '"}, {"name": "repeat('n', 200)"}),
    case("agents", "agents_slug_check", {"slug": "'Planner'"}, {"slug": "'planner-2'"}),
    *members("agents", "agent_type", AGENT_TYPES),
    case("agents", "agents_version_check", {"version": "'1.0'"}, {"version": "'1.0.0'"}),
    case("agents", "agents_version_check", {"version": "'v1.0.0'"}, {"version": "'2.10.3-rc.1+build.5'"}),
    case("agents", "agents_model_check", {"model_name": "'code-large'"}, MODEL),
    *members("agents", "status", "active paused maintenance failed retired"),
    case("agents", "agents_capabilities_check", {"capabilities": """'{"a": true}'"""}, {"capabilities": "'[]'"}),
    case("agents", "agents_capabilities_check", {"capabilities": "'[1]'"}, {"capabilities": """'["code_review"]'"""}),
    case(
        "agents", "agents_capabilities_check", {"capabilities": """'["a", ["b"]]'"""}, {"capabilities": """'["a"]'"""}
    ),
    json_object("agents", "configuration"),
    json_object("agents", "metadata"),
    case("agents", "agents_max_concurrency_check", {"max_concurrency": "0"}, {"max_concurrency": "1"}),
    case("agents", "agents_max_concurrency_check", {"max_concurrency": "1001"}, {"max_concurrency": "1000"}),
    not_negative("agents", "successful_executions"),
    not_negative("agents", "failed_executions"),
    case(
        "agents",
        "agents_total_executions_check",
        COUNTED | {"failed_executions": "2"},
        COUNTED | {"failed_executions": "1"},
    ),
    not_negative("agents", "average_duration_ms"),
    not_negative("agents", "total_tokens"),
    not_negative("agents", "total_cost_usd"),
    deleted_at("agents"),
    twice("agents", "agents_slug_living_key", {}, {}, FOUR),
    twice("agents", "agents_slug_living_key", CLOSED, {"slug": "'coder'"}, {}),
]

FINISHED: Final = {"status": "'succeeded'", "started_at": NOW, "completed_at": NOW}

AGENT_EXECUTIONS: Final = [
    *keys("agent_executions"),
    reference("agent_executions", "agent_id"),
    reference("agent_executions", "task_id"),
    reference("agent_executions", "project_id"),
    reference("agent_executions", "parent_execution_id"),
    reference("agent_executions", "triggered_by_user_id"),
    case(
        "agent_executions",
        "agent_executions_parent_execution_id_check",
        {"id": "501", "parent_execution_id": "501"},
        {"id": "501", "parent_execution_id": "1"},
    ),
    *members("agent_executions", "trigger_type", "manual schedule webhook event agent api retry"),
    *members("agent_executions", "status", "queued running succeeded failed cancelled timed_out"),
    case("agent_executions", "agent_executions_attempt_check", {"attempt": "0"}, {"attempt": "1"}),
    json_object("agent_executions", "input"),
    json_object("agent_executions", "output"),
    json_object("agent_executions", "metadata"),
    case(
        "agent_executions",
        "agent_executions_error_check",
        FINISHED | {"error_message": "'No such file'"},
        FINISHED | {"error_message": "'No such file'", "error_type": "'not_found'", "status": "'failed'"},
    ),
    not_negative("agent_executions", "input_tokens"),
    not_negative("agent_executions", "output_tokens"),
    not_negative("agent_executions", "cost_usd"),
    case("agent_executions", "agent_executions_completed_at_check", FINISHED | {"completed_at": EARLIER}, FINISHED),
    case("agent_executions", "agent_executions_open_check", FINISHED | {"status": "'running'"}, FINISHED),
]

BOTH_ASSIGNED: Final = {"assigned_user_id": "1", "assigned_agent_id": "1"}
ISSUE: Final = {"github_issue_number": "12"}
PULL_REQUEST: Final = {"github_pull_request_number": "13"}

TASKS: Final = [
    *keys("tasks"),
    reference("tasks", "project_id"),
    reference("tasks", "parent_task_id"),
    reference("tasks", "created_by_user_id"),
    reference("tasks", "assigned_user_id"),
    reference("tasks", "assigned_agent_id"),
    case(
        "tasks",
        "tasks_parent_task_id_check",
        {"id": "501", "parent_task_id": "501"},
        {"id": "501", "parent_task_id": "1"},
    ),
    *members("tasks", "task_type", "task issue pull_request"),
    case("tasks", "tasks_title_check", {"title": "' '"}, {"title": "repeat('t', 500)"}),
    case("tasks", "tasks_title_check", {"title": "repeat('t', 501)"}, {"title": "'t'"}),
    *members("tasks", "status", "backlog todo in_progress in_review blocked done cancelled"),
    *members("tasks", "priority", "low medium high critical"),
    case("tasks", "tasks_labels_check", {"labels": "ARRAY['bug', NULL]"}, {"labels": "ARRAY['bug', 'api']"}),
    case("tasks", "tasks_labels_check", {"labels": "ARRAY['']"}, {"labels": "'{}'"}),
    case("tasks", "tasks_assignee_check", BOTH_ASSIGNED, {"assigned_user_id": "1"}),
    case("tasks", "tasks_assignee_check", BOTH_ASSIGNED, {"assigned_agent_id": "1"}),
    not_negative("tasks", "estimate_points"),
    case("tasks", "tasks_estimate_points_check", {"estimate_points": "101"}, {"estimate_points": "100"}),
    case("tasks", "tasks_github_issue_number_check", {"github_issue_number": "0"}, {"github_issue_number": "1"}),
    case("tasks", "tasks_github_issue_check", {"github_issue_node_id": "'I_12'"}, ISSUE),
    case("tasks", "tasks_github_issue_check", {"github_issue_id": "120"}, ISSUE | {"github_issue_id": "120"}),
    twice("tasks", "tasks_github_issue_number_key", ISSUE, ISSUE, ISSUE | {"project_id": "2"}),
    twice("tasks", "tasks_github_issue_number_key", ISSUE, ISSUE, ISSUE | CLOSED),
    case(
        "tasks",
        "tasks_github_pull_request_number_check",
        {"github_pull_request_number": "0"},
        {"github_pull_request_number": "1"},
    ),
    case("tasks", "tasks_github_pull_request_check", {"github_pull_request_node_id": "'PR_13'"}, PULL_REQUEST),
    case(
        "tasks",
        "tasks_github_pull_request_check",
        {"github_pull_request_id": "130"},
        PULL_REQUEST | {"github_pull_request_id": "130"},
    ),
    twice(
        "tasks", "tasks_github_pull_request_number_key", PULL_REQUEST, PULL_REQUEST, PULL_REQUEST | {"project_id": "2"}
    ),
    twice("tasks", "tasks_github_pull_request_number_key", PULL_REQUEST, PULL_REQUEST, PULL_REQUEST | CLOSED),
    json_object("tasks", "ai_analysis"),
    case("tasks", "tasks_ai_suggestions_check", {"ai_suggestions": "'{}'"}, {"ai_suggestions": "'[{}]'"}),
    json_object("tasks", "metadata"),
    case(
        "tasks",
        "tasks_due_at_check",
        {"planned_start_at": NOW, "due_at": EARLIER},
        {"planned_start_at": NOW, "due_at": NOW},
    ),
    case(
        "tasks",
        "tasks_completed_at_check",
        {"started_at": NOW, "completed_at": EARLIER},
        {"started_at": EARLIER, "completed_at": NOW},
    ),
    deleted_at("tasks"),
]

GITHUB_COMMENT: Final = {"github_comment_id": "99"}
FIRST_COMMENT: Final = {"id": "501"}

TASK_COMMENTS: Final = [
    *keys("task_comments"),
    # The primary key refuses such a pair first, so this key never speaks; the foreign key of replies needs it.
    Case(
        "task_comments",
        "task_comments_task_id_id_key",
        "ALTER TABLE public.task_comments DROP CONSTRAINT task_comments_pkey;"
        + insert("task_comments", id="501")
        + insert("task_comments", id="501"),
        "ALTER TABLE public.task_comments DROP CONSTRAINT task_comments_pkey;"
        + insert("task_comments", id="501")
        + insert("task_comments", id="501", task_id="2"),
    ),
    reference("task_comments", "task_id"),
    twice(
        "task_comments",
        "task_comments_parent_comment_id_fkey",
        FIRST_COMMENT,
        {"parent_comment_id": "501", "task_id": "2"},
        {"parent_comment_id": "501"},
    ),
    reference("task_comments", "author_user_id"),
    case(
        "task_comments",
        "task_comments_author_agent_id_fkey",
        {"author_user_id": "NULL", "author_agent_id": "0"},
        {"author_user_id": "NULL", "author_agent_id": "1"},
    ),
    case(
        "task_comments",
        "task_comments_parent_comment_id_check",
        {"id": "501", "parent_comment_id": "501"},
        FIRST_COMMENT,
    ),
    case("task_comments", "task_comments_author_check", {"author_user_id": "NULL"}, {"author_user_id": "2"}),
    case("task_comments", "task_comments_author_check", {"author_agent_id": "1"}, {}),
    case("task_comments", "task_comments_body_check", {"body": "' '"}, {"body": "' +1'"}),
    case("task_comments", "task_comments_body_check", {"body": "repeat('b', 65537)"}, {"body": "repeat('b', 65536)"}),
    case(
        "task_comments",
        "task_comments_github_check",
        {"github_node_id": "'IC_99'"},
        GITHUB_COMMENT | {"github_node_id": "'IC_99'"},
    ),
    twice(
        "task_comments",
        "task_comments_github_comment_id_key",
        GITHUB_COMMENT,
        GITHUB_COMMENT,
        GITHUB_COMMENT | {"task_id": "2"},
    ),
    json_object("task_comments", "metadata"),
    case("task_comments", "task_comments_edited_at_check", {"edited_at": EARLIER}, {"edited_at": NOW}),
]

TASK_ATTACHMENTS: Final = [
    *keys("task_attachments"),
    reference("task_attachments", "task_id"),
    reference("task_attachments", "uploaded_by_user_id"),
    case("task_attachments", "task_attachments_file_name_check", {"file_name": "'../passwd'"}, {"file_name": "'..a'"}),
    case("task_attachments", "task_attachments_file_name_check", {"file_name": "'..'"}, {"file_name": "'a b.txt'"}),
    case("task_attachments", "task_attachments_file_name_check", {"file_name": "E'a\\\\b'"}, {"file_name": "'ä'"}),
    case(
        "task_attachments",
        "task_attachments_file_name_check",
        {"file_name": "repeat('f', 256)"},
        {"file_name": "repeat('f', 255)"},
    ),
    case(
        "task_attachments", "task_attachments_media_type_check", {"media_type": "'png'"}, {"media_type": "'image/png'"}
    ),
    not_negative("task_attachments", "size_bytes"),
    case(
        "task_attachments",
        "task_attachments_storage_url_check",
        {"storage_url": "'/var/lib/trace.log'"},
        {"storage_url": "'https://files.example/trace.log'"},
    ),
    case("task_attachments", "task_attachments_sha256_check", {"sha256": UPPER_CASE}, {}),
    case("task_attachments", "task_attachments_sha256_check", {"sha256": HEX_63}, {}),
    json_object("task_attachments", "metadata"),
]

CASES: Final = [
    *SCHEMA_MIGRATIONS,
    *USERS,
    *PROJECTS,
    *AGENTS,
    *AGENT_EXECUTIONS,
    *TASKS,
    *TASK_COMMENTS,
    *TASK_ATTACHMENTS,
]
