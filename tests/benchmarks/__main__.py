"""What swe-db costs, beside other ways, measured in one run: `python tests/benchmarks [--quick]`.

Writes `results.md` beside this file; `python tests/support/readme.py` takes it over into the docs. Nothing here fails
because of a time. The services on Redis have their own, `python tests/benchmarks/redis`, and so has the stated
capacity, `python tests/benchmarks/capacity`.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.figures import Figure, Scale, growth, per_process, per_test, servers

RESULTS: Final = Path(__file__).parent / "results.md"
WAYS: Final = ("swe-db", "rollback", "clone", "pytest-postgresql")
# What is measured, its goal in ms, and the unit of the row in ms.
GOALS: Final = {
    "commit": ("set-up plus tear-down of a test that commits two rows in two tables", 1.2),
    "read": ("the same for a test that only reads", 0.3),
    "first": ("first test of a session, local backend, warm cache, beyond plain pytest: until it begins", 250.0),
    "one": ("the same until the process has ended", None),
    "off": ("plugin installed but off, per pytest run", 5.0),
    "many": ("200 tests that commit, whole process, beyond 200 empty tests", 800.0),
}
NOTES: Final = """\
Medians, with the quartiles in brackets, all from one run on one machine; the processes that are compared take turns.
The factor is that of swe-db's median. `rollback` is a plain psycopg fixture that rolls back one kept connection (its
tests cannot really commit), `clone` one that makes and drops a clone of a template for each test, and
pytest-postgresql does the same; these three find a server that runs already, with its files in memory and fsync off, so
that their whole processes leave out its start, and migrations and seeds are applied for pytest-postgresql only."""


def main() -> None:
    """Measure, and write the tables."""
    parser = argparse.ArgumentParser(prog="python tests/benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and smaller runs: less than two minutes")
    quick = parser.parse_args().quick
    scale = Scale.quick() if quick else Scale()
    with servers() as found:
        figures = per_test(scale, found)
        _say("per test: done")
        figures |= per_process(scale, found)
        _say("whole processes: done")
        grown = growth(scale, found)
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, PostgreSQL {found.version}"
    extent = ", `--quick`" if quick else ""
    text = "\n\n".join([f"Measured on {machine}{extent}.", _table(figures), NOTES, _growth_table(grown)])
    RESULTS.write_text(text + "\n", encoding="utf-8")
    _say(text)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _table(figures: dict[str, dict[str, Figure]]) -> str:
    lines = [f"| ms | goal | {' | '.join(WAYS)} |", f"|---|---|{'---|' * len(WAYS)}"]
    for key, (what, goal) in GOALS.items():
        ours = figures[key]["swe-db"]
        cells = [_cell(figures[key].get(way), ours if way != "swe-db" else None) for way in WAYS]
        lines.append(f"| {what} | {'' if goal is None else f'≤ {goal:g}'} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(figure: Figure | None, ours: Figure | None = None) -> str:
    if figure is None:
        return ""
    factor = f" = {figure.median / ours.median:.2g} x" if ours is not None and ours.median > 0 else ""
    return f"{_ms(figure.median)} [{_ms(figure.low)} to {_ms(figure.high)}]{factor}"


def _ms(seconds: float) -> str:
    milliseconds = seconds * 1000
    return f"{milliseconds:.2f}" if abs(milliseconds) < 10 else f"{milliseconds:,.0f}"


def _growth_table(rows: list[tuple[str, int, Figure, Figure, float]]) -> str:
    lines = ["How swe-db's cost grows:", "", "| | | commits | reads | process to first test |", "|---|---|---|---|---|"]
    lines += [
        f"| {what} | {size:,} | {_cell(commit)} | {_cell(read)} | {_ms(first)} |"
        for what, size, commit, read, first in rows
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
