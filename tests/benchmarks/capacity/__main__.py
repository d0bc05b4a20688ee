"""The capacity that is stated, shown: the data set, what loading it takes beside psql, and how 25 queries are answered.

`python tests/benchmarks/capacity [--scale S] [--jobs N] [--directory DIR] [--keep] [--quick]`. Needs the binaries of
PostgreSQL 15 and, for the scale capacity, 60 GB of disk. Writes `results.md` beside this file after each part, so that
a part that fails leaves those before it; `python tests/support/readme.py` takes it over into docs/queries.md. Nothing
here fails because of a time. Ends with 1 if a part failed.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final, TypeVar

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.capacity.asking import Asked, asked
from benchmarks.capacity.floor import Exported, exported, floor
from benchmarks.capacity.loading import Loaded, generated
from benchmarks.capacity.questions import questions
from benchmarks.capacity.report import floor_table, load_table, question_table
from benchmarks.capacity.serving import Served, served

RESULTS: Final = Path(__file__).parent / "results.md"
# Each scale and the one with a tenth of its rows.
SCALES: Final = {"small": None, "team": "small", "company": "team", "capacity": "company"}

# Settings that tell nobody anything.
PLACE: Final = ("port", "unix_socket_directories", "listen_addresses")

Result = TypeVar("Result")


class Report:
    """What is written, part by part."""

    def __init__(self, head: str) -> None:
        self.parts = [head]
        self.failed = False

    def attempt(self, what: str, part: Callable[[], Result]) -> Result | None:
        """Do a part, and report it if it fails."""
        _say(f"{what} ...")
        try:
            return part()
        except Exception as error:  # noqa: BLE001 - the other parts are wanted whatever it is
            traceback.print_exc()
            self.failed = True
            self.add(f"**{what} failed:** {type(error).__name__}: {str(error).strip()[:500]}")
            return None

    def add(self, text: str) -> None:
        """Add a part and write all of them."""
        self.parts.append(text)
        RESULTS.write_text("\n\n".join(self.parts) + "\n", encoding="utf-8")
        _say(text)


def main() -> int:
    """Measure, and write the tables."""
    options = _options()
    with served(options.directory, keep=options.keep) as server:
        machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, PostgreSQL {server.version}"
        extent = ", `--quick`" if options.quick else ""
        settings = [line for line in server.settings.splitlines() if not line.startswith(PLACE)]
        report = Report(
            f"Measured on {machine}, scale `{options.scale}`{extent}. Postgres is as it comes, durable, but for "
            f"{', '.join(f'`{line}`' for line in settings)}."
        )
        loaded = _load(server, report, options)
        if loaded is not None:
            report.attempt("Measuring the floor", lambda: _measure_floor(server, report, options, loaded))
            report.attempt("Asking", lambda: _ask(server, report, options))
        if options.keep:
            _say(f"Kept: {server.data}, to be started with pg_ctl; then {server.url('full')}")
    return int(report.failed)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python tests/benchmarks/capacity", description=__doc__)
    parser.add_argument("--scale", choices=SCALES, default="capacity", help="how many rows (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="of swe-db generate (default: %(default)s)")
    parser.add_argument(
        "--directory", type=Path, default=Path(tempfile.gettempdir()), help="where all data go (default: %(default)s)"
    )
    parser.add_argument("--keep", action="store_true", help="leave the server's directory, with its databases")
    parser.add_argument("--quick", action="store_true", help="fewer executions, and the floor with one session only")
    return parser.parse_args()


def _load(server: Served, report: Report, options: argparse.Namespace) -> Loaded | None:
    loaded = report.attempt("Loading", lambda: generated(server, "full", options.scale, options.jobs))
    if loaded is not None:
        report.add(load_table(options.scale, options.jobs, loaded))
    return loaded


def _measure_floor(server: Served, report: Report, options: argparse.Namespace, loaded: Loaded) -> None:
    directory = Path(tempfile.mkdtemp(prefix="swe-db-exported-", dir=options.directory))
    try:
        rows = report.attempt("Exporting", lambda: exported(server, "full", directory))
        if rows is not None:
            _compare(server, report, options, loaded, rows)
    finally:
        shutil.rmtree(directory)


def _compare(server: Served, report: Report, options: argparse.Namespace, loaded: Loaded, rows: Exported) -> None:
    floors = []
    for sessions in (1,) if options.quick or options.jobs == 1 else (1, options.jobs):
        found = report.attempt(f"The floor, {sessions}", lambda n=sessions: floor(server, "floor", rows, n))  # type: ignore[misc]
        floors += [found] if found is not None else []
    report.add(floor_table(loaded, rows, floors, options.jobs))


def _ask(server: Served, report: Report, options: argparse.Namespace) -> None:
    scale = SCALES[options.scale]
    small = scale and report.attempt("Loading a tenth", lambda: generated(server, "tenth", scale, options.jobs))
    answers: list[Asked] = []
    failures: dict[str, str] = {}
    with ExitStack() as stack:
        full = stack.enter_context(server.connect("full"))
        tenth = stack.enter_context(server.connect("tenth")) if small else None
        for connection in (full, tenth):
            if connection is not None:
                report.attempt("Vacuuming", lambda each=connection: each.execute("VACUUM ANALYZE"))  # type: ignore[misc]
        for question in questions():
            try:
                answers.append(asked(question, full, tenth, 50 if options.quick else 300))
            except Exception as error:  # noqa: BLE001 - the others are wanted whatever it is
                failures[question.name] = " ".join(str(error).split())[:200]
    report.failed = report.failed or bool(failures)
    report.add(question_table(answers, failures, (options.scale, scale if small else None)))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
