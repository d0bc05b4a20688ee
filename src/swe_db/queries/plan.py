"""Whether Postgres can run a query by an index."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, LiteralString

from swe_db.queries.text import numbered

if TYPE_CHECKING:
    import psycopg

__all__ = ["Plan", "check_index", "explain"]

SCANS: Final = ("Index Scan", "Index Only Scan", "Bitmap Heap Scan")
PREPARED: Final = "swe_db_explained"
TYPES: Final[LiteralString] = "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = %s"
# A partition's index has a name of its own; people know that of the parent's.
ANCESTORS: Final[LiteralString] = """
SELECT parent.relname FROM pg_class AS c, pg_partition_ancestors(c.oid) AS ancestor (oid), pg_class AS parent
WHERE c.relname = ANY (%s) AND c.relkind IN ('i', 'I') AND parent.oid = ancestor.oid
"""
# What a condition must be on, so that it finds rows in an index that is sorted.
LEADING: Final[LiteralString] = """
SELECT c.relname, pg_get_indexdef(c.oid, 1, false) FROM pg_class AS c JOIN pg_am AS a ON a.oid = c.relam
WHERE c.relname = ANY (%s) AND c.relkind = 'i' AND a.amname = 'btree'
"""
HIDE: Final[LiteralString] = """
UPDATE pg_index SET indisvalid = false
WHERE indexrelid IN (SELECT oid FROM pg_class WHERE relname = ANY (%s) AND relkind = 'i') AND indisvalid
"""


@dataclasses.dataclass(frozen=True)
class Plan:
    """How Postgres would run a query if it must not read tables from end to end.

    Attributes:
        tree: As EXPLAIN has it.
        indexes: The names of the indexes in it, those of partitioned tables included.
        useless: Indexes that it would rather have read from end to end than the table.
    """

    tree: dict[str, Any]
    indexes: frozenset[str]
    useless: frozenset[str]


def explain(connection: psycopg.Connection[Any], sql: str, parameters: Any = None) -> Plan:  # noqa: ANN401 - psycopg's own
    """Return the plan of a query without running it.

    On few rows one index is as cheap as another to the planner. So whatever index it would read from end to end is
    hidden from it, until there is no such index in the plan; only a superuser can do that.

    Args:
        connection: Where; what is done there is rolled back.
        sql: The query, as psycopg takes it or with `$1`.
        parameters: Its parameters; without them it is planned for any.
    """
    from psycopg import ClientCursor  # noqa: PLC0415
    from psycopg.rows import tuple_row  # noqa: PLC0415

    with connection.transaction(force_rollback=True), ClientCursor(connection, row_factory=tuple_row) as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL lock_timeout = '5s'")  # a transaction of the test's may hold the table
        hidden = frozenset[str]()
        planned = _for_any_parameters(cursor, sql) if parameters is None else contextlib.nullcontext(sql)
        with planned as query, connection.transaction():
            while True:
                ((result,),) = cursor.execute(f"EXPLAIN (FORMAT JSON) {query}".encode(), parameters).fetchall()
                tree: dict[str, Any] = result[0]["Plan"]
                names = [node["Index Name"] for node in _nodes(tree) if "Index Name" in node]
                useless = _useless(tree, dict(cursor.execute(LEADING, [names]).fetchall()))
                if not _hide(cursor, useless):
                    break
                hidden |= useless
        parents = {name for (name,) in cursor.execute(ANCESTORS, [names]).fetchall()}
    return Plan(tree, frozenset(parents.union(names)), hidden)


def _hide(cursor: psycopg.Cursor[Any], indexes: frozenset[str]) -> bool:
    """Keep the planner from indexes until the transaction is rolled back, and tell whether there were any to hide."""
    from psycopg.errors import InsufficientPrivilege  # noqa: PLC0415

    if not indexes:
        return False
    try:
        with cursor.connection.transaction():
            hidden = cursor.execute(HIDE, [list(indexes)]).rowcount
            cursor.execute("DISCARD PLANS")  # a prepared plan does not notice
            return hidden > 0
    except InsufficientPrivilege:
        return False


def _useless(tree: dict[str, Any], leading: dict[str, str]) -> frozenset[str]:
    """Return the indexes that a plan reads from end to end for the sake of some rows.

    One that is read so without a filter gives the order, all rows, or the rows of a partial index.

    Args:
        tree: The plan.
        leading: The first column, or expression, of each sorted index.
    """
    found: set[str] = set()
    for node in _nodes(tree):
        scans = [each for each in _nodes(node) if "Index Name" in each] if node["Node Type"] in SCANS else []
        conditions = [(each["Index Name"], each.get("Index Cond", "")) for each in scans]
        if any(condition and _mentions(condition, leading.get(name, "")) for name, condition in conditions):
            continue
        found |= {name for name, condition in conditions if condition or "Filter" in node}
    return frozenset(found)


def _mentions(condition: str, column: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(column)}(?!\w)", condition) is not None


@contextlib.contextmanager
def _for_any_parameters(cursor: psycopg.Cursor[Any], sql: str) -> Iterator[str]:
    """Give what to explain: the query itself if it has no parameters, else it prepared, with its generic plan.

    EXPLAIN (GENERIC_PLAN) would do that from 16 on.
    """
    query = numbered(sql)
    if "$" not in query:
        yield query
        return
    cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    cursor.execute(f"PREPARE {PREPARED} AS {query}".encode())
    try:
        ((count,),) = cursor.execute(TYPES, [PREPARED]).fetchall()
        arguments = ", ".join(["NULL"] * count)
        yield f"EXECUTE {PREPARED} ({arguments})" if count else f"EXECUTE {PREPARED}"
    finally:
        cursor.execute(f"DEALLOCATE {PREPARED}".encode())


def check_index(sql: str, plan: Plan, name: str | None) -> None:
    """Check that a plan reads by indexes.

    Args:
        sql: The query, for the message.
        plan: Its plan.
        name: The index that it must use, any if None.

    Raises:
        AssertionError: It does not; the message has the plan.
    """
    scanned = [node["Relation Name"] for node in _nodes(plan.tree) if node["Node Type"] in ("Seq Scan", "Sample Scan")]
    indexes = ", ".join(sorted(plan.indexes))
    if scanned:
        why = f", for its conditions do not fit {', '.join(sorted(plan.useless))}" if plan.useless else ""
        reason = f"scans {', '.join(scanned)} from end to end{why}"
    elif not plan.indexes:
        reason = "does not use an index"
    elif name is not None and name not in plan.indexes:
        reason = f"does not use {name}, but {indexes}"
    else:
        return
    raise AssertionError(f"the query {reason}: {' '.join(sql.split())}\n{json.dumps(plan.tree, indent=2)}")


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)
