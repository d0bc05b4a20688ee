"""The script with which psql loads the CSV files of a data set."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from swe_db.generate.values.calendar import DAY, START

__all__ = ["load_script"]


def load_script(manifest: Mapping[str, Any]) -> str:
    """Return the script: partitions of audit_logs for all months, the files in their order, sequences."""
    first = dt.date(1970, 1, 1) + dt.timedelta(days=START // DAY)
    last = dt.date.fromisoformat(manifest["as_of"])
    copies: list[str] = []
    sequences: list[str] = []
    for table, facts in manifest["tables"].items():
        # What is copied without a list of columns is all that is not generated, as in the files; MATCH makes sure.
        copies.extend(
            f"\\copy public.{table} FROM '{file['path']}' WITH (FORMAT csv, HEADER match)" for file in facts["files"]
        )
        if facts["rows"]:
            sequences.append(f"SELECT setval(pg_get_serial_sequence('public.{table}', 'id'), {facts['rows']});")
    template = (files("swe_db.generate.files") / "load.sql").read_text(encoding="utf-8")
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    return template.format(
        first=first.replace(day=1), months=months, copies="\n".join(copies), sequences="\n".join(sequences)
    )
