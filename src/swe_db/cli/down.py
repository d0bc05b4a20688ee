"""`swe-db down`."""

from __future__ import annotations

import click

from swe_db.cli import options
from swe_db.errors import LocalEnvironmentError

__all__ = ["command"]


@click.command("down")
@options.name_option
@click.option("--volumes", is_flag=True, help="Remove the environment with all its data.")
@options.debug_option
def command(name: str | None, *, volumes: bool) -> None:
    """Stop the local Postgres and Redis; their data stay, unless --volumes is given. Safe to repeat."""
    from swe_db import environment  # noqa: PLC0415 - not needed for help texts

    name = name or options.DEFAULT_NAME
    try:
        ran = environment.stop(name, options.settings(), options.print_note, volumes=volumes)
    except LocalEnvironmentError:
        if not volumes or name in environment.names():
            raise
        click.echo(f"{name}: there is no such environment, so nothing is left to remove")
        return
    stopped = f"{' and '.join(ran)} stopped" if ran else "nothing ran"
    flag = environment.flag(name)
    if volumes:
        click.echo(f"{name}: {stopped}; removed with all data")
    else:
        click.echo(f"{name}: {stopped}; the data stay: `swe-db up{flag}` goes on with them")
