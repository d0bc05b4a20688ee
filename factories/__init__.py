"""Factories for the rows of the schema: `UserFactory.create()` in the database, `UserFactory.build()` without one.

`create` inserts through the connection that is bound: `with bound(connection):`. To bind one does not load factory-boy,
which takes longer than most tests; the first use of a factory does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

from swe_db.factories.binding import bound

if TYPE_CHECKING:
    from swe_db.factories.base import RowFactory
    from swe_db.factories.projects import ProjectFactory
    from swe_db.factories.rows import Project, Row, Task, User
    from swe_db.factories.tables import ALL
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

HOMES: Final = {
    "ALL": "tables",
    "Project": "rows",
    "ProjectFactory": "projects",
    "Row": "rows",
    "RowFactory": "base",
    "Task": "rows",
    "TaskFactory": "tasks",
    "User": "rows",
    "UserFactory": "users",
}

if not TYPE_CHECKING:  # a type checker would take any name for one that is there

    def __getattr__(name: str) -> object:
        if name not in HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
