"""What must hold between rows, looked at part by part: nothing before its cause, nothing that belongs to nothing."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from swe_db.generate.profile.columns import instants, numbers
from swe_db.generate.profile.stats import Stats
from swe_db.generate.tables.world import World
from swe_db.generate.values.draws import Ints
from swe_db.generate.values.texts import Mask

__all__ = ["CHECKS", "check"]

ORPHANS: Final = "every reference leads to a row"
ORDER: Final = "nothing is older than what it belongs to, or than who did it"
CLOCK: Final = "made, begun, completed, updated: in this order, and before the end of the history"
STATUS: Final = "tasks and executions that are over, and only they, have a time of completion"
FOLD: Final = "the audit trail of a task adds up to its row (on a sample)"

CHECKS: Final = (ORPHANS, ORDER, CLOCK, STATUS, FOLD)

# One task of so many has its audit trail folded.
_SAMPLE: Final = 200
_HANG_ON_TASKS: Final = (
    "task_comments", "task_attachments", "agent_executions", "evidence", "activity_feed",
)  # fmt: skip
_WITHIN: Final = (
    ("tasks", "parent_task_id", "tasks"),
    ("task_comments", "task_id", "tasks"),
    ("task_comments", "parent_comment_id", "task_comments"),
    ("task_attachments", "task_id", "tasks"),
    ("agent_executions", "task_id", "tasks"),
    ("agent_executions", "parent_execution_id", "agent_executions"),
    ("evidence", "task_id", "tasks"),
    ("evidence", "agent_execution_id", "agent_executions"),
    ("evidence_credibility_history", "evidence_id", "evidence"),
    ("evidence_chains", "from_evidence_id", "evidence"),
    ("evidence_chains", "to_evidence_id", "evidence"),
    ("activity_feed", "task_id", "tasks"),
)
_ENDS: Final = {"users": "_user_id", "agents": "_agent_id"}


class _Ledger:
    """Notes how much was checked, and how much of it was wrong."""

    def __init__(self) -> None:
        self.checked: dict[str, int] = {}
        self.failed: dict[str, int] = {}

    def note(self, name: str, right: Mask) -> None:
        """Note of some rows whether each of them is right."""
        self.checked[name] = self.checked.get(name, 0) + len(right)
        self.failed[name] = self.failed.get(name, 0) + int(len(right) - right.sum())


def check(world: World, tables: Mapping[str, pa.Table]) -> Stats:
    """Return how many rows of a part were checked for what, and how many of them are wrong."""
    ledger = _Ledger()
    starts = {"users": world.user_starts, "agents": world.agent_starts, "projects": world.project_starts}
    for name, table in tables.items():
        made = instants(table, "created_at")
        ledger.note(CLOCK, made < world.end)
        for parent, began in starts.items():
            for column in _columns(parent, name, table):
                # Whoever judges evidence may have come after it.
                when = instants(table, "verified_at") if column.startswith("verified_by") else made
                _check_entity(ledger, began, numbers(table, column), when)
    _check_within(ledger, tables)
    _check_tasks(ledger, world, tables)
    if "agent_executions" in tables:
        runs = tables["agent_executions"]
        _check_over(ledger, runs, ~_is(runs, "status", "queued", "running"))
    return {"checks.checked": ledger.checked, "checks.failed": ledger.failed}


def _columns(parent: str, name: str, table: pa.Table) -> list[str]:
    """Return the columns of a table that refer to users, agents or projects."""
    if parent == "projects":
        return ["project_id"] if "project_id" in table.column_names else []
    found = [column for column in table.column_names if column.endswith(_ENDS[parent])]
    if parent == "agents" and name == "agent_executions":
        found.append("agent_id")
    return [*found, "owner_id"] if parent == "users" and name == "projects" else found


def _check_entity(ledger: _Ledger, starts: Ints, ids: Ints, moments: Ints) -> None:
    given = ids > 0
    places = ids[given] - 1
    there = places < len(starts)
    ledger.note(ORPHANS, there)
    ledger.note(ORDER, starts[places[there]] <= moments[given][there])


def _check_within(ledger: _Ledger, tables: Mapping[str, pa.Table]) -> None:
    """Check references to rows that are made with those that refer to them."""
    for name, column, parent in _WITHIN:
        if name not in tables:
            continue
        child, moments = numbers(tables[name], column), instants(tables[name], "created_at")
        given = child > 0
        if parent not in tables:
            ledger.note(ORPHANS, ~given[given])
            continue
        ids, made = numbers(tables[parent], "id"), instants(tables[parent], "created_at")
        place = child[given] - ids[0]
        there = (place >= 0) & (place < len(ids))
        ledger.note(ORPHANS, there)
        ledger.note(ORDER, made[place[there]] <= moments[given][there])


def _check_tasks(ledger: _Ledger, world: World, tables: Mapping[str, pa.Table]) -> None:
    if "tasks" not in tables:
        return
    tasks = tables["tasks"]
    made, began = instants(tasks, "created_at"), instants(tasks, "started_at")
    done, updated = instants(tasks, "completed_at"), instants(tasks, "updated_at")
    last = np.maximum(made, np.maximum(began, done))
    ledger.note(CLOCK, ((began < 0) | (began >= made)) & ((done < 0) | (done >= np.maximum(made, began))))
    ledger.note(CLOCK, (updated >= last) & (updated < world.end))
    _check_over(ledger, tasks, _is(tasks, "status", "done", "cancelled"))
    if "audit_logs" in tables:
        ledger.note(FOLD, _folds(tasks, tables["audit_logs"]))


def _check_over(ledger: _Ledger, table: pa.Table, over: Mask) -> None:
    ledger.note(STATUS, (instants(table, "completed_at") >= 0) == over)


def _is(table: pa.Table, column: str, *values: str) -> Mask:
    return np.asarray(pc.is_in(table[column], pa.array(values)).to_numpy(), dtype=np.bool_)


def _folds(tasks: pa.Table, audit: pa.Table) -> Mask:
    """Tell for a sample of tasks whether what was noted of each change leads from one to the next, and to the row."""
    sample = tasks.take(pa.array(range(0, tasks.num_rows, _SAMPLE)))
    wanted = sample["id"].cast(pa.string()).combine_chunks()
    ours = pc.and_(pc.equal(audit["resource_type"], "task"), pc.is_in(audit["resource_id"], wanted))
    events = audit.select(["id", "resource_id", "created_at", "old_values", "new_values"]).filter(ours)
    trails: dict[str, list[tuple[Any, Any]]] = {}
    for event in events.sort_by([("created_at", "ascending"), ("id", "ascending")]).to_pylist():
        changes = tuple(json.loads(event[column] or "{}") for column in ("old_values", "new_values"))
        trails.setdefault(event["resource_id"], []).append((changes[0], changes[1]))
    return np.array([_fold(trails.get(str(task["id"]), []), task) for task in sample.to_pylist()], np.bool_)


def _fold(trail: list[tuple[Any, Any]], task: Mapping[str, Any]) -> bool:
    state: dict[str, Any] = {}
    for before, after in trail:
        if any(name in state and state[name] != value for name, value in before.items()):
            return False
        state.update(after)
    return "status" in state and all(_same(value, task.get(name)) for name, value in state.items())


def _same(noted: object, value: object) -> bool:
    """Tell whether a value of JSON is that of a column."""
    if isinstance(value, dt.datetime):
        return isinstance(noted, str) and dt.datetime.fromisoformat(noted) == value
    if isinstance(value, str) and not isinstance(noted, str):
        return noted is not None and bool(json.loads(value) == noted)
    return noted == value
