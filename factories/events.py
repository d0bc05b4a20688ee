"""What the audit trail says of each kind of event: what it is about, and what changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from swe_db.factories.draw import Draw

__all__ = ["EVENTS", "RESOURCES", "Event", "changes", "event_of"]

# What each kind of resource is called in the trail, by table.
RESOURCES: Final = {
    "users": "user",
    "projects": "project",
    "agents": "agent",
    "agent_executions": "execution",
    "tasks": "task",
    "task_comments": "comment",
    "task_attachments": "attachment",
    "evidence": "evidence",
}
# What a resource shows of itself when it is made or deleted.
SHOWN: Final[Mapping[str, tuple[str, ...]]] = {
    "user": ("username", "role", "status"),
    "project": ("name", "slug", "status"),
    "agent": ("name", "agent_type", "status"),
    "execution": ("status", "trigger_type", "attempt"),
    "task": ("title", "status", "priority"),
    "comment": ("body",),
    "attachment": ("file_name", "media_type", "size_bytes"),
    "evidence": ("title", "source_type", "verification_status"),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """A kind of event.

    Attributes:
        field: The field that it changes, None where it changes none.
        values: What the field may be, the usual new value last.
        severity: How much it matters.
        outcome: How it ended.
    """

    field: str | None = None
    values: tuple[Any, ...] = ()
    severity: str = "info"
    outcome: str = "success"


FAILED: Final = Event(severity="warning", outcome="failure")
NOTICE: Final = Event(severity="notice")

EVENTS: Final[Mapping[str, Event]] = {
    "user.created": Event(),
    "user.updated": Event("display_name", ("Ada L.", "Ada Lovelace")),
    "user.deleted": NOTICE,
    "user.restored": NOTICE,
    "user.suspended": Event("status", ("active", "suspended"), "warning"),
    "user.role_changed": Event("role", ("user", "manager"), "notice"),
    "user.login": Event(),
    "user.login_failed": FAILED,
    "user.logout": Event(),
    "user.password_changed": NOTICE,
    "project.created": Event(),
    "project.updated": Event("default_branch", ("master", "main")),
    "project.archived": Event("status", ("active", "archived"), "notice"),
    "project.deleted": NOTICE,
    "project.restored": NOTICE,
    "project.owner_changed": Event("owner_id", (17, 42), "notice"),
    "repository.connected": Event("repository_provider", (None, "github")),
    "repository.synchronized": Event(),
    "repository.disconnected": Event("repository_provider", ("github", None), "notice"),
    "task.created": Event(),
    "task.updated": Event("estimate_points", (3, 5)),
    "task.assigned": Event("assigned_user_id", (None, 42)),
    "task.unassigned": Event("assigned_user_id", (42, None)),
    "task.status_changed": Event("status", ("todo", "in_review", "blocked", "in_progress")),
    "task.priority_changed": Event("priority", ("low", "medium", "high")),
    "task.completed": Event("status", ("in_progress", "in_review", "done")),
    "task.reopened": Event("status", ("done", "in_progress")),
    "task.deleted": NOTICE,
    "task.restored": NOTICE,
    "comment.created": Event(),
    "comment.updated": Event("body", ("Looks good", "Looks good to me.")),
    "comment.deleted": NOTICE,
    "attachment.created": Event(),
    "attachment.downloaded": Event(),
    "attachment.deleted": NOTICE,
    "pull_request.opened": Event("state", (None, "open")),
    "pull_request.reviewed": Event("review_state", (None, "changes_requested", "approved")),
    "pull_request.merged": Event("state", ("open", "merged")),
    "pull_request.closed": Event("state", ("open", "closed")),
    "agent.registered": Event(),
    "agent.updated": Event("version", ("1.0.0", "1.1.0")),
    "agent.activated": Event("status", ("paused", "active")),
    "agent.deactivated": Event("status", ("active", "paused"), "notice"),
    "agent.deleted": NOTICE,
    "execution.started": Event("status", ("queued", "running")),
    "execution.completed": Event("status", ("running", "succeeded")),
    "execution.failed": Event("status", ("running", "failed"), "warning", "failure"),
    "execution.cancelled": Event("status", ("queued", "running", "cancelled")),
    "execution.timed_out": Event("status", ("running", "timed_out"), "warning", "failure"),
    "evidence.created": Event(),
    "evidence.updated": Event("title", ("p95 fell", "p95 latency fell to 85 ms")),
    "evidence.verified": Event("verification_status", ("unverified", "verified")),
    "evidence.disputed": Event("verification_status", ("verified", "disputed"), "notice"),
    "evidence.linked": Event("relation", (None, "contradicts", "supports")),
    "evidence.credibility_changed": Event("credibility_score", (0.5, 0.9)),
    "evidence.deleted": NOTICE,
    "deployment.started": Event("status", ("pending", "running")),
    "deployment.succeeded": Event("status", ("running", "succeeded")),
    "deployment.failed": Event("status", ("running", "failed"), "critical", "failure"),
    "deployment.rolled_back": Event("version", ("2.4.1", "2.4.0"), "warning"),
    "security.permission_denied": Event(severity="warning", outcome="denied"),
    "security.token_created": NOTICE,
    "security.token_revoked": NOTICE,
    "security.secret_rotated": NOTICE,
    "security.scan_failed": FAILED,
    "data.exported": NOTICE,
    "data.imported": NOTICE,
    "data.purged": Event(severity="warning"),
    "system.started": Event(),
    "system.stopped": Event(),
    "system.migrated": NOTICE,
    "system.configuration_changed": Event("log_level", ("info", "debug"), "notice"),
}
MADE: Final = frozenset({"created", "registered", "restored"})


def event_of(event_type: str) -> Event:
    """Return what is known of a type of event, a plain one if nothing is."""
    return EVENTS.get(event_type, Event())


def changes(event_type: str, resource: Any, draw: Draw) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Return the changed fields before and after an event, None where there is nothing to tell.

    Args:
        event_type: `task.completed`.
        resource: The row that it is about, None if that is not known: its own values are those after the event.
        draw: Random values.
    """
    category, _, verb = event_type.partition(".")
    event = event_of(event_type)
    if event.field is not None:
        return _change(event.field, event.values, resource, draw)
    if verb in MADE:
        return None, _shown(category, resource)
    return (_shown(category, resource), None) if verb == "deleted" else (None, None)


def _change(
    field: str, values: tuple[Any, ...], resource: Any, draw: Draw
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    after = getattr(resource, field, values[-1]) if field in SHOWN_FIELDS else values[-1]
    before = draw.choice([each for each in values if each != after])
    return {field: before}, {field: after}


def _shown(category: str, resource: Any) -> dict[str, Any]:
    return {field: getattr(resource, field, PLACEHOLDERS[field]) for field in SHOWN.get(category, ())}


SHOWN_FIELDS: Final = frozenset(field for fields in SHOWN.values() for field in fields)
PLACEHOLDERS: Final[Mapping[str, Any]] = {
    "username": "ada", "role": "user", "status": "active", "name": "Billing API", "slug": "billing-api",
    "agent_type": "reviewer", "trigger_type": "manual", "attempt": 1, "title": "Add retries", "priority": "medium",
    "body": "Looks good to me.", "file_name": "trace.log", "media_type": "text/plain", "size_bytes": 2048,
    "source_type": "benchmark", "verification_status": "unverified",
}  # fmt: skip
