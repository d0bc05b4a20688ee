"""`swe-db completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from swe_db.cli import options
from swe_db.errors import SweDBError

__all__ = ["command"]


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@options.debug_option
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print what lets SHELL complete commands, options and values: bash, zsh or fish.

    For bash put `eval "$(swe-db completion bash)"` into ~/.bashrc, for zsh `eval "$(swe-db completion zsh)"` into
    ~/.zshrc, for fish `swe-db completion fish | source` into ~/.config/fish/config.fish.
    """
    completion = get_completion_class(shell)
    if completion is None:
        raise SweDBError(f"This version of click knows no completion for {shell}.")
    root = ctx.find_root()
    try:
        click.echo(completion(root.command, {}, "swe-db", "_SWE_DB_COMPLETE").source())
    except (RuntimeError, OSError) as error:  # an old bash, or none
        raise SweDBError(f"There is no completion for {shell} here: {error}") from None
