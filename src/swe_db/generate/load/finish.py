"""What is done when all parts are there: indexes, constraints and guards, sequences, statistics, verification."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Final

from psycopg import sql

from swe_db.errors import GenerateError
from swe_db.generate.load.deferral import restore
from swe_db.generate.load.ledger import Run, loaded, record_step, set_phase
from swe_db.generate.load.sessions import refusals
from swe_db.generate.load.several import on_several
from swe_db.generate.load.target import table_counts
from swe_db.generate.parts import TABLES
from swe_db.generate.plan import SEEDED, Plan
from swe_db.generate.run import OnProgress, Progress
from swe_db.generate.tables.census import HANGING, Census
from swe_db.migrations.connections import Connection, connection_name, execute

__all__ = ["finish", "verify"]

# For sorting an index; less makes it slower, and more is no faster for indexes of this size.
SORT_MEMORY: Final = 256 << 20
_SAMPLE: Final = 1_000  # tasks whose events are followed
_SET_SEQUENCE: Final = """
SELECT setval(pg_get_serial_sequence({name}, 'id'), (SELECT max(id) FROM {table}))
WHERE EXISTS (SELECT FROM {table})
"""


def finish(conninfo: str, connection: Connection, run: Run, jobs: int, tell: OnProgress) -> None:
    """Bring a database whose parts are all there to its final state; what was done before is not done again.

    Args:
        conninfo: The database, password included.
        connection: A session with it that holds the migration lock.
        run: What the ledger says.
        jobs: How many connections to work on.
        tell: Whom to tell how far it has come.

    Raises:
        GenerateError: PostgreSQL refuses; the rows are not what they should be.
        ServerError: The connection was lost.
    """
    with refusals(connection):
        set_phase(connection, "finishing")
        steps: Mapping[str, Callable[[], None]] = {
            "restored": lambda: restore(conninfo, connection, jobs, _settings(connection, jobs), tell),
            "sequences": lambda: _set_sequences(connection),
            "analyzed": lambda: _analyze(conninfo, jobs, tell),
        }
        for step, take in steps.items():
            if step not in run.steps:
                take()
                record_step(connection, step)


def verify(connection: Connection, plan: Plan, census: Census | None) -> dict[str, int]:
    """Make sure that a database holds what was planned, and return how many rows each table has.

    Args:
        connection: A session with it.
        plan: The data set.
        census: Its census; None for what the ledger says of the tables whose rows follow from the tasks.

    Raises:
        GenerateError: It does not.
    """
    with refusals(connection):
        found, written = table_counts(connection), loaded(connection)
        wanted = dict(plan.counts)
        wanted |= {table: census.total(table) if census else written.get(table, 0) for table in HANGING}
        wrong = [
            f"{table}: {found[table]:,} rows instead of {wanted[table]:,}"
            for table in TABLES
            if found[table] != wanted[table]
        ]
        wrong += [
            f"{table}: the parts in the ledger have {written.get(table, 0):,} rows, not {rows - SEEDED.get(table, 0):,}"
            for table, rows in wanted.items()
            if written.get(table, 0) != rows - SEEDED.get(table, 0)
        ]
        wrong += _unlike_the_trail(connection, plan)
        left = execute(connection, "SELECT count(*) FROM swe_load.deferred").fetchall()[0][0]
        if left:
            wrong.append(f"{left} indexes, constraints or guards are still missing")
    if wrong:
        here = connection_name(connection)
        raise GenerateError(
            f"{here[0].upper()}{here[1:]} is not what was loaded:\n  "
            + "\n  ".join(wrong)
            + "\nSomebody has changed it meanwhile. Empty it with --reset to load anew."
        )
    return found


def _unlike_the_trail(connection: Connection, plan: Plan) -> list[str]:
    """Return which of a sample of tasks are not what their events in the audit trail have made of them."""
    fold = (files("swe_db.generate.verify") / "fold.sql").read_text(encoding="utf-8")
    stride = max(plan.counts["tasks"] // _SAMPLE, 1)
    tasks = [str(task) for (task,) in execute(connection, fold, {"stride": stride}).fetchall()]
    return [f"tasks: {', '.join(tasks)} are not what the audit trail says of them"] if tasks else []


def _settings(connection: Connection, jobs: int) -> dict[str, str]:
    """Return the settings with which indexes are built: on several connections, none of them needs helpers."""
    current = execute(connection, "SELECT pg_size_bytes(current_setting('maintenance_work_mem'))").fetchall()[0][0]
    settings = {"maintenance_work_mem": f"{max(current, SORT_MEMORY) >> 10}kB", "lock_timeout": "0"}
    return settings | ({"max_parallel_maintenance_workers": "0"} if jobs > 1 else {})


def _set_sequences(connection: Connection) -> None:
    """Let the next id of each table be the one after the last."""
    for table in TABLES:
        statement = sql.SQL(_SET_SEQUENCE).format(
            name=sql.Literal(f"public.{table}"), table=sql.Identifier("public", table)
        )
        execute(connection, statement.as_string(connection))


def _analyze(conninfo: str, jobs: int, tell: OnProgress) -> None:
    """Collect statistics, and let index-only scans know that all rows are visible."""
    tell(Progress("analyzing", 0, len(TABLES)))

    def analyze(connection: Connection, table: str) -> None:
        statement = sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier("public", table))
        execute(connection, statement.as_string(connection))

    # The largest tables come last in the order of creation.
    for done, _ in enumerate(on_several(conninfo, jobs, TABLES[::-1], analyze), 1):
        tell(Progress("analyzing", done, len(TABLES)))
