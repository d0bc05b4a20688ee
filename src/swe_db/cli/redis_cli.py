"""`swe-db redis-cli`."""

from __future__ import annotations

import click

from swe_db.cli import options

__all__ = ["command"]


@click.command("redis-cli", context_settings={"allow_interspersed_args": False})
@options.name_option
@options.debug_option
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(name: str | None, arguments: tuple[str, ...]) -> None:
    """Run redis-cli on the local environment, with the ARGUMENTs after --: `swe-db redis-cli -- dbsize`."""
    options.run_shell(name, "redis", arguments)
