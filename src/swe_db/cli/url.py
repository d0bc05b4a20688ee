"""`swe-db url`."""

from __future__ import annotations

import click

from swe_db.cli import options

__all__ = ["command"]


@click.command("url")
@click.argument("service", type=click.Choice(["postgres", "redis"]))
@options.name_option
@options.debug_option
def command(service: str, name: str | None) -> None:
    """Print the URL of a SERVICE of the local environment, postgres or redis, password included."""
    from swe_db import environment  # noqa: PLC0415 - not needed for help texts

    found = environment.find(name or options.DEFAULT_NAME)
    options.note_if_stopped(found)
    click.echo(found.postgres_url if service == "postgres" else found.redis_url)
