"""`swe-db doctor`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from swe_db.cli import options
from swe_db.cli.diagnosis import Diagnosis, Outcome, as_object, print_diagnosis
from swe_db.cli.project import read_project
from swe_db.config import Config
from swe_db.errors import BackendUnavailable, ServerError, SweDBError

if TYPE_CHECKING:
    from swe_db.servers.leftovers import Finding, Leftover

__all__ = ["command"]


@click.command("doctor")
@click.option("--fix", is_flag=True, help="Remove what dead runs have left.")
@options.json_option
@options.debug_option
@click.pass_context
def command(ctx: click.Context, *, fix: bool, as_json: bool) -> None:
    """Show what this machine has for the tests, what that means, what to do, and what dead runs have left.

    The settings are those that a run of pytest would have in this directory, as `swe-db config` shows them; no server
    is started. The exit code is 0 if a run can work, and 1 if none can, or if --fix could not remove something.
    """
    diagnosis = _examine(read_project().settings.config, fix=fix)
    if as_json:
        options.print_json(as_object(diagnosis))
    else:
        print_diagnosis(diagnosis)
    ctx.exit(0 if diagnosis.ok else 1)


def _examine(config: Config, *, fix: bool) -> Diagnosis:
    from swe_db.environment.health import survey_environments  # noqa: PLC0415 - the parts that find are heavy
    from swe_db.servers.survey import survey_backends, survey_machine  # noqa: PLC0415

    finding = _find()
    outcomes = tuple(_remove(leftover) if fix else Outcome(leftover, "left") for leftover in finding.leftovers)
    machine = survey_machine(config) | {"Local environments": tuple(survey_environments())}
    return Diagnosis(survey_backends(config), machine, finding, outcomes)


def _find() -> Finding:
    from swe_db.environment.forgotten import find_containers_of_environments, find_data  # noqa: PLC0415
    from swe_db.servers.docker.leftovers import find_containers, find_runs  # noqa: PLC0415
    from swe_db.servers.leftovers import Finding, find_copies, find_servers  # noqa: PLC0415

    searches = {
        "servers": find_servers,
        "wheels": find_copies,
        "runs": find_runs,
        "containers": find_containers,
        "data of environments": find_data,
        "containers of environments": find_containers_of_environments,
    }
    return sum((_searched(what, find) for what, find in searches.items()), Finding())


def _searched(what: str, find: Callable[[], Finding]) -> Finding:
    """Return what a search finds; one that fails is a line of the report."""
    from swe_db.servers.leftovers import Finding, Note  # noqa: PLC0415

    try:
        return find()
    except BackendUnavailable as error:
        return Finding(notes=(Note(what, f"not looked for: {error.reason}"),))
    except (SweDBError, OSError) as error:
        return Finding(notes=(Note(what, f"not looked for: {error}"),))


def _remove(leftover: Leftover) -> Outcome:
    try:
        return Outcome(leftover, "removed" if leftover.remove() else "gone")
    except (ServerError, OSError) as error:
        return Outcome(leftover, "failed", str(error))
