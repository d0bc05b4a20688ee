"""Tasks, issues and pull requests; their comments and attachments."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any, Final

from swe_db.factories import words
from swe_db.factories.base import KeyedFactory
from swe_db.factories.content import chosen, latest
from swe_db.factories.declarations import children, related, value
from swe_db.factories.draw import Draw
from swe_db.factories.rows import Task, TaskAttachment, TaskComment

__all__ = ["TaskAttachmentFactory", "TaskCommentFactory", "TaskFactory"]

STATES: Final = ("backlog", "in_progress", "in_review", "blocked", "done", "cancelled")
TIMES: Final = ("planned_start_at", "due_at", "started_at", "completed_at", "deleted_at")
EMPTY_SHA256: Final = hashlib.sha256(b"").hexdigest()
STARTED: Final = frozenset({"in_progress", "in_review", "blocked", "done"})


def title(row: Any, draw: Draw) -> str:
    """Return what it is about in one line: what is wrong, or what is to be changed."""
    component = draw.choice(words.COMPONENTS)
    if row.task_type == "issue":
        return f"{component[0].upper()}{component[1:]} {draw.choice(words.DEFECTS)}"
    return f"{draw.choice(words.CHANGES)} {component}"


def description(row: Any, draw: Draw) -> str:
    """Return what people write below it."""
    reason = draw.choice(words.REASONS)
    if row.task_type == "issue":
        steps = "\n".join(f"{number}. {step}" for number, step in enumerate(draw.sample(words.STEPS, 2), 1))
        return f"{reason}\n\n### Steps to reproduce\n\n{steps}\n"
    heading = "### Checklist" if row.task_type == "pull_request" else "### Acceptance criteria"
    return f"{reason}\n\n{heading}\n\n- [ ] {draw.choice(words.ACCEPTANCE)}\n"


def analysis(row: Any, draw: Draw) -> dict[str, Any]:
    """Return what an agent made of it."""
    return {
        "complexity": draw.choice(("low", "medium", "high")),
        "risks": draw.sample(("migration", "concurrency", "compatibility", "performance"), 2),
        "confidence": draw.integer(50, 99) / 100,
    }


def _node_id(kind: str, github_id: int | None, draw: Draw) -> str | None:
    return None if github_id is None else f"{kind}_kwDO{draw.hex(10)}"


def _begin(row: Any) -> datetime:
    return latest(row.project, row.parent_task, row.assigned_user, row.assigned_agent)


def _due_at(row: Any, draw: Draw) -> datetime | None:
    if row.status == "backlog":
        return None
    due = draw.after(row.created_at, 24, 48) if row.overdue else draw.after(row.created_at, 24 * 14, 24 * 60)
    return max(due, draw.given.get("planned_start_at") or due)


def _planned_start_at(row: Any, draw: Draw) -> datetime | None:
    return None if row.status == "backlog" else draw.not_after(draw.after(row.created_at, 1, 24), "due_at")


def _started_at(row: Any, draw: Draw) -> datetime | None:
    if row.status not in STARTED:
        return None
    return draw.not_after(draw.after(row.planned_start_at or row.created_at, 1, 24), "completed_at")


def _completed_at(row: Any, draw: Draw) -> datetime | None:
    if row.status not in {"done", "cancelled"}:
        return None
    low, high = (24 * 3, 24 * 9) if row.overdue else (2, 24 * 6)
    return draw.after(row.started_at or row.created_at, low, high)


def _last(row: Any) -> datetime:
    return max(time for time in (row.created_at, row.started_at, row.completed_at) if time is not None)


class TaskFactory(KeyedFactory[Task]):
    """Makes tasks: open ones that are nobody's, in a new project, if nothing else is said.

    `comments=3` and `attachments=1` make rows that belong to it; `with_comments` and `with_attachments` make two each.
    """

    class Meta:
        model = Task
        traits = (
            ("issue", "pull_request"),
            STATES,
            ("user_assigned", "agent_assigned"),
            ("subtask",),
            ("overdue",),
            ("analysed",),
            ("with_comments",),
            ("with_attachments",),
            ("deleted",),
        )

    project = related("project_id", "swe_db.factories.projects.ProjectFactory", unless=("parent_task",))
    parent_task = related("parent_task_id", "swe_db.factories.tasks.TaskFactory", when="subtask", share=("project",))
    project_id = value(
        lambda row, draw: row.parent_task.project_id if row.project is None and row.parent_task else None
    )
    assigned_user = related("assigned_user_id", "swe_db.factories.users.UserFactory", when="user_assigned")
    assigned_agent = related("assigned_agent_id", "swe_db.factories.agents.AgentFactory", when="agent_assigned")
    task_type = value(lambda row, draw: chosen(row, "issue", "pull_request", otherwise="task"))
    title = value(title)
    description = value(description)
    status = value(lambda row, draw: chosen(row, *STATES, otherwise="todo"))
    priority = value(lambda row, draw: draw.choice(("low", "medium", "medium", "medium", "high", "critical")))
    labels = value(lambda row, draw: draw.sample(words.LABELS, draw.integer(0, 3)))
    estimate_points = value(lambda row, draw: draw.choice((1, 2, 3, 5, 8, 13)))
    github_issue_number = value(lambda row, draw: draw.unique if row.task_type == "issue" else None)
    github_issue_id = value(lambda row, draw: row.github_issue_number)
    github_issue_node_id = value(lambda row, draw: _node_id("I", row.github_issue_id, draw))
    github_pull_request_number = value(lambda row, draw: draw.unique if row.task_type == "pull_request" else None)
    github_pull_request_id = value(lambda row, draw: row.github_pull_request_number)
    github_pull_request_node_id = value(lambda row, draw: _node_id("PR", row.github_pull_request_id, draw))
    ai_analysis = value(lambda row, draw: analysis(row, draw) if row.analysed else None)
    ai_suggestions = value(
        lambda row, draw: [{"step": step} for step in draw.sample(words.ACCEPTANCE, 2)] if row.analysed else []
    )
    created_at = value(lambda row, draw: draw.not_after(draw.after(_begin(row), 1, 24 * 7), *TIMES))
    due_at = value(_due_at)
    planned_start_at = value(_planned_start_at)
    started_at = value(_started_at)
    completed_at = value(_completed_at)
    deleted_at = value(lambda row, draw: draw.after(_last(row), 1, 240) if row.deleted else None)
    comments = children("task", "swe_db.factories.tasks.TaskCommentFactory", trait="with_comments")
    attachments = children("task", "swe_db.factories.tasks.TaskAttachmentFactory", trait="with_attachments")


class TaskCommentFactory(KeyedFactory[TaskComment]):
    """Makes comments of a new user on a new task, if nothing else is said."""

    class Meta:
        model = TaskComment
        traits = (("by_agent",), ("reply",), ("edited",), ("github",))

    task = related("task_id", "swe_db.factories.tasks.TaskFactory", unless=("parent_comment",))
    author_agent = related("author_agent_id", "swe_db.factories.agents.AgentFactory", when="by_agent")
    author_user = related(
        "author_user_id",
        "swe_db.factories.users.UserFactory",
        when=lambda row: not row.by_agent,
        unless=("author_agent",),
    )
    parent_comment = related(
        "parent_comment_id", "swe_db.factories.tasks.TaskCommentFactory", when="reply", share=("task",)
    )
    task_id = value(lambda row, draw: row.parent_comment.task_id if row.task is None and row.parent_comment else None)
    body = value(lambda row, draw: draw.choice(words.REMARKS))
    github_comment_id = value(lambda row, draw: draw.unique if row.github else None)
    github_node_id = value(lambda row, draw: _node_id("IC", row.github_comment_id, draw))
    created_at = value(
        lambda row, draw: draw.not_after(
            draw.after(latest(row.task, row.parent_comment, row.author_user, row.author_agent), 0.1, 72), "edited_at"
        )
    )
    edited_at = value(lambda row, draw: row.created_at + timedelta(minutes=draw.integer(1, 90)) if row.edited else None)


class TaskAttachmentFactory(KeyedFactory[TaskAttachment]):
    """Makes attachments of a new task, if nothing else is said; their media type fits their name."""

    class Meta:
        model = TaskAttachment
        traits = (("uploaded",), ("empty",))

    task = related("task_id", "swe_db.factories.tasks.TaskFactory")
    uploaded_by_user = related("uploaded_by_user_id", "swe_db.factories.users.UserFactory", when="uploaded")
    file_name = value(lambda row, draw: draw.choice(words.FILES)[0])
    media_type = value(lambda row, draw: dict(words.FILES).get(row.file_name, "application/octet-stream"))
    size_bytes = value(lambda row, draw: 0 if row.empty else draw.integer(200, 5_000_000))
    sha256 = value(lambda row, draw: EMPTY_SHA256 if row.size_bytes == 0 else draw.hex(64))
    storage_url = value(lambda row, draw: f"s3://attachments/{row.sha256[:2]}/{row.sha256}")
    created_at = value(lambda row, draw: draw.after(latest(row.task, row.uploaded_by_user), 0.1, 72))
