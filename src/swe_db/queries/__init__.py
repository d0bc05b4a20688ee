"""What SQL a test ran, and what the application under test: counts, budgets, repeated statements, use of an index."""

from __future__ import annotations

from swe_db.queries.recorded import Queries, recorded
from swe_db.queries.statement import Group, Source, Statement

__all__ = ["Group", "Queries", "Source", "Statement", "recorded"]
