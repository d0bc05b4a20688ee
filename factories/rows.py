"""A row of each table, as it is stored: one field for each column.

What a field's type leaves open stands beside it in `Annotated`: what it points at, that it is JSON, whose arrays Python
writes as PostgreSQL's own arrays, or that PostgreSQL computes it. A default is that of the column.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from typing import Annotated, Any, ClassVar, Final, LiteralString, TypeAlias
from uuid import UUID

__all__ = [
    "GENERATED",
    "JSONB",
    "ActivityFeed",
    "Agent",
    "AgentExecution",
    "AuditLog",
    "Evidence",
    "EvidenceChain",
    "EvidenceCredibilityHistory",
    "KeyedRow",
    "Project",
    "References",
    "Row",
    "SchemaMigration",
    "Task",
    "TaskAttachment",
    "TaskComment",
    "User",
]


@dataclasses.dataclass(frozen=True, slots=True)
class References:
    """Says of a column that it holds the `id` of a row of `table`.

    Attributes:
        table: The table's name.
        enforced: False where no foreign key says so, since the row may be gone.
    """

    table: str
    enforced: bool = True


JSONB: Final = "jsonb"
GENERATED: Final = "generated"

JSONObject: TypeAlias = Annotated[dict[str, Any], JSONB]
Address: TypeAlias = IPv4Address | IPv6Address | IPv4Interface | IPv6Interface
EMPTY_OBJECT: Final = dict[str, Any]
EMPTY_LIST: Final = list[Any]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """The base of all rows. A class for a table of your own is derived from it and names its table.

    Attributes:
        table: The name of the table.
    """

    table: ClassVar[LiteralString]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class KeyedRow(Row):
    """What the rows of nearly all tables have in common.

    Attributes:
        id: The key inside the database; below zero for a row that was only built.
        external_id: The key shown outside.
    """

    id: int
    external_id: UUID
    created_at: datetime
    updated_at: datetime


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class User(KeyedRow):
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
    preferences: JSONObject = dataclasses.field(default_factory=EMPTY_OBJECT)
    metadata: JSONObject = dataclasses.field(default_factory=EMPTY_OBJECT)
    last_login_at: datetime | None = None
    deleted_at: datetime | None = None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Project(KeyedRow):
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
    settings: JSONObject = dataclasses.field(default_factory=EMPTY_OBJECT)
    tags: list[str] = dataclasses.field(default_factory=EMPTY_LIST)
    metrics: JSONObject = dataclasses.field(default_factory=EMPTY_OBJECT)
    metadata: JSONObject = dataclasses.field(default_factory=EMPTY_OBJECT)
    deleted_at: datetime | None = None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Agent(KeyedRow):
    """An AI agent of the registry."""

    table: ClassVar[LiteralString] = "agents"

    name: str
    slug: str
    description: str = ""
    agent_type: str
    version: str = "1.0.0"
    model_provider: str | None = None
    model_name: str | None = None
    status: str = "active"
    capabilities: Annotated[list[Any], JSONB] = dataclasses.field(default_factory=EMPTY_LIST)
    configuration: JSONObject = dataclasses.field(default_factory=EMPTY_OBJECT)
    max_concurrency: int = 1
    total_executions: int = 0
    successful_executions: int = 0
    failed_executions: int = 0
    success_rate: Annotated[Decimal | None, GENERATED] = None
    average_duration_ms: int | None = None
    total_tokens: int = 0
    total_cost_usd: Decimal = Decimal(0)
    last_execution_at: datetime | None = None
    last_heartbeat_at: datetime | None = None
    metadata: JSONObject = dataclasses.field(default_factory=EMPTY_OBJECT)
    deleted_at: datetime | None = None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class AgentExecution(KeyedRow):
    """One run of an agent."""

    table: ClassVar[LiteralString] = "agent_executions"

    agent_id: Annotated[int, References("agents")]
    task_id: Annotated[int | None, References("tasks")] = None
    project_id: Annotated[int | None, References("projects")] = None
    parent_execution_id: Annotated[int | None, References("agent_executions")] = None
    trigger_type: str = "manual"
    triggered_by_user_id: Annotated[int | None, References("users")] = None
    status: str = "queued"
    attempt: int = 1
    input: JSONObject = dataclasses.field(default_factory=EMPTY_OBJECT)
    output: Annotated[dict[str, Any] | None, JSONB] = None
    error_type: str | None = None
    error_message: str | None = None
    model_name: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: Annotated[int | None, GENERATED] = None
    cost_usd: Decimal = Decimal(0)
    queued_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    duration_ms: Annotated[int | None, GENERATED] = None
    metadata: JSONObject = dataclasses.field(default_factory=EMPTY_OBJECT)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Task(KeyedRow):
    """A task, an issue or a pull request."""

    table: ClassVar[LiteralString] = "tasks"

    project_id: Annotated[int, References("projects")]
    parent_task_id: Annotated[int | None, References("tasks")] = None
    task_type: str = "task"
    title: str
    description: str = ""
    status: str = "todo"
    priority: str = "medium"
    labels: list[str] = dataclasses.field(default_factory=EMPTY_LIST)
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
    ai_suggestions: Annotated[list[Any], JSONB] = dataclasses.field(default_factory=EMPTY_LIST)
    metadata: JSONObject = dataclasses.field(default_factory=EMPTY_OBJECT)
    planned_start_at: datetime | None = None
    due_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    deleted_at: datetime | None = None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class TaskComment(KeyedRow):
    """What a user or an agent says about a task."""

    table: ClassVar[LiteralString] = "task_comments"

    task_id: Annotated[int, References("tasks")]
    parent_comment_id: Annotated[int | None, References("task_comments")] = None
    author_user_id: Annotated[int | None, References("users")] = None
    author_agent_id: Annotated[int | None, References("agents")] = None
    body: str
    github_comment_id: int | None = None
    github_node_id: str | None = None
    metadata: JSONObject = dataclasses.field(default_factory=EMPTY_OBJECT)
    edited_at: datetime | None = None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class TaskAttachment(KeyedRow):
    """A file that belongs to a task; its content is elsewhere."""

    table: ClassVar[LiteralString] = "task_attachments"

    task_id: Annotated[int, References("tasks")]
    uploaded_by_user_id: Annotated[int | None, References("users")] = None
    file_name: str
    media_type: str = "application/octet-stream"
    size_bytes: int
    storage_url: str
    sha256: str
    metadata: JSONObject = dataclasses.field(default_factory=EMPTY_OBJECT)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Evidence(KeyedRow):
    """What a decision rests on, and how far it can be believed."""

    table: ClassVar[LiteralString] = "evidence"

    source_type: str
    title: str
    content: str = ""
    content_sha256: str | None = None
    source_url: str | None = None
    source_name: str | None = None
    source_published_at: datetime | None = None
    credibility_score: Decimal = Decimal("0.5")
    credibility_reason: str | None = None
    verification_status: str = "unverified"
    verification_method: str | None = None
    verification_notes: str | None = None
    verified_at: datetime | None = None
    verified_by_user_id: Annotated[int | None, References("users")] = None
    verified_by_agent_id: Annotated[int | None, References("agents")] = None
    attestation_type: str | None = None
    attestation_issuer: str | None = None
    attestation_signature: str | None = None
    attested_at: datetime | None = None
    project_id: Annotated[int | None, References("projects")] = None
    task_id: Annotated[int | None, References("tasks")] = None
    agent_execution_id: Annotated[int | None, References("agent_executions")] = None
    collected_by_user_id: Annotated[int | None, References("users")] = None
    collected_by_agent_id: Annotated[int | None, References("agents")] = None
    collected_at: datetime
    expires_at: datetime | None = None
    tags: list[str] = dataclasses.field(default_factory=EMPTY_LIST)
    metadata: JSONObject = dataclasses.field(default_factory=EMPTY_OBJECT)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class EvidenceCredibilityHistory(KeyedRow):
    """A change of the credibility of evidence; the row never changes."""

    table: ClassVar[LiteralString] = "evidence_credibility_history"

    updated_at: Annotated[datetime, GENERATED]
    evidence_id: Annotated[int, References("evidence")]
    previous_score: Decimal
    new_score: Decimal
    score_change: Annotated[Decimal, GENERATED]
    reason: str | None = None
    changed_by_user_id: Annotated[int | None, References("users", enforced=False)] = None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class EvidenceChain(KeyedRow):
    """An edge from evidence to evidence."""

    table: ClassVar[LiteralString] = "evidence_chains"

    from_evidence_id: Annotated[int, References("evidence")]
    to_evidence_id: Annotated[int, References("evidence")]
    relation: str
    strength: Decimal = Decimal("1.0")
    rationale: str | None = None
    created_by_user_id: Annotated[int | None, References("users")] = None
    created_by_agent_id: Annotated[int | None, References("agents")] = None
    metadata: JSONObject = dataclasses.field(default_factory=EMPTY_OBJECT)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class AuditLog(KeyedRow):
    """An event of the audit trail; the row never changes, and outlives what it is about."""

    table: ClassVar[LiteralString] = "audit_logs"

    updated_at: Annotated[datetime, GENERATED]
    event_type: str
    event_category: Annotated[str, GENERATED]
    severity: str = "info"
    outcome: str = "success"
    actor_type: Annotated[str, GENERATED]
    actor_user_id: Annotated[int | None, References("users", enforced=False)] = None
    actor_agent_id: Annotated[int | None, References("agents", enforced=False)] = None
    actor_name: str | None = None
    resource_type: str
    resource_id: str
    project_id: Annotated[int | None, References("projects", enforced=False)] = None
    message: str | None = None
    old_values: Annotated[dict[str, Any] | None, JSONB] = None
    new_values: Annotated[dict[str, Any] | None, JSONB] = None
    ip_address: Address | None = None
    user_agent: str | None = None
    request_id: str | None = None
    session_id: str | None = None
    context: JSONObject = dataclasses.field(default_factory=EMPTY_OBJECT)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ActivityFeed(KeyedRow):
    """An entry of the feed that people see."""

    table: ClassVar[LiteralString] = "activity_feed"

    project_id: Annotated[int, References("projects")]
    task_id: Annotated[int | None, References("tasks")] = None
    actor_user_id: Annotated[int | None, References("users")] = None
    actor_agent_id: Annotated[int | None, References("agents")] = None
    actor_name: str | None = None
    verb: str
    object_type: str = "project"
    object_id: str | None = None
    object_title: str | None = None
    visibility: str = "project"
    payload: JSONObject = dataclasses.field(default_factory=EMPTY_OBJECT)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SchemaMigration(Row):
    """A migration file that was applied to the database."""

    table: ClassVar[LiteralString] = "schema_migrations"

    version: int
    name: str
    checksum: str
    status: str = "applied"
    transactional: bool = True
    applied_at: datetime
    applied_by: str
    execution_ms: int = 0
    runner_version: str | None = None
    error: str | None = None
