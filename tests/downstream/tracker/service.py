"""What people do with tasks. Each function opens a connection of its own and commits."""

from __future__ import annotations

import os
from typing import Any, Final

import psycopg

from tracker import cache

__all__ = ["add_task", "add_user", "claim_task", "estimate_task", "finish_task"]

ADD_TASK: Final = """
INSERT INTO tasks (project_id, title)
SELECT id, %(title)s FROM projects WHERE slug = %(project)s AND deleted_at IS NULL
RETURNING id
"""

CLAIM_TASK: Final = """
UPDATE tasks
SET status = 'in_progress', started_at = now(), assigned_user_id = users.id
FROM users
WHERE users.username = %(username)s AND tasks.id = (
  SELECT tasks.id FROM tasks JOIN projects ON projects.id = tasks.project_id
  WHERE projects.slug = %(project)s AND tasks.status = 'todo'
  ORDER BY tasks.id LIMIT 1
  FOR UPDATE OF tasks SKIP LOCKED
)
RETURNING tasks.id
"""

FINISH_TASK: Final = """
UPDATE tasks SET status = 'done', completed_at = now()
FROM projects WHERE projects.id = tasks.project_id AND tasks.id = %(task_id)s
RETURNING projects.slug
"""

ESTIMATE_TASK: Final = """
INSERT INTO task_estimates (task_id, user_id, points)
SELECT %(task_id)s, id, %(points)s FROM users WHERE username = %(username)s
ON CONFLICT (task_id, user_id) DO UPDATE SET points = excluded.points
"""

AUDIT: Final = "INSERT INTO audit_logs (event_type, resource_type, resource_id) VALUES (%s, 'task', %s)"


def connect() -> psycopg.Connection[Any]:
    """Open a connection; as a context manager it commits, or rolls back on an error, and closes."""
    return psycopg.connect(os.environ["DATABASE_URL"])


def add_user(username: str) -> int:
    """Add a user and return the id."""
    query = "INSERT INTO users (username, email, display_name) VALUES (%s, %s, %s) RETURNING id"
    with connect() as connection:
        [(user_id,)] = connection.execute(query, (username, f"{username}@tracker.example", username.title()))
    return int(user_id)


def add_task(project: str, title: str) -> int:
    """Add a task to the project with this slug and return its id.

    Raises:
        LookupError: There is no such project.
    """
    with connect() as connection:
        row = connection.execute(ADD_TASK, {"project": project, "title": title}).fetchone()
        if row is None:
            raise LookupError(f"there is no project {project!r}")
        connection.execute(AUDIT, ("task.created", str(row[0])))
    cache.forget(project)
    return int(row[0])


def claim_task(project: str, username: str) -> int | None:
    """Give the oldest open task of a project to a user and return its id, None if nothing is left to do."""
    with connect() as connection:
        row = connection.execute(CLAIM_TASK, {"project": project, "username": username}).fetchone()
    cache.forget(project)
    return None if row is None else int(row[0])


def finish_task(task_id: int) -> None:
    """Mark a task as done.

    Raises:
        LookupError: There is no such task.
    """
    with connect() as connection:
        row = connection.execute(FINISH_TASK, {"task_id": task_id}).fetchone()
        if row is None:
            raise LookupError(f"there is no task {task_id}")
        connection.execute(AUDIT, ("task.completed", str(task_id)))
    cache.forget(row[0])


def estimate_task(task_id: int, username: str, points: int) -> None:
    """Note what a user thinks a task will cost; an earlier estimate of the same user is replaced.

    Raises:
        ValueError: The points are not on the scale, or there is no such task.
        LookupError: There is no such user.
    """
    try:
        with connect() as connection:
            values = {"task_id": task_id, "username": username, "points": points}
            estimates = connection.execute(ESTIMATE_TASK, values).rowcount
    except psycopg.errors.ForeignKeyViolation as error:
        raise ValueError(error.diag.message_detail) from None
    if estimates == 0:
        raise LookupError(f"there is no user {username!r}")
