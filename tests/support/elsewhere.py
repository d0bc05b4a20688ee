"""What tests run in processes of their own, which must be able to import it."""

from __future__ import annotations

from swe_db.factories import UserFactory

__all__ = ["made_elsewhere"]


def made_elsewhere(_: int) -> tuple[str, int | None]:
    """Return what is unique of a user that is made in this process."""
    user = UserFactory.build()
    return user.username, user.github_id
