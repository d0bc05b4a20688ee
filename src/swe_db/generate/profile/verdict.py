"""What the checks say of a whole data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from swe_db.generate.plan import Plan
from swe_db.generate.profile.checks import CHECKS
from swe_db.generate.profile.stats import Stats

__all__ = ["Verdict", "verdicts"]

_PLANNED: Final = "as many rows as planned"
_NUMBERED: Final = "the ids of each table are 1, 2, 3, … without a gap"
_COUNTERS: Final = "the counters of agents are the numbers of their executions"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one check says.

    Attributes:
        name: What must hold.
        checked: For how many things it was looked at.
        failed: For how many of them it does not hold.
    """

    name: str
    checked: int
    failed: int

    @property
    def holds(self) -> bool:
        """Whether it does, for all that was looked at."""
        return self.failed == 0


def verdicts(plan: Plan, stats: Stats) -> list[Verdict]:
    """Return what each check says: those between rows, and those that need all of them."""
    rows = stats["rows"]
    planned = [rows.get(table, 0) == number for table, number in plan.counts.items()]
    # The sum of 1 to n; a gap and a repetition that make up for each other are left to the primary key.
    numbered = [stats["ids.sum"][table] == number * (number + 1) // 2 for table, number in rows.items()]
    counted, executions = stats.get("agents.counted", {}), stats.get("executions.of_agent", {})
    agents = sorted(counted.keys() | executions.keys())
    counters = [counted.get(agent, 0) == executions.get(agent, 0) for agent in agents]
    whole = [
        Verdict(name, len(right), right.count(False))
        for name, right in ((_PLANNED, planned), (_NUMBERED, numbered), (_COUNTERS, counters))
    ]
    checked, failed = stats["checks.checked"], stats["checks.failed"]
    return [*whole, *(Verdict(name, checked.get(name, 0), failed.get(name, 0)) for name in CHECKS)]
