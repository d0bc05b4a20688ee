"""What `swe-db doctor` has found, as a table for people and as an object for programs."""

from __future__ import annotations

import dataclasses
import datetime as dt
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import click

from swe_db.cli.ages import shown_age
from swe_db.errors import redact

if TYPE_CHECKING:
    from swe_db.servers.leftovers import Finding, Kept, Leftover
    from swe_db.servers.survey import Fact, Ladder, Rung

__all__ = ["Diagnosis", "Outcome", "as_object", "print_diagnosis"]

INDENT: Final = "  "
WIDEST_NAME: Final = 24


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
class Diagnosis:
    """All that the command says.

    Attributes:
        ladders: What each backend would give, for Postgres and for Redis.
        machine: What is known of the machine, by what it is about.
        finding: What was found of runs, dead and living.
        outcomes: What became of the leftovers.
    """

    ladders: tuple[Ladder, ...]
    machine: Mapping[str, Sequence[Fact]]
    finding: Finding
    outcomes: tuple[Outcome, ...]

    @property
    def ok(self) -> bool:
        """Whether a run can work with these settings, and all is gone that was to be removed."""
        return all(ladder.taken for ladder in self.ladders) and all(each.state != "failed" for each in self.outcomes)


@dataclasses.dataclass(frozen=True)
class _Row:
    """A line of the report: a name, what is the case, what that means, and what to do or what was done."""

    name: str
    text: str
    meaning: str = ""
    sequel: str = ""
    colour: str | None = None


def as_object(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return a diagnosis as a JSON object."""
    return {
        "ok": diagnosis.ok,
        "swe_db": version("swe-db"),
        "backends": {
            ladder.service.lower(): {
                "asked": ladder.asked,
                "auto": ladder.auto,
                "taken": ladder.taken,
                "rungs": [dataclasses.asdict(rung) for rung in ladder.rungs],
            }
            for ladder in diagnosis.ladders
        },
        "machine": [
            {"section": section} | dataclasses.asdict(fact)
            for section, facts in diagnosis.machine.items()
            for fact in facts
        ],
        "leftovers": [_outcome_object(outcome) for outcome in diagnosis.outcomes],
        "living": diagnosis.finding.living,
        "kept": diagnosis.finding.kept,
        "left_alone": diagnosis.finding.notes,
    }


def _outcome_object(outcome: Outcome) -> dict[str, str]:
    names = ("kind", "name", "about", "fix")
    facts = {name: str(getattr(outcome.leftover, name)) for name in names}
    return {**facts, "state": outcome.state, "failure": outcome.failure}


def print_diagnosis(diagnosis: Diagnosis) -> None:
    """Print a diagnosis as a table of sections; the last line says whether a run can work."""
    system = f"{platform.system()} {platform.machine()}"
    click.echo(f"swe-db {version('swe-db')}, Python {platform.python_version()}, {system}")
    for ladder in diagnosis.ladders:
        _print_section(f"{ladder.service}: {_choice(ladder)}", (_rung_row(ladder, rung) for rung in ladder.rungs))
    for section, facts in diagnosis.machine.items():
        _print_section(section, map(_fact_row, facts))
    if diagnosis.finding.kept:
        _print_section("Containers that --swe-db-reuse has kept", map(_kept_row, diagnosis.finding.kept))
    if diagnosis.finding.notes:
        notes = (_Row(note.name, note.about, sequel=note.command) for note in diagnosis.finding.notes)
        _print_section("Not looked at, or left alone", notes)
    _print_section(_leftovers_title(diagnosis), map(_outcome_row, diagnosis.outcomes))
    click.echo(f"\n{_verdict(diagnosis)}")


def _verdict(diagnosis: Diagnosis) -> str:
    missing = [ladder for ladder in diagnosis.ladders if not ladder.taken]
    if missing:
        words = " and ".join(f"no {ladder.service} ({ladder.asked})" for ladder in missing)
        return click.style(f"No run can work: there is {words}. Above, each backend says what it needs.", fg="red")
    taken = " and ".join(f"{ladder.service} from {ladder.taken}" for ladder in diagnosis.ladders)
    advised = sum(bool(fact.advice) for facts in diagnosis.machine.values() for fact in facts)
    hints = f" Advice above: {advised}." if advised else ""
    return click.style(f"A run can work, with {taken}.{hints}", fg="green")


def _choice(ladder: Ladder) -> str:
    asked = "" if ladder.asked == "auto" else f"; the settings ask for {ladder.asked}"
    return f"auto takes {ladder.auto}{asked}" if ladder.auto else f"no backend works{asked}"


def _rung_row(ladder: Ladder, rung: Rung) -> _Row:
    if rung.version is None:
        return _Row(rung.backend, rung.reason, sequel=f"to fix it: {rung.remedy}" if rung.remedy else "")
    text = f"{rung.version or 'version not known before it starts'}{', by name only' if rung.by_name_only else ''}"
    return _Row(rung.backend, text, rung.meaning, colour="green" if rung.backend == ladder.taken else None)


def _fact_row(fact: Fact) -> _Row:
    advice = f"better: {fact.advice}" if fact.advice else ""
    return _Row(fact.name, fact.text, fact.meaning, advice, "yellow" if advice else None)


def _kept_row(kept: Kept) -> _Row:
    text = f"{kept.image}, {kept.state}, made {_age(kept.created)} ago for runs on {kept.host}"
    return _Row(kept.name, text, sequel=kept.command)


def _age(created: str) -> str:
    """Return how long ago something was made; the daemon tells it with nanoseconds, in UTC."""
    try:
        made = dt.datetime.fromisoformat(f"{created[:19]}+00:00")
    except ValueError:
        return "an unknown time"
    return shown_age((dt.datetime.now(dt.UTC) - made).total_seconds())


def _leftovers_title(diagnosis: Diagnosis) -> str:
    count = diagnosis.finding.living
    living = f"; {count} things of living runs are left alone" if count else ""
    removed = sum(outcome.state == "removed" for outcome in diagnosis.outcomes)
    found = len(diagnosis.outcomes)
    if any(outcome.state == "left" for outcome in diagnosis.outcomes):
        return f"Leftovers of dead runs: {found}, which `swe-db doctor --fix` removes{living}"
    return f"Leftovers of dead runs: {f'{removed} of {found} removed' if found else 'none'}{living}"


def _outcome_row(outcome: Outcome) -> _Row:
    leftover = outcome.leftover
    verdict = {
        "left": f"--fix {leftover.fix}",
        "removed": "removed",
        "gone": "left alone: it lives after all, or went by itself",
        "failed": f"not removed: {outcome.failure}",
    }
    colour = {"left": "yellow", "failed": "red"}.get(outcome.state)
    return _Row(leftover.name, leftover.about, sequel=verdict[outcome.state], colour=colour)


def _print_section(title: str, rows: Iterable[_Row]) -> None:
    """Print a title and rows, the texts below each other; what follows from a text is on lines of its own."""
    click.echo(f"\n{click.style(redact(title), bold=True)}")
    listed = list(rows)
    width = max((len(row.name) for row in listed if len(row.name) <= WIDEST_NAME), default=2)
    for row in listed:
        if len(row.name) > WIDEST_NAME:  # a line of its own, so that the texts stay near the margin
            click.echo(f"{INDENT}{row.name}")
        head = row.name if len(row.name) <= WIDEST_NAME else ""
        for line in _lines(row):
            click.echo(f"{INDENT}{head:<{width}}{INDENT}{line}")
            head = ""


def _lines(row: _Row) -> Iterator[str]:
    yield from (click.style(line, fg=row.colour) for line in redact(row.text).splitlines())
    yield from (click.style(line, dim=True) for line in redact(row.meaning).splitlines())
    yield from (click.style(line, fg=row.colour) for line in redact(row.sequel).splitlines())
