"""`swe-db verify`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from swe_db.cli import options

if TYPE_CHECKING:
    from swe_db.migrations import VerificationReport

__all__ = ["as_object", "command", "print_report"]


@click.command("verify")
@options.target_options
@options.migrations_option
@click.option("--allow-out-of-order", is_flag=True, help="Accept a pending file that precedes an applied one.")
@options.json_option
@options.debug_option
def command(target: options.Target, migrations: tuple[Path, ...], *, allow_out_of_order: bool, as_json: bool) -> None:
    """Compare a database with the migration files: checksums, nothing pending, no drift."""
    from swe_db.migrations import verify  # noqa: PLC0415 - imports psycopg

    report = verify(target.postgres_url, directories=migrations, allow_out_of_order=allow_out_of_order)
    if as_json:
        options.print_json(as_object(report))
    else:
        print_report(report)
    report.raise_for_problems()


def as_object(report: VerificationReport) -> dict[str, object]:
    """Return a report as a JSON object, with its verdict."""
    return {"ok": report.ok} | dataclasses.asdict(report)


def print_report(report: VerificationReport) -> None:
    """Print what a verification found, but not what is wrong: that is the error's part."""
    click.echo(f"{report.database}: {report.applied} migrations applied")
    for difference in report.extra:
        if difference.kind not in {"column", "constraint", "comment", "grant", "index"}:
            click.echo(f"no migration makes {difference.kind} {difference.identity}")
    if report.drift_unchecked is not None:
        click.echo(f"{click.style('drift not checked', fg='yellow')}: {report.drift_unchecked}", err=True)
    if report.ok:
        click.echo(click.style("it is what the migrations say", fg="green"))
