"""Rows: that they do not depend on how they are made, and that they tell a story that can be true."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from support.data_sets import DataSet, joined
from swe_db.errors import ConfigError
from swe_db.generate.parts import TABLES, Part, make, parts_of, take_census
from swe_db.generate.plan import CHUNK, SCALES, SEEDED, Plan


def column(table: pa.Table, name: str) -> Any:
    """Return a column as NumPy array; times as whole milliseconds, null as the lowest number."""
    found = table[name]
    if pa.types.is_timestamp(found.type):
        found = found.cast(pa.int64())
    return found.fill_null(np.iinfo(np.int64).min if pa.types.is_integer(found.type) else "").to_numpy()


def test_there_are_as_many_rows_as_planned(small: DataSet) -> None:
    """With the rows of the seeds, each counted table has exactly its number, and ids without a gap."""
    for name, count in SCALES["small"].items():
        assert column(small.tables[name], "id").tolist() == list(range(SEEDED[name] + 1, count + 1)), name
    for name in TABLES:
        assert len(set(column(small.tables[name], "external_id").tolist())) == len(small.tables[name]), name


def test_rows_do_not_depend_on_the_parts(team: DataSet) -> None:
    """The same tasks in other company are the same rows, with the same children and events."""
    whole = next(part for part in team.parts if part.kind == "tasks" and part.stop - part.start == 5 * CHUNK)
    pieces = [
        Part(0, "tasks", whole.block, start, start + size)
        for start, size in ((whole.start, CHUNK), (whole.start + CHUNK, 3 * CHUNK), (whole.stop - CHUNK, CHUNK))
    ]
    at_once = joined([make(team.plan, team.census, whole)])
    apart = joined(make(team.plan, team.census, piece) for piece in reversed(pieces))
    assert at_once.keys() == apart.keys()
    assert [name for name in at_once if not at_once[name].equals(apart[name])] == []


def test_a_scale_is_the_beginning_of_the_next(small: DataSet, team: DataSet) -> None:
    """The rows of `small` are the first of `team`, but for what adds up over all tasks."""
    sums = {
        "users": {"last_login_at", "updated_at"},
        "projects": {"metrics"},
        "agents": {
            "total_executions", "successful_executions", "failed_executions", "average_duration_ms", "total_tokens",
            "total_cost_usd", "last_execution_at", "last_heartbeat_at", "updated_at",
        },
    }  # fmt: skip
    for name in TABLES:
        kept = [one for one in small.tables[name].column_names if one not in sums.get(name, set())]
        first = team.tables[name].slice(0, len(small.tables[name])).select(kept)
        assert first.equals(small.tables[name].select(kept)), name


def test_another_seed_is_another_data_set(small: DataSet) -> None:
    """With another seed, people have other names and tasks other titles; there are as many."""
    other = DataSet(Plan.of("small", seed=43))
    assert other.plan.identity != small.plan.identity
    assert len(other.tables["tasks"]) == len(small.tables["tasks"])
    same = pc.equal(other.tables["users"]["display_name"], small.tables["users"]["display_name"])
    assert pc.sum(same).as_py() < 10


@pytest.mark.parametrize(
    ("child", "reference", "parent"),
    [
        ("projects", "owner_id", "users"),
        ("tasks", "project_id", "projects"),
        ("tasks", "created_by_user_id", "users"),
        ("tasks", "assigned_user_id", "users"),
        ("tasks", "assigned_agent_id", "agents"),
        ("tasks", "parent_task_id", "tasks"),
        ("task_comments", "task_id", "tasks"),
        ("task_comments", "parent_comment_id", "task_comments"),
        ("task_comments", "author_user_id", "users"),
        ("task_comments", "author_agent_id", "agents"),
        ("task_attachments", "task_id", "tasks"),
        ("agent_executions", "agent_id", "agents"),
        ("agent_executions", "task_id", "tasks"),
        ("evidence", "task_id", "tasks"),
        ("evidence", "agent_execution_id", "agent_executions"),
        ("evidence_credibility_history", "evidence_id", "evidence"),
        ("evidence_chains", "from_evidence_id", "evidence"),
        ("evidence_chains", "to_evidence_id", "evidence"),
        ("activity_feed", "task_id", "tasks"),
        ("activity_feed", "project_id", "projects"),
    ],
)
def test_parents_are_older(team: DataSet, child: str, reference: str, parent: str) -> None:
    """What a row refers to is there, and was made before it."""
    ids, made = column(team.tables[parent], "id"), column(team.tables[parent], "created_at")
    referred, when = column(team.tables[child], reference), column(team.tables[child], "created_at")
    seeds = SEEDED.get(parent, 0)
    own = referred > seeds
    place = np.searchsorted(ids, referred[own])
    assert (ids[place] == referred[own]).all()
    assert (made[place] <= when[own]).all()
    assert (referred[~own & (referred > 0)] <= seeds).all()


def test_nothing_happens_after_the_end(team: DataSet) -> None:
    """No row was made or changed after the day that it all ends with."""
    end = dt.datetime(2026, 7, 1, tzinfo=dt.UTC)
    for name, table in team.tables.items():
        assert pc.max(table["created_at"]).as_py() < end, name
        if "updated_at" in table.column_names:
            assert pc.max(table["updated_at"]).as_py() < end, name
            assert pc.all(pc.greater_equal(table["updated_at"], table["created_at"])).as_py(), name


def test_the_trail_gives_the_tasks(team: DataSet) -> None:
    """Folding the events of each task in their order gives its row, but for the keys and times that the events have."""
    folded: dict[str, dict[str, Any]] = {}
    events = team.tables["audit_logs"].filter(pc.equal(team.tables["audit_logs"]["resource_type"], "task"))
    for event in events.sort_by([("created_at", "ascending"), ("id", "ascending")]).to_pylist():
        state = folded.setdefault(event["resource_id"], {})
        old = json.loads(event["old_values"] or "{}")
        assert {key: state.get(key) for key in old} == old, "what an event changes is what the events before it left"
        state.update(json.loads(event["new_values"]))
    rows = {str(row["id"]): row for row in team.tables["tasks"].to_pylist()}
    assert folded.keys() == rows.keys()
    for key, state in folded.items():
        assert {name: value for name, value in state.items() if value is not None} == shown(rows[key])


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """Return a task as the trail shows it."""
    for name in ("metadata", "ai_analysis", "ai_suggestions"):
        row[name] = json.loads(row[name]) if row[name] else None
    values = {
        name: value.isoformat(timespec="auto") if isinstance(value, dt.datetime) else value
        for name, value in row.items()
        if name not in {"id", "created_at", "updated_at"} and value is not None
    }
    return {name: _trimmed(value) for name, value in values.items()}


def _trimmed(value: Any) -> Any:
    """Return a time as PostgreSQL writes it: without zeros at the end of its fraction, which Python writes."""
    if not (isinstance(value, str) and value.endswith("+00:00") and "." in value):
        return value
    return value.removesuffix("+00:00").rstrip("0") + "+00:00"


def test_counters_agree_with_what_happened(team: DataSet) -> None:
    """Counters of agents are those of their runs, metrics of projects those of tasks, logins those of the trail."""
    runs = Counter(team.tables["agent_executions"]["agent_id"].to_pylist())
    agents = team.tables["agents"]
    assert dict(zip(agents["id"].to_pylist(), agents["total_executions"].to_pylist(), strict=True)) == {
        agent: runs.get(agent, 0) for agent in agents["id"].to_pylist()
    }
    done = Counter(task["project_id"] for task in team.tables["tasks"].to_pylist() if task["status"] == "done")
    for project in team.tables["projects"].to_pylist():
        assert json.loads(project["metrics"])["completed_tasks"] == done.get(project["id"], 0)
    logins = team.tables["audit_logs"].filter(pc.equal(team.tables["audit_logs"]["event_type"], "user.login"))
    last: dict[int, dt.datetime] = {}
    for event in logins.select(["actor_user_id", "created_at"]).to_pylist():
        last[event["actor_user_id"]] = max(last.get(event["actor_user_id"], event["created_at"]), event["created_at"])
    for user in team.tables["users"].to_pylist():
        assert user["last_login_at"] == last.get(user["id"])


def test_few_projects_get_most_of_the_work(team: DataSet) -> None:
    """A tenth of the projects has a third of the tasks or more, and most have some."""
    counts = np.sort(np.bincount(column(team.tables["tasks"], "project_id"), minlength=51)[1:])[::-1]
    assert counts[:5].sum() > counts.sum() / 3
    assert (counts > 0).sum() > 30


def test_tasks_come_to_an_end_but_not_all(team: DataSet) -> None:
    """Most tasks are done; there is work in every state; open work is younger than what is done."""
    states = Counter(team.tables["tasks"]["status"].to_pylist())
    assert set(states) >= {"backlog", "todo", "in_progress", "in_review", "done", "cancelled"}
    assert 0.6 < states["done"] / sum(states.values()) < 0.9
    types = Counter(team.tables["audit_logs"]["event_type"].to_pylist())
    assert len(types) >= 35


@pytest.mark.parametrize(
    "rows",
    [{"tasks": 1_500}, {"tasks": 1, "users": 10, "projects": 6, "agents": 12}, {"users": 3_000}, {"audit_logs": 8_700}],
    ids=str,
)
def test_other_numbers_of_rows(rows: dict[str, int]) -> None:
    """Any numbers that go together are met exactly; the trail has no gap."""
    data = DataSet(Plan.of("small", rows=rows))
    for name, count in data.plan.counts.items():
        assert column(data.tables[name], "id").tolist() == list(range(SEEDED[name] + 1, count + 1)), name


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ({"audit_logs": 100}, "audit_logs=100 does not fit"),
        ({"audit_logs": 10_000_000}, "does not fit"),
        ({"task_comments": 3}, "follow from the tasks"),
        ({"users": 3}, "users=3 cannot be made"),
    ],
)
def test_numbers_that_make_no_sense(rows: dict[str, int], words: str) -> None:
    """The message names the number and says what can be made."""
    with pytest.raises(ConfigError, match=words):
        take_census(Plan.of("small", rows=rows))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"scale": "huge"}, "no scale 'huge'"),
        ({"as_of": dt.date(2024, 1, 1)}, "give a day from"),
        ({"seed": -1}, "--seed is -1"),
    ],
)
def test_plans_that_make_no_sense(wrong: dict[str, Any], words: str) -> None:
    """The message names the option and what it takes."""
    with pytest.raises(ConfigError, match=words):
        Plan.of(**wrong)


def test_parts_cover_everything_once() -> None:
    """The parts of the capacity scale lie side by side, entities first."""
    parts = parts_of(Plan.of("capacity"))
    assert [part.number for part in parts] == list(range(len(parts)))
    assert [part.kind for part in parts] == sorted(
        (part.kind for part in parts), key=["users", "projects", "agents", "tasks"].index
    )
    for kind in ("users", "projects", "agents", "tasks"):
        mine = [part for part in parts if part.kind == kind]
        assert sum(part.stop - part.start for part in mine) == SCALES["capacity"][kind] - SEEDED[kind]
        assert all(before.stop == after.start for before, after in itertools.pairwise(mine))
