"""Preparing a database for a load, or joining the load that is in it: one transaction, under the migration lock."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from typing import Final, Literal, TypeAlias

from swe_db.errors import TargetError
from swe_db.generate.load.deferral import defer
from swe_db.generate.load.ledger import Run, begin_run, read_run
from swe_db.generate.load.reset import empty
from swe_db.generate.load.sessions import APPLICATION, UNCHANGED, refusals, transaction
from swe_db.generate.load.space import check_space
from swe_db.generate.load.target import check_holds_seeds_only, check_migrated, check_owned
from swe_db.generate.plan import Plan
from swe_db.generate.run import OnProgress, Progress
from swe_db.generate.values.calendar import START
from swe_db.generate.values.draws import VERSION
from swe_db.migrations.connections import Connection, Session, Target, connection_name, execute, set_all
from swe_db.migrations.marker import require_destroyable
from swe_db.migrations.report import Step
from swe_db.migrations.runner import locked_session

__all__ = ["Indexes", "Wish", "prepare"]

Indexes: TypeAlias = Literal["auto", "keep", "rebuild"]

# From so many tasks on, it is faster to build indexes and check foreign keys afterwards. Measured on the server,
# in seconds of its processors: `team` (10,000 tasks) took 6.5 by keep and 5.1 by rebuild, `company` 78.8 and 35.4.
REBUILD_FROM: Final = 10_000
_MONTHS_AT_ONCE: Final = 240


@dataclasses.dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for.

    Attributes:
        plan: The data set; None for that which the database holds a part of.
        joins: Whether a load that is in the database already may be joined.
        reset: Whether the database is emptied first.
        seeds: Directories of seeds that are applied, after the bundled ones, when it was emptied.
        yes_destroy: The name of the database that may be emptied although swe-db did not create it.
        indexes: Whether indexes stay, or are dropped and built afterwards.
        check_space: Whether to refuse what will not fit on the server's disk.
        lock_timeout: How long to wait for a migrator or another load that is just beginning, in seconds.
    """

    plan: Plan | None
    joins: bool = False
    reset: bool = False
    seeds: tuple[Path, ...] = ()
    yes_destroy: str | None = None
    indexes: Indexes = "auto"
    check_space: bool = True
    lock_timeout: float = 60.0


def prepare(target: Target, wish: Wish, on_progress: OnProgress) -> Run:
    """Make a database ready to be filled, and return its run.

    Raises:
        TargetError: It is not migrated, not empty, or holds another load. Nothing was changed.
        ProtectedDatabaseError: It would be emptied, and is not ours.
        GenerateError: The server refuses, or its disk is too small.
        MigrationLockError: A migrator or another load held the lock for too long.
        ServerError: The server cannot be reached.
    """

    def tell(step: Step) -> None:
        if step.event in {"waiting", "retrying"}:
            on_progress(Progress("waiting", note=step.message))

    with locked_session(target, wish.lock_timeout, tell) as (session, _lock):
        connection = session.connection
        with refusals(connection, UNCHANGED):
            set_all(connection, {"application_name": APPLICATION})
            if wish.reset:
                require_destroyable(connection, wish.yes_destroy)
            run = None if wish.reset else read_run(connection)
            if run is not None:
                return _joined(connection, run, wish)
            plan = wish.plan or Plan()
            if wish.check_space:
                check_space(connection, plan, on_progress)
            with transaction(connection):
                return _begun(session, plan, wish)


def _begun(session: Session, plan: Plan, wish: Wish) -> Run:
    connection = session.connection
    migrations = check_migrated(connection)
    check_owned(connection)
    if wish.reset:
        empty(session, wish.seeds)
    check_holds_seeds_only(connection)
    run = begin_run(connection, plan, migrations)
    _make_months(connection, plan)
    large = plan.counts["tasks"] >= REBUILD_FROM
    if wish.indexes == "rebuild" or (wish.indexes == "auto" and large):
        defer(connection)
    return run


def _joined(connection: Connection, run: Run, wish: Wish) -> Run:
    """Return the run that is there, if it is the one that was meant."""
    here = connection_name(connection)
    here = here[0].upper() + here[1:]
    again = "`swe-db generate --reset` empties the database and loads anew"
    if wish.plan is not None and wish.plan != run.plan:
        rest = "" if run.phase == "finished" else " Go on with that by `swe-db generate --resume` alone, or:"
        raise TargetError(f"{here} holds another load: {run}.{rest} {again}, --scale and all.")
    if not wish.joins and run.phase == "finished":
        raise TargetError(f"{here} is loaded already: {run}. Nothing is to be done. {again}.")
    if not wish.joins:
        raise TargetError(
            f"{here} holds this load, begun at {run.begun_at:%Y-%m-%d %H:%M %Z} and not finished. "
            f"Go on with --resume, also beside a run that is still at work. {again}."
        )
    if run.phase == "finished":
        return run
    if run.generator_version != VERSION:
        raise TargetError(
            f"{here} holds a load by version {run.generator_version} of the generator, and this is version {VERSION}, "
            f"which makes other rows. Go on with the version of swe-db that began it. {again}."
        )
    if check_migrated(connection) != run.migrations:
        raise TargetError(f"{here} was migrated after its load began, so that the load cannot go on. {again}.")
    return run


def _make_months(connection: Connection, plan: Plan) -> None:
    """Make the partitions of the audit trail ahead, for every month of the history."""
    first = dt.datetime.fromtimestamp(START / 1000, dt.UTC).date()
    months = (plan.as_of.year - first.year) * 12 + plan.as_of.month - first.month + 1
    for done in range(0, months, _MONTHS_AT_ONCE):
        month = dt.date(first.year + (first.month - 1 + done) // 12, (first.month - 1 + done) % 12 + 1, 1)
        some = min(months - done, _MONTHS_AT_ONCE)
        statement = "SELECT public.swe_create_audit_partitions(%(month)s, %(months)s)"
        execute(connection, statement, {"month": month, "months": some})
