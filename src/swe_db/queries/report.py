"""What people read: the statements of a test, and those that ran several times."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

from swe_db.queries.statement import Group, Source, Statement, shortened

__all__ = ["repeats", "report"]

SHOWN: Final = 50  # statements in a report
WHOSE: Final[dict[Source, str]] = {"test": "on the test's own connections", "application": "on the application's"}


def report(statements: Sequence[Statement], sources: Sequence[Source]) -> str:
    """Return a report on statements.

    Args:
        statements: The statements, in order.
        sources: Whose could be seen.
    """
    lines = [_heading(statements, sources)]
    lines += [
        f"  {number}. {_marked(statement, sources)}"
        for number, statement in itertools.islice(enumerate(statements, 1), SHOWN)
    ]
    if len(statements) > SHOWN:
        lines.append(f"  … and {len(statements) - SHOWN} more")
    repeated = [group for group in Group.of(list(statements)) if len(group.statements) > 1]
    return "\n".join([*lines, *repeats(repeated)])


def repeats(groups: Sequence[Group]) -> list[str]:
    """Return the lines on statements that ran several times."""
    return [line for group in groups for line in _repeat(group)]


def _heading(statements: Sequence[Statement], sources: Sequence[Source]) -> str:
    noun = "statement" if len(statements) == 1 else "statements"
    if len(sources) == 1:
        return (
            f"{len(statements)} {noun} {WHOSE[sources[0]]}; the application's are not seen, which needs the log of a "
            "server of the backend local or embedded"
        )
    counts = [f"{sum(each.source == source for each in statements)} {WHOSE[source]}" for source in sources]
    return f"{len(statements)} {noun}: {', '.join(counts)}"


def _marked(statement: Statement, sources: Sequence[Source]) -> str:
    whose = f"{statement.source:<{max(map(len, sources))}}  " if len(sources) > 1 else ""
    place = statement.location or statement.application_name
    return f"{whose}{statement}{f'  ({place})' if place else ''}"


def _repeat(group: Group) -> list[str]:
    first, last = group.statements[0], group.statements[-1]
    lines = [f"repeated {len(group.statements)} times: {shortened(group.sql)}"]
    places = {each.location for each in group.statements if each.location}
    if places:
        lines.append(f"    at {', '.join(sorted(places)[:3])}{', …' if len(places) > 3 else ''}")
    if first.parameters is not None or first.sql != last.sql:
        lines += [f"    first: {_difference(first)}", f"    last:  {_difference(last)}"]
    return lines


def _difference(statement: Statement) -> str:
    """Return what distinguishes a statement from others of its group."""
    return shortened(" ".join((statement.parameters or statement.sql).split()))
