"""How far a long work has come, on stderr: a bar on a terminal, else a line every few seconds."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from swe_db.cli import options

if TYPE_CHECKING:
    from swe_db.generate.run import OnProgress, Progress

__all__ = ["shown_progress"]

PERIOD: Final = 5.0  # seconds between two lines


@contextlib.contextmanager
def shown_progress() -> Iterator[OnProgress]:
    """Give what shows progress until the end of the block."""
    if sys.stderr.isatty():
        with _bars() as show:
            yield show
    else:
        yield _Lines().show


class _Lines:
    """Lines for a log."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._doing, self._since, self._first = "", 0.0, 0

    def show(self, progress: Progress) -> None:
        """Print a note at once, and a line if the last is some time ago."""
        now = time.monotonic()
        if progress.note:
            options.print_note(progress.note)
            return
        if progress.doing != self._doing:
            self._doing, self._since, self._first = progress.doing, now, progress.done
        if now - self._last >= PERIOD and progress.total:
            self._last = now
            click.echo(_line(progress, now - self._since, progress.done - self._first), err=True)


def _line(progress: Progress, seconds: float, done: int) -> str:
    """Return a line, given what was done in so many seconds."""
    share = 100 * progress.done // progress.total
    line = f"{progress.doing}: {progress.done:,} of {progress.total:,} {progress.unit} ({share} %)"
    if not done or not seconds:
        return line
    speed = done / seconds
    left = (progress.total - progress.done) / speed
    return f"{line}, {speed:,.0f} {progress.unit}/s, {_duration(left)} left"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


@contextlib.contextmanager
def _bars() -> Iterator[OnProgress]:
    """Give what shows a bar for each thing that is done."""
    from rich.console import Console  # noqa: PLC0415 - 40 ms, for terminals only
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415
    from rich.progress import Progress as Bars  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    bars = Bars(
        TextColumn("{task.description:<10}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[amount]}"),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        console=Console(stderr=True, no_color=options.colours() is False),
    )
    begun: dict[str, Any] = {}

    def show(progress: Progress) -> None:
        if progress.note:
            bars.console.print(Text.assemble(("note", "yellow"), f": {progress.note}"))
        if not progress.total:
            return
        if progress.doing not in begun:
            begun[progress.doing] = bars.add_task(progress.doing, total=progress.total, amount="")
        number = begun[progress.doing]
        speed = next(task.finished_speed or task.speed for task in bars.tasks if task.id == number)
        amount = f"{progress.done:,} {progress.unit}" + (f", {speed:,.0f}/s" if speed else "")
        bars.update(number, completed=progress.done, total=progress.total, amount=amount)

    with bars:
        yield show
