"""What SQL a test ran on its own connections: counts, budgets, repeated statements, use of an index."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import psycopg

    from swe_db.isolation.database import Database

__all__ = ["Group", "Queries", "Statement"]

SHOWN: Final = 50  # statements in a report
WIDTH: Final = 160  # characters of one of them


@dataclasses.dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement as the test gave it to psycopg; an `executemany` is one.

    Attributes:
        sql: Its text, with placeholders.
        parameters: Their text, None if there were none or they can be read only once.
        source: `test`: a connection of the test's own.
        pid: The backend of the server that ran it.
    """

    sql: str
    parameters: str | None
    source: str
    pid: int

    def __str__(self) -> str:
        text = " ".join(self.sql.split())
        shown = text if self.parameters is None else f"{text}  <- {self.parameters}"
        return shown if len(shown) <= WIDTH else f"{shown[: WIDTH - 1]}…"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Group:
    """The same statement run several times, often with different parameters: N+1.

    Attributes:
        sql: The text they share, white space folded.
        statements: Each of them, in order.
    """

    sql: str
    statements: tuple[Statement, ...]


class Queries:
    """The statements of a test's own connections, those of `swe_db`, `swe_async_db` and `swe_database.connect`.

    The connections of an application, and those that a test opens with a driver itself, are not seen. The BEGIN and
    COMMIT that psycopg sends by itself do not count. A statement counts when it is sent, also if it then fails.

    Args:
        database: The test's database.

    Attributes:
        sources: Whose statements are recorded.
    """

    sources: Final = ("test",)

    def __init__(self, database: Database) -> None:
        self._database = database
        self._statements: list[Statement] = []
        self._recording = True

    @property
    def statements(self) -> list[Statement]:
        """What was recorded, in order."""
        return list(self._statements)

    def __len__(self) -> int:
        return len(self._statements)

    def __bool__(self) -> bool:
        return True

    def __str__(self) -> str:
        return _report(self._statements)

    def clear(self) -> None:
        """Forget what was recorded so far."""
        self._statements.clear()

    def stop(self) -> None:
        """Record nothing from now on."""
        self._recording = False

    def assert_count(self, exactly: int | None = None, *, at_most: int | None = None) -> None:
        """Check how many statements there were.

        Args:
            exactly: So many.
            at_most: No more than so many.

        Raises:
            AssertionError: There were others; the message lists them.
            TypeError: Not exactly one of the two was given.
        """
        _check(self._statements, exactly, at_most)

    @contextlib.contextmanager
    def expect(self, exactly: int | None = None, *, at_most: int | None = None) -> Iterator[None]:
        """Check how many statements the block runs; the rest is as in `assert_count`."""
        start = len(self)
        yield
        _check(self._statements[start:], exactly, at_most)

    def repeated(self, at_least: int = 2) -> list[Group]:
        """Return the statements that ran several times, those that ran most first.

        Args:
            at_least: How many times.
        """
        return _repeated(self._statements, at_least)

    def assert_uses_index(self, sql: str, parameters: Any = None, name: str | None = None) -> None:  # noqa: ANN401 - psycopg's own
        """Check that Postgres can run a query by an index; the query itself is not run.

        Sequential scans are discouraged (enable_seqscan = off), for on few rows the planner takes them whatever
        indexes there are. It asks on a connection of its own, which does not see what is not committed. A query that
        reads all of an index passes.

        Args:
            sql: The query, as psycopg takes it.
            parameters: Its parameters, as psycopg takes them.
            name: The index that it must use; any if None.

        Raises:
            AssertionError: It scans a table, or does not use the index; the message has the plan.
            psycopg.Error: Postgres refuses the query.
        """
        plan = self._explain(sql, parameters)
        nodes = list(_nodes(plan))
        scanned = [node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"]
        used = {node["Index Name"] for node in nodes if "Index Name" in node}
        if scanned:
            reason = f"scans {', '.join(scanned)} from end to end"
        elif not used or (name is not None and name not in used):
            reason = f"does not use {name or 'an index'}"
        else:
            return
        raise AssertionError(f"the query {reason}: {' '.join(sql.split())}\n{json.dumps(plan, indent=2)}")

    def _explain(self, sql: str, parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - psycopg's own
        import psycopg  # noqa: PLC0415

        with self._database.unrecorded() as connection:
            connection.execute("SET LOCAL enable_seqscan = off")
            cursor = psycopg.ClientCursor(connection)
            row = cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}".encode(), parameters).fetchone()
        plan: dict[str, Any] = row[0][0]["Plan"]  # type: ignore[index]
        return plan

    def watch(self, connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> None:
        """Record what a connection is given from now on.

        Args:
            connection: One of the test's own.
        """
        opened: Any = connection
        opened.cursor_factory = _recording(opened.cursor_factory, self)
        opened.server_cursor_factory = _recording(opened.server_cursor_factory, self)

    def record(self, cursor: Any, query: Any, parameters: Any) -> None:  # noqa: ANN401 - psycopg's own
        """Remember a statement that a cursor is about to send."""
        if self._recording:
            text = None if parameters is None else repr(parameters)
            pid = cursor.connection.info.backend_pid
            self._statements.append(Statement(sql=_text(query, cursor), parameters=text, source="test", pid=pid))


class _Recording:
    """What a cursor class, sync or async, is given in front: each call is recorded and passed on."""

    __slots__ = ()
    queries: Queries

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:  # noqa: ANN401 - psycopg's own
        self.queries.record(self, query, params)
        return super().execute(query, params, **options)  # type: ignore[misc]

    def executemany(self, query: Any, params_seq: Any, **options: Any) -> Any:  # noqa: ANN401 - psycopg's own
        self.queries.record(self, query, params_seq if isinstance(params_seq, list | tuple) else None)
        return super().executemany(query, params_seq, **options)  # type: ignore[misc]

    def copy(self, statement: Any, params: Any = None, **options: Any) -> Any:  # noqa: ANN401 - psycopg's own
        self.queries.record(self, statement, params)
        return super().copy(statement, params, **options)  # type: ignore[misc]

    def stream(self, query: Any, params: Any = None, **options: Any) -> Any:  # noqa: ANN401 - psycopg's own
        self.queries.record(self, query, params)
        return super().stream(query, params, **options)  # type: ignore[misc]


def _recording(factory: type, queries: Queries) -> type:
    return type(factory.__name__, (_Recording, factory), {"queries": queries})


def _text(query: Any, cursor: Any) -> str:  # noqa: ANN401 - psycopg's own
    if isinstance(query, bytes):
        return query.decode(errors="replace")
    return str(query.as_string(cursor)) if hasattr(query, "as_string") else str(query)


def _check(statements: list[Statement], exactly: int | None, at_most: int | None) -> None:
    if (exactly is None) == (at_most is None):
        raise TypeError("say how many statements there must be: either a number, or at_most=")
    count = len(statements)
    if count == exactly or (at_most is not None and count <= at_most):
        return
    wanted = f"at most {at_most}" if exactly is None else str(exactly)
    raise AssertionError(f"expected {wanted} statements, ran {count}\n{_report(statements)}")


def _repeated(statements: list[Statement], at_least: int) -> list[Group]:
    groups: dict[str, list[Statement]] = {}
    for statement in statements:
        groups.setdefault(" ".join(statement.sql.split()), []).append(statement)
    found = [Group(sql=sql, statements=tuple(same)) for sql, same in groups.items() if len(same) >= at_least]
    return sorted(found, key=lambda group: -len(group.statements))


def _report(statements: list[Statement]) -> str:
    lines = [f"{len(statements)} statements on the test's own connections (others are not seen)"]
    shown = itertools.islice(enumerate(statements, 1), SHOWN)
    lines += [f"  {number}. {statement}" for number, statement in shown]
    if len(statements) > SHOWN:
        lines.append(f"  … and {len(statements) - SHOWN} more")
    lines += [f"repeated {len(group.statements)} times: {group.sql[:WIDTH]}" for group in _repeated(statements, 2)]
    return "\n".join(lines)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)
