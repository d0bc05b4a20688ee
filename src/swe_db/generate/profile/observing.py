"""Looking at the rows of one part: everything that the profile shows is counted here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from swe_db.generate.plan import Plan
from swe_db.generate.profile.checks import check
from swe_db.generate.profile.columns import instants, numbers, units
from swe_db.generate.profile.stats import Stats, log_bins
from swe_db.generate.tables.agents import agent_kind
from swe_db.generate.tables.world import World
from swe_db.generate.values import words
from swe_db.generate.values.calendar import DAY, HOUR, local_offset
from swe_db.generate.values.draws import Ints

__all__ = ["observe"]

_MONDAY: Final = 4 * DAY  # 1970-01-05
_CENT: Final = 500  # credibility has four digits after the point; its histogram has twenty bars
_KINDS: Final = tuple(kind[0] for kind in words.AGENT_KINDS)


def observe(plan: Plan, tables: Mapping[str, pa.Table]) -> Stats:
    """Return what the profile needs to know of some rows.

    Args:
        plan: The data set that they belong to.
        tables: Rows by table: of a part as `make` gives it, or of the seeds.
    """
    world = World.of(plan)
    stats: Stats = {"rows": {name: table.num_rows for name, table in tables.items()}}
    for name, table in tables.items():
        stats[f"month.{name}"] = _by_month(instants(table, "created_at"))
        _note_ids(stats, name, table)
        if name in _SUBJECTS:
            stats.update(_SUBJECTS[name](world, table))
    if "tasks" in tables:
        stats["comments.per_task"] = _children(tables["tasks"], tables.get("task_comments"))
    stats.update(check(world, tables))
    return stats


def _note_ids(stats: Stats, name: str, table: pa.Table) -> None:
    ids = numbers(table, "id")
    stats.setdefault("ids.sum", {})[name] = int(ids.sum())


def _values(table: pa.Table, column: str) -> dict[str, int]:
    """Count the values of a column of texts; null has no count."""
    counted = pc.value_counts(table[column].drop_null())
    return {str(value): count for value, count in zip(*_fields(counted), strict=True)}


def _fields(counted: pa.StructArray) -> tuple[list[object], list[int]]:
    return counted.field("values").to_pylist(), counted.field("counts").to_pylist()


def _numbered(values: Ints) -> dict[str, int]:
    """Count numbers, which must not be negative."""
    counts = np.bincount(values)
    found = np.flatnonzero(counts)
    return dict(zip(map(str, found.tolist()), counts[found].tolist(), strict=True))


def _by_month(moments: Ints, amounts: Ints | None = None) -> dict[str, int]:
    """Count instants by month, or add up amounts; those that are not there (-1) are left out."""
    there = moments >= 0
    months = moments[there].astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64)
    found = np.flatnonzero(np.bincount(months))
    places = np.searchsorted(found, months)
    sums = np.zeros(len(found), np.int64)
    np.add.at(sums, places, 1 if amounts is None else amounts[there])
    return dict(zip(found.astype("datetime64[M]").astype(str).tolist(), sums.tolist(), strict=True))


def _lasting(begin: Ints, end: Ints) -> dict[str, int]:
    """Count how long things lasted, by bin, where both ends are known."""
    known = (begin >= 0) & (end >= 0)
    return _numbered(log_bins((end - begin)[known]))


def _children(parents: pa.Table, children: pa.Table | None) -> dict[str, int]:
    """Count parents by how many children they have."""
    ids = numbers(parents, "id")
    first = int(ids.min())
    owners = numbers(children, "task_id") - first if children is not None else np.zeros(0, np.int64)
    return _numbered(np.bincount(owners, minlength=len(ids)))


def _users(_world: World, table: pa.Table) -> Stats:
    return {f"users.{column}": _values(table, column) for column in ("role", "status", "timezone")}


def _agents(_world: World, table: pa.Table) -> Stats:
    counted = dict(zip(numbers(table, "id").tolist(), numbers(table, "total_executions").tolist(), strict=True))
    return {
        "agents.type": _values(table, "agent_type"),
        "agents.status": _values(table, "status"),
        "agents.counted": {str(agent): count for agent, count in counted.items() if count},
    }


def _tasks(_world: World, table: pa.Table) -> Stats:
    made, done = instants(table, "created_at"), instants(table, "completed_at")
    person, agent = numbers(table, "assigned_user_id"), numbers(table, "assigned_agent_id")
    return {
        **{f"tasks.{column}": _values(table, column) for column in ("status", "priority", "task_type")},
        "tasks.assignee": {
            "a person": int((person > 0).sum()),
            "an agent": int((agent > 0).sum()),
            "nobody": int(((person == 0) & (agent == 0)).sum()),
        },
        "month.completed": _by_month(done),
        "tasks.lead": _lasting(made, done),
        "tasks.work": _lasting(instants(table, "started_at"), done),
        "tasks.of_project": _numbered(numbers(table, "project_id")),
        "tasks.of_person": _numbered(person[person > 0]),
    }


def _executions(world: World, table: pa.Table) -> Stats:
    agents, began = numbers(table, "agent_id"), instants(table, "started_at")
    kinds = pa.array(_KINDS).take(pa.array(agent_kind(agents - 1, world)))
    outcomes = pc.binary_join_element_wise(kinds, table["status"].combine_chunks(), "/")
    moments = instants(table, "created_at")
    return {
        "executions.status": _values(table, "status"),
        "executions.outcome": _values(pa.table({"outcome": outcomes}), "outcome"),
        "executions.duration": _lasting(began, instants(table, "completed_at")),
        "executions.of_agent": _numbered(agents),
        "month.input_tokens": _by_month(moments, numbers(table, "input_tokens")),
        "month.output_tokens": _by_month(moments, numbers(table, "output_tokens")),
        "month.cost": _by_month(moments, units(table, "cost_usd", 6)),
    }


def _evidence(_world: World, table: pa.Table) -> Stats:
    scores = units(table, "credibility_score", 4)
    encoded = table["source_type"].combine_chunks().dictionary_encode()
    sums = np.bincount(encoded.indices.to_numpy(), weights=scores, minlength=len(encoded.dictionary))
    return {
        "evidence.source_type": _values(table, "source_type"),
        "evidence.credibility": dict(zip(encoded.dictionary.to_pylist(), map(int, sums.tolist()), strict=True)),
        "evidence.score": _numbered(np.minimum(scores // _CENT, 19)),
        "evidence.verification_status": _values(table, "verification_status"),
    }


def _chains(_world: World, table: pa.Table) -> Stats:
    return {"evidence.relation": _values(table, "relation")}


def _audit(world: World, table: pa.Table) -> Stats:
    moments = instants(table, "created_at")
    person = numbers(table, "actor_user_id")
    human = (person > 0) & (numbers(table, "actor_agent_id") == 0)
    there, who = moments[human], person[human] - 1
    return {
        "audit.event_type": _values(table, "event_type"),
        "audit.outcome": _values(table, "outcome"),
        "audit.severity": _values(table, "severity"),
        **_audit_months(table["event_type"].combine_chunks(), moments),
        "hours.utc": _numbered(_hour_of_week(there)),
        "hours.local": _numbered(_hour_of_week(there + local_offset(there, world.zones[who]))),
    }


def _audit_months(event_types: pa.Array, moments: Ints) -> Stats:
    """Count events of each category by month."""
    encoded = event_types.dictionary_encode()
    places = encoded.indices.to_numpy()
    categories = [name.partition(".")[0] for name in encoded.dictionary.to_pylist()]
    stats: Stats = {}
    for category in sorted(set(categories)):
        mine = np.array([name == category for name in categories])[places]
        stats[f"audit.month.{category}"] = _by_month(moments[mine])
    return stats


def _feed(_world: World, table: pa.Table) -> Stats:
    return {"feed.verb": _values(table, "verb")}


def _hour_of_week(moments: Ints) -> Ints:
    """Return the hour of each instant, counted from Monday midnight."""
    return (moments - _MONDAY) % (7 * DAY) // HOUR


_SUBJECTS: Final[Mapping[str, Callable[[World, pa.Table], Stats]]] = {
    "users": _users,
    "agents": _agents,
    "tasks": _tasks,
    "agent_executions": _executions,
    "evidence": _evidence,
    "evidence_chains": _chains,
    "audit_logs": _audit,
    "activity_feed": _feed,
}
