"""Rows of projects."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from swe_db.generate.tables.census import Census
from swe_db.generate.tables.world import World
from swe_db.generate.values import words
from swe_db.generate.values.draws import Ints, Stream, permuted
from swe_db.generate.values.texts import (
    Array,
    Mask,
    hexadecimal,
    integers,
    json_object,
    label_lists,
    numbers,
    optional,
    pick,
    select,
    text,
    timestamps,
    uuids,
)

__all__ = ["project_names", "project_rows"]

_SEEDED: Final = ("AI Engineering Platform", "MoE Router", "Frontend UI", "Agent Library", "Integration Hub")
_ORGANISATIONS: Final = ("northwind-labs", "bluebird-io", "acme-platform", "openloop-dev")
_VISIBILITIES: Final = ("internal", "private", "public")
_STATUSES: Final = ("active", "completed", "archived", "active", "paused")


def project_names(projects: Ints, world: World) -> Array:
    """Return the name of each project."""
    drawn = _drawn_names(projects, world)
    if not len(projects) or projects.min() >= len(_SEEDED):
        return drawn
    return select(projects < len(_SEEDED), pick(_SEEDED, np.minimum(projects, len(_SEEDED) - 1)), drawn)


def _drawn_names(projects: Ints, world: World) -> Array:
    size = len(words.PRODUCTS) * len(words.PRODUCT_KINDS)
    key = int(world.stream("projects", "name").bits(np.zeros(1, np.int64))[0] >> np.uint64(33))
    place = permuted(projects % size, size, key)
    kind = place % len(words.PRODUCT_KINDS)
    name = text(pick(words.PRODUCTS, place // len(words.PRODUCT_KINDS)), " ", pick(words.PRODUCT_KINDS, kind))
    cycle = projects // size
    return select(cycle > 0, text(name, " ", numbers(cycle + 1)), name) if cycle.any() else name


def project_rows(world: World, projects: Ints, census: Census) -> pa.Table:
    """Return the rows of projects; none of them is of the seeds."""

    def stream(column: str) -> Stream:
        return world.stream("projects", column)

    name = _drawn_names(projects, world)
    slug = pc.replace_substring(pc.utf8_lower(name), " ", "-")
    state = world.project_state(projects)
    made, gone = world.project_starts[projects], world.project_ends[projects]
    over = (state > 0) & (gone < world.end)
    count = 1 + stream("tags").below(4, projects)
    choices = (stream("tag").below(len(words.TAGS), projects)[:, None] + np.arange(4) * 3) % len(words.TAGS)
    return pa.table(
        {
            "id": integers(projects + 1),
            "external_id": uuids(world.plan.source, "projects", projects),
            "owner_id": integers(world.owner(projects) + 1),
            "name": name,
            "slug": slug,
            "description": text(
                "The ", name, " ", pick(words.PURPOSES, stream("description").below(len(words.PURPOSES), projects)), "."
            ),
            "status": pick(_STATUSES, np.where(over, state, 0)),
            "visibility": pick(_VISIBILITIES, stream("visibility").weighted((70, 18, 12), projects)),
            **_repository(world, projects, slug),
            "settings": _settings(world, projects),
            "tags": label_lists(words.TAGS, choices, count),
            "metrics": _metrics(projects, census),
            "metadata": json_object(
                {"cost_center": text('"CC-', numbers(1000 + stream("cost_center").below(90, projects) * 10), '"')}
            ),
            "created_at": timestamps(made),
            "updated_at": timestamps(np.where(over, gone, made)),
            "deleted_at": timestamps(gone, over & (state == 3)),
        }
    )


def _repository(world: World, projects: Ints, slug: Array) -> dict[str, Array]:
    def stream(column: str) -> Stream:
        return world.stream("projects", column)

    organisation = pick(_ORGANISATIONS, stream("organisation").weighted((55, 20, 15, 10), projects))
    hosted = stream("repository").chance(930, projects)
    github = hosted & stream("provider").chance(860, projects)
    host = select(github, "https://github.com/", "https://gitlab.com/")
    return {
        "repository_provider": optional(select(github, "github", "gitlab"), hosted),
        "repository_url": optional(text(host, organisation, "/", slug), hosted),
        "default_branch": pick(("main", "master", "develop"), stream("default_branch").weighted((88, 8, 4), projects)),
        "github_id": integers(500_000_000 + projects * 1013, github),
        "github_node_id": optional(text("R_", hexadecimal(stream("github_node_id").bits(projects), 12)), github),
        "github_full_name": optional(text(organisation, "/", slug), github),
        "github_installation_id": integers(40_000_000 + projects * 17, github),
    }


def _settings(world: World, projects: Ints) -> Array:
    boolean = ("false", "true")
    return json_object(
        {
            "auto_assign": pick(boolean, world.stream("projects", "auto_assign").weighted((4, 6), projects)),
            "require_review": pick(boolean, world.stream("projects", "require_review").weighted((1, 9), projects)),
            "required_approvals": numbers(1 + world.stream("projects", "approvals").below(3, projects)),
        }
    )


def _metrics(projects: Ints, census: Census) -> Array:
    """Return what the rows of its tasks say of each project."""
    done = census.done_in_project[projects]
    hours = np.where(done > 0, census.hours_in_project[projects] // np.maximum(done, 1), 0)
    some: Mask = done > 0
    return json_object(
        {
            "tasks": numbers(census.tasks_in_project[projects]),
            "completed_tasks": numbers(done),
            "cycle_time_hours": numbers(hours),
        },
        {"cycle_time_hours": some},
    )
