"""`swe-db reset`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from swe_db.cli import migrate as migrate_command
from swe_db.cli import options
from swe_db.cli import seed as seed_command
from swe_db.cli.site import force_option, site_options, telling, yes_destroy_redis_option

if TYPE_CHECKING:
    from swe_db.environment.resetting import ResetReport
    from swe_db.environment.site import Site

__all__ = ["command"]


@click.command("reset")
@site_options
@options.migrations_option
@options.seeds_option
@click.option("--no-seed", is_flag=True, help="Migrate only, so that all tables are empty.")
@force_option
@options.yes_destroy_option
@yes_destroy_redis_option
@options.json_option
@options.debug_option
def command(  # noqa: PLR0913 - one for each option
    site: Site,
    *,
    migrations: tuple[Path, ...],
    seeds: tuple[Path, ...],
    no_seed: bool,
    force: bool,
    yes_destroy: str | None,
    yes_destroy_redis: str | None,
    as_json: bool,
) -> None:
    """Make the database anew: migrated and seeded, nothing else in it, and no keys in its Redis.

    What it holds now is lost, but stays as it is until the new one is ready. Snapshots stay.
    """
    from swe_db.environment.resetting import reset_database  # noqa: PLC0415 - imports psycopg

    report = reset_database(
        site,
        telling(),
        migrations=migrations,
        seeds=seeds,
        seed=not no_seed,
        force=force,
        yes_destroy=yes_destroy,
        yes_destroy_redis=yes_destroy_redis,
        on_step=options.print_step,
    )
    if as_json:
        options.print_json(report)
    else:
        _print(report)


def _print(report: ResetReport) -> None:
    click.echo(f"made {report.database} anew")
    migrate_command.print_report(report.migrations)
    if report.seeds is not None:
        seed_command.print_report(report.seeds)
    if report.redis_emptied:
        click.echo("removed all keys of Redis")
