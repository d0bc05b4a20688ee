"""`swe-db migrate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from swe_db.cli import options

if TYPE_CHECKING:
    from swe_db.migrations import MigrationReport

__all__ = ["command", "print_report"]


@click.command("migrate")
@options.target_options
@options.migrations_option
@click.option("--dry-run", is_flag=True, help="Apply what is pending in one transaction and roll it back.")
@click.option("--allow-out-of-order", is_flag=True, help="Apply a file although a later one has been applied.")
@click.option("--allow-gaps", is_flag=True, help="Accept that a number is left out.")
@options.lock_timeout_option
@options.json_option
@options.debug_option
def command(  # noqa: PLR0913 - one for each option
    target: options.Target,
    migrations: tuple[Path, ...],
    *,
    dry_run: bool,
    allow_out_of_order: bool,
    allow_gaps: bool,
    lock_timeout: float,
    as_json: bool,
) -> None:
    """Bring a database to the state of the migration files."""
    from swe_db.migrations import migrate  # noqa: PLC0415 - imports psycopg

    report = migrate(
        target.postgres_url,
        directories=migrations,
        dry_run=dry_run,
        allow_out_of_order=allow_out_of_order,
        allow_gaps=allow_gaps,
        lock_timeout=lock_timeout,
        on_step=options.print_step,
    )
    if as_json:
        options.print_json(report)
    else:
        print_report(report)


def print_report(report: MigrationReport) -> None:
    """Print what a migration did."""
    verb = "could apply" if report.dry_run else "applied"
    for file in report.applied:
        click.echo(f"{verb} {file.name} ({file.milliseconds} ms)")
    for name in report.not_tried:
        click.echo(f"not tried {name}: it runs outside a transaction, which a dry run cannot undo")
    click.echo(f"{len(report.applied)} {verb}, {len(report.already_applied)} had been before")
