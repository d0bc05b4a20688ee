"""`swe-db restore`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from swe_db.cli import options
from swe_db.cli import verify as verify_command
from swe_db.cli.site import counted_keys, force_option, site_options, telling, yes_destroy_redis_option

if TYPE_CHECKING:
    from swe_db.environment.restoring import RestoreReport
    from swe_db.environment.site import Site

__all__ = ["command"]


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path))
@site_options
@click.option(
    "--database",
    metavar="NAME",
    help="Restore into this database of the server, which is made if there is none. Redis is left alone then.",
)
@options.migrations_option
@force_option
@options.yes_destroy_option
@yes_destroy_redis_option
@options.json_option
@options.debug_option
def command(  # noqa: PLR0913 - one for each option
    site: Site,
    file: Path,
    *,
    database: str | None,
    migrations: tuple[Path, ...],
    force: bool,
    yes_destroy: str | None,
    yes_destroy_redis: str | None,
    as_json: bool,
) -> None:
    """Put what FILE, made by `swe-db backup`, holds in the place of the database and of the keys of Redis.

    The file is checked before anything is touched. What the database holds now is lost, but stays as it is until the
    other one is ready and was compared with what the backup says of it. A backup is a program that runs on the server:
    restore only one that you trust.
    """
    from swe_db.environment.restoring import restore_backup  # noqa: PLC0415 - imports psycopg

    report = restore_backup(
        site if database is None else site.with_database(database),
        file,
        telling(),
        migrations=migrations,
        force=force,
        yes_destroy=yes_destroy,
        yes_destroy_redis=yes_destroy_redis,
    )
    if as_json:
        options.print_json(_as_object(report))
    else:
        _print(report)


def _as_object(report: RestoreReport) -> dict[str, object]:
    manifest = report.manifest
    return {
        "database": report.database,
        "made": manifest.made.isoformat(),
        "made_of": manifest.database,
        "migration": manifest.migration,
        "roles_made": report.roles,
        "redis_keys": report.redis_keys,
        "verification": {"ok": report.verification.ok} | dataclasses.asdict(report.verification),
    }


def _print(report: RestoreReport) -> None:
    manifest = report.manifest
    click.echo(
        f"restored {report.database}: it is what {manifest.database} was at {manifest.made:%Y-%m-%d %H:%M:%S} UTC"
    )
    if report.roles:
        click.echo(f"made roles that were missing, without a right to log in: {', '.join(report.roles)}")
    if report.redis_keys is not None:
        click.echo(f"put back {counted_keys(report.redis_keys)}")
    verify_command.print_report(report.verification)
    for problem in (*report.verification.problems, *(f"drift: {each}" for each in report.verification.drift)):
        click.echo(f"{click.style('note', fg='yellow')}: as it was when the backup was made: {problem}", err=True)
