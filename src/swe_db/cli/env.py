"""`swe-db env`."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from swe_db.cli import options

if TYPE_CHECKING:
    from swe_db.environment import Environment

__all__ = ["command"]


@click.command("env")
@options.name_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["dotenv", "shell", "json"]),
    default="dotenv",
    show_default=True,
    help="dotenv for docker-compose, direnv and VS Code; shell for `eval`.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@options.debug_option
def command(name: str | None, form: str, *, as_json: bool) -> None:
    """Print the variables that lead an application to the local environment, passwords included.

    SWE_DB_POSTGRES_URL and SWE_DB_REDIS_URL are not among them: tests keep servers of their own.
    """
    from swe_db import environment  # noqa: PLC0415 - not needed for help texts

    there = environment.find(name or options.DEFAULT_NAME)
    options.note_if_stopped(there)
    found = variables(there)
    if as_json or form == "json":
        options.print_json(found)
    elif form == "shell":
        click.echo("\n".join(f"export {key}={shlex.quote(value)}" for key, value in found.items()))
    else:
        # No value needs quotes, about which the readers of such files disagree: see `options.check_database`.
        click.echo("\n".join(f"{key}={value}" for key, value in found.items()))


def variables(found: Environment) -> dict[str, str]:
    """Return the variables of an environment."""
    return {
        "DATABASE_URL": found.postgres_url,
        **found.postgres.environment,
        "REDIS_URL": found.redis_url,
        "SWE_DB_NAME": found.name,
    }
