"""People and service accounts."""

from __future__ import annotations

from typing import Any

from swe_db.factories import words
from swe_db.factories.base import BEGIN, KeyedFactory
from swe_db.factories.content import chosen, slug
from swe_db.factories.declarations import value
from swe_db.factories.draw import Draw
from swe_db.factories.rows import User

__all__ = ["UserFactory"]


def preferences(row: Any, draw: Draw) -> dict[str, Any]:
    """Return settings as people have them; a service account wants no mail."""
    if row.role == "service":
        return {"notifications": {"email": False, "web": False}}
    return {
        "theme": draw.choice(("light", "dark", "system")),
        "notifications": {"email": draw.chance(0.7), "web": True, "digest": draw.choice(("daily", "weekly", "never"))},
        "default_view": draw.choice(("board", "list")),
    }


def metadata(row: Any, draw: Draw) -> dict[str, Any]:
    """Return who they are in the company."""
    if row.role == "service":
        return {"title": "Service account", "team": draw.choice(words.TEAMS)}
    level = draw.choice(words.LEVELS)
    return {"title": f"{level.title()} engineer", "level": level, "team": draw.choice(words.TEAMS)}


class UserFactory(KeyedFactory[User]):
    """Makes users: active people with the role `user` and a GitHub account, if nothing else is said."""

    class Meta:
        model = User
        traits = (
            ("admin", "manager", "service"),
            ("invited", "suspended"),
            ("sso",),
            ("deleted",),
        )

    role = value(lambda row, draw: chosen(row, "admin", "manager", "service", otherwise="user"))
    status = value(lambda row, draw: chosen(row, "invited", "suspended", otherwise="active"))
    display_name = value(lambda row, draw: _service_name(draw) if row.role == "service" else draw.person().name)
    username = value(lambda row, draw: f"{slug(row.display_name)[:40].strip('-') or 'dev'}-{draw.token}")
    email = value(lambda row, draw: f"{row.username.lower()}@people.example")
    locale = value(lambda row, draw: draw.locale.replace("_", "-"))
    timezone = value(lambda row, draw: draw.choice(words.TIMEZONES))
    github_id = value(lambda row, draw: None if _has_no_github(row) else draw.unique)
    github_login = value(lambda row, draw: None if row.github_id is None else row.username)
    github_node_id = value(lambda row, draw: None if row.github_id is None else f"U_kgDO{draw.hex(10)}")
    avatar_url = value(lambda row, draw: _avatar(row.github_id))
    sso_provider = value(lambda row, draw: "https://sso.people.example" if row.sso else None)
    sso_subject = value(lambda row, draw: None if row.sso_provider is None else f"{row.username}|{draw.token}")
    preferences = value(preferences)
    metadata = value(metadata)
    created_at = value(lambda row, draw: draw.not_after(draw.after(BEGIN, 0, 24 * 60), "last_login_at", "deleted_at"))
    last_login_at = value(lambda row, draw: None if row.status == "invited" else draw.after(row.created_at, 1, 24 * 30))
    deleted_at = value(
        lambda row, draw: draw.after(row.last_login_at or row.created_at, 1, 240) if row.deleted else None
    )


def _service_name(draw: Draw) -> str:
    return f"{draw.choice(words.PROJECTS)} {draw.choice(('bot', 'runner', 'importer'))}"


def _has_no_github(row: Any) -> bool:
    return row.role == "service" or row.status == "invited"


def _avatar(github_id: int | None) -> str | None:
    return None if github_id is None else f"https://avatars.githubusercontent.com/u/{github_id}"
