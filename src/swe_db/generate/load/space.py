"""How much room and time a load will take, from what others took; and whether the server's disk has it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Final

import psycopg

from swe_db.errors import GenerateError
from swe_db.generate.plan import Plan
from swe_db.generate.run import OnProgress, Progress
from swe_db.migrations.connections import Connection, connection_name, execute
from swe_db.servers.room import DISK_FACTS, free_bytes, shown_size

__all__ = ["Estimate", "check_space", "estimate"]

# Measured with PostgreSQL 15 at the scale `company`, in bytes of table and indexes for each row that the plan sets; the
# rows that hang on tasks count as theirs.
_BYTES: Final = {
    "users": (460, 250),
    "projects": (1_100, 1_500),
    "agents": (650, 350),
    "tasks": (2_150, 1_600),
    "audit_logs": (430, 305),
}
# Sorting the largest index needs room for a moment, and a server that cannot write its log goes down.
_SPARE: Final = 1.1
_LARGE: Final = 100_000  # tasks: from here on the estimate is told
_SECONDS: Final = (120, 600)  # for a million tasks with ten million events of the trail, with two processors or so


@dataclasses.dataclass(frozen=True, slots=True)
class Estimate:
    """What a load will take.

    Attributes:
        tables: Bytes of the tables.
        indexes: Bytes of their indexes.
        log: Bytes of the write-ahead log that lie on the disk at once.
        seconds: How long, at least and at most, with a processor or two.
    """

    tables: int
    indexes: int
    log: int
    seconds: tuple[int, int]

    @property
    def disk(self) -> int:
        """Bytes of room that the server's disk must have."""
        return int((self.tables + self.indexes) * _SPARE) + self.log


def estimate(plan: Plan, most_log: int) -> Estimate:
    """Return what a load will take.

    Args:
        plan: The data set.
        most_log: How far the server lets its log grow between two checkpoints, in bytes.
    """
    tables = sum(plan.counts[name] * size for name, (size, _) in _BYTES.items())
    indexes = sum(plan.counts[name] * size for name, (_, size) in _BYTES.items())
    share = (plan.counts["tasks"] + plan.counts["audit_logs"] / 10) / 2_000_000
    least, most = (max(1, round(seconds * share)) for seconds in _SECONDS)
    return Estimate(tables, indexes, min(most_log, tables), (least, most))


def check_space(connection: Connection, plan: Plan, on_progress: OnProgress) -> None:
    """Tell what a large load will take, and refuse one that will not fit.

    Raises:
        GenerateError: The disk is too small.
    """
    try:
        directory, identifier, most_log = execute(connection, DISK_FACTS).fetchall()[0]
        free = free_bytes(connection.info.host, Path(directory), int(identifier))
    except psycopg.errors.InsufficientPrivilege:
        free, most_log = None, 1 << 30
    needed = estimate(plan, most_log)
    if free is not None and free < needed.disk:
        raise GenerateError(
            f"The disk of the server of {connection_name(connection)} has {shown_size(free)} left ({directory}), and "
            f"this needs about {shown_size(needed.disk)}: {_parts(needed)}. Nothing was changed. Free some room, make "
            "less with --scale or --rows, or try it all the same with --no-space-check."
        )
    if plan.counts["tasks"] >= _LARGE:
        room = "cannot be seen from here" if free is None else f"is {shown_size(free)}"
        least, most = needed.seconds
        spent = f"{least} to {most} s" if most < 120 else f"{least / 60:.0f} to {most / 60:.0f} minutes"
        on_progress(
            Progress(
                "estimating",
                note=f"this takes about {shown_size(needed.disk)} on the server ({_parts(needed)}) and {spent}; "
                f"the free room there {room}",
            )
        )


def _parts(needed: Estimate) -> str:
    sizes = (("rows", needed.tables), ("indexes", needed.indexes), ("write-ahead log", needed.log))
    return ", ".join(f"{what} {shown_size(size)}" for what, size in sizes)
