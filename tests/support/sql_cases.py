"""Composing rows, and cases of two rows that differ in what a rule is about."""

from __future__ import annotations

from typing import Final

from support.sql import Case

__all__ = [
    "CLOSED",
    "EARLIER",
    "NOW",
    "case",
    "deleted_at",
    "insert",
    "json_object",
    "keys",
    "members",
    "not_negative",
    "reference",
    "twice",
]

# What a row of each table needs at least, as SQL expressions. The base rows of support.sql are there.
MINIMUM: Final = {
    "schema_migrations": {"version": "77", "name": "'add_rows'", "checksum": "repeat('0a', 32)"},
    "users": {"username": "'carol'", "email": "'carol@swe.example'", "display_name": "'Carol'"},
    "projects": {"owner_id": "1", "name": "'Three'", "slug": "'three'"},
    "agents": {"name": "'Planner'", "slug": "'planner'", "agent_type": "'planner'"},
    "agent_executions": {"agent_id": "1"},
    "tasks": {"project_id": "1", "title": "'Third'"},
    "task_comments": {"task_id": "1", "author_user_id": "1", "body": "'Looks good'"},
    "task_attachments": {
        "task_id": "1",
        "file_name": "'trace.log'",
        "size_bytes": "10",
        "storage_url": "'s3://bucket/trace.log'",
        "sha256": "repeat('0a', 32)",
    },
    "evidence": {"source_type": "'benchmark'", "title": "'Lists are fast enough'"},
    "evidence_credibility_history": {"evidence_id": "1", "previous_score": "0.5", "new_score": "0.7"},
    "evidence_chains": {"from_evidence_id": "1", "to_evidence_id": "2", "relation": "'supports'"},
    "audit_logs": {"event_type": "'task.created'", "resource_type": "'task'", "resource_id": "'1'"},
    "activity_feed": {"project_id": "1", "verb": "'created'"},
}
UUID: Final = "'00000000-0000-4000-8000-00000000abcd'"
EARLIER: Final = "CURRENT_TIMESTAMP - interval '1 second'"
NOW: Final = "CURRENT_TIMESTAMP"
CLOSED: Final = {"deleted_at": NOW}


def insert(table: str, **values: str) -> str:
    """Compose the INSERT of a row that has `values` beside what it needs."""
    row = MINIMUM[table] | values
    overriding = " OVERRIDING SYSTEM VALUE" if "id" in row else ""
    return f"INSERT INTO public.{table} ({', '.join(row)}){overriding} VALUES ({', '.join(row.values())});"


def case(table: str, rule: str, refused: dict[str, str], accepted: dict[str, str]) -> Case:
    """Compose the case of two rows that differ in what the rule is about."""
    return Case(table, rule, insert(table, **refused), insert(table, **accepted))


def twice(table: str, rule: str, first: dict[str, str], refused: dict[str, str], accepted: dict[str, str]) -> Case:
    """Compose the case of a row beside which the second is refused, and the third is not."""
    before = insert(table, **first)
    return Case(table, rule, before + insert(table, **refused), before + insert(table, **accepted))


def keys(table: str, **other: str) -> list[Case]:
    """Compose the cases of a table's two keys; the second row has `other`, so that nothing else is unique."""
    same_uuid = {"external_id": UUID}
    return [
        twice(table, f"{table}_pkey", {"id": "501"}, other | {"id": "501"}, other | {"id": "502"}),
        twice(table, f"{table}_external_id_key", same_uuid, other | same_uuid, other),
    ]


def json_object(table: str, column: str) -> Case:
    """Compose the case of a column that holds a JSON object."""
    return case(table, f"{table}_{column}_check", {column: "'[1]'"}, {column: """'{"a": [1]}'"""})


def not_negative(table: str, column: str) -> Case:
    """Compose the case of a column that counts."""
    return case(table, f"{table}_{column}_check", {column: "-1"}, {column: "0"})


def members(table: str, column: str, values: str) -> list[Case]:
    """Compose the cases of a closed set: each member passes, another word does not."""
    rule = f"{table}_{column}_check"
    return [case(table, rule, {column: "'unknown'"}, {column: f"'{value}'"}) for value in values.split()]


def reference(table: str, column: str) -> Case:
    """Compose the case of a foreign key: row 1 of the other table is there, row 0 is not."""
    return case(table, f"{table}_{column}_fkey", {column: "0"}, {column: "1"})


def deleted_at(table: str) -> Case:
    """Compose the case of a soft delete, which cannot come before the row."""
    return case(table, f"{table}_deleted_at_check", {"deleted_at": EARLIER}, {"deleted_at": NOW})
