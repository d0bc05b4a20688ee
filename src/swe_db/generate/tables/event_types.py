"""The kinds of events that the audit trail tells."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["DEEDS", "EVENT_TYPES", "RESOURCES", "RESULTS", "SEVERITIES", "EventType", "event"]


class EventType(NamedTuple):
    """A kind of event.

    Attributes:
        name: `event_type` in the trail.
        resource: What it is done to.
        deed: What the actor did, as the end of a sentence.
        severity: How much it matters.
        outcome: How it ended.
    """

    name: str
    resource: str
    deed: str
    severity: str
    outcome: str


_TYPES: Final = tuple(
    EventType(*kind) for kind in (
    ("task.created", "task", " created the task", "info", "success"),
    ("task.assigned", "task", " assigned the task", "info", "success"),
    ("task.status_changed", "task", " moved the task on", "info", "success"),
    ("task.completed", "task", " completed the task", "info", "success"),
    ("task.reopened", "task", " reopened the task", "notice", "success"),
    ("task.updated", "task", " analysed the task", "info", "success"),
    ("task.priority_changed", "task", " changed the priority", "info", "success"),
    ("task.deleted", "task", " deleted the task", "notice", "success"),
    ("pull_request.opened", "pull_request", " opened a pull request", "info", "success"),
    ("pull_request.merged", "pull_request", " merged the pull request", "info", "success"),
    ("comment.created", "comment", " commented on the task", "info", "success"),
    ("attachment.created", "attachment", " attached a file", "info", "success"),
    ("execution.started", "execution", " began a run", "info", "success"),
    ("execution.completed", "execution", " finished a run", "info", "success"),
    ("execution.failed", "execution", " failed in a run", "warning", "failure"),
    ("execution.timed_out", "execution", " ran out of time", "warning", "failure"),
    ("execution.cancelled", "execution", " had its run cancelled", "notice", "failure"),
    ("evidence.created", "evidence", " collected evidence", "info", "success"),
    ("evidence.verified", "evidence", " verified the evidence", "info", "success"),
    ("evidence.disputed", "evidence", " disputed the evidence", "notice", "success"),
    ("user.created", "user", " joined the platform", "info", "success"),
    ("user.suspended", "user", " was suspended", "warning", "success"),
    ("user.deleted", "user", " left the platform", "notice", "success"),
    ("project.created", "project", " created the project", "info", "success"),
    ("project.updated", "project", " changed the project", "info", "success"),
    ("project.archived", "project", " archived the project", "notice", "success"),
    ("project.deleted", "project", " deleted the project", "notice", "success"),
    ("agent.registered", "agent", " was registered", "info", "success"),
    ("agent.deactivated", "agent", " was retired", "notice", "success"),
    ("agent.deleted", "agent", " was removed", "notice", "success"),
    ("user.login", "user", " logged in", "info", "success"),
    ("user.logout", "user", " logged out", "info", "success"),
    ("user.login_failed", "user", " failed to log in", "warning", "failure"),
    ("attachment.downloaded", "attachment", " downloaded a file", "debug", "success"),
    ("repository.synchronized", "repository", " synchronized the repository", "debug", "success"),
    ("security.permission_denied", "project", " was refused access", "warning", "denied"),
    ("security.token_created", "user", " created a token", "notice", "success"),
    ("security.token_revoked", "user", " revoked a token", "notice", "success"),
    ("data.exported", "project", " exported data", "notice", "success"),
    ("deployment.started", "deployment", " started a deployment", "info", "success"),
    ("deployment.succeeded", "deployment", " deployed", "info", "success"),
    ("deployment.failed", "deployment", " failed to deploy", "critical", "failure"),
    ("deployment.rolled_back", "deployment", " rolled back", "warning", "success"),
))  # fmt: skip
EVENT_TYPES: Final = tuple(kind.name for kind in _TYPES)
RESOURCES: Final = tuple(kind.resource for kind in _TYPES)
DEEDS: Final = tuple(kind.deed for kind in _TYPES)
SEVERITIES: Final = tuple(kind.severity for kind in _TYPES)
RESULTS: Final = tuple(kind.outcome for kind in _TYPES)


def event(name: str) -> int:
    """Return the index of an event type."""
    return EVENT_TYPES.index(name)
