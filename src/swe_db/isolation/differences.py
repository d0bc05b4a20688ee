"""How the rows of a test's database differ from the pristine ones, for the report of a test that failed."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, LiteralString

from psycopg import Error, sql
from psycopg.pq import ExecStatus, PipelineStatus, TransactionStatus

if TYPE_CHECKING:
    import psycopg

    from swe_db.isolation.database import Database

__all__ = ["row_differences", "uncompared"]

UNCOMPARED: Final = "not compared: only isolation by reset keeps the pristine rows at hand"
TIME: Final = 2.0  # seconds, for all of it
MOST_TABLES: Final = 12
MOST_ROWS: Final = 1000  # of one table are compared in detail
MOST_UNCOMMITTED: Final = 5000  # rows of a table that are read through the test's own connection
SHOWN: Final = 5  # rows of one table
WIDTH: Final = 150  # characters of one row
VALUE_WIDTH: Final = 40  # characters of one value
FLUSH: Final[LiteralString] = "SELECT pg_logical_emit_message(true, '', '')"
LIMITS: Final[LiteralString] = "SET LOCAL statement_timeout = {}; SET LOCAL lock_timeout = '200ms'"
ROWS: Final[LiteralString] = "SELECT to_jsonb(t) FROM (SELECT {columns} FROM ONLY {table}) AS t"
GIVEN: Final[LiteralString] = "SELECT unnest({rows}::jsonb[])"
NONE: Final[LiteralString] = "SELECT NULL::jsonb WHERE false"
MORE: Final[LiteralString] = "SELECT row FROM ({one} EXCEPT ALL {other}) AS d (row) LIMIT {most}"
LOOK: Final[LiteralString] = (
    "SAVEPOINT swe_db_look; SET LOCAL statement_timeout = 1000; SET LOCAL lock_timeout = 200;"
    " SELECT to_jsonb(t)::text FROM (SELECT {columns} FROM ONLY {table}) AS t LIMIT {most}"
)
LOOKED: Final = b"ROLLBACK TO SAVEPOINT swe_db_look; RELEASE SAVEPOINT swe_db_look"
WRITERS: Final[LiteralString] = """
SELECT relation::regclass::text, array_agg(DISTINCT pid)
FROM pg_locks JOIN pg_database AS d ON d.oid = database JOIN pg_class AS c ON c.oid = relation
WHERE d.datname = current_database() AND mode = 'RowExclusiveLock' AND granted AND relkind = 'r' AND c.oid >= 16384
GROUP BY relation ORDER BY 1
"""


@dataclasses.dataclass(frozen=True)
class Table:
    """A table that was written.

    Attributes:
        name: Its name with its schema, quoted.
        names: The columns that are compared.
        columns: The same, quoted.
        key: The columns of its primary key.
        copy: The copy of its pristine rows, None if it had none.
        pids: The sessions whose open transactions wrote to it.
    """

    name: str
    names: Sequence[str]
    columns: str
    key: Sequence[str]
    copy: str | None
    pids: Sequence[int]

    def present(self) -> sql.Composed:
        """Return the query for the rows that are committed."""
        return sql.SQL(ROWS).format(columns=_raw(self.columns), table=_raw(self.name))

    def pristine(self) -> sql.Composable:
        """Return the query for the rows that a test begins with."""
        if self.copy is None:
            return sql.SQL(NONE)
        return sql.SQL(ROWS).format(columns=_raw(self.columns), table=_raw(self.copy))


def row_differences(
    connection: psycopg.Connection[Any], base: str, own: Sequence[psycopg.BaseConnection[Any]] = ()
) -> Iterator[str]:
    """Yield lines that say which rows of which table differ from the pristine ones.

    Args:
        connection: The session that remembers these, in autocommit.
        base: Where the server's log stood when all was pristine.
        own: The test's own connections; what they have not committed is compared too.

    Raises:
        psycopg.Error: The server does not answer, or not in time.
    """
    deadline = time.monotonic() + TIME
    (untouched,) = connection.execute("SELECT pg_current_wal_insert_lsn() = %s::pg_lsn", [base]).fetchall()
    if untouched[0]:
        yield "no row differs"
        return
    connection.execute(FLUSH)  # who commits without waiting leaves the end of the log where it cannot be read
    made, tables = _asked(connection, deadline, "tables.sql"), _asked(connection, deadline, "touched.sql", base=base)
    told = [f"table {name} was {what}" for what, name in made]
    for row in tables[:MOST_TABLES]:
        told += _compared(connection, Table(*row), deadline, own)
    if len(tables) > MOST_TABLES:
        told.append(f"… and {len(tables) - MOST_TABLES} more tables were written")
    yield from told or ["no row differs"]


def uncompared(database: Database) -> list[str]:
    """Return a line for each table that open transactions wrote to, where the pristine rows are not at hand.

    Raises:
        psycopg.Error: The server does not answer.
    """
    with database.unrecorded() as connection:
        rows = connection.execute(WRITERS).fetchall()
    told = [f"{name}: written, not committed, by session {', '.join(map(str, pids))}" for name, pids in rows]
    return [UNCOMPARED, *told]


def _asked(
    connection: psycopg.Connection[Any], deadline: float, name: str, **arguments: object
) -> list[tuple[Any, ...]]:
    text = (files("swe_db.isolation") / "sql" / name).read_text(encoding="utf-8")
    with connection.transaction():
        _limit(connection, deadline)
        return connection.execute(text.encode(), arguments or None).fetchall()


def _limit(connection: psycopg.Connection[Any], deadline: float) -> None:
    left = max(1, int((deadline - time.monotonic()) * 1000))
    connection.execute(sql.SQL(LIMITS).format(sql.Literal(left)))


def _compared(
    connection: psycopg.Connection[Any],
    table: Table,
    deadline: float,
    own: Sequence[psycopg.BaseConnection[Any]],
) -> list[str]:
    """Return the lines of one table; one that cannot be compared says why."""
    present: sql.Composable = table.present()
    try:
        seen = (_seen_by(each, table) for each in own)
        uncommitted = next((rows for rows in seen if rows is not None), None)
        if uncommitted is not None:
            present = sql.SQL(GIVEN).format(rows=sql.Literal(uncommitted))
        with connection.transaction():
            _limit(connection, deadline)
            added = _more(connection, present, table.pristine())
            removed = _more(connection, table.pristine(), present)
    except Error as error:
        return [f"{table.name}: written, but cannot be compared: {error.diag.message_primary or error}"]
    note = ""
    if table.pids:
        note = " (with what is not committed)" if uncommitted is not None else " (beside what is not committed)"
    return _told(table, added, removed, note)


def _seen_by(connection: psycopg.BaseConnection[Any], table: Table) -> list[str] | None:
    """Return all rows of a table as a connection of the test sees them, None if it wrote nothing there."""
    pgconn = connection.pgconn
    if connection.closed or pgconn.transaction_status != TransactionStatus.INTRANS:
        return None
    if pgconn.backend_pid not in table.pids or pgconn.pipeline_status != PipelineStatus.OFF:
        return None
    query = sql.SQL(LOOK).format(
        columns=_raw(table.columns), table=_raw(table.name), most=sql.Literal(MOST_UNCOMMITTED + 1)
    )
    # Past the connection's cursors, which may be recorded, wait for an event loop, or make other rows.
    result = pgconn.exec_(query.as_string(None).encode())
    rows = None
    if result.status == ExecStatus.TUPLES_OK and result.ntuples <= MOST_UNCOMMITTED:
        rows = [(result.get_value(number, 0) or b"").decode() for number in range(result.ntuples)]
    pgconn.exec_(LOOKED)
    return rows


def _more(connection: psycopg.Connection[Any], one: sql.Composable, other: sql.Composable) -> list[dict[str, Any]]:
    query = sql.SQL(MORE).format(one=one, other=other, most=sql.Literal(MOST_ROWS))
    return [row for (row,) in connection.execute(query).fetchall()]


def _told(table: Table, added: list[dict[str, Any]], removed: list[dict[str, Any]], note: str) -> list[str]:
    added, removed = _ordered(table.names, added), _ordered(table.names, removed)
    changed, added, removed = _paired(table.key, added, removed)
    counts = {"added": len(added), "changed": len(changed), "removed": len(removed)}
    if not any(counts.values()):
        return [f"{table.name}: rows as before{note}"] if table.pids else []
    lines = [f"  + {_row(row)}" for row in added]
    lines += [f"  ~ {_change(table.key, old, new)}" for old, new in changed]
    lines += [f"  - {_row(row)}" for row in removed]
    numbers = ", ".join(f"{n}{'+' if n >= MOST_ROWS else ''} {what}" for what, n in counts.items() if n)
    more = [f"  … and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return [f"{table.name}: {numbers}{note}", *lines[:SHOWN], *more]


def _ordered(names: Sequence[str], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows with their columns in the order of the table; jsonb has another."""
    return [{name: row[name] for name in names if name in row} for row in rows]


def _paired(
    key: Sequence[str], added: list[dict[str, Any]], removed: list[dict[str, Any]]
) -> tuple[list[tuple[dict[str, Any], dict[str, Any]]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Take rows with the same key out of both lists, as changes from the one to the other."""
    if not key:
        return [], added, removed
    old = {_key(key, row): row for row in removed}
    new = {_key(key, row): row for row in added}
    changed = [(row, new[each]) for each, row in old.items() if each in new]
    return (
        changed,
        [row for each, row in new.items() if each not in old],
        [row for each, row in old.items() if each not in new],
    )


def _key(key: Sequence[str], row: Mapping[str, Any]) -> str:
    return json.dumps([row.get(column) for column in key])


def _row(row: Mapping[str, Any]) -> str:
    return _cut(" ".join(f"{name}={_value(value)}" for name, value in row.items() if value is not None), WIDTH)


def _change(key: Sequence[str], old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    which = [f"{name}={_value(new[name])}" for name in key if name in new]
    what = [f"{name}: {_value(old.get(name))} -> {_value(new[name])}" for name in new if old.get(name) != new[name]]
    return _cut(f"{' '.join(which)}  {', '.join(what)}", WIDTH)


def _value(value: object) -> str:
    return _cut(value if isinstance(value, str) else json.dumps(value), VALUE_WIDTH)


def _cut(text: str, width: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _raw(text: str) -> sql.SQL:
    """Return text that the server itself has quoted as a part of a query."""
    return sql.SQL(text)
