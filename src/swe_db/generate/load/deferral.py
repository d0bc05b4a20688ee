"""What a large load goes without: indexes, foreign keys and the guard against cycles, taken away and brought back."""

from __future__ import annotations

from typing import Final

from swe_db.errors import GenerateError
from swe_db.generate.load.ledger import query
from swe_db.generate.load.sessions import transaction
from swe_db.generate.load.several import on_several
from swe_db.generate.parts import TABLES
from swe_db.generate.run import OnProgress, Progress
from swe_db.migrations.connections import Connection, execute, set_all

__all__ = ["defer", "restore", "restore_here"]

# The guard against cycles looks at every edge's ancestors, and lets one transaction at a time write edges.
TRIGGERS: Final = ("evidence_chains_serial", "evidence_chains_acyclic")
STAGES: Final = ("build", "attach", "check", "guard")
_DOING: Final = {"build": "indexing", "attach": "attaching", "check": "checking", "guard": "guarding"}
_TOGETHER: Final = ("attach", "guard")  # each of them in one transaction

_REMOVALS: Final = "SELECT removal FROM swe_load.deferred WHERE removal IS NOT NULL ORDER BY position"
# The largest first, so that none begins last.
_LEFT: Final = """
SELECT position FROM swe_load.deferred WHERE stage = %(stage)s
ORDER BY CASE WHEN stage IN ('build', 'check') THEN pg_relation_size(format('public.%%I', relation)::regclass) END DESC,
  position
"""
# Whoever comes second waits for the first and finds nothing.
_TAKE: Final = "DELETE FROM swe_load.deferred WHERE position = ANY (%(positions)s) RETURNING position, restoration"
_CYCLIC: Final = "SELECT count(*) FROM public.evidence_chains WHERE from_evidence_id <= to_evidence_id"


def defer(connection: Connection) -> None:
    """Take away what slows a large load down, and write into the ledger how it comes back, in the open transaction."""
    execute(connection, query("deferrals"), {"tables": list(TABLES), "triggers": list(TRIGGERS)})
    for (removal,) in execute(connection, _REMOVALS).fetchall():
        execute(connection, removal)


def restore_here(connection: Connection) -> None:
    """Bring back what was taken away, in the open transaction; for tables that are empty."""
    for stage in STAGES:
        positions = [row[0] for row in execute(connection, _LEFT, {"stage": stage}).fetchall()]
        _bring_back(connection, stage, positions)


def restore(conninfo: str, connection: Connection, jobs: int, settings: dict[str, str], tell: OnProgress) -> None:
    """Bring back what was taken away: indexes on several connections, constraints, foreign keys, guards.

    Each step is a transaction together with its row of the ledger, so that what is broken off goes on from there.

    Args:
        conninfo: The database, password included.
        connection: A session with it.
        jobs: How many connections.
        settings: Settings of their sessions.
        tell: Whom to tell how far it has come.

    Raises:
        GenerateError: The rows violate a constraint; PostgreSQL refuses.
        ServerError: The connection was lost.
    """
    for stage in STAGES:
        left = [row[0] for row in execute(connection, _LEFT, {"stage": stage}).fetchall()]
        groups = [left] if stage in _TOGETHER else [[position] for position in left]

        def bring_back(worker: Connection, positions: list[int], stage: str = stage) -> None:
            with transaction(worker):
                set_all(worker, settings, local=True)
                _bring_back(worker, stage, positions)

        done = 0
        for group in on_several(conninfo, jobs, groups if left else [], bring_back):
            done += len(group)
            tell(Progress(_DOING[stage], done, len(left)))


def _bring_back(connection: Connection, stage: str, positions: list[int]) -> None:
    if stage == "guard" and positions and execute(connection, _CYCLIC).fetchall()[0][0]:
        raise GenerateError(
            "evidence_chains holds edges that do not lead from newer to older evidence, as all edges of the load do, "
            "so that there may be a cycle. Somebody has written to the database; empty it with --reset."
        )
    taken = execute(connection, _TAKE, {"positions": positions}).fetchall()
    for _, restoration in sorted(taken):
        if restoration is not None:
            execute(connection, restoration)
