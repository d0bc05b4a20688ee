"""What the commands have in common: their options, and how they print."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import click

from swe_db.config import OPTIONS
from swe_db.errors import ConfigError

if TYPE_CHECKING:
    from swe_db.migrations import Step

__all__ = [
    "State",
    "colours",
    "debug_option",
    "json_option",
    "lock_timeout_option",
    "migrations_option",
    "postgres_url_option",
    "print_json",
    "print_step",
    "seeds_option",
    "yes_destroy_option",
]

Function = TypeVar("Function", bound=Callable[..., Any])
Decorator: TypeAlias = Callable[[Function], Function]

_BY_NAME: Final = {option.name: option for option in OPTIONS}


@dataclasses.dataclass(slots=True)
class State:
    """What is known of the call wherever an error is reported.

    Attributes:
        debug: Whether to print tracebacks.
    """

    debug: bool = False


def _set_debug(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(State).debug = True


def _require_url(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> str:
    if value:
        return value
    raise ConfigError(
        "No Postgres server is named. Give --postgres-url postgresql://user:PASSWORD@host:5432/database, or set "
        f"{_BY_NAME['postgres_url'].env}. DATABASE_URL and PG* are deliberately not looked at."
    )


def _directories_option(name: str, help_text: str) -> Decorator[Any]:
    return click.option(
        f"--{name}",
        envvar=_BY_NAME[name].env,
        multiple=True,
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        metavar="DIR",
        show_envvar=True,
        help=help_text,
    )


def colours() -> bool | None:
    """Return whether to print colours: never where NO_COLOR says so, else where a terminal is."""
    return False if os.environ.get("NO_COLOR") else None


debug_option = click.option(
    "--debug", is_flag=True, expose_value=False, callback=_set_debug, help="Show the traceback of an error."
)
postgres_url_option = click.option(
    "--postgres-url",
    envvar=_BY_NAME["postgres_url"].env,
    callback=_require_url,
    metavar="URL",
    show_envvar=True,
    help="The database: postgresql://user:PASSWORD@host:5432/database.",
)
migrations_option = _directories_option(
    "migrations", "A directory of your own migrations, beyond those that swe-db brings (repeatable)."
)
seeds_option = _directories_option(
    "seeds", "A directory of your own seeds, beyond those that swe-db brings (repeatable)."
)
lock_timeout_option = click.option(
    "--lock-timeout",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for another migrator.",
)
yes_destroy_option = click.option(
    "--yes-destroy",
    metavar="NAME",
    help="Allow this on a database that swe-db did not create: its name, typed out.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def print_json(result: object) -> None:
    """Print a result, whose dataclasses become objects, on stdout."""
    click.echo(json.dumps(result, default=_jsonable, indent=2, ensure_ascii=False))


def print_step(step: Step) -> None:
    """Print on stderr what a user should know while the work goes on."""
    if step.event in {"applying", "applied"}:
        return
    about = f"{step.name}: " if step.name else ""
    click.echo(f"{click.style(step.event, fg='yellow')}: {about}{step.message}", err=True)


def _jsonable(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return str(value)
