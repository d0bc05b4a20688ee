"""Loading a data set into an empty database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from support.loads import Steps, catalogue, content
from support.migrations import rows
from swe_db.generate.load.loading import generate
from swe_db.generate.load.prepare import Indexes
from swe_db.generate.parts import TABLES
from swe_db.generate.plan import Plan
from swe_db.migrations import verify

MONTHS = [f"audit_logs_{year}_{month:02}" for year in (2025, 2026) for month in range(1, 13)][:19]
COMMENTS = """
COMMENT ON INDEX tasks_labels_idx IS 'kept';
COMMENT ON CONSTRAINT tasks_external_id_key ON tasks IS 'kept';
COMMENT ON CONSTRAINT tasks_project_id_fkey ON tasks IS 'kept';
"""
PARTITIONS = "SELECT relid::text FROM pg_partition_tree('public.audit_logs') WHERE isleaf ORDER BY 1"


@pytest.mark.parametrize("indexes", ["keep", "rebuild"])
def test_the_database_holds_what_was_planned(target: str, small_content: Mapping[str, Any], indexes: Indexes) -> None:
    """Rows are the same whether indexes stay or not; ids go on after them; the schema is as before."""
    rows(target, "SELECT swe_create_audit_partitions('2025-01-01', 19)")
    rows(target, COMMENTS)
    before, steps = catalogue(target), Steps()
    jobs = 2 if indexes == "rebuild" else 1
    report = generate(target, Plan.of("small"), jobs=jobs, indexes=indexes, on_progress=steps)
    assert report.finished
    assert report.missing == {}
    assert content(target) == small_content
    assert report.rows == {table: count for table, (count, _) in small_content.items()}
    assert report.loaded == sum(report.rows.values()) - 20
    assert {told.total for told in steps.told if told.doing == "loading"} == {report.loaded}
    assert catalogue(target) == before
    assert [name for (name,) in rows(target, PARTITIONS)] == [*MONTHS, "audit_logs_default"]
    assert rows(target, "SELECT count(*) FROM audit_logs_default") == [(0,)]
    following = {table: rows(target, f"SELECT nextval(pg_get_serial_sequence('{table}', 'id'))") for table in TABLES}
    assert following == {table: [(count + 1,)] for table, count in report.rows.items()}
    assert {f"{found.change} {found.kind}" for found in verify(target).drift} == {"extra comment"}
    assert ("indexing" in steps.doing) == (indexes == "rebuild")
    assert rows(target, "SELECT phase FROM swe_load.run") == [("finished",)]
