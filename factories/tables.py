"""All factories by the name of their table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from swe_db.factories.base import RowFactory
from swe_db.factories.projects import ProjectFactory
from swe_db.factories.tasks import TaskFactory
from swe_db.factories.users import UserFactory

__all__ = ["ALL"]

ALL: Final[Mapping[str, type[RowFactory[Any]]]] = {
    "users": UserFactory,
    "projects": ProjectFactory,
    "tasks": TaskFactory,
}
