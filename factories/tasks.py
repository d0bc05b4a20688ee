"""Tasks, issues and pull requests."""

from __future__ import annotations

from swe_db.factories.base import RowFactory, related, sequence
from swe_db.factories.rows import Task

__all__ = ["TaskFactory"]


class TaskFactory(RowFactory[Task]):
    """Makes tasks; `project` is a project of its own where none is given, and nobody is assigned."""

    class Meta:
        model = Task

    project = related("project_id", "projects.ProjectFactory")
    title = sequence(lambda number: f"Task {number + 1}")
