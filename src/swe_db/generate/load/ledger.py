"""The ledger: what a load has done and has still to do, in the database that it fills."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from typing import Any, Final, Literal, TypeAlias

from swe_db.generate.parts import parts_of
from swe_db.generate.plan import Plan
from swe_db.generate.values.draws import VERSION
from swe_db.migrations.connections import Connection, execute

__all__ = ["Run", "begin_run", "committed_parts", "loaded", "query", "read_run", "record_step", "set_phase"]

Phase: TypeAlias = Literal["loading", "finishing", "finished"]

_BEGIN: Final = """
INSERT INTO swe_load.run
  (identity, seed, counts, as_of, generator_version, swe_db_version, migrations, parts)
VALUES (
  %(identity)s, %(seed)s, %(counts)s, %(as_of)s, %(generator_version)s, %(swe_db_version)s, %(migrations)s, %(parts)s
)
"""
_READ: Final = """
SELECT token::text, identity, seed, counts, as_of, generator_version, migrations, parts, phase, steps, begun_at,
  finished_at
FROM swe_load.run
"""
_LOADED: Final = """
SELECT key, sum(value::bigint)::bigint FROM swe_load.parts CROSS JOIN LATERAL jsonb_each_text(rows) GROUP BY key
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """The load of a database.

    Attributes:
        token: Tells it from one that was emptied away.
        plan_identity: Tells its data set from others.
        seed: The seed of its plan.
        counts: The rows of each table whose number the plan sets.
        as_of: The day on which its history ends.
        generator_version: The version of the values.
        migrations: The state of the schema in which it began.
        parts: How many parts it has.
        phase: `loading` the parts, `finishing`, or `finished`.
        steps: What was done after all parts were there.
        begun_at: When it began.
        finished_at: When it was finished; None where it is not.
    """

    token: str
    plan_identity: str
    seed: int
    counts: Mapping[str, int]
    as_of: dt.date
    generator_version: int
    migrations: str
    parts: int
    phase: Phase
    steps: tuple[str, ...]
    begun_at: dt.datetime
    finished_at: dt.datetime | None

    @property
    def plan(self) -> Plan:
        """What it loads."""
        return Plan(self.seed, dict(self.counts), self.as_of)

    def __str__(self) -> str:
        counts = ", ".join(f"{rows:,} {table}" for table, rows in self.counts.items())
        return f"{counts}; seed {self.seed}, as of {self.as_of}"


def query(name: str) -> str:
    """Return the text of one of the files of SQL beside this one."""
    return (files("swe_db.generate.load") / f"{name}.sql").read_text(encoding="utf-8")


def begin_run(connection: Connection, plan: Plan, migrations: str) -> Run:
    """Make the ledger for a load, in the transaction that is open, and return what it says."""
    execute(connection, query("ledger"))
    values = {
        "identity": plan.identity,
        "seed": plan.seed,
        "counts": json.dumps(dict(plan.counts)),
        "as_of": plan.as_of,
        "generator_version": VERSION,
        "swe_db_version": _version(),
        "migrations": migrations,
        "parts": len(parts_of(plan)),
    }
    execute(connection, _BEGIN, values)
    return _run(execute(connection, _READ).fetchall()[0])


def read_run(connection: Connection) -> Run | None:
    """Return what the ledger says; None where there is none."""
    there = execute(connection, "SELECT to_regclass('swe_load.run') IS NOT NULL").fetchall()[0][0]
    rows = execute(connection, _READ).fetchall() if there else []
    return _run(rows[0]) if rows else None


def committed_parts(connection: Connection) -> set[int]:
    """Return the numbers of the parts that are there."""
    return {part for (part,) in execute(connection, "SELECT part FROM swe_load.parts").fetchall()}


def loaded(connection: Connection) -> dict[str, int]:
    """Return how many rows of each table the parts have that are there."""
    return dict(execute(connection, _LOADED).fetchall())


def set_phase(connection: Connection, phase: Phase) -> None:
    """Say how far the load has come."""
    statement = (
        "UPDATE swe_load.run SET phase = %(phase)s::text, "
        "finished_at = CASE WHEN %(phase)s = 'finished' THEN clock_timestamp() END"
    )
    execute(connection, statement, {"phase": phase})


def record_step(connection: Connection, step: str) -> None:
    """Say that a step after the parts is done."""
    execute(connection, "UPDATE swe_load.run SET steps = array_append(steps, %(step)s::text)", {"step": step})


def _run(row: tuple[Any, ...]) -> Run:
    token, identity, seed, counts, as_of, generator, migrations, parts, phase, steps, *times = row
    return Run(token, identity, seed, counts, as_of, generator, migrations, parts, phase, tuple(steps), *times)


def _version() -> str | None:
    try:
        return version("swe-db")
    except PackageNotFoundError:
        return None
