"""What a plan reads: indexes, whole tables, partitions of the audit trail."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Final

from psycopg import ClientCursor, Connection

from swe_db.queries.text import numbered

__all__ = ["Plan", "planned"]

PARTITION: Final = "audit_logs_"
# A period of a month or less lies in two partitions at most.
PARTITIONS: Final = 2
# The name that the partitioned table's index has, by that of the partition's.
PARENTS: Final = """
SELECT child.relname, parent.relname FROM pg_class AS child
JOIN pg_inherits ON inhrelid = child.oid JOIN pg_class AS parent ON parent.oid = inhparent
WHERE child.relkind = 'i' AND child.relname = ANY (%s)
"""
PREPARED: Final = "question"


@dataclasses.dataclass(frozen=True)
class Plan:
    """What was read when a query ran.

    Attributes:
        indexes: The indexes; those of partitions by the name of the parent's.
        scanned: The tables that were read from end to end.
        partitions: The partitions of audit_logs that were looked into.
        blocks: How many blocks were read, in memory or not, each as often as it was.
        rows: How many rows came out.
    """

    indexes: frozenset[str]
    scanned: frozenset[str]
    partitions: frozenset[str]
    blocks: int
    rows: int

    @property
    def faults(self) -> list[str]:
        """What is wrong with it, in words."""
        found = [f"reads {table} from end to end" for table in sorted(self.scanned)]
        if len(self.partitions) > PARTITIONS:
            found.append(f"reads {len(self.partitions)} partitions")
        return found


def planned(connection: Connection[Any], sql: str, values: Mapping[str, Any], *, generic: bool = False) -> Plan:
    """Run a query and return its plan.

    Args:
        connection: Where.
        sql: The query, with psycopg's named parameters.
        values: Its parameters.
        generic: Plan it without a look at the parameters, as Postgres may once it is prepared and has run five times.
    """
    with connection.transaction(force_rollback=True), ClientCursor(connection) as cursor:
        query = _prepared(cursor, sql, values) if generic else sql
        parameters = None if generic else values
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {query}".encode(), parameters)
        ((result,),) = cursor.fetchall()
        if generic:
            cursor.execute(f"DEALLOCATE {PREPARED}".encode())
        # What a LIMIT or an empty side of a join spares is in the tree all the same, with no loops.
        nodes = [node for node in _nodes(result[0]["Plan"]) if node["Actual Loops"]]
        names = [node["Index Name"] for node in nodes if "Index Name" in node]
        parents = dict(cursor.execute(PARENTS, [names]).fetchall()) if names else {}
    return _plan(nodes, parents)


def _prepared(cursor: ClientCursor[Any], sql: str, values: Mapping[str, Any]) -> str:
    """Prepare a query for any parameters, and return what runs it with these."""
    cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    cursor.execute(f"PREPARE {PREPARED} AS {numbered(sql)}".encode())
    names = dict.fromkeys(name for name in _names(sql) if name in values)
    arguments = ", ".join(cursor.mogrify("%s", [values[name]]) for name in names)
    return f"EXECUTE {PREPARED} ({arguments})"


def _names(sql: str) -> list[str]:
    """Return the names of the parameters, in the order in which they are numbered."""
    return [part.partition(")s")[0] for part in sql.split("%(")[1:]]


def _plan(nodes: list[dict[str, Any]], parents: Mapping[str, str]) -> Plan:
    relations = [node["Relation Name"] for node in nodes if "Relation Name" in node]
    return Plan(
        indexes=frozenset(
            parents.get(node["Index Name"], node["Index Name"]) for node in nodes if "Index Name" in node
        ),
        scanned=frozenset(node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"),
        partitions=frozenset(name for name in relations if name.startswith(PARTITION)),
        blocks=nodes[0]["Shared Hit Blocks"] + nodes[0]["Shared Read Blocks"],
        rows=nodes[0]["Actual Rows"],
    )


def _nodes(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield tree
    for part in tree.get("Plans", ()):
        yield from _nodes(part)
