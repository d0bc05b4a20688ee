"""Factories for the rows of the schema: `UserFactory.create()` in the database, `UserFactory.build()` without one.

`create` inserts through the connection that is bound: in a test that asks for `swe_db` that is the test's own,
elsewhere `with bound(connection):` binds one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from swe_db.factories.base import RowFactory
from swe_db.factories.binding import bound
from swe_db.factories.projects import ProjectFactory
from swe_db.factories.rows import Project, Row, Task, User
from swe_db.factories.tasks import TaskFactory
from swe_db.factories.users import UserFactory

__all__ = [
    "ALL",
    "Project",
    "ProjectFactory",
    "Row",
    "RowFactory",
    "Task",
    "TaskFactory",
    "User",
    "UserFactory",
    "bound",
]

ALL: Final[Mapping[str, type[RowFactory[Any]]]] = {
    "users": UserFactory,
    "projects": ProjectFactory,
    "tasks": TaskFactory,
}
