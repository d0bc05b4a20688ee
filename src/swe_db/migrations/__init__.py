"""Migrations and seeds: reading the files, planning, applying, verifying."""

from __future__ import annotations

from swe_db.migrations.files import content_key
from swe_db.migrations.plan import Plan
from swe_db.migrations.report import AppliedFile, MigrationReport, OnStep, SeedReport, Step
from swe_db.migrations.runner import migrate, plan
from swe_db.migrations.seeds import seed

__all__ = [
    "AppliedFile",
    "MigrationReport",
    "OnStep",
    "Plan",
    "SeedReport",
    "Step",
    "content_key",
    "migrate",
    "plan",
    "seed",
]
