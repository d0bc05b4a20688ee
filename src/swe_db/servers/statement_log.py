"""The log of a Postgres of ours, which can be made to hold every statement for a while."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from swe_db.errors import ServerError
from swe_db.servers.address import PostgresAddress
from swe_db.servers.connect import connect

if TYPE_CHECKING:
    import psycopg

__all__ = ["OWN", "LoggedStatement", "StatementLog"]

OWN: Final = "swe-db"  # the application_name of our own sessions
SETTINGS: Final = "logging"  # beside the log; the server's settings include it if it is there
TIMEOUT: Final = 5.0  # seconds
ENTRY: Final = (
    r"^\S+ \S+ \S+ \[(?P<pid>\d+)\] {mark} (?P<database>\S*) (?P<application>.*?) {mark} (?P<kind>LOG|DETAIL):  "
    r"(?P<text>.*(?:\n\t.*)*)$"
)
# A named portal that is fetched from again was executed before.
STATEMENT: Final = re.compile(r"(?:statement|execute (?!fetch from ).*?): (.*)", re.DOTALL)
PARAMETERS: Final = re.compile(r"[Pp]arameters: (.*)", re.DOTALL)  # a capital letter from 16 on


@dataclasses.dataclass(frozen=True, kw_only=True)
class LoggedStatement:
    """A statement as the server logged it before running it.

    Attributes:
        position: Where in the log, in bytes.
        pid: The server's process.
        application: The session's application_name, empty if it has none.
        sql: The text, with `$1` where there are parameters.
        parameters: Their text as the server has it, None if there are none.
    """

    position: int
    pid: int
    application: str
    sql: str
    parameters: str | None = None


class StatementLog:
    """The log of a server that serves nobody else; nothing is done before `start`.

    Every session writes its statement, in one piece, before running it. So once a client has its answer, the
    statement can be read here.

    Args:
        path: The file that the server logs to.
        admin: The server's maintenance database, as a superuser.
    """

    def __init__(self, path: Path, admin: PostgresAddress) -> None:
        self._path = path
        self._admin = admin
        self._mark = ""
        self._connection: psycopg.Connection[Any] | None = None

    def start(self) -> None:
        """Have every statement logged that any session is given from now on, also one that is open already.

        Raises:
            ServerError: The server does not take up its new settings.
            psycopg.Error: It refuses the connection.
        """
        self._mark = f"swe-db:{secrets.token_hex(4)}"
        self._configure(
            "log_statement = 'all'",
            "log_parameter_max_length = 1000",
            f"log_line_prefix = '%m [%p] {self._mark} %d %a {self._mark} '",
        )
        # A session that begins after the server has read its settings also begins after the server has signalled all
        # others; and a session that was idle when it was signalled looks at its settings before the next statement.
        deadline = time.monotonic() + TIMEOUT
        while not self._is_marked_for_new_sessions():
            if time.monotonic() > deadline:
                raise ServerError(
                    f"the Postgres server did not read its changed settings within {TIMEOUT:g} seconds: run the tests "
                    "that use swe_queries on a machine that is less busy"
                )

    def stop(self) -> None:
        """Have the server log as it did before, a few milliseconds from now; nobody needs to wait for that.

        Raises:
            psycopg.Error: It has gone.
        """
        self._configure()

    def close(self) -> None:
        """End the session that is kept for this."""
        if self._connection is not None:
            self._connection.close()

    def position(self) -> int:
        """Return the log's size in bytes, 0 if it has gone with its server."""
        try:
            return self._path.stat().st_size
        except OSError:
            return 0

    def statements(self, database: str, begin: int, end: int | None = None) -> list[LoggedStatement]:
        """Return what sessions in a database, except ours, were given since `start`.

        Args:
            database: Its name.
            begin: Where to begin in the log, in bytes.
            end: Where to end; None is the end of the log.
        """
        entry = re.compile(ENTRY.format(mark=self._mark).encode(), re.MULTILINE)
        found: list[LoggedStatement] = []
        for match in entry.finditer(self._read(begin, end)):
            fields = {name: value.decode(errors="replace") for name, value in match.groupdict().items()}
            if fields["database"] != database or fields["application"] == OWN:
                continue
            text = fields["text"].replace("\n\t", "\n")
            if fields["kind"] == "DETAIL":
                _add_parameters(found, int(fields["pid"]), text)
            elif statement := STATEMENT.fullmatch(text):
                application = fields["application"].removeprefix("[unknown]")
                found.append(
                    LoggedStatement(
                        position=begin + match.start(),
                        pid=int(fields["pid"]),
                        application=application,
                        sql=statement[1],
                    )
                )
        return found

    def _read(self, begin: int, end: int | None) -> bytes:
        with contextlib.suppress(FileNotFoundError), self._path.open("rb") as file:
            file.seek(begin)
            return file.read(-1 if end is None else max(0, end - begin))
        return b""

    def _configure(self, *lines: str) -> None:
        """Let the server itself write the settings, which this process may have no right to, and read them."""
        import psycopg  # noqa: PLC0415

        try:
            self._write(self._connection or self._connect(), lines)
        except psycopg.OperationalError:  # a test may have ended every session
            self._write(self._connect(), lines)

    def _write(self, connection: psycopg.Connection[Any], lines: tuple[str, ...]) -> None:
        from psycopg import sql  # noqa: PLC0415

        target = str(self._path.with_name(SETTINGS))
        connection.execute(sql.SQL("COPY (SELECT unnest({}::text[])) TO {}").format(list(lines), target))
        connection.execute("SELECT pg_reload_conf()")

    def _connect(self) -> psycopg.Connection[Any]:
        self._connection = connect(self._admin, autocommit=True, application_name=OWN)
        return self._connection

    def _is_marked_for_new_sessions(self) -> bool:
        with contextlib.closing(connect(self._admin, autocommit=True, application_name=OWN)) as connection:
            ((prefix,),) = connection.execute("SHOW log_line_prefix").fetchall()
            return self._mark in prefix


def _add_parameters(found: list[LoggedStatement], pid: int, detail: str) -> None:
    parameters = PARAMETERS.fullmatch(detail)
    if parameters and found and found[-1].pid == pid:
        found[-1] = dataclasses.replace(found[-1], parameters=parameters[1])
