"""Whether Postgres can run a query by an index."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, LiteralString

from swe_db.queries.text import numbered

if TYPE_CHECKING:
    import psycopg

__all__ = ["check_index", "explain"]

PREPARED: Final = "swe_db_explained"
TYPES: Final[LiteralString] = "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = %s"
# A partition's index has a name of its own; people know that of the parent's.
ANCESTORS: Final[LiteralString] = """
SELECT parent.relname FROM pg_class AS c, pg_partition_ancestors(c.oid) AS ancestor (oid), pg_class AS parent
WHERE c.relname = ANY (%s) AND c.relkind IN ('i', 'I') AND parent.oid = ancestor.oid
"""


def explain(
    connection: psycopg.Connection[Any],
    sql: str,
    parameters: Any = None,  # noqa: ANN401 - psycopg's own
) -> tuple[dict[str, Any], set[str]]:
    """Return the plan of a query, without running it, and the names of the indexes in it, their parents' included.

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
        planned = _for_any_parameters(cursor, sql) if parameters is None else contextlib.nullcontext(sql)
        with planned as query, connection.transaction():
            ((result,),) = cursor.execute(f"EXPLAIN (FORMAT JSON) {query}".encode(), parameters).fetchall()
        plan: dict[str, Any] = result[0]["Plan"]
        used = {node["Index Name"] for node in _nodes(plan) if "Index Name" in node}
        used |= {name for (name,) in cursor.execute(ANCESTORS, [list(used)]).fetchall()}
    return plan, used


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


def check_index(sql: str, plan: dict[str, Any], used: set[str], name: str | None) -> None:
    """Check that a plan reads by indexes.

    Args:
        sql: The query, for the message.
        plan: Its plan.
        used: The names of the indexes in it.
        name: The index that it must use, any if None.

    Raises:
        AssertionError: It does not; the message has the plan.
    """
    read_through = [what for node in _nodes(plan) if (what := _read_through(node))]
    if read_through:
        reason = f"scans {', '.join(read_through)} from end to end"
    elif not used:
        reason = "does not use an index"
    elif name is not None and name not in used:
        reason = f"does not use {name}, but {', '.join(sorted(used))}"
    else:
        return
    raise AssertionError(f"the query {reason}: {' '.join(sql.split())}\n{json.dumps(plan, indent=2)}")


def _read_through(node: dict[str, Any]) -> str | None:
    """Return what a node reads from end to end in search of some rows, None if it does not.

    An index without a condition of its own may still give the order, all rows, or the rows of a partial index.
    """
    match node["Node Type"]:
        case "Seq Scan" | "Sample Scan":
            return str(node["Relation Name"])
        case "Index Scan" | "Index Only Scan" if "Filter" in node and "Index Cond" not in node:
            return f"{node['Index Name']} (filtering {node['Filter']})"
        case _:
            return None


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)
