"""The audit trail, and the feed that people see."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any, Final

from swe_db.factories.base import KeyedFactory
from swe_db.factories.content import chosen, latest
from swe_db.factories.declarations import related, value
from swe_db.factories.drafts import key_text
from swe_db.factories.draw import Draw
from swe_db.factories.events import EVENTS, RESOURCES, changes, event_of
from swe_db.factories.rows import ActivityFeed, AuditLog

__all__ = ["ActivityFeedFactory", "AuditLogFactory"]

DOCUMENTATION_NET: Final = int(IPv4Address("203.0.113.0"))
BROWSERS: Final = ("Mozilla/5.0 (X11; Linux x86_64)", "swe-cli/2.4", "GitHub-Hookshot/8f2c1a")
TASK_VERBS: Final = ("created", "updated", "assigned", "started", "completed", "commented", "reopened")
PROJECT_VERBS: Final = ("created", "updated", "archived", "restored")


def _possible(row: Any) -> list[str]:
    kind = _kind_of(row.resource)
    return [event for event in EVENTS if kind in {None, event.partition(".")[0]}]


def _kind_of(resource: Any) -> str | None:
    return None if resource is None else RESOURCES.get(resource.table, resource.table)


def _resource_type(row: Any) -> str:
    return _kind_of(row.resource) or row.event_type.partition(".")[0]


def _actor_type(row: Any, draw: Draw) -> str:
    if row.actor_agent or draw.given.get("actor_agent_id"):
        return "agent"
    return "user" if row.actor_user or draw.given.get("actor_user_id") else "system"


def _actor_name(row: Any) -> str | None:
    if row.actor_agent is not None:
        return str(row.actor_agent.name)
    return None if row.actor_user is None else str(row.actor_user.display_name)


class AuditLogFactory(KeyedFactory[AuditLog]):
    """Makes events of any type, done by the system, if nothing else is said.

    `resource=row` says what it is about: `resource_type`, `resource_id`, the type of the event and the values before
    and after then fit that row.
    """

    class Meta:
        model = AuditLog
        traits = (("failure", "denied"), ("by_user", "by_agent"))

    class Params:
        resource = None

    actor_user = related("actor_user_id", "swe_db.factories.users.UserFactory", when="by_user")
    actor_agent = related("actor_agent_id", "swe_db.factories.agents.AgentFactory", when="by_agent")
    project_id = value(lambda row, draw: getattr(row.resource, "project_id", None))
    event_type = value(lambda row, draw: draw.choice(_possible(row)))
    event_category = value(lambda row, draw: row.event_type.partition(".")[0])
    severity = value(lambda row, draw: "warning" if row.outcome == "denied" else event_of(row.event_type).severity)
    outcome = value(lambda row, draw: chosen(row, "failure", "denied", otherwise=event_of(row.event_type).outcome))
    actor_type = value(_actor_type)
    actor_name = value(lambda row, draw: _actor_name(row))
    resource_type = value(lambda row, draw: _resource_type(row))
    resource_id = value(lambda row, draw: key_text(row.resource) or str(draw.integer(1, 9999)))
    message = value(lambda row, draw: f"{row.resource_type} {row.event_type.partition('.')[2].replace('_', ' ')}")
    old_values = value(lambda row, draw: changes(row.event_type, row.resource, draw)[0])
    new_values = value(lambda row, draw: changes(row.event_type, row.resource, draw)[1])
    ip_address = value(lambda row, draw: IPv4Address(DOCUMENTATION_NET + draw.integer(1, 254)))
    user_agent = value(lambda row, draw: draw.choice(BROWSERS))
    request_id = value(lambda row, draw: f"req_{draw.hex(16)}")
    session_id = value(lambda row, draw: f"sha256:{draw.hex(32)}" if row.actor_user else None)
    created_at = value(lambda row, draw: draw.after(latest(row.resource, row.actor_user, row.actor_agent), 0.1, 72))
    updated_at = value(lambda row, draw: row.created_at)


def _object_id(row: Any, draw: Draw) -> Any:
    if row.object_type == "task" and row.task is not None:
        return key_text(row.task)
    return key_text(row.project) if row.object_type == "project" else str(draw.integer(1, 9999))


def _object_title(row: Any) -> str | None:
    if row.object_type == "task" and row.task is not None:
        return str(row.task.title)
    return str(row.project.name) if row.object_type == "project" and row.project is not None else None


class ActivityFeedFactory(KeyedFactory[ActivityFeed]):
    """Makes entries about a new project, or about a task with the trait `about_task` or `task=row`."""

    class Meta:
        model = ActivityFeed
        traits = (("about_task",), ("by_user", "by_agent"), ("private", "public"))

    project = related("project_id", "swe_db.factories.projects.ProjectFactory", unless=("task",))
    task = related("task_id", "swe_db.factories.tasks.TaskFactory", when="about_task", share=("project",))
    actor_user = related("actor_user_id", "swe_db.factories.users.UserFactory", when="by_user")
    actor_agent = related("actor_agent_id", "swe_db.factories.agents.AgentFactory", when="by_agent")
    project_id = value(lambda row, draw: row.task.project_id if row.project is None and row.task else None)
    actor_name = value(lambda row, draw: _actor_name(row))
    verb = value(lambda row, draw: draw.choice(PROJECT_VERBS if row.task is None else TASK_VERBS))
    object_type = value(lambda row, draw: "project" if row.task is None else "task")
    object_id = value(_object_id)
    object_title = value(lambda row, draw: _object_title(row))
    visibility = value(lambda row, draw: chosen(row, "private", "public", otherwise="project"))
    payload = value(lambda row, draw: {"source": draw.choice(("web", "api", "webhook")), "verb": row.verb})
    created_at = value(
        lambda row, draw: draw.after(latest(row.project, row.task, row.actor_user, row.actor_agent), 0.1, 72)
    )
