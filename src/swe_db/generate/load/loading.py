"""Loading a data set: preparing, the parts on all workers, finishing, verifying."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from swe_db.errors import GenerateError
from swe_db.generate.load.finish import finish, verify
from swe_db.generate.load.ledger import Run, committed_parts, loaded, read_run, set_phase
from swe_db.generate.load.part import load_part
from swe_db.generate.load.prepare import Indexes, Wish, prepare
from swe_db.generate.load.sessions import Conninfo, loading_session, refusals
from swe_db.generate.parts import TABLES, Part, parts_of
from swe_db.generate.plan import SEEDED, Plan
from swe_db.generate.run import Executor, OnProgress, Progress, Shard, Workers, ignore, take_census, workers
from swe_db.generate.tables.census import HANGING, Census
from swe_db.migrations.connections import Connection, Target, conninfo_for
from swe_db.migrations.report import Step
from swe_db.migrations.runner import locked_session

__all__ = ["Report", "generate"]


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """What a run did, and what the database holds.

    Attributes:
        identity: Tells the data set from others.
        finished: Whether all of it is there and verified.
        rows: How many rows each table has, if it is finished; of one that was found so, had then.
        loaded: How many rows this run has loaded.
        size: How many bytes it has sent.
        parts: How many parts this run has loaded.
        missing: How many parts are missing, by shard.
        seconds: How long each phase took.
        found: When the load was finished, if that was before this run, which then has changed and counted nothing.
    """

    identity: str
    finished: bool
    rows: Mapping[str, int]
    loaded: int
    size: int
    parts: int
    missing: Mapping[str, int]
    seconds: Mapping[str, float]
    found: dt.datetime | None = None


def generate(  # noqa: PLR0913 - each is one thing that a caller decides
    target: Target,
    plan: Plan | None = None,
    *,
    executor: Executor | None = None,
    jobs: int | None = None,
    shard: Shard | None = None,
    resume: bool = False,
    reset: bool = False,
    seeds: Sequence[Path] = (),
    yes_destroy: str | None = None,
    indexes: Indexes = "auto",
    check_space: bool = True,
    lock_timeout: float = 60.0,
    on_progress: OnProgress = ignore,
) -> Report:
    """Fill a database with a data set.

    The database must be migrated and hold nothing but the bundled seeds. Each part is committed by itself, so that a
    run that is broken off can be continued; any number of runs may share the work.

    Args:
        target: A libpq URL that names host and database, or an open connection outside a transaction; workers open
            connections of their own.
        plan: What to make. None with `resume` stands for what the database holds a part of, else for the scale `small`.
        executor: Runs the parts, as those of concurrent.futures do; without one, processes of its own.
        jobs: How many parts to load at once; None for the number of processors, eight at most.
        shard: Load only the parts of this shard, and finish if all others are there.
        resume: Go on with the load that the database holds; begin if it holds none, and leave a finished one as it is.
        reset: Empty the database first, and all tables that refer to its own.
        seeds: Directories of seeds to apply after the bundled ones when the database was emptied.
        yes_destroy: The name of a database that may be emptied although swe-db did not create it.
        indexes: Whether indexes and foreign keys stay while the rows are loaded (`keep`), are dropped and brought back
            (`rebuild`), or what is faster for this many rows (`auto`).
        check_space: Whether to refuse what will not fit on the server's disk.
        lock_timeout: How long to wait for a migrator or another load that is just beginning, in seconds.
        on_progress: Called often with how far the work has come.

    Returns:
        What was done.

    Raises:
        ConfigError: The URL or an option makes no sense.
        TargetError: The database is not migrated, not empty, or holds another load. Nothing was changed.
        ProtectedDatabaseError: It would be emptied, and is not one that swe-db created.
        GenerateError: The server refuses, its disk is full, a process was killed, or the result is not as planned.
        ServerError: The server cannot be reached, or the connection was lost.
        MigrationLockError: A migrator or another load held the lock for too long.
    """
    wish = Wish(
        plan,
        joins=resume or shard is not None,
        reset=reset,
        seeds=tuple(seeds),
        yes_destroy=yes_destroy,
        indexes=indexes,
        check_space=check_space,
        lock_timeout=lock_timeout,
    )
    return _Load(target, executor, jobs, shard or Shard(), on_progress).run(wish)


class _Load:
    """One run of `generate`."""

    def __init__(
        self, target: Target, executor: Executor | None, jobs: int | None, shard: Shard, tell: OnProgress
    ) -> None:
        self._target = target
        self._conninfo = conninfo_for(target)
        self._executor, self._jobs, self._shard, self._tell = executor, jobs, shard, tell
        self._census: Census | None = None
        self._seconds: dict[str, float] = {}
        self._since = time.monotonic()
        self._rows = self._size = self._parts = 0

    def run(self, wish: Wish) -> Report:
        """Do all that is to be done."""
        run = prepare(self._target, wish, self._tell)
        self._spent("preparing")
        if run.phase == "finished":
            return self._found(run)
        self._load(run)
        missing = self._missing(run)
        counts: dict[str, int] = {}
        if not missing:
            counts = self._finish()
        shards = {str(Shard(part % self._shard.of + 1, self._shard.of)): 0 for part in missing}
        for part in missing:
            shards[str(Shard(part % self._shard.of + 1, self._shard.of))] += 1
        return Report(
            run.plan_identity, not missing, counts, self._rows, self._size, self._parts, shards, self._seconds
        )

    def _found(self, run: Run) -> Report:
        """Report a load that is finished; what became of its rows since is not ours to judge."""
        with loading_session(self._conninfo) as connection:
            counts = _loaded_counts(connection)
        return Report(run.plan_identity, True, counts, 0, 0, 0, {}, self._seconds, run.finished_at)

    def _load(self, run: Run) -> None:
        """Load the parts of the shard that are not there."""
        missing = self._missing(run)
        parts = [part for part in parts_of(run.plan) if part.number in missing and self._shard.has(part)]
        if not parts:
            return
        stories = sum(part.kind == "tasks" for part in parts)
        with workers(self._executor, self._jobs, max(stories, 1)) as work:
            self._jobs = work.jobs
            self._census = census = take_census(run.plan, work, self._tell)
            self._spent("counting")
            total = sum(_expected(run.plan, census, part) for part in parts)
            # Projects refer to users, and stories to all three.
            for kinds in ({"users"}, {"projects", "agents"}, {"tasks"}):
                self._load_parts([part for part in parts if part.kind in kinds], run, census, work, total)
            self._tell(Progress("loading", self._rows, self._rows, "rows"))
        self._spent("loading")

    def _load_parts(self, parts: Sequence[Part], run: Run, census: Census, work: Workers, total: int) -> None:
        calls = ((Conninfo(self._conninfo), run.token, run.plan, census, part) for part in parts)
        for done in work.each(load_part, calls):
            self._rows += sum(done.rows.values())
            self._size += done.size
            self._parts += bool(done.rows)
            self._tell(Progress("loading", min(self._rows, total), total, "rows"))

    def _missing(self, run: Run) -> set[int]:
        with loading_session(self._conninfo) as connection:
            return set(range(run.parts)) - committed_parts(connection)

    def _finish(self) -> dict[str, int]:
        """Finish and verify; whoever comes second finds it done."""

        def tell(step: Step) -> None:
            if step.event == "waiting":
                self._tell(Progress("waiting", note="another run is finishing the load"))

        with locked_session(self._target, math.inf, tell) as (session, _lock), refusals(session.connection):
            connection = session.connection
            run = read_run(connection)
            if run is None:
                raise GenerateError("The database was emptied while it was filled: another run begins anew.")
            if run.phase == "finished":
                return _loaded_counts(connection)
            finish(self._conninfo, connection, run, self._jobs or 1, self._tell)
            self._spent("finishing")
            self._tell(Progress("verifying"))
            counts = verify(connection, run.plan, self._census)
            set_phase(connection, "finished")
            self._spent("verifying")
        return counts

    def _spent(self, phase: str) -> None:
        now = time.monotonic()
        self._seconds[phase] = round(self._seconds.get(phase, 0.0) + now - self._since, 3)
        self._since = now


def _loaded_counts(connection: Connection) -> dict[str, int]:
    """Return how many rows each table had when the load was finished, without looking at the tables."""
    written = loaded(connection)
    return {table: written.get(table, 0) + SEEDED.get(table, 0) for table in TABLES}


def _expected(plan: Plan, census: Census, part: Part) -> int:
    """Return about how many rows a part has."""
    rows = part.stop - part.start
    if part.kind != "tasks":
        return 2 * rows  # an event for each
    others = sum(plan.counts[table] - SEEDED[table] for table in ("users", "projects", "agents"))
    hanging = plan.counts["audit_logs"] - others + sum(census.total(table) for table in HANGING)
    return rows + rows * hanging // plan.counts["tasks"]
