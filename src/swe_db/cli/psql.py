"""`swe-db psql`."""

from __future__ import annotations

import click

from swe_db.cli import options

__all__ = ["command"]


@click.command("psql", context_settings={"allow_interspersed_args": False})
@options.name_option
@options.debug_option
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(name: str | None, arguments: tuple[str, ...]) -> None:
    """Run psql on the local environment, with the ARGUMENTs after --: `swe-db psql -- -c "TABLE users"`."""
    options.run_shell(name, "postgres", arguments)
