"""Entries of the migration runner."""

from __future__ import annotations

from swe_db.factories.base import BEGIN, RowFactory
from swe_db.factories.content import chosen
from swe_db.factories.declarations import value
from swe_db.factories.rows import SchemaMigration

__all__ = ["SchemaMigrationFactory"]

NAMES = ("add_orders", "index_events", "split_settings", "drop_old_columns", "backfill_totals")


class SchemaMigrationFactory(RowFactory[SchemaMigration]):
    """Makes entries of migrations that were applied, if nothing else is said; no file has so high a number."""

    class Meta:
        model = SchemaMigration
        traits = (("running", "failed"), ("non_transactional",))

    version = value(lambda row, draw: draw.unique)
    name = value(lambda row, draw: draw.choice(NAMES))
    checksum = value(lambda row, draw: draw.hex(64))
    status = value(lambda row, draw: chosen(row, "running", "failed", otherwise="applied"))
    transactional = value(lambda row, draw: row.status == "applied" and not row.non_transactional)
    applied_at = value(lambda row, draw: draw.after(BEGIN, 0, 24 * 60))
    applied_by = value(lambda row, draw: draw.choice(("deploy", "postgres")))
    execution_ms = value(lambda row, draw: 0 if row.status == "running" else draw.integer(3, 40_000))
    runner_version = value(lambda row, draw: f"0.{draw.integer(1, 9)}.0")
    error = value(lambda row, draw: 'relation "events" does not exist' if row.status == "failed" else None)
