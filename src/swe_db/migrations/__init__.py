"""Migrations and seeds: reading the files, planning, applying, verifying.

The names below load what they need when they are first used: what content a database would have is asked at every
start, when there is no time to import a driver.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from swe_db.lazy import loader

if TYPE_CHECKING:
    from swe_db.migrations.databases import create_database
    from swe_db.migrations.drift import Difference
    from swe_db.migrations.files import content_key, read_seeds, seed_sets
    from swe_db.migrations.marker import is_marked, mark, require_destroyable
    from swe_db.migrations.planning import Plan
    from swe_db.migrations.report import AppliedFile, MigrationReport, OnStep, SeedReport, Step
    from swe_db.migrations.runner import migrate, plan
    from swe_db.migrations.seeds import seed
    from swe_db.migrations.state import MigrationStatus, status
    from swe_db.migrations.verification import VerificationReport, verify

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
    "is_marked",
    "mark",
    "migrate",
    "plan",
    "read_seeds",
    "require_destroyable",
    "seed",
    "seed_sets",
    "status",
    "verify",
]

HOMES: Final = {
    "databases": ("create_database",),
    "drift": ("Difference",),
    "files": ("content_key", "read_seeds", "seed_sets"),
    "marker": ("is_marked", "mark", "require_destroyable"),
    "planning": ("Plan",),
    "report": ("AppliedFile", "MigrationReport", "OnStep", "SeedReport", "Step"),
    "runner": ("migrate", "plan"),
    "seeds": ("seed",),
    "state": ("MigrationStatus", "status"),
    "verification": ("VerificationReport", "verify"),
}


if not TYPE_CHECKING:  # so that type checkers refuse a name that is not there
    __getattr__ = loader(__name__, HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
