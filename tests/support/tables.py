"""Tables that tests measure, shown after the run; those of a worker of xdist reach its controller with the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import pytest

PROPERTY: Final = "table:"


@pytest.fixture
def show_row(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Adds a row to the table of this title: `show_row(title, column=cell, ...)`."""

    def show(title: str, **cells: object) -> None:
        record_property(f"{PROPERTY}{title}", {name: str(cell) for name, cell in cells.items()})

    return show


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the tables."""
    tables: dict[str, list[dict[str, str]]] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, row in getattr(report, "user_properties", ()) if getattr(report, "when", "") == "call" else ():
                if name.startswith(PROPERTY):
                    tables.setdefault(name.removeprefix(PROPERTY), []).append(row)
    for title, rows in tables.items():
        terminalreporter.section(title)
        header = list(rows[0])
        for line in _aligned([header, *([row.get(name, "") for name in header] for row in rows)]):
            terminalreporter.write_line(line)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
