"""However and whenever a run of pytest ends, nothing of it is left five seconds later, and other runs go on."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import os
import random
import secrets
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from support.containers import eventually
from support.traces import Machine, Owner, orphaned_memory
from support.victims import PHASES, End, Mark, Victim, make_suite, victims_home, watch

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="finds what is left by /proc")

MOMENTS: Final = int(os.environ.get("TESTS_KILL_MOMENTS", "50"))
SEED: Final = int(os.environ.get("TESTS_KILL_SEED") or secrets.randbits(32))
SIDE_BY_SIDE: Final = max(2, os.cpu_count() or 1)  # more would only slow each other down
SETTLING: Final = 60.0  # seconds, since tests beside this one kill servers too, and clear them away
NOTICED: Final = 2.0  # seconds in which a pytest that has heard of Ctrl-C ends, before it has started a server
LONGEST_PAUSE: Final = 0.4  # seconds between the first Ctrl-C and the second
ALONE: Final = "left alone"
WORKER: Final = "kill -9 of a worker"


@dataclasses.dataclass(frozen=True)
class Plan:
    """How and when a run is to end.

    Attributes:
        way: How.
        workers: xdist's arguments.
        phase: When: in this phase …
        fraction: … after this fraction of its usual length.
        pause: Seconds between two signals.
    """

    way: str
    workers: tuple[str, ...] = ()
    phase: str = ""
    fraction: float = 0.0
    pause: float = 0.0


def strike_pytest(victim: Victim, plan: Plan, mark: Mark | None) -> None:
    """Kill pytest alone."""
    victim.send(signal.SIGKILL)


def strike_all(victim: Victim, plan: Plan, mark: Mark | None) -> None:
    """Kill pytest and its workers at once."""
    victim.send(signal.SIGKILL, group=True)


def strike_worker(victim: Victim, plan: Plan, mark: Mark | None) -> None:
    """Kill one worker, if it has not just ended by itself."""
    if mark is not None and victim.process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(mark.process, signal.SIGKILL)


def interrupt_twice(victim: Victim, plan: Plan, mark: Mark | None) -> None:
    """Press Ctrl-C, and once more while pytest is ending.

    Python drops an interrupt that comes in a callback of its own import system ("Exception ignored in"), and two that
    come at once are one; so whoever sees pytest go on importing presses again.
    """
    victim.send(signal.SIGINT, group=True)
    time.sleep(plan.pause)
    victim.send(signal.SIGINT, group=True)
    if plan.phase == PHASES[0] and not eventually(lambda: victim.process.poll() is not None, NOTICED):
        victim.send(signal.SIGINT, group=True)


def terminate(victim: Victim, plan: Plan, mark: Mark | None) -> None:
    """Ask pytest to end."""
    victim.send(signal.SIGTERM)


def hang_up(victim: Victim, plan: Plan, mark: Mark | None) -> None:
    """Close the terminal."""
    victim.send(signal.SIGHUP, group=True)


WAYS: Final[dict[str, Callable[[Victim, Plan, Mark | None], None]]] = {
    "kill -9 of pytest": strike_pytest,
    "kill -9 of pytest and its workers": strike_all,
    WORKER: strike_worker,
    "kill -9 of xdist's controller": strike_pytest,
    "Ctrl-C twice": interrupt_twice,
    "SIGTERM": terminate,
    "SIGHUP": hang_up,
}
SERIAL: Final = "kill -9 of pytest"
EITHER: Final = ("Ctrl-C twice", "SIGTERM", "SIGHUP")


def drawn(chance: random.Random, backend: str) -> Iterator[Plan]:
    """Draw ways and moments: every way in every phase, if there are as many, before one comes a second time."""
    # Workers share what is in containers; where each has servers of its own, one of them tells as much as two.
    distributed = ("-n2",) if backend == "docker" else ("-n1",)
    pairs: list[tuple[str, str]] = []
    for _ in range(MOMENTS):
        if not pairs:
            pairs = [(way, phase) for way in WAYS for phase in PHASES]
            chance.shuffle(pairs)
        way, phase = pairs.pop()
        is_serial = way == SERIAL or (way in EITHER and chance.random() < 0.5)
        yield Plan(way, () if is_serial else distributed, phase, chance.random(), chance.uniform(0, LONGEST_PAUSE))


class Lengths:
    """How long phases take; what the runs of this test, side by side, have shown so far."""

    def __init__(self) -> None:
        self._seen: dict[tuple[bool, str], list[float]] = collections.defaultdict(list)

    def add(self, victim: Victim) -> None:
        """Learn from a run."""
        for phase, length in victim.lengths().items():
            self._seen[victim.workers, phase].append(length)

    def usual(self, victim: Victim, phase: str) -> float:
        """Return the usual length of a phase in seconds."""
        seen = self._seen[victim.workers, phase] or self._seen[not victim.workers, phase]
        return statistics.median(seen[-5:])


class Field:
    """Where runs of one backend end.

    Args:
        home: A directory for them.
        backend: The backend.
    """

    def __init__(self, home: Path, backend: str) -> None:
        self.backend = backend
        self.suite = make_suite(home)
        self.machine = Machine(with_containers=backend == "docker")
        self.lengths = Lengths()

    def live(self, workers: tuple[str, ...] = ()) -> End:
        """Let a run end by itself; it must pass."""
        victim = Victim(self.suite, self.backend, *workers)
        try:
            status = victim.finish()
            assert status == 0, victim.output
            self.lengths.add(victim)
            moment = time.monotonic() - victim.begin
            left, cleaning = watch(self.machine, victim.owner)
            return End(ALONE, "", moment, left, cleaning, victim.output)
        finally:
            victim.clear(self.machine)

    def end(self, plan: Plan) -> End:
        """Begin a run, end it as planned and look at what is left."""
        if plan.way == ALONE:
            return self.live(plan.workers)
        victim = Victim(self.suite, self.backend, *plan.workers)
        try:
            # The workers of xdist are only known when they say so.
            begins = plan.phase == "import" and plan.way != WORKER
            mark = None if begins else victim.wait_for(plan.phase)
            time.sleep(plan.fraction * self.lengths.usual(victim, plan.phase))
            moment = time.monotonic() - victim.begin
            phase = victim.phase()
            self.lengths.add(victim)
            WAYS[plan.way](victim, plan, mark)
            left, cleaning = self._after(victim, plan, mark)
            return End(plan.way, phase, moment, left, cleaning, victim.output)
        finally:
            victim.clear(self.machine)

    def _after(self, victim: Victim, plan: Plan, mark: Mark | None) -> tuple[list[str], float]:
        if plan.way != WORKER or mark is None:
            return watch(self.machine, victim.owner)
        # The others go on: at first only what the worker had must go.
        worker = Owner(None, None, frozenset({mark.process}))
        first = watch(self.machine, lambda: worker)
        victim.finish()
        second = watch(self.machine, victim.owner)
        return first[0] + second[0], max(first[1], second[1])


def rows(backend: str, ends: list[End]) -> Iterator[dict[str, object]]:
    """Yield the table's rows, one for each way."""
    for way in (ALONE, *WAYS):
        mine = [end for end in ends if end.way == way]
        if mine:
            moments = sorted(round(1000 * end.moment) for end in mine)
            hit = collections.Counter(end.phase for end in mine)
            yield {
                "backend": backend,
                "end": way,
                "runs": len(mine),
                "moments, ms": f"{moments[0]}..{moments[-1]}",
                "left after 5 s": sum(bool(end.left) for end in mine),
                "slowest clean-up, ms": round(1000 * max(end.cleaning for end in mine)),
                "phases hit": " ".join(f"{phase} {hit[phase]}" for phase in PHASES if hit[phase]),
            }


@pytest.mark.parametrize("backend", ["local", "embedded", "docker"])
def test_nothing_is_left_at_any_moment(backend: str, show_row: Callable[..., None]) -> None:
    """At seeded random moments of a run's life, every way of ending it leaves nothing; others pass."""
    plans = list(drawn(random.Random(f"{SEED} {backend}"), backend))
    plans.insert(MOMENTS // 2, Plan(ALONE, ("-n2",)))
    memory = orphaned_memory()
    with victims_home() as home:
        field = Field(home, backend)
        volumes = field.machine.volumes()
        ends = [field.live()]  # which compiles what all run
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            ends += pool.map(field.end, plans)
        ends.append(field.live())
        for row in rows(backend, ends):
            show_row(f"kill test, seed {SEED}", **row)
        left = [f"{end.way}, {end.phase}, {end.moment:.3f} s: {end.left}\n{end.output}" for end in ends if end.left]
        assert not left, "\n".join([f"to see it again: TESTS_KILL_SEED={SEED}", *left])
        assert eventually(lambda: orphaned_memory() <= memory, SETTLING), orphaned_memory() - memory
        assert eventually(lambda: field.machine.volumes() <= volumes, SETTLING), field.machine.volumes() - volumes
