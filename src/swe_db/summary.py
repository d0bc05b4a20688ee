"""What the isolation of a run's tests came to: one line, or with `--swe-db-durations` a section."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from swe_db.isolation.outcome import Outcome
    from swe_db.isolation.prepared import StartUp

__all__ = ["Summary"]

KINDS: Final = ("clean", "restored", "replaced", "rolled back")
SLOWEST: Final = 5
CACHE: Final = {
    "hit": "from a prepared data directory",
    "miss": "with the data directory prepared for the next run",
    "none": "without a prepared data directory",
}


@dataclasses.dataclass
class Summary:
    """What is known so far, of one process or of all workers of xdist.

    Attributes:
        starts: Of each Postgres that was started: what the cache had, why it had nothing, milliseconds.
        tests: Of each test with a database: its id, what putting that back came to, why, milliseconds of set-up and
            tear-down together.
    """

    starts: list[tuple[str, str, float]] = dataclasses.field(default_factory=list)
    tests: list[tuple[str, str, str, float]] = dataclasses.field(default_factory=list)

    def add(self, test: str, outcome: Outcome) -> None:
        """Count a test.

        Args:
            test: Its id.
            outcome: What putting its database back came to.
        """
        self.tests.append((test, outcome.kind, outcome.reason, outcome.seconds * 1000))

    def add_start(self, start_up: StartUp) -> None:
        """Count a start of Postgres."""
        self.starts.append((start_up.cache, start_up.reason, start_up.milliseconds))

    def plain(self) -> dict[str, Any]:
        """Return all of it in the built-in types that xdist can send."""
        return dataclasses.asdict(self)

    def merge(self, plain: Mapping[str, Any]) -> None:
        """Take over what another process has counted.

        Args:
            plain: What its `plain` returned.
        """
        self.starts += [tuple(each) for each in plain["starts"]]
        self.tests += [tuple(each) for each in plain["tests"]]

    @property
    def line(self) -> str:
        """All of it in one line."""
        parts = [f"{self._count()}: {self._kinds()}", *self._starts()[:1]]
        return f"swe-db: {'; '.join(parts)}"

    def lines(self) -> Iterator[str]:
        """Yield the lines of the section."""
        yield from self._starts()
        if not self.tests:
            return
        yield f"{self._count()}: {self._kinds()}"
        reasons = collections.Counter(reason for _, _, reason, _ in self.tests if reason)
        for reason, count in reasons.most_common():
            yield f"  replaced {count} times: {reason}"
        lengths = sorted(length for *_, length in self.tests)
        yield (
            f"set-up and tear-down of a test's database: p50 {_percentile(lengths, 50):.2f} ms, "
            f"p95 {_percentile(lengths, 95):.2f} ms, together {sum(lengths):.0f} ms"
        )
        for test, kind, _, length in sorted(self.tests, key=lambda each: -each[3])[:SLOWEST]:
            yield f"  {length:8.2f} ms {kind:<11} {test}"

    def _count(self) -> str:
        return "1 test" if len(self.tests) == 1 else f"{len(self.tests)} tests"

    def _kinds(self) -> str:
        found = collections.Counter(kind for _, kind, _, _ in self.tests)
        return ", ".join(f"{found[kind]} {kind}" for kind in KINDS if found[kind])

    def _starts(self) -> list[str]:
        """Return a line for each way in which a Postgres was started; workers of xdist start one each."""
        ways: dict[tuple[str, str], list[float]] = {}
        for cache, reason, length in self.starts:
            ways.setdefault((cache, reason), []).append(length)
        return [
            f"Postgres started in {_range(lengths)} ms {CACHE[cache]}{f' ({reason})' if reason else ''}"
            for (cache, reason), lengths in ways.items()
        ]


def _range(lengths: list[float]) -> str:
    low, high = f"{min(lengths):.0f}", f"{max(lengths):.0f}"
    return low if low == high else f"{low} to {high}"


def _percentile(lengths: list[float], percent: int) -> float:
    """Return the smallest of some sorted lengths that so many percent of them do not exceed."""
    return lengths[max(0, -(-len(lengths) * percent // 100) - 1)]
