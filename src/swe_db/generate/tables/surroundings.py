"""Events beside the lives of tasks: who comes and goes, logins, deployments, what is refused."""

from __future__ import annotations

from typing import Final

import numpy as np

from swe_db.generate.plan import CHUNK, Block
from swe_db.generate.tables.agents import agent_names
from swe_db.generate.tables.event_types import event
from swe_db.generate.tables.happenings import KINDS, Happenings, nothing
from swe_db.generate.tables.people import display_names
from swe_db.generate.tables.projects import project_names
from swe_db.generate.tables.world import World
from swe_db.generate.values.calendar import HOUR, MINUTE, START
from swe_db.generate.values.draws import Ints
from swe_db.generate.values.texts import Mask, json_object, optional, text

__all__ = ["arrivals_and_ends", "event_counts", "logins", "side_events"]

# What fills the trail up, and how often in a thousand. Those of the first line are of a user; the others of a project.
_PERSONAL: Final = (
    ("user.login", 560), ("user.logout", 130), ("user.login_failed", 40), ("attachment.downloaded", 70),
    ("security.token_created", 16), ("security.token_revoked", 8), ("data.exported", 14),
    ("security.permission_denied", 14),
)  # fmt: skip
_IMPERSONAL: Final = (
    ("repository.synchronized", 100), ("deployment.started", 22), ("deployment.succeeded", 20),
    ("deployment.failed", 4), ("deployment.rolled_back", 2),
)  # fmt: skip
_NAMES: Final = tuple(name for name, _share in (*_PERSONAL, *_IMPERSONAL))
_SHARES: Final = tuple(share for _name, share in (*_PERSONAL, *_IMPERSONAL))
_CHUNK_KEYS: Final = 1 << 40


def event_counts(world: World, table: str) -> Ints:
    """Return how many events each row of users, projects or agents has; none for those of the seeds."""
    rows = np.arange(world.plan.counts[table], dtype=np.int64)
    ends = {"users": world.user_ends, "projects": world.project_ends, "agents": world.agent_ends}[table]
    over = ends < world.end
    if table == "users":
        over &= world.user_state(rows) >= 2
    counts = 1 + over.astype(np.int64)
    counts[: {"users": world.users, "projects": world.projects, "agents": world.agents}[table].seeded] = 0
    return counts


def arrivals_and_ends(world: World, table: str, rows: Ints) -> Happenings:
    """Return how rows of users, projects or agents came and went: their arrivals, and their ends if there are."""
    counts = event_counts(world, table)[rows]
    subject = np.repeat(rows, counts)
    second = np.concatenate([[False], subject[1:] == subject[:-1]]) if len(subject) else np.zeros(0, np.bool_)
    timeline = {"users": world.users, "projects": world.projects, "agents": world.agents}[table]
    ends = {"users": world.user_ends, "projects": world.project_ends, "agents": world.agent_ends}[table]
    kind, user, project = _arrival_kinds(world, table, subject, second)
    names = {"users": display_names, "projects": project_names, "agents": agent_names}[table](subject, world)
    described = json_object({"display_name" if table == "users" else "name": text('"', names, '"')})
    return Happenings(
        key=subject * KINDS + {"users": 40, "projects": 42, "agents": 44}[table] + second + _CHUNK_KEYS * KINDS,
        chunk=np.zeros(len(subject), np.int64),
        at=np.where(second, ends[subject], timeline.instants(subject)),
        kind=kind,
        user=user,
        agent=np.full(len(subject), -1, np.int64),
        resource=subject + 1,
        project=project,
        old=nothing(len(subject)),
        new=optional(described, ~second),
    )


def _arrival_kinds(world: World, table: str, subject: Ints, second: Mask) -> tuple[Ints, Ints, Ints]:
    """Return kind, user and project of arrivals and ends."""
    none = np.full(len(subject), -1, np.int64)
    if table == "users":
        kinds = _indices("user.created", "user.created", "user.suspended", "user.deleted")
        return np.where(second, kinds[world.user_state(subject)], kinds[0]), np.where(second, 0, subject), none
    if table == "projects":
        kinds = _indices("project.created", "project.updated", "project.archived", "project.deleted", "project.updated")
        owner = world.owner(subject)
        return np.where(second, kinds[world.project_state(subject)], kinds[0]), owner, subject
    removed = world.stream("agents", "deleted").chance(250, subject)
    gone = np.where(removed, event("agent.deleted"), event("agent.deactivated"))
    return np.where(second, gone, event("agent.registered")), np.zeros(len(subject), np.int64), none


def _indices(*names: str) -> Ints:
    return np.array([event(name) for name in names], np.int64)


def _side(world: World, chunk: Block, count: int) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Return key, task, kind, time and user of what fills up a chunk; user -1 for the system."""
    number = chunk.start // CHUNK
    key = number * 65_536 + np.arange(count, dtype=np.int64)
    task = chunk.start + world.stream("audit_logs", "side.task").below(chunk.rows, key)
    made = world.tasks.instants(task)
    at = np.minimum(made + world.stream("audit_logs", "side.at").below(3 * int(HOUR), key), world.end - 1)
    kind = world.stream("audit_logs", "side.kind").weighted(_SHARES, key)
    shares = world.stream("audit_logs", "side.user").fraction(key)
    user = world.users.row_of(shares, at, chunk.number, np.zeros(0, np.int64))
    present = (user >= 0) & (at < world.user_ends[np.maximum(user, 0)])
    personal = kind < len(_PERSONAL)
    # Nobody there yet who could log in: the repository is synchronized.
    kind = np.where(personal & ~present, len(_PERSONAL), kind)
    user = np.where(personal & present, user, -1)
    return key, task, kind, np.maximum(at, START + MINUTE), user


def side_events(world: World, chunk: Block, count: int) -> Happenings:
    """Return so many events that fill up the trail of a chunk."""
    key, task, kind, at, user = _side(world, chunk, count)
    project = world.busy_project(task, world.tasks.instants(task), chunk.number)
    kinds = _indices(*_NAMES)[kind]
    of_user = np.isin(kinds, [event(name) for name in _NAMES if name.startswith("user.") or "token" in name])
    of_project = np.isin(kinds, [event(name) for name in ("data.exported", "security.permission_denied")])
    resource = np.where(of_user, user + 1, np.where(of_project, project + 1, task + 1))
    return Happenings(
        key=key * KINDS + 50 + 2 * _CHUNK_KEYS * KINDS,
        chunk=np.full(count, chunk.start // CHUNK, np.int64),
        at=at,
        kind=kinds,
        user=user,
        agent=np.full(count, -1, np.int64),
        resource=np.maximum(resource, 1),
        project=np.where(of_user, -1, project),
        old=nothing(count),
        new=nothing(count),
    )


def logins(world: World, chunk: Block, count: int) -> tuple[Ints, Ints]:
    """Return users and times of the logins among `side_events`."""
    _key, _task, kind, at, user = _side(world, chunk, count)
    logged_in = (kind == 0) & (user >= 0)
    return user[logged_in], at[logged_in]
