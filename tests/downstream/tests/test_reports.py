"""Reports about rows that factories made."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from tracker import reports

from swe_db.factories import ProjectFactory, TaskFactory


@pytest.mark.usefixtures("swe_env")
def test_busiest_projects(swe_db: psycopg.Connection[Any]) -> None:
    """Projects come by the number of their tasks; those without any are left out."""
    quiet, busy = ProjectFactory.create(slug="quiet"), ProjectFactory.create(slug="busy")
    TaskFactory.create(project=quiet)
    for status in ("todo", "todo", "done"):
        TaskFactory.create(project=busy, status=status)
    swe_db.commit()
    assert reports.busiest_projects(10) == [("busy", 3), ("quiet", 1)]
    assert reports.status_counts("busy") == {"todo": 2, "done": 1}
