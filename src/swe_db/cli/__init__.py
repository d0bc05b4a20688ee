"""The command line, `swe-db`: one module for each command, loaded when it is called."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Final, NoReturn

import click

from swe_db.cli import options
from swe_db.errors import ConfigError, SweDBError, redact

__all__ = ["main", "run"]

COMMANDS: Final = (
    "up",
    "down",
    "status",
    "url",
    "env",
    "psql",
    "redis-cli",
    "setup",
    "migrate",
    "seed",
    "generate",
    "verify",
    "fingerprint",
    "reset",
    "snapshot",
    "backup",
    "restore",
    "erd",
    "config",
    "doctor",
    "completion",
)
LONGEST_SENTENCE: Final = 200  # characters


class _LazyGroup(click.Group):
    """A group whose commands are modules of this package."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click gives it
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click gives it
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"swe_db.cli.{cmd_name.replace('-', '_')}").command
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the whole first sentence of each command, where click would cut it off."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, each.get_short_help_str(LONGEST_SENTENCE)) for name, each in found if each])


@click.group(
    cls=_LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Begin with `swe-db up`; `swe-db doctor` shows what works here, `swe-db COMMAND --help` the options.",
)
@click.version_option(package_name="swe-db", message="%(prog)s %(version)s")
@options.debug_option
@click.pass_context
def cli(ctx: click.Context) -> None:
    """A real, migrated and seeded PostgreSQL for tests and for development."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(2)


def main() -> NoReturn:
    """Run the command line of this process and exit: 0 done, 1 the work failed, 2 the call is wrong."""
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has gone; the interpreter would complain when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command and report its errors on stderr.

    Args:
        arguments: What follows the program's name.

    Returns:
        The exit code: 0 done, 1 the work failed, 2 the call is wrong.
    """
    state = options.State()
    try:
        code = cli.main(list(arguments), prog_name="swe-db", standalone_mode=False, obj=state, color=options.colours())
    except BrokenPipeError:
        raise
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - whatever it is, the user gets a sentence, not a traceback
        if state.debug:
            click.echo(redact(traceback.format_exc()), err=True)
        return _report(error, debug=state.debug)
    return code if isinstance(code, int) else 0


def _report(error: BaseException, *, debug: bool) -> int:
    """Print an error and return the exit code that it stands for."""
    if isinstance(error, click.UsageError):
        if error.ctx is not None:
            click.echo(f"{error.ctx.get_usage()}\nTry '{error.ctx.command_path} --help'.", err=True)
        return _print_error(error.format_message(), 2)
    if isinstance(error, click.ClickException):
        return _print_error(error.format_message(), 1)
    if isinstance(error, ConfigError):
        return _print_error(str(error), 2)
    if isinstance(error, SweDBError):
        return _print_error(str(error), 1)
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return _print_error("interrupted", 1)
    hint = "" if debug else "\nThis is a fault of swe-db. Run it again with --debug and report what it prints."
    return _print_error(f"{type(error).__name__}: {error}{hint}", 1)


def _print_error(message: str, code: int) -> int:
    click.echo(click.style("error: ", fg="red", bold=True) + redact(message), err=True, color=options.colours())
    return code
