"""The statements of one test."""

from __future__ import annotations

import contextlib
import dataclasses
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from swe_db.queries import cursors
from swe_db.queries.plan import check_index, explain
from swe_db.queries.report import repeats, report
from swe_db.queries.statement import Group, Source, Statement
from swe_db.queries.text import is_chore, is_driver_chore, is_read

if TYPE_CHECKING:
    import psycopg

    from swe_db.isolation.database import Database
    from swe_db.servers.statement_log import StatementLog

__all__ = ["Queries", "recorded"]


@dataclasses.dataclass(frozen=True)
class _Mark:
    """A moment: how many statements of the test there were, and how long the server's log was."""

    count: int
    position: int


class Queries:
    """The statements of a test and of the application that it tests, in the order in which they began.

    The test's own are those of `swe_db`, `swe_async_db` and `swe_database.connect`: each call of a psycopg cursor is
    one, an `executemany` and a `copy` too, also if it then fails. The application's are those of all other connections
    to the test's database, in any process and of any driver. They come from the server's log, so each execution is
    one, and what fails before it is executed, by a wrong name for instance, is none.

    What does not count: transaction control (BEGIN, COMMIT, SAVEPOINT, …); settings of the session (SET, SHOW, …);
    PREPARE, LISTEN, and what is done with an open cursor (FETCH, CLOSE). Nor, on the application's connections, what
    drivers and their pools ask by themselves: `SELECT 1`, an empty statement, versions, look-ups of types in pg_type.

    Args:
        database: The test's database.
        log: The server's log, None where it is not at hand.

    Attributes:
        sources: Whose statements are seen: `("test", "application")` on servers of the backends local and embedded,
            else `("test",)`.
    """

    def __init__(self, database: Database, log: StatementLog | None) -> None:
        self._database = database
        self._log = log
        self._own: list[tuple[int, Statement]] = []
        self._pids: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        self._own_pids: set[int] = set()
        self._recording = True
        self._end: int | None = None
        self._begin = self._mark()
        self.sources: tuple[Source, ...] = ("test",) if log is None else ("test", "application")

    @property
    def statements(self) -> list[Statement]:
        """What was recorded, in order."""
        return self._since(self._begin)

    def __len__(self) -> int:
        return len(self.statements)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<Queries: {len(self)} statements>"

    def __str__(self) -> str:
        return report(self.statements, self.sources)

    def clear(self) -> None:
        """Forget what was recorded so far."""
        self._begin = self._mark()

    def stop(self) -> None:
        """Record nothing from now on."""
        self._recording = False
        if self._end is None:
            self._end = self._mark().position

    def assert_count(
        self, exactly: int | None = None, *, at_most: int | None = None, source: Source | None = None
    ) -> None:
        """Check how many statements there were.

        Args:
            exactly: So many.
            at_most: No more than so many.
            source: Whose to count, `test` or `application`; None counts all.

        Raises:
            AssertionError: There were others; the message lists them.
            TypeError: Not exactly one of the two was given.
            ValueError: The source is none of `sources`.
        """
        self._check(self._begin, exactly, at_most, source)

    @contextlib.contextmanager
    def expect(
        self, exactly: int | None = None, *, at_most: int | None = None, source: Source | None = None
    ) -> Iterator[None]:
        """Check how many statements are run in the block; the rest is as in `assert_count`."""
        begin = self._mark()
        yield
        self._check(begin, exactly, at_most, source)

    def repeated(self, at_least: int = 2, *, source: Source | None = None) -> list[Group]:
        """Return the statements that ran several times, whatever their parameters and literals, most often first.

        Args:
            at_least: How many times.
            source: Whose, `test` or `application`; None for all.

        Raises:
            ValueError: The source is none of `sources`.
        """
        groups = Group.of(self._of(self.statements, source))
        return [group for group in groups if len(group.statements) >= at_least]

    def assert_no_repeats(self, at_least: int = 2, *, source: Source | None = None) -> None:
        """Check that no query ran several times, as a loop over rows that asks for each of them does: N+1.

        Only what reads is looked at, for drivers run an `executemany` as many statements.

        Args:
            at_least: How many times are too many.
            source: Whose, `test` or `application`; None for all.

        Raises:
            AssertionError: There are some; the message has them with their first and last parameters.
            ValueError: The source is none of `sources`.
        """
        found = [group for group in self.repeated(at_least, source=source) if is_read(group.sql)]
        if found:
            lines = repeats(found)
            raise AssertionError("\n".join([f"{len(found)} queries ran {at_least} times or more (N+1)", *lines]))

    def assert_uses_index(
        self,
        sql: str,
        parameters: Any = None,  # noqa: ANN401 - psycopg's own
        name: str | None = None,
        *,
        connection: psycopg.Connection[Any] | None = None,
    ) -> None:
        """Check that Postgres can run a query by an index; the query itself is not run.

        Sequential scans are discouraged (enable_seqscan = off), for on few rows the planner takes them whatever
        indexes there are. The query fails if a table is scanned all the same, or would be but for an index that is
        read from end to end, since no condition is on its first column. One that wants all rows, those of a partial
        index, or the first in an index's order passes. Without the rights of a superuser any index will do.

        Args:
            sql: The query, as psycopg takes it, or as `statements` has it.
            parameters: Its parameters, as psycopg takes them. Without them it is planned for any, which does not suit
                a partial index that depends on one.
            name: The index that it must use, any if None; on a partitioned table that of the parent or of a partition.
            connection: Where to plan it, as the role and with what is not committed there. By default a connection of
                its own, which sees neither.

        Raises:
            AssertionError: It scans a table, or does not use the index; the message has the plan.
            psycopg.Error: Postgres refuses the query, or somebody holds a lock on a table for 5 seconds.
        """
        recording, self._recording = self._recording, False
        try:
            with self._given(connection) as given:
                plan = explain(given, sql, parameters)
        finally:
            self._recording = recording
        check_index(sql, plan, name)

    def _given(
        self, connection: psycopg.Connection[Any] | None
    ) -> contextlib.AbstractContextManager[psycopg.Connection[Any]]:
        if connection is None:
            return contextlib.closing(self._database.unrecorded())
        return contextlib.nullcontext(connection)

    def watch(self, connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> None:
        """Count what a connection is given from now on among the test's own statements.

        Args:
            connection: An open one.
        """
        pid = self._pids[connection] = connection.info.backend_pid
        self._own_pids.add(pid)

    def record(self, cursor: Any, query: Any, parameters: Any) -> None:  # noqa: ANN401 - psycopg's own
        """Remember a statement that a cursor is about to send, if it is one of the test's own.

        Args:
            cursor: The cursor.
            query: The statement.
            parameters: Its parameters.
        """
        pid = self._pids.get(cursor.connection)
        if pid is None or not self._recording:
            return
        sql = cursors.text_of(query, cursor)
        if is_chore(sql):
            return
        shown = cursors.parameters_text(parameters)
        statement = Statement(sql=sql, parameters=shown, source="test", pid=pid, location=cursors.location())
        self._own.append((self._position(), statement))

    def _position(self) -> int:
        return 0 if self._log is None else self._log.position()

    def _mark(self) -> _Mark:
        return _Mark(len(self._own), self._position())

    def _since(self, begin: _Mark) -> list[Statement]:
        """Return the statements since a moment; one of the test's own is told by the log's length as it began."""
        own = self._own[begin.count :]
        both = sorted([*own, *self._logged(begin.position)], key=lambda each: each[0])  # own first where equal
        return [statement for _, statement in both]

    def _logged(self, begin: int) -> list[tuple[int, Statement]]:
        if self._log is None:
            return []
        return [
            (
                each.position,
                Statement(
                    sql=each.sql,
                    parameters=each.parameters,
                    source="application",
                    pid=each.pid,
                    application_name=each.application,
                ),
            )
            for each in self._log.statements(self._database.name, begin, self._end)
            if each.pid not in self._own_pids and not is_driver_chore(each.sql)
        ]

    def _of(self, statements: list[Statement], source: Source | None) -> list[Statement]:
        if source is None:
            return statements
        if source not in self.sources:
            raise ValueError(f"source is {source!r}, and what is seen here is of {', '.join(self.sources)}")
        return [statement for statement in statements if statement.source == source]

    def _check(self, begin: _Mark, exactly: int | None, at_most: int | None, source: Source | None) -> None:
        if (exactly is None) == (at_most is None):
            raise TypeError("say how many statements there must be: either a number, or at_most=")
        statements = self._of(self._since(begin), source)
        count = len(statements)
        if count == exactly or (at_most is not None and count <= at_most):
            return
        wanted = f"at most {at_most}" if exactly is None else str(exactly)
        raise AssertionError(f"expected {wanted} statements, ran {count}\n{report(statements, self.sources)}")


@contextlib.contextmanager
def recorded(database: Database, log: StatementLog | None) -> Iterator[Queries]:
    """Record the statements in a test's database.

    Args:
        database: The database.
        log: The server's log, None where it is not at hand.

    Raises:
        ServerError: The server does not take up its settings.
    """
    with contextlib.ExitStack() as ends:
        if log is not None:
            log.start()
            ends.callback(_stop, log)
        queries = Queries(database, log)
        ends.enter_context(cursors.shown(queries.record))
        database.watch(queries.watch)
        ends.callback(queries.stop)
        yield queries


def _stop(log: StatementLog) -> None:
    import psycopg  # noqa: PLC0415

    with contextlib.suppress(psycopg.OperationalError):  # a test may end its server, which is told elsewhere
        log.stop()
