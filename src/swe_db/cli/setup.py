"""`swe-db setup`."""

from __future__ import annotations

from pathlib import Path

import click

from swe_db.cli import migrate as migrate_command
from swe_db.cli import options
from swe_db.cli import seed as seed_command
from swe_db.cli import verify as verify_command

__all__ = ["command"]


@click.command("setup")
@options.postgres_url_option
@options.migrations_option
@options.seeds_option
@options.lock_timeout_option
@options.json_option
@options.debug_option
def command(
    postgres_url: str,
    migrations: tuple[Path, ...],
    seeds: tuple[Path, ...],
    *,
    lock_timeout: float,
    as_json: bool,
) -> None:
    """Create a database if there is none, migrate, seed and verify it. Safe to repeat."""
    from swe_db.migrations import create_database, migrate, seed, verify  # noqa: PLC0415 - imports psycopg

    tell = options.print_step
    created = create_database(postgres_url)
    if not as_json:
        click.echo("created the database" if created else "the database exists")
    migrated = migrate(postgres_url, directories=migrations, lock_timeout=lock_timeout, on_step=tell)
    if not as_json:
        migrate_command.print_report(migrated)
    seeded = seed(postgres_url, directories=seeds, lock_timeout=lock_timeout, on_step=tell)
    if not as_json:
        seed_command.print_report(seeded)
    verified = verify(postgres_url, directories=migrations)
    if as_json:
        verdict = verify_command.as_object(verified)
        options.print_json({"created": created, "migrations": migrated, "seeds": seeded, "verification": verdict})
    else:
        verify_command.print_report(verified)
    verified.raise_for_problems()
