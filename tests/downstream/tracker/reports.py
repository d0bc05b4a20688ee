"""Numbers about projects, through an engine that is made when this module is imported."""

from __future__ import annotations

import os
from typing import Final

from sqlalchemy import column, create_engine, func, make_url, select, table

__all__ = ["busiest_projects", "status_counts"]

DEVELOPER: Final = "postgresql://localhost/tracker"

PROJECTS: Final = table("projects", column("id"), column("slug"))
TASKS: Final = table("tasks", column("id"), column("project_id"), column("status"))

# An engine connects when it is first used, so that importing needs no server; pre-ping because the server may close
# a connection while it lies in the pool.
engine: Final = create_engine(
    make_url(os.environ.get("DATABASE_URL", DEVELOPER)).set(drivername="postgresql+psycopg"), pool_pre_ping=True
)


def status_counts(project: str) -> dict[str, int]:
    """Return how many tasks of a project are in each state."""
    query = (
        select(TASKS.c.status, func.count().label("tasks"))
        .join_from(TASKS, PROJECTS, TASKS.c.project_id == PROJECTS.c.id)
        .where(PROJECTS.c.slug == project)
        .group_by(TASKS.c.status)
    )
    with engine.connect() as connection:
        return {row.status: row.tasks for row in connection.execute(query)}


def busiest_projects(limit: int) -> list[tuple[str, int]]:
    """Return the projects with the most tasks, with how many those are."""
    tasks = func.count(TASKS.c.id)
    query = (
        select(PROJECTS.c.slug, tasks)
        .join_from(PROJECTS, TASKS, TASKS.c.project_id == PROJECTS.c.id)
        .group_by(PROJECTS.c.slug)
        .order_by(tasks.desc(), PROJECTS.c.slug)
        .limit(limit)
    )
    with engine.connect() as connection:
        return [(slug, count) for slug, count in connection.execute(query)]
