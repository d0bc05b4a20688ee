"""A scale that is loaded as large ones are: from several processes, with the indexes built afterwards."""

from __future__ import annotations

from swe_db.generate.load.loading import generate
from swe_db.generate.plan import SCALES, Plan
from swe_db.migrations import verify


def test_a_company_is_loaded(target: str) -> None:
    """1.8 million rows are there as planned, the events of a sample fold to their tasks, the schema is as before."""
    report = generate(target, Plan.of("company"), jobs=2)
    assert report.finished
    assert {table: report.rows[table] for table in SCALES["company"]} == SCALES["company"]
    assert verify(target).ok
