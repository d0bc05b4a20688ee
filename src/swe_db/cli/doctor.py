"""`swe-db doctor`."""

from __future__ import annotations

import dataclasses
import datetime as dt
import platform
from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import click

from swe_db.cli import options
from swe_db.config import Config
from swe_db.errors import BackendUnavailable, ServerError, redact

if TYPE_CHECKING:
    from swe_db.servers.leftovers import Finding, Kept, Leftover
    from swe_db.servers.survey import Fact, Ladder

__all__ = ["command"]

Row: TypeAlias = tuple[str, str, str]

INDENT: Final = "  "
WIDEST_NAME: Final = 24
AGES: Final = (("days", 86400), ("hours", 3600), ("minutes", 60), ("seconds", 1))


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a leftover.

    Attributes:
        leftover: The leftover.
        state: `left`, `removed`, `gone` (it lives after all, or went by itself) or `failed`.
        failure: Why it could not be removed, empty if it was or was not tried.
    """

    leftover: Leftover
    state: str
    failure: str = ""


@dataclasses.dataclass(frozen=True)
class Report:
    """All that the command says.

    Attributes:
        ladders: What each backend would give, for Postgres and for Redis.
        facts: What is known of the machine.
        finding: What was found of runs, dead and living.
        outcomes: What became of the leftovers.
    """

    ladders: tuple[Ladder, ...]
    facts: tuple[Fact, ...]
    finding: Finding
    outcomes: tuple[Outcome, ...]

    @property
    def ok(self) -> bool:
        """Whether there is a backend for both services, and no leftover any more."""
        return all(ladder.auto for ladder in self.ladders) and all(
            outcome.state in ("removed", "gone") for outcome in self.outcomes
        )


@click.command("doctor")
@click.option("--fix", is_flag=True, help="Remove what dead runs have left.")
@options.json_option
@options.debug_option
@click.pass_context
def command(ctx: click.Context, *, fix: bool, as_json: bool) -> None:
    """Show what this machine has for the tests, what each backend needs, and what dead runs have left.

    The settings are those of the environment, SWE_DB_*; no server is started.
    """
    report = _examine(options.settings(), fix=fix)
    if as_json:
        options.print_json(_as_object(report))
    else:
        _print(report)
    ctx.exit(0 if report.ok else 1)


def _examine(config: Config, *, fix: bool) -> Report:
    from swe_db.servers.survey import survey_backends, survey_machine  # noqa: PLC0415 - the parts that find are heavy

    finding = _find()
    outcomes = tuple(_remove(leftover) if fix else Outcome(leftover, "left") for leftover in finding.leftovers)
    return Report(survey_backends(config), survey_machine(), finding, outcomes)


def _find() -> Finding:
    from swe_db.servers.docker.leftovers import find_containers, find_runs  # noqa: PLC0415
    from swe_db.servers.leftovers import Finding, find_copies, find_servers  # noqa: PLC0415

    searches = {"servers": find_servers, "wheels": find_copies, "runs": find_runs, "containers": find_containers}
    return sum((_searched(what, find) for what, find in searches.items()), Finding())


def _searched(what: str, find: Callable[[], Finding]) -> Finding:
    """Return what a search finds; one that fails is a line of the report."""
    from swe_db.servers.leftovers import Finding, Note  # noqa: PLC0415

    try:
        return find()
    except BackendUnavailable as error:
        return Finding(notes=(Note(what, f"not looked for: {error.reason}"),))
    except (ServerError, OSError) as error:
        return Finding(notes=(Note(what, f"not looked for: {error}"),))


def _remove(leftover: Leftover) -> Outcome:
    try:
        return Outcome(leftover, "removed" if leftover.remove() else "gone")
    except (ServerError, OSError) as error:
        return Outcome(leftover, "failed", str(error))


def _as_object(report: Report) -> dict[str, Any]:
    return {
        "ok": report.ok,
        "swe_db": version("swe-db"),
        "backends": {
            ladder.service.lower(): {
                "asked": ladder.asked,
                "auto": ladder.auto,
                "rungs": [dataclasses.asdict(rung) for rung in ladder.rungs],
            }
            for ladder in report.ladders
        },
        "machine": report.facts,
        "leftovers": [_outcome_object(outcome) for outcome in report.outcomes],
        "living": report.finding.living,
        "kept": report.finding.kept,
        "left_alone": report.finding.notes,
    }


def _outcome_object(outcome: Outcome) -> dict[str, str]:
    names = ("kind", "name", "about", "fix")
    facts = {name: str(getattr(outcome.leftover, name)) for name in names}
    return {**facts, "state": outcome.state, "failure": outcome.failure}


def _print(report: Report) -> None:
    system = f"{platform.system()} {platform.machine()}"
    click.echo(f"swe-db {version('swe-db')}, Python {platform.python_version()}, {system}")
    for ladder in report.ladders:
        _print_section(f"{ladder.service}: {_choice(ladder)}", _rung_rows(ladder))
    _print_section("Machine", map(_fact_row, report.facts))
    if report.finding.kept:
        _print_section("Containers that --swe-db-reuse has kept", map(_kept_row, report.finding.kept))
    if report.finding.notes:
        notes = [(note.name, note.about, note.command) for note in report.finding.notes]
        _print_section("Not looked at, or left alone", notes)
    _print_section(_leftovers_title(report), map(_outcome_row, report.outcomes))


def _choice(ladder: Ladder) -> str:
    asked = "" if ladder.asked == "auto" else f"; the settings ask for {ladder.asked}"
    return f"auto takes {ladder.auto}{asked}" if ladder.auto else f"no backend works{asked}"


def _rung_rows(ladder: Ladder) -> list[Row]:
    rows: list[Row] = []
    for rung in ladder.rungs:
        works = f"{rung.version or 'version not known before it starts'}{', by name only' if rung.by_name_only else ''}"
        text = rung.reason if rung.version is None else works
        rows.append((rung.backend, text, f"to fix it: {rung.remedy}" if rung.remedy else ""))
    return rows


def _fact_row(fact: Fact) -> Row:
    return fact.name, fact.text, fact.advice


def _kept_row(kept: Kept) -> Row:
    return kept.name, f"{kept.image}, {kept.state}, made {_age(kept.created)} ago for runs on {kept.host}", kept.command


def _age(created: str) -> str:
    """Return how long ago something was made; the daemon tells it with nanoseconds, in UTC."""
    try:
        made = dt.datetime.fromisoformat(f"{created[:19]}+00:00")
    except ValueError:
        return "an unknown time"
    seconds = (dt.datetime.now(dt.UTC) - made).total_seconds()
    name, size = next(((name, size) for name, size in AGES if seconds >= 2 * size), AGES[-1])
    return f"{seconds / size:.0f} {name}"


def _leftovers_title(report: Report) -> str:
    living = f"; {report.finding.living} things of living runs are left alone" if report.finding.living else ""
    removed = sum(outcome.state == "removed" for outcome in report.outcomes)
    found = len(report.outcomes)
    if any(outcome.state == "left" for outcome in report.outcomes):
        return f"Leftovers of dead runs: {found}, which `swe-db doctor --fix` removes{living}"
    return f"Leftovers of dead runs: {f'{removed} of {found} removed' if found else 'none'}{living}"


def _outcome_row(outcome: Outcome) -> Row:
    leftover = outcome.leftover
    verdict = {
        "left": f"--fix {leftover.fix}",
        "removed": "removed",
        "gone": "left alone: it lives after all, or went by itself",
        "failed": f"not removed: {outcome.failure}",
    }
    return leftover.name, leftover.about, verdict[outcome.state]


def _print_section(title: str, rows: Iterable[Row]) -> None:
    """Print a title and rows of a name, a text and what follows from it, the texts below each other."""
    click.echo(f"\n{redact(title)}")
    listed = list(rows)
    width = max((len(name) for name, _, _ in listed if len(name) <= WIDEST_NAME), default=2)
    for name, text, sequel in listed:
        lines = redact("\n".join(part for part in (text, sequel) if part)).splitlines()
        if len(name) > WIDEST_NAME:  # a line of its own, so that the texts stay near the margin
            click.echo(f"{INDENT}{name}")
        for number, line in enumerate(lines):
            head = name if number == 0 and len(name) <= WIDEST_NAME else ""
            click.echo(f"{INDENT}{head:<{width}}{INDENT}{line}")
