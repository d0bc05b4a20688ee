"""One database that is put back after each test: what the log says was touched is restored, exactly.

How it works is in `docs/isolation.md`; the work is done by `sql/put_back.sql` in the session that this class holds.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final, LiteralString, TypeAlias

from psycopg import Error, sql

from swe_db.isolation.answers import answer, sent
from swe_db.servers.address import PostgresAddress
from swe_db.servers.connect import connect

__all__ = ["Pristine", "Slot", "Verdict"]

Pristine: TypeAlias = Sequence[tuple[str, str]]

SMALL: Final = 200  # rows: up to here a table that lost some is filled anew, which keeps their order
MOST_RANGES: Final = 200  # about 0.25 ms each
MOST_LOG: Final = 4 << 20  # bytes; a megabyte has 11,000 records of about 1 us
MOST_SHARED_LOG: Final = 32 << 20  # bytes, where others clone databases, in few and big records
PUT_BACK: Final = "CALL pg_temp.swe_put_back(%s, %s, %s, %s, %s, %s, %s, NULL, NULL)"
FILL: Final = "INSERT INTO pg_temp.swe_pristine SELECT * FROM unnest(%s::text[], %s::text[])"
DATABASE: Final = (
    "SELECT oid::text, current_setting('max_prepared_transactions')::int > 0 FROM pg_database"
    " WHERE datname = current_database()"
)
BASE: Final = "SELECT pg_current_wal_insert_lsn()::text, pg_snapshot_xmax(pg_current_snapshot())::xid::text"
IS_UNTOUCHED: Final = b"SELECT pg_current_wal_insert_lsn() = $1::pg_lsn"
# Other databases, and tablespaces, cannot be made without a word in the log.
IS_CLEAN: Final = IS_UNTOUCHED + b" AND pg_stat_get_db_numbackends($2::oid) <= $3::int"
IS_CLEAN_BESIDE: Final = (
    b" AND (SELECT f.size FROM pg_stat_file('postgresql.auto.conf') AS f)"
    b" = (SELECT p.body::bigint FROM pg_temp.swe_pristine AS p WHERE p.name = 'settings')"
    b" AND NOT EXISTS (SELECT FROM pg_get_replication_slots())"
)
FIRST_WITH_BLOCKS: Final = 160000  # the version since which the reader of the log gives blocks in columns


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What `put_back` found.

    Attributes:
        outcome: `clean`, `restored`, `busy`, `prepared` or `replace`.
        reason: Why the database must be replaced, else empty.
        strays: What was changed on the server besides: `settings`, `slots`, `databases`.
    """

    outcome: str
    reason: str = ""
    strays: tuple[str, ...] = ()


class Slot:
    """The session that remembers how a database was and puts it back.

    Args:
        address: The database, as a superuser; nobody else may be connected to it yet.
        pristine: What was on the server before any test, as `Cluster.pristine` has it; None where others use it too.

    Raises:
        psycopg.Error: The server does not have what this needs: its functions, or the rights.
    """

    def __init__(self, address: PostgresAddress, pristine: Pristine | None) -> None:
        self.connection = connect(address, autocommit=True, application_name="swe-db")
        self._most_log = MOST_SHARED_LOG if pristine is None else MOST_LOG
        try:
            self._remember(pristine)
        except BaseException:
            self.close()
            raise

    def _remember(self, pristine: Pristine | None) -> None:
        new = self.connection.info.server_version >= FIRST_WITH_BLOCKS
        self._run("wal_16.sql" if new else "wal_15.sql")
        self.connection.execute("CREATE TEMPORARY TABLE swe_bodies (size text, body text)")
        for size in ("empty", "small", "big"):
            body = _text(f"restore_{size}.sql")
            self.connection.execute("INSERT INTO pg_temp.swe_bodies VALUES (%s, %s)", [size, body])
        self._run("remember.sql")
        if pristine is None:
            self._run("not_shared.sql")
        else:
            self.connection.execute("CREATE TEMPORARY TABLE swe_pristine (name text, body text)")
            names, bodies = zip(*pristine, strict=True)
            self.connection.execute(FILL, [list(names), list(bodies)])
            self._run("shared.sql")
        self._run("put_back.sql")
        self.connection.execute("SELECT pg_temp.swe_remember(%s)", [SMALL])
        self.database, two_phase = self._row(DATABASE)
        self._facts = (two_phase, self._most_log, MOST_RANGES)
        self.connection.pgconn.prepare(b"swe_untouched", IS_UNTOUCHED)
        self.connection.pgconn.prepare(b"swe_clean", IS_CLEAN if pristine is None else IS_CLEAN + IS_CLEAN_BESIDE)
        self._base, self._base_xid = self._row(BASE)

    def _run(self, name: str) -> None:
        self.connection.execute(_text(name).encode())

    def _row(self, query: LiteralString) -> tuple[Any, ...]:
        row: tuple[Any, ...]
        (row,) = self.connection.execute(query).fetchall()
        return row

    def is_untouched(self) -> bool:
        """Tell for sure that nobody wrote anything since the database was put back; False may mean nothing."""
        self._ask(b"swe_untouched", self._base)
        return self.answers_yes()

    def ask_whether_clean(self, companions: int) -> None:
        """Ask whether there is anything to put back, as `put_back` would find, at a fraction of its cost.

        Args:
            companions: As for `put_back`.
        """
        self._ask(b"swe_clean", self._base, self.database, str(companions + 1))

    def _ask(self, name: bytes, *arguments: str) -> None:
        with contextlib.suppress(Error):  # the answer is no then
            self.connection.pgconn.send_query_prepared(name, [each.encode() for each in arguments])
            sent(self.connection.pgconn)

    def answers_yes(self) -> bool:
        """Wait for the answer to what was asked; False may mean nothing."""
        try:
            result = answer(self.connection.pgconn)
        except Error:
            return False
        return result is not None and result.ntuples == 1 and result.get_value(0, 0) == b"t"

    def put_back(self, companions: int) -> Verdict:
        """Put the database back, if that can be done exactly.

        Args:
            companions: How many other sessions are known to be idle.
        """
        arguments = (self.database, companions + 1, *self._facts, self._base, self._base_xid)
        try:
            (row,) = self.connection.execute(PUT_BACK, arguments, prepare=True).fetchall()
        except Error as error:
            return Verdict("replace", f"putting it back failed: {error.diag.message_primary or error}")
        self._base, self._base_xid, verdict, strays = row
        outcome, _, reason = verdict.partition(": ")
        return Verdict(outcome, reason, tuple(strays or ()))

    def put_back_shared(self) -> tuple[str, ...]:
        """Put back the catalogues of the whole server, whatever the log says, where the server serves nobody else.

        Returns:
            What else was changed on the server: the strays of a `Verdict`.
        """
        query = "SELECT pg_temp.swe_strays() FROM pg_temp.swe_put_back_shared(%s, NULL)"
        ((strays,),) = self.connection.execute(query, [self.database]).fetchall()
        self._base, self._base_xid = self._row(BASE)
        return tuple(strays)

    def roll_back_prepared(self) -> list[str]:
        """Roll back the prepared transactions that somebody left, and return their names."""
        query = "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()"
        names = [gid for (gid,) in self.connection.execute(query).fetchall()]
        for name in names:
            self.connection.execute(sql.SQL("ROLLBACK PREPARED {}").format(sql.Literal(name)))
        return names

    @property
    def base(self) -> str:
        """Where the server's log stood when all was pristine."""
        return str(self._base)

    def is_alive(self) -> bool:
        """Tell whether the session is still there."""
        try:
            self.connection.execute("SELECT")
        except Error:
            return False
        return True

    def close(self) -> None:
        """End the session and with it all that it remembers."""
        self.connection.close()


def _text(name: str) -> str:
    return (files("swe_db.isolation") / "sql" / name).read_text(encoding="utf-8")
