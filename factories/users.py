"""People and service accounts."""

from __future__ import annotations

from swe_db.factories.base import RowFactory, sequence
from swe_db.factories.rows import User

__all__ = ["UserFactory"]


class UserFactory(RowFactory[User]):
    """Makes users; those left to themselves are active, with the role `user`."""

    class Meta:
        model = User

    username = sequence(lambda number: f"user{number + 1}")
    email = sequence(lambda number: f"user{number + 1}@factory.example")
    display_name = sequence(lambda number: f"User {number + 1}")
