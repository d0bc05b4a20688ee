"""What is measured, in which order, and the rows that come of it."""

from __future__ import annotations

import dataclasses
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

import swe_db
from benchmarks.runs import Project, Run, run
from swe_db.config import Config
from swe_db.servers.local import local_postgres

__all__ = ["Figure", "Scale", "Servers", "growth", "per_process", "per_test", "servers"]

SWE_DB: Final = Project("swe-db", ("-p", "swe_db.plugin", "--swe-db", "--swe-db-backend=local"), "swe_db")
PLAIN: Final = Project("plain pytest")
WAYS: Final = (
    SWE_DB,
    Project("rollback", conftest="rollback.py"),
    Project("clone", conftest="clone.py"),
    Project("pytest-postgresql", ("-p", "pytest_postgresql.plugin"), conftest="pytest_postgresql.py"),
)
WARM_UP: Final = 5  # tests: of connecting, and of what psycopg and the server learn
TEMPLATE: Final = "benchmark_template"
ROWS: Final = """\
INSERT INTO tasks (project_id, title)
SELECT (SELECT min(id) FROM projects), 'task ' || n FROM generate_series(1, {0}) AS n;
"""
TABLES: Final = """\
DO $$ BEGIN FOR n IN 1..{0} LOOP
  EXECUTE format('CREATE TABLE made_%s (id int PRIMARY KEY, body text)', n);
  EXECUTE format('INSERT INTO made_%s VALUES (1, 2)', n);
END LOOP; END $$;
"""


@dataclasses.dataclass(frozen=True)
class Scale:
    """How much is measured.

    Attributes:
        rounds: How often each process is run, one after the other in turn.
        tests: How many tests of each kind a process has for the figures per test.
        starts: How many processes there are for the difference that swe-db makes when it is off.
        rows: Rows that a seed adds.
        tables: Tables that a migration adds.
        workers: Of xdist.
    """

    rounds: int = 5
    tests: int = 200
    starts: int = 30
    rows: tuple[int, ...] = (10, 1_000, 100_000, 1_000_000)
    tables: tuple[int, ...] = (10, 100, 500)
    workers: tuple[int, ...] = (1, 2, 4)

    @classmethod
    def quick(cls) -> Scale:
        """Return what takes less than two minutes."""
        return cls(rounds=1, tests=60, starts=6, rows=(10, 10_000), tables=(10, 100), workers=(1, 2))


@dataclasses.dataclass(frozen=True)
class Figure:
    """A median with its quartiles, in seconds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float], less: float = 0.0) -> Figure:
        """Return the figure of some values, less a constant."""
        low, median, high = statistics.quantiles(values, n=4) if len(values) > 1 else [values[0]] * 3
        return cls(median - less, low - less, high - less)


@dataclasses.dataclass(frozen=True)
class Servers:
    """What the runs find.

    Attributes:
        variables: Of their environment: a Postgres for the ways that bring none, and a cache of the benchmarks' own.
        version: Of Postgres.
    """

    variables: dict[str, str]
    version: str


@contextmanager
def servers() -> Iterator[Servers]:
    """Start a Postgres of the kind that swe-db starts, with the schema and seeds in a template and in a database."""
    server = local_postgres(Config()).start()
    try:
        with tempfile.TemporaryDirectory(prefix="benchmark-cache-") as cache:
            conninfo = make_conninfo(**{**server.admin.parameters, "dbname": "benchmark"})
            with psycopg.connect(make_conninfo(conninfo, dbname="postgres"), autocommit=True) as connection:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
                with psycopg.connect(make_conninfo(conninfo, dbname=TEMPLATE)) as filled:
                    swe_db.migrate(filled)
                    swe_db.seed(filled)
                connection.execute(sql.SQL("CREATE DATABASE benchmark TEMPLATE {}").format(sql.Identifier(TEMPLATE)))
            variables = {"BENCHMARK_URL": conninfo, "BENCHMARK_TEMPLATE": TEMPLATE, "XDG_CACHE_HOME": cache}
            run(SWE_DB, {"read": 1}, variables)  # fills the cache
            yield Servers(variables, server.version)
    finally:
        server.stop()


def per_test(scale: Scale, found: Servers) -> dict[str, dict[str, Figure]]:
    """Return set-up plus tear-down beyond an empty test's, by kind of test and way."""
    runs: dict[str, list[Run]] = {way.name: [] for way in WAYS}
    for _ in range(scale.rounds):
        for way in WAYS:
            runs[way.name].append(run(way, dict.fromkeys(("empty", "read", "commit"), scale.tests), found.variables))
    return {kind: {name: _beyond_empty(done, kind) for name, done in runs.items()} for kind in ("commit", "read")}


def _beyond_empty(runs: Sequence[Run], kind: str) -> Figure:
    values = [
        each - statistics.median(done.times["empty"][WARM_UP:]) for done in runs for each in done.times[kind][WARM_UP:]
    ]
    return Figure.of(values)


def per_process(scale: Scale, found: Servers) -> dict[str, dict[str, Figure]]:
    """Return what whole processes take beyond those of plain pytest, by what is done and by way."""
    variables = found.variables
    first = [
        (run(PLAIN, {"empty": 1}, variables), run(SWE_DB, {"read": 1}, variables)) for _ in range(2 * scale.rounds + 1)
    ]
    without, with_it = (Project("off", arguments, autoload=True) for arguments in (("-p", "no:swe_db"), ()))
    off = [
        run(with_it, {"empty": 1}, variables).whole - run(without, {"empty": 1}, variables).whole
        for _ in range(scale.starts)
    ]
    many: dict[str, list[float]] = {way.name: [] for way in WAYS}
    for _ in range(scale.rounds):
        plain = run(PLAIN, {"empty": 200}, variables).whole
        for way in WAYS:
            many[way.name].append(run(way, {"commit": 200}, variables).whole - plain)
    return {
        "first": {"swe-db": Figure.of([ours.first - plain.first for plain, ours in first])},
        "one": {"swe-db": Figure.of([ours.whole - plain.whole for plain, ours in first])},
        "off": {"swe-db": Figure.of(off)},
        "many": {name: Figure.of(values) for name, values in many.items()},
    }


def growth(scale: Scale, found: Servers) -> list[tuple[str, int, Figure, Figure, float]]:
    """Return, for each size, what a test that commits and one that reads take, and a warm run until its first test."""
    rows = [("rows in a seed", size, _enlarged(scale, found, "seeds", ROWS, size)) for size in scale.rows]
    rows += [("more tables", size, _enlarged(scale, found, "migrations", TABLES, size)) for size in scale.tables]
    for size in scale.workers:
        way = dataclasses.replace(SWE_DB, arguments=("-p", "xdist.plugin", *SWE_DB.arguments, "-n", str(size)))
        rows.append(("workers", size, _measured(scale, found, way, size)))
    return [
        (what, size, _beyond_empty([done], "commit"), _beyond_empty([done], "read"), done.first)
        for what, size, done in rows
    ]


def _enlarged(scale: Scale, found: Servers, kind: str, text: str, size: int) -> Run:
    with tempfile.TemporaryDirectory(prefix="benchmark-sql-") as directory:
        Path(directory, "1000_more.sql").write_text(text.format(size), encoding="utf-8")
        way = dataclasses.replace(SWE_DB, arguments=(*SWE_DB.arguments, f"--swe-db-{kind}={directory}"))
        run(way, {"read": 1}, found.variables)
        return _measured(scale, found, way, 1)


def _measured(scale: Scale, found: Servers, way: Project, workers: int) -> Run:
    return run(way, dict.fromkeys(("empty", "read", "commit"), scale.tests * workers), found.variables)
