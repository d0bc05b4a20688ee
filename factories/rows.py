"""A row of each table, as it is stored: one field for each column.

What a field's type leaves open stands beside it in `Annotated`: a foreign key and the table that it points at, and
JSON, whose arrays Python writes as PostgreSQL's own arrays. A default is that of the column.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, LiteralString
from uuid import UUID

__all__ = ["JSONB", "Project", "References", "Row", "Task", "User"]


@dataclasses.dataclass(frozen=True, slots=True)
class References:
    """Says of a column that it holds the `id` of a row of `table`."""

    table: str


JSONB: Final = "jsonb"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """What the rows of all tables have in common.

    Attributes:
        table: The name of the table.
        id: The key inside the database; below zero for a row that was only built.
        external_id: The key shown outside.
    """

    table: ClassVar[LiteralString]

    id: int
    external_id: UUID
    created_at: datetime
    updated_at: datetime


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class User(Row):
    """A person or a service account."""

    table: ClassVar[LiteralString] = "users"

    username: str
    email: str
    display_name: str
    role: str = "user"
    status: str = "active"
    avatar_url: str | None = None
    locale: str = "en"
    timezone: str = "UTC"
    github_id: int | None = None
    github_login: str | None = None
    github_node_id: str | None = None
    sso_provider: str | None = None
    sso_subject: str | None = None
    preferences: Annotated[dict[str, Any], JSONB] = dataclasses.field(default_factory=dict)
    metadata: Annotated[dict[str, Any], JSONB] = dataclasses.field(default_factory=dict)
    last_login_at: datetime | None = None
    deleted_at: datetime | None = None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Project(Row):
    """A project and the repository behind it."""

    table: ClassVar[LiteralString] = "projects"

    owner_id: Annotated[int, References("users")]
    name: str
    slug: str
    description: str = ""
    status: str = "active"
    visibility: str = "internal"
    repository_provider: str | None = None
    repository_url: str | None = None
    default_branch: str = "main"
    github_id: int | None = None
    github_node_id: str | None = None
    github_full_name: str | None = None
    github_installation_id: int | None = None
    settings: Annotated[dict[str, Any], JSONB] = dataclasses.field(default_factory=dict)
    tags: list[str] = dataclasses.field(default_factory=list)
    metrics: Annotated[dict[str, Any], JSONB] = dataclasses.field(default_factory=dict)
    metadata: Annotated[dict[str, Any], JSONB] = dataclasses.field(default_factory=dict)
    deleted_at: datetime | None = None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Task(Row):
    """A task, an issue or a pull request."""

    table: ClassVar[LiteralString] = "tasks"

    project_id: Annotated[int, References("projects")]
    parent_task_id: Annotated[int | None, References("tasks")] = None
    task_type: str = "task"
    title: str
    description: str = ""
    status: str = "todo"
    priority: str = "medium"
    labels: list[str] = dataclasses.field(default_factory=list)
    created_by_user_id: Annotated[int | None, References("users")] = None
    assigned_user_id: Annotated[int | None, References("users")] = None
    assigned_agent_id: Annotated[int | None, References("agents")] = None
    estimate_points: int | None = None
    github_issue_id: int | None = None
    github_issue_number: int | None = None
    github_issue_node_id: str | None = None
    github_pull_request_id: int | None = None
    github_pull_request_number: int | None = None
    github_pull_request_node_id: str | None = None
    ai_analysis: Annotated[dict[str, Any] | None, JSONB] = None
    ai_suggestions: Annotated[list[Any], JSONB] = dataclasses.field(default_factory=list)
    metadata: Annotated[dict[str, Any], JSONB] = dataclasses.field(default_factory=dict)
    planned_start_at: datetime | None = None
    due_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    deleted_at: datetime | None = None
