"""Migrations and seeds: reading the files, planning, applying, verifying."""

from __future__ import annotations

from swe_db.migrations.databases import create_database
from swe_db.migrations.drift import Difference
from swe_db.migrations.files import content_key, read_seeds, seed_sets
from swe_db.migrations.plan import Plan
from swe_db.migrations.report import AppliedFile, MigrationReport, OnStep, SeedReport, Step
from swe_db.migrations.runner import migrate, plan
from swe_db.migrations.seeds import seed
from swe_db.migrations.status import MigrationStatus, status
from swe_db.migrations.verify import VerificationReport, verify

__all__ = [
    "AppliedFile",
    "Difference",
    "MigrationReport",
    "MigrationStatus",
    "OnStep",
    "Plan",
    "SeedReport",
    "Step",
    "VerificationReport",
    "content_key",
    "create_database",
    "migrate",
    "plan",
    "read_seeds",
    "seed",
    "seed_sets",
    "status",
    "verify",
]
