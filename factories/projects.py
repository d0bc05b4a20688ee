"""Projects and the repositories behind them."""

from __future__ import annotations

from typing import Any

from swe_db.factories import words
from swe_db.factories.base import KeyedFactory
from swe_db.factories.content import chosen, latest, slug
from swe_db.factories.declarations import related, value
from swe_db.factories.draw import Draw
from swe_db.factories.rows import Project

__all__ = ["ProjectFactory"]


def settings(row: Any, draw: Draw) -> dict[str, Any]:
    """Return how agents and reviews work in the project."""
    return {
        "auto_assign": draw.chance(0.5),
        "require_review": True,
        "required_approvals": draw.integer(1, 2),
        "agents": draw.sample(("architect", "codegen", "tester", "reviewer", "security"), 3),
    }


def metrics(row: Any, draw: Draw) -> dict[str, Any]:
    """Return what was measured; nothing yet of a project that is only planned."""
    if row.status == "planning":
        return {}
    return {
        "velocity_points": draw.integer(8, 60),
        "cycle_time_hours": draw.integer(40, 900) / 10,
        "test_coverage": draw.integer(60, 98) / 100,
        "deployments_per_week": draw.integer(0, 40),
    }


def _has_repository(row: Any) -> bool:
    return not row.without_repository


def _url(row: Any, draw: Draw) -> str | None:
    if row.repository_provider is None:
        return None
    host = {"gitlab": "gitlab.com", "bitbucket": "bitbucket.org"}.get(row.repository_provider, "github.com")
    return f"https://{host}/{draw.choice(words.ORGANISATIONS)}/{row.slug}"


def _full_name(url: str | None) -> str | None:
    return None if url is None else "/".join(url.removesuffix(".git").split("/")[-2:])


class ProjectFactory(KeyedFactory[Project]):
    """Makes projects: active ones with a GitHub repository, if nothing else is said; `owner` is a new user."""

    class Meta:
        model = Project
        traits = (
            ("planning", "paused", "completed", "archived"),
            ("private", "public"),
            ("without_repository",),
            ("deleted",),
        )

    owner = related("owner_id", "swe_db.factories.users.UserFactory")
    name = value(lambda row, draw: f"{draw.choice(words.PROJECTS)} {draw.choice(words.KINDS)}")
    slug = value(lambda row, draw: f"{slug(row.name)[:60].strip('-') or 'project'}-{draw.token}")
    description = value(lambda row, draw: f"{row.name} {draw.choice(words.PURPOSES)}.")
    status = value(lambda row, draw: chosen(row, "planning", "paused", "completed", "archived", otherwise="active"))
    visibility = value(lambda row, draw: chosen(row, "private", "public", otherwise="internal"))
    repository_provider = value(lambda row, draw: "github" if _has_repository(row) else None)
    repository_url = value(_url)
    github_id = value(lambda row, draw: draw.unique if row.repository_provider == "github" else None)
    github_node_id = value(lambda row, draw: None if row.github_id is None else f"R_kgDO{draw.hex(8)}")
    github_full_name = value(lambda row, draw: None if row.github_id is None else _full_name(row.repository_url))
    github_installation_id = value(lambda row, draw: None if row.github_id is None else draw.integer(10**7, 10**8))
    settings = value(settings)
    tags = value(lambda row, draw: draw.sample(words.TAGS, 3))
    metrics = value(metrics)
    created_at = value(lambda row, draw: draw.not_after(draw.after(latest(row.owner), 1, 24 * 14), "deleted_at"))
    deleted_at = value(lambda row, draw: draw.after(row.created_at, 24, 24 * 60) if row.deleted else None)
