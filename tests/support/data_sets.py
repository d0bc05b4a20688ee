"""Data sets that are made as a whole, in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from swe_db.generate.parts import Part, make, parts_of, take_census
from swe_db.generate.plan import Plan
from swe_db.generate.tables.census import Census


class DataSet:
    """A data set that is made as a whole, in memory.

    Args:
        plan: Which.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.census: Census = take_census(plan)
        self.parts: tuple[Part, ...] = parts_of(plan)
        self.tables: Mapping[str, Any] = joined(make(plan, self.census, part) for part in self.parts)


def joined(made: Any) -> dict[str, Any]:
    """Return the tables of several parts as one each."""
    pieces: dict[str, list[Any]] = {}
    for tables in made:
        for name, table in tables.items():
            pieces.setdefault(name, []).append(table)
    return {name: pa.concat_tables(found).sort_by("id") for name, found in pieces.items()}
