"""Projects."""

from __future__ import annotations

from swe_db.factories.base import RowFactory, related, sequence
from swe_db.factories.rows import Project

__all__ = ["ProjectFactory"]


class ProjectFactory(RowFactory[Project]):
    """Makes projects; `owner` is a user of its own where none is given."""

    class Meta:
        model = Project

    owner = related("owner_id", "users.UserFactory")
    name = sequence(lambda number: f"Project {number + 1}")
    slug = sequence(lambda number: f"project-{number + 1}")
