"""What the commands have in common: their options, and how they print."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias, TypeVar

import click
from click.core import ParameterSource

from swe_db.config import OPTIONS, Config, resolve
from swe_db.errors import ConfigError, LocalEnvironmentError, ServerError, SweDBError

if TYPE_CHECKING:
    from swe_db.environment import Environment
    from swe_db.environment.record import Kind
    from swe_db.migrations import Step

__all__ = [
    "State",
    "Target",
    "check_database",
    "colours",
    "debug_option",
    "is_typed",
    "json_option",
    "local_name_option",
    "lock_timeout_option",
    "migrations_option",
    "name_option",
    "note_if_stopped",
    "port_option",
    "print_json",
    "print_note",
    "print_step",
    "resolve_target",
    "run_shell",
    "seeds_option",
    "settings",
    "target_options",
    "url_option",
    "yes_destroy_option",
]

Function = TypeVar("Function", bound=Callable[..., Any])
Decorator: TypeAlias = Callable[[Function], Function]

DEFAULT_NAME: Final = "default"
DATABASE_NAME: Final = r"[A-Za-z_][A-Za-z0-9_-]{0,62}"

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


@dataclasses.dataclass(frozen=True)
class Target:
    """What a command works on.

    Attributes:
        postgres_url: A libpq URL of the database, password included.
        environment: The local environment that it belongs to, None if it was named by URL.
    """

    postgres_url: str = dataclasses.field(repr=False)
    environment: Environment | None = None

    @property
    def redis_url(self) -> str | None:
        """A URL of the environment's Redis, password included; None if the database was named by URL."""
        return self.environment.redis_url if self.environment else None


def resolve_target(postgres_url: str | None, name: str | None) -> Target:
    """Return what `--postgres-url` and `--name` mean: a URL, else the local environment, which must run.

    Args:
        postgres_url: A URL, if one was given.
        name: An environment, if one was given; without either it is `default`.

    Raises:
        ConfigError: Both were given on the command line.
        LocalEnvironmentError: There is no such environment, or it does not run.
    """
    typed = is_typed("local_name")
    if postgres_url and typed and is_typed("postgres_url"):
        raise ConfigError("Give --postgres-url or --name, not both: either a server, or a local environment.")
    if postgres_url and not typed:
        return Target(postgres_url)
    from swe_db import environment  # noqa: PLC0415 - not needed for help texts

    try:
        found = environment.find_running(name or DEFAULT_NAME)
    except LocalEnvironmentError as error:
        raise LocalEnvironmentError(
            f"{error}\nTo work on another server, give --postgres-url postgresql://user:PASSWORD@host:5432/database, "
            f"or {_BY_NAME['postgres_url'].env}. DATABASE_URL and PG* are deliberately not looked at."
        ) from None
    return Target(found.postgres_url, found)


def is_typed(parameter: str) -> bool:
    """Tell whether an option was given on the command line, and not by the environment."""
    context = click.get_current_context(silent=True)
    return context is not None and context.get_parameter_source(parameter) is ParameterSource.COMMANDLINE


def target_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--postgres-url` and `--name`; it is called with their meaning, a `Target`, as `target`."""

    @functools.wraps(function)
    def command(*arguments: Any, postgres_url: str | None, local_name: str | None, **options: Any) -> Any:  # noqa: ANN401
        return function(*arguments, target=resolve_target(postgres_url, local_name), **options)

    decorated: Callable[..., Any] = url_option(local_name_option(command))
    return decorated


def _complete_name(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    from swe_db import environment  # noqa: PLC0415

    try:
        return [name for name in environment.names() if name.startswith(incomplete)]
    except SweDBError:
        return []


def settings() -> Config:
    """Return the settings of the environment, SWE_DB_*.

    Raises:
        ConfigError: A value is not acceptable.
    """
    return resolve(command_line=lambda _: None, environ=os.environ, ini=lambda _: None).config


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
url_option = click.option(
    "--postgres-url",
    envvar=_BY_NAME["postgres_url"].env,
    metavar="URL",
    show_envvar=True,
    help="The database: postgresql://user:PASSWORD@host:5432/database.",
)


def _name_option(parameter: str) -> Decorator[Any]:
    return click.option(
        "--name",
        parameter,
        envvar="SWE_DB_NAME",
        metavar="NAME",
        show_envvar=True,
        shell_complete=_complete_name,
        help="The local environment that `swe-db up` made (default: default).",
    )


name_option = _name_option("name")
local_name_option = _name_option("local_name")


def port_option(kind: str) -> Decorator[Any]:
    """Return the option for the port of one of the servers."""
    return click.option(
        f"--{kind}-port", type=click.IntRange(1, 65535), metavar="PORT", help=f"Where {kind} listens on 127.0.0.1."
    )


def check_database(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Refuse a name that a URL, a shell or a reader of dotenv files could take for something else."""
    if value is not None and not re.fullmatch(DATABASE_NAME, value):
        raise click.BadParameter("letters, digits, - and _, the first a letter or _, 63 at most")
    return value


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


def run_shell(name: str | None, kind: Kind, arguments: Sequence[str]) -> NoReturn:
    """Become the client of one of the servers of a running environment.

    Raises:
        LocalEnvironmentError: There is no such environment, it does not run, or there is no client.
    """
    from swe_db import environment  # noqa: PLC0415 - not needed for help texts
    from swe_db.environment.shells import shell_of  # noqa: PLC0415

    shell = shell_of(environment.find_running(name or DEFAULT_NAME), kind, arguments)
    os.execve(shell.command[0], shell.command, shell.environment)  # noqa: S606 - there is no shell, which is as it should


def print_json(result: object) -> None:
    """Print a result, whose dataclasses become objects, on stdout."""
    click.echo(json.dumps(result, default=_jsonable, indent=2, ensure_ascii=False))


def print_note(note: str) -> None:
    """Print on stderr a sentence that a user should know while the work goes on."""
    click.echo(f"{click.style('note', fg='yellow')}: {note}", err=True)


def note_if_stopped(found: Environment) -> None:
    """Print a note if an environment does not run, so that its URLs lead nowhere for now."""
    from swe_db import environment  # noqa: PLC0415 - not needed for help texts

    try:
        environment.find_running(found.name)
    except ServerError as error:
        print_note(str(error))


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
