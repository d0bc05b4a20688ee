"""`swe-db seed`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from swe_db.cli import options

if TYPE_CHECKING:
    from swe_db.migrations import SeedReport

__all__ = ["command", "print_report"]


@click.command("seed")
@options.target_options
@options.seeds_option
@options.lock_timeout_option
@options.json_option
@options.debug_option
def command(target: options.Target, seeds: tuple[Path, ...], *, lock_timeout: float, as_json: bool) -> None:
    """Apply the seeds, in one transaction; doing so again changes nothing."""
    from swe_db.migrations import seed  # noqa: PLC0415 - imports psycopg

    report = seed(target.postgres_url, directories=seeds, lock_timeout=lock_timeout, on_step=options.print_step)
    if as_json:
        options.print_json(report)
    else:
        print_report(report)


def print_report(report: SeedReport) -> None:
    """Print which seeds were applied."""
    for file in report.applied:
        click.echo(f"applied {file.name} ({file.milliseconds} ms)")
    click.echo(f"{len(report.applied)} seeds applied")
