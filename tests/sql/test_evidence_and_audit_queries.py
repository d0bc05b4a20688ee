"""The questions that applications ask of evidence, audit trail and feed, each answered from an index."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg import Connection

from support.sql import apply_migrations, become, insert_base_rows, run_sql

TABLES: Final = ("evidence", "evidence_credibility_history", "evidence_chains", "audit_logs", "activity_feed")
NEWEST: Final = "ORDER BY created_at DESC LIMIT 20"

# What applications ask, and the index that answers.
QUERIES: Final = [
    ("evidence_project_id_idx", f"evidence WHERE project_id = 1 {NEWEST}"),
    ("evidence_task_id_idx", "evidence WHERE task_id = 1 ORDER BY credibility_score DESC"),
    ("evidence_agent_execution_id_idx", "evidence WHERE agent_execution_id = 1"),
    ("evidence_verified_by_user_id_idx", "evidence WHERE verified_by_user_id = 1"),
    ("evidence_verified_by_agent_id_idx", "evidence WHERE verified_by_agent_id = 1"),
    ("evidence_collected_by_user_id_idx", "evidence WHERE collected_by_user_id = 1"),
    ("evidence_collected_by_agent_id_idx", "evidence WHERE collected_by_agent_id = 1"),
    ("evidence_source_type_idx", "evidence WHERE source_type = 'metric' ORDER BY credibility_score DESC LIMIT 20"),
    (
        "evidence_unverified_by_source_type_idx",
        "evidence WHERE verification_status = 'unverified' AND source_type = 'metric' ORDER BY collected_at LIMIT 20",
    ),
    ("evidence_content_sha256_idx", "evidence WHERE content_sha256 = repeat('0', 64)"),
    ("evidence_tags_idx", "evidence WHERE tags @> ARRAY['tag-7']"),
    ("evidence_metadata_idx", """evidence WHERE metadata @> '{"run": 7}'"""),
    ("evidence_credibility_history_evidence_id_idx", f"evidence_credibility_history WHERE evidence_id = 7 {NEWEST}"),
    ("evidence_chains_edge_key", "evidence_chains WHERE from_evidence_id = 8"),
    ("evidence_chains_to_evidence_id_idx", "evidence_chains WHERE to_evidence_id = 9 AND relation = 'supports'"),
    ("evidence_chains_created_by_user_id_idx", "evidence_chains WHERE created_by_user_id = 1"),
    ("evidence_chains_created_by_agent_id_idx", "evidence_chains WHERE created_by_agent_id = 1"),
    ("audit_logs_created_at_idx", "audit_logs ORDER BY created_at DESC, id DESC LIMIT 50"),
    ("audit_logs_resource_idx", f"audit_logs WHERE resource_type = 'task' AND resource_id = '7' {NEWEST}"),
    ("audit_logs_event_type_idx", f"audit_logs WHERE event_type = 'data.exported' {NEWEST}"),
    ("audit_logs_actor_user_id_idx", f"audit_logs WHERE actor_user_id = 8 {NEWEST}"),
    ("audit_logs_actor_agent_id_idx", f"audit_logs WHERE actor_agent_id = 7 {NEWEST}"),
    ("audit_logs_project_id_idx", f"audit_logs WHERE project_id = 7 {NEWEST}"),
    ("audit_logs_request_id_idx", "audit_logs WHERE request_id = 'request-8'"),
    ("audit_logs_failures_idx", f"audit_logs WHERE outcome <> 'success' {NEWEST}"),
    ("activity_feed_project_id_idx", f"activity_feed WHERE project_id = 7 {NEWEST}"),
    ("activity_feed_task_id_idx", f"activity_feed WHERE task_id = 1 {NEWEST}"),
    ("activity_feed_actor_user_id_idx", f"activity_feed WHERE actor_user_id = 1 {NEWEST}"),
    ("activity_feed_actor_agent_id_idx", f"activity_feed WHERE actor_agent_id = 1 {NEWEST}"),
    ("activity_feed_object_idx", f"activity_feed WHERE object_type = 'task' AND object_id = '7' {NEWEST}"),
    ("activity_feed_public_idx", f"activity_feed WHERE visibility = 'public' {NEWEST}"),
]


@pytest.fixture(scope="module")
def filled_url(module_url: str) -> str:
    """A database with thousands of rows, and statistics about them."""
    apply_migrations(module_url)
    with psycopg.connect(module_url) as connection:
        insert_base_rows(connection)
        run_sql(connection, Path(__file__).with_name("filling_evidence_and_audit.sql").read_text(encoding="utf-8"))
        run_sql(connection, "ANALYZE")
    return module_url


def plan(connection: Connection[Any], query: str) -> str:
    """Return how a query is run."""
    return "\n".join(row[0] for row in connection.execute(f"EXPLAIN SELECT * FROM public.{query}"))


def in_default(connection: Connection[Any], index: str) -> str:
    """Return the name that an index of audit_logs has in the partition DEFAULT; that of any other as it is."""
    row = connection.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", [f"public.{index}"]
    ).fetchone()
    return index if row is None else str(row[0])


def cost(connection: Connection[Any], query: str) -> float:
    """Return what the planner thinks that a query costs."""
    row = connection.execute(f"EXPLAIN (FORMAT JSON) SELECT * FROM public.{query}").fetchone()
    assert row is not None
    return float(row[0][0]["Plan"]["Total Cost"])


@pytest.mark.parametrize(("index", "query"), QUERIES)
def test_an_index_answers(filled_url: str, index: str, query: str) -> None:
    """The index that was made for a question answers it, at half of what reading the table costs or less."""
    with psycopg.connect(filled_url) as connection:
        assert f" {in_default(connection, index)} " in plan(connection, query)
        assert cost(connection, query) <= cost(connection, query.split(maxsplit=1)[0]) / 2


def test_a_user_finds_its_own_events_by_an_index(filled_url: str) -> None:
    """The policy that hides the events of others is answered from the index as well."""
    with psycopg.connect(filled_url) as connection:
        index = in_default(connection, "audit_logs_actor_user_id_idx")
        become(connection, "swe_user", 8)
        assert f" {index} " in plan(connection, f"audit_logs {NEWEST}")


def test_every_index_answers_something(connection: Connection[Any]) -> None:
    """No index is there for nothing: it is a key, or one of the queries needs it."""
    indexes = connection.execute(
        "SELECT indexrelid::regclass::text FROM pg_catalog.pg_index WHERE indrelid = ANY (%s::regclass[])",
        [[f"public.{table}" for table in TABLES]],
    )
    keys = {f"{table}_{key}" for table in TABLES for key in ("pkey", "external_id_key")}
    assert {row[0] for row in indexes} == keys | {index for index, _ in QUERIES}
