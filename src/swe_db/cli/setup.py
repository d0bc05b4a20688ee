"""`swe-db setup`."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from swe_db.cli import migrate as migrate_command
from swe_db.cli import options
from swe_db.cli import seed as seed_command
from swe_db.cli import verify as verify_command

__all__ = ["command", "prepare"]


@click.command("setup")
@options.target_options
@options.migrations_option
@options.seeds_option
@options.lock_timeout_option
@options.json_option
@options.debug_option
def command(
    target: options.Target,
    migrations: tuple[Path, ...],
    seeds: tuple[Path, ...],
    *,
    lock_timeout: float,
    as_json: bool,
) -> None:
    """Create a database if there is none, migrate, seed and verify it. Safe to repeat."""
    report = prepare(
        target.postgres_url,
        migrations,
        seeds,
        lock_timeout=lock_timeout,
        quiet=as_json,
        ours=target.environment is not None,
    )
    if as_json:
        options.print_json(report)


def prepare(  # noqa: PLR0913 - what the two commands let a user decide
    postgres_url: str,
    migrations: Sequence[Path],
    seeds: Sequence[Path],
    *,
    lock_timeout: float,
    quiet: bool,
    ours: bool = False,
) -> dict[str, Any]:
    """Create a database if there is none, migrate, seed and verify it; each step is printed.

    Args:
        postgres_url: The database.
        migrations: Directories of migrations beyond those that swe-db brings.
        seeds: Likewise of seeds.
        lock_timeout: How long to wait for another migrator, in seconds.
        quiet: Whether to print nothing on stdout.
        ours: Whether the server is our own, so that the database is marked as one that swe-db made in any case.

    Returns:
        What was done, as an object for JSON.

    Raises:
        SweDBError: A step failed; what was done before stays.
    """
    from swe_db.migrations import create_database, migrate, seed, verify  # noqa: PLC0415 - imports psycopg

    tell = options.print_step
    created = create_database(postgres_url)
    if ours:
        _mark(postgres_url)
    if not quiet:
        click.echo("created the database" if created else "the database exists")
    migrated = migrate(postgres_url, directories=migrations, lock_timeout=lock_timeout, on_step=tell)
    if not quiet:
        migrate_command.print_report(migrated)
    seeded = seed(postgres_url, directories=seeds, lock_timeout=lock_timeout, on_step=tell)
    if not quiet:
        seed_command.print_report(seeded)
    verified = verify(postgres_url, directories=migrations)
    verdict = verify_command.as_object(verified)
    report = {"created": created, "migrations": migrated, "seeds": seeded, "verification": verdict}
    if not quiet:
        verify_command.print_report(verified)
    elif not verified.ok:
        options.print_json(report)  # the error is for people, this for programs
    verified.raise_for_problems()
    return report


def _mark(postgres_url: str) -> None:
    """Mark a database, which a command that was killed may have made without doing so."""
    from swe_db.migrations import mark  # noqa: PLC0415 - imports psycopg
    from swe_db.migrations.connections import connect  # noqa: PLC0415

    with contextlib.closing(connect(postgres_url)) as connection:
        mark(connection)
