"""Rows of users, and the names that they go by everywhere else."""

from __future__ import annotations

import functools
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from swe_db.generate.tables.census import Census
from swe_db.generate.tables.world import World
from swe_db.generate.values import words
from swe_db.generate.values.calendar import ZONES
from swe_db.generate.values.draws import Ints, Stream, permuted
from swe_db.generate.values.texts import (
    Array,
    hexadecimal,
    integers,
    json_object,
    numbers,
    optional,
    pick,
    select,
    text,
    timestamps,
    uuids,
)

__all__ = ["display_names", "user_rows"]

_SEEDED: Final = ("Ada Admin", "Orchestrator", "Grace Okafor", "Mateo Silva", "Yuki Tanaka")
_ROLES: Final = ("user", "manager", "admin")
_STATUSES: Final = ("active", "invited", "suspended", "active")
_LOCALES: Final = ("en", "en-GB", "de", "pl", "en-US", "en-US", "en-US", "pt-BR", "en-IN", "ja")
_PROVIDERS: Final = ("https://login.northwind.example", "https://sso.bluebird.example", "https://id.openloop.example")


def _combination(users: Ints, world: World) -> tuple[Ints, Ints, Ints]:
    """Return the first name, the last name and the round of each user: no two users share all three."""
    size = len(words.FIRST_NAMES) * len(words.LAST_NAMES)
    key = int(world.stream("users", "display_name").bits(np.zeros(1, np.int64))[0] >> np.uint64(33))
    place = permuted(users % size, size, key)
    return place // len(words.LAST_NAMES), place % len(words.LAST_NAMES), users // size


def display_names(users: Ints, world: World) -> Array:
    """Return the name that people see of each user."""
    first, last, _round = _combination(users, world)
    drawn = text(pick(words.FIRST_NAMES, first), " ", pick(words.LAST_NAMES, last))
    if not len(users) or users.min() >= len(_SEEDED):
        return drawn
    return select(users < len(_SEEDED), pick(_SEEDED, np.minimum(users, len(_SEEDED) - 1)), drawn)


@functools.cache
def _lower(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.lower() for name in names)


def _usernames(users: Ints, world: World) -> Array:
    first, last, cycle = _combination(users, world)
    name = text(pick(_lower(words.FIRST_NAMES), first), ".", pick(_lower(words.LAST_NAMES), last))
    return select(cycle > 0, text(name, numbers(cycle + 1)), name) if cycle.any() else name


def user_rows(world: World, users: Ints, census: Census) -> pa.Table:
    """Return the rows of users; none of them is of the seeds."""

    def stream(column: str) -> Stream:
        return world.stream("users", column)

    username = _usernames(users, world)
    on_github = stream("github_id").chance(720, users)
    by_sso = stream("sso").chance(640, users)
    state = world.user_state(users)
    made, gone = world.users.instants(users), world.user_ends[users]
    login = census.last_login[users]
    deleted = (state == 3) & (gone < world.end)
    suspended = (state == 2) & (gone < world.end)
    status = np.where(state == 1, 1, np.where(suspended, 2, 0))
    github_id = 1_000_000 + users * 997 + stream("github").below(997, users)
    return pa.table(
        {
            "id": integers(users + 1),
            "external_id": uuids(world.plan.source, "users", users),
            "username": username,
            "email": text(username, "@", pick(words.DOMAINS, stream("email").weighted((40, 25, 18, 12, 5), users))),
            "display_name": display_names(users, world),
            "role": pick(_ROLES, stream("role").weighted((945, 50, 5), users)),
            "status": pick(_STATUSES, status),
            "avatar_url": optional(
                text("https://avatars.people.example/", numbers(github_id), ".png"), stream("avatar").chance(600, users)
            ),
            "locale": pick(_LOCALES, world.zones[users]),
            "timezone": pick(tuple(zone.name for zone in ZONES), world.zones[users]),
            "github_id": integers(github_id, on_github),
            "github_login": optional(pc.replace_substring(username, ".", "-"), on_github),
            "github_node_id": optional(text("U_", hexadecimal(stream("github_node_id").bits(users), 12)), on_github),
            "sso_provider": pick(_PROVIDERS, stream("sso_provider").weighted((60, 25, 15), users), by_sso),
            "sso_subject": optional(text("subject-", numbers(users + 1)), by_sso),
            "preferences": _preferences(world, users),
            "metadata": _metadata(world, users),
            "last_login_at": timestamps(np.maximum(login, 0), login > 0),
            "created_at": timestamps(made),
            "updated_at": timestamps(np.where(deleted | suspended, gone, np.maximum(made, login))),
            "deleted_at": timestamps(gone, deleted),
        }
    )


def _preferences(world: World, users: Ints) -> Array:
    boolean = ("false", "true")
    notifications = json_object(
        {
            "web": pick(boolean, world.stream("users", "web").weighted((10, 90), users)),
            "email": pick(boolean, world.stream("users", "mail").weighted((40, 60), users)),
            "digest": pick(
                ('"daily"', '"weekly"', '"never"'), world.stream("users", "digest").weighted((5, 3, 2), users)
            ),
        }
    )
    theme = pick(('"dark"', '"light"', '"system"'), world.stream("users", "theme").weighted((5, 3, 2), users))
    view = pick(('"board"', '"list"'), world.stream("users", "view").weighted((6, 4), users))
    return json_object({"theme": theme, "notifications": notifications, "default_view": view})


def _metadata(world: World, users: Ints) -> Array:
    level = world.stream("users", "level").weighted((16, 26, 26, 11, 4, 8, 6, 3), users)
    team = world.stream("users", "team").below(len(words.TEAMS), users)
    return json_object(
        {
            "team": text('"', pick(words.TEAMS, team), '"'),
            "level": text('"', pick(tuple(one.level for one in words.TITLES), level), '"'),
            "title": text('"', pick(tuple(one.title for one in words.TITLES), level), '"'),
        }
    )
