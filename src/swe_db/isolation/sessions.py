"""The sessions that others hold in a test's database when the test has ended."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Any, Final

from swe_db.errors import IsolationError

if TYPE_CHECKING:
    import psycopg

__all__ = ["Sessions"]

GRACE: Final = 0.05  # seconds, in which the server notices that a client has gone
GONE_TIMEOUT: Final = 10.0  # seconds
POLL: Final = 0.0005  # seconds, slept by the server
# A session that is idle outside a transaction holds no lock but those it asked for by name.
OTHERS: Final = """
SELECT pid, coalesce(state, 'unknown'), application_name, left(query, 200), pid IN (SELECT pid FROM pg_locks)
FROM pg_stat_activity WHERE datid = %s AND pid <> pg_backend_pid()
"""
TERMINATE: Final = "SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) AS pid"
REMAINING: Final = "SELECT count(*), pg_sleep(%s) FROM pg_stat_activity WHERE pid = ANY (%s) AND datid = %s"


@dataclasses.dataclass(frozen=True)
class Session:
    """A session of somebody else in the database.

    Attributes:
        pid: Its process.
        state: As pg_stat_activity has it, `idle in transaction` for instance.
        application: Its application_name.
        query: The beginning of its last statement.
        locks: Whether it holds locks.
    """

    pid: int
    state: str
    application: str
    query: str
    locks: bool

    @property
    def is_idle(self) -> bool:
        """Whether nothing of it can reach the next test."""
        return self.state == "idle" and not self.locks

    @property
    def leak(self) -> str:
        """What it left open, as the report has it."""
        what = "a session lock" if self.state == "idle" else f"a session that is {self.state}"
        name = f" of {self.application}" if self.application else ""
        return f"{what}{name}; its last statement: {' '.join(self.query.split())}"


class Sessions:
    """The sessions of others in one database.

    Args:
        connection: A superuser's, or that of the role whose sessions they are; it may be to the database itself.
        database: The database's oid.
    """

    def __init__(self, connection: psycopg.Connection[Any], database: str) -> None:
        self._connection = connection
        self._database = database

    def others(self) -> list[Session]:
        """Return the sessions that there are."""
        return [Session(*row) for row in self._connection.execute(OTHERS, [self._database], prepare=True).fetchall()]

    def settle(self) -> tuple[int, list[str]]:
        """End every session that is not idle.

        Returns:
            How many are left, and what the others had open.

        Raises:
            IsolationError: One does not end.
        """
        deadline = time.monotonic() + GRACE
        while True:
            sessions = self.others()
            busy = [each for each in sessions if not each.is_idle]
            if not busy:
                return len(sessions), []
            if time.monotonic() > deadline:
                self._end(busy)
                return len(sessions) - len(busy), [each.leak for each in busy]
            self._connection.execute("SELECT pg_sleep(%s)", [POLL])

    def end_all(self) -> None:
        """End every session.

        Raises:
            IsolationError: One does not end.
        """
        self._end(self.others())

    def _end(self, sessions: list[Session]) -> None:
        """End sessions and wait until each has really gone.

        pg_terminate_backend(pid, timeout) would wait too, in naps of 100 ms.
        """
        pids = [each.pid for each in sessions]
        self._connection.execute(TERMINATE, [pids])
        deadline = time.monotonic() + GONE_TIMEOUT
        while self._connection.execute(REMAINING, [POLL, pids, self._database]).fetchone()[0]:  # type: ignore[index]
            if time.monotonic() > deadline:
                raise IsolationError(f"sessions stay connected to a test's database: see pg_stat_activity, pids {pids}")
