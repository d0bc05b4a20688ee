"""The connection that is lent to one test after the other, since to open one costs more than all the rest.

A test gets a `psycopg.Connection` of its own; only the session below it is kept, made as new. Where that is not sure,
the session is closed and the next test gets a new one.
"""

from __future__ import annotations

import secrets
import select
import sys
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from swe_db.isolation.answers import answer, sent
from swe_db.servers.address import PostgresAddress
from swe_db.servers.connect import connect

if TYPE_CHECKING:
    import psycopg
    from psycopg.pq.abc import PGconn

__all__ = ["Kept"]

# DISCARD ALL in parts, so that all of it goes in one message; temporary tables are not dropped but asked for, since a
# session that had one keeps a schema in the catalogue.
MAKE_AS_NEW: Final = (
    b"CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; DEALLOCATE ALL; UNLISTEN *;"
    b" SELECT pg_advisory_unlock_all(); DISCARD PLANS; DISCARD SEQUENCES; "
)
IS_AS_NEW: Final = b"SELECT pg_my_temp_schema() = 0 AND NOT pg_replication_origin_session_is_setup() AND "
SEEDS: Final = 10**9  # how many there are for random()


class Kept:
    """At most one session with a test's database, idle and as new, or lent to a test.

    Args:
        address: The database.
    """

    def __init__(self, address: PostgresAddress) -> None:
        self._address = address
        self._pgconn: PGconn | None = None
        self._returning: PGconn | None = None
        self._condition: bytes | None = None
        self._keepable = True

    @cached_property
    def _nowhere(self) -> PGconn:
        """A connection that was never open, for the objects that tests may still hold."""
        from psycopg import pq  # noqa: PLC0415

        pgconn = pq.PGconn.connect_start(b"port=none")
        pgconn.finish()
        return pgconn

    @property
    def expected(self) -> int:
        """How many sessions `count` will probably return."""
        return int(self._returning is not None or self._pgconn is not None)

    def count(self) -> int:
        """Return how many sessions are idle here, 1 or 0; a test may have ended it."""
        self._finish_return()
        if self._pgconn is not None and not _is_quiet(self._pgconn):
            self.close()
        return int(self._pgconn is not None)

    def lend(self) -> psycopg.Connection[Any]:
        """Return a connection as `psycopg.connect` would.

        Raises:
            psycopg.Error: The server refuses.
        """
        if not self.count() or self._pgconn is None:
            return connect(self._address)
        from psycopg import Connection  # noqa: PLC0415

        pgconn, self._pgconn = self._pgconn, None
        return Connection(pgconn)

    def take_back(self, connection: psycopg.Connection[Any]) -> None:
        """Close a connection that was lent; its session is kept if nothing of its use can be seen any more.

        Its transaction is rolled back without waiting for that: `count` does.
        """
        from psycopg import Error  # noqa: PLC0415

        self.close()
        pgconn = connection.pgconn
        if connection.lock.locked():
            connection.close()
            return
        connection.pgconn = self._nowhere
        mine = object()
        # A cursor, say, that is still somewhere could be used, and would be on the next test's session.
        try:
            begun = sys.getrefcount(pgconn) == sys.getrefcount(mine) and self._is_being_made_as_new(pgconn)
        except Error:
            begun = False
        if begun:
            self._returning = pgconn
        else:
            pgconn.finish()

    def _is_being_made_as_new(self, pgconn: PGconn) -> bool:
        """Begin to make a session as new, unless it cannot be."""
        from psycopg.pq import ConnStatus, PipelineStatus, TransactionStatus  # noqa: PLC0415

        if (
            not self._keepable
            or pgconn.status != ConnStatus.OK
            or pgconn.transaction_status in (TransactionStatus.ACTIVE, TransactionStatus.UNKNOWN)
            or pgconn.pipeline_status != PipelineStatus.OFF
            or not pgconn.nonblocking  # as psycopg opens it
        ):
            return False
        pgconn.notice_handler = pgconn.notify_handler = None
        rollback = b"" if pgconn.transaction_status == TransactionStatus.IDLE else b"ROLLBACK; "
        if self._condition is None:
            query = (files("swe_db.isolation") / "sql" / "keepable.sql").read_bytes()
            self._condition = pgconn.exec_(rollback + MAKE_AS_NEW + query).get_value(0, 0)
            self._keepable, rollback = self._condition is not None, b""
        if self._condition is None:
            return False
        seed = f"SELECT setseed({secrets.randbelow(SEEDS)} / {SEEDS}.0); ".encode()
        pgconn.send_query(rollback + MAKE_AS_NEW + seed + IS_AS_NEW + self._condition)
        sent(pgconn)
        return True

    def _finish_return(self) -> None:
        """Keep the session that was taken back, or end it."""
        pgconn, self._returning = self._returning, None
        if pgconn is None:
            return
        if _is_as_new(pgconn):
            self._pgconn = pgconn
        else:
            pgconn.finish()

    def forget(self) -> None:
        """End the session, and forget what was found out about the database."""
        self.close()
        self._condition, self._keepable = None, True

    def close(self) -> None:
        """End the session that is kept, if there is one."""
        self._finish_return()
        pgconn, self._pgconn = self._pgconn, None
        if pgconn is not None:
            pgconn.finish()


def _is_as_new(pgconn: PGconn) -> bool:
    from psycopg import Error  # noqa: PLC0415

    try:
        result = answer(pgconn)
        while pgconn.notifies():
            pass
    except Error:
        return False
    return result is not None and result.ntuples == 1 and result.get_value(0, 0) == b"t" and _is_quiet(pgconn)


def _is_quiet(pgconn: PGconn) -> bool:
    """Tell whether the server has said nothing on its own, such as that it ends the session."""
    try:
        return not select.select([pgconn.socket], [], [], 0)[0]
    except ValueError:  # more files are open than select can look at
        return False
