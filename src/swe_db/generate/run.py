"""Working through the parts of a data set: in this process, in others, or on an executor of the caller's.

Loading and writing differ in what they do with one part. What they share is here: which parts a shard has, how many are
begun at once, and how progress is told.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import queue
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from swe_db.errors import ConfigError, GenerateError
from swe_db.generate.parts import Part, count_part, parts_of
from swe_db.generate.plan import Plan
from swe_db.generate.pool import process_pool
from swe_db.generate.tables.census import Census, merged

__all__ = ["Executor", "OnProgress", "Progress", "Shard", "Workers", "ignore", "take_census", "workers"]

Result = TypeVar("Result")

MOST_JOBS: Final = 8  # without --jobs: more would rather wait for the server than for each other
WORTH_A_PROCESS: Final = 4  # parts: to start one takes as long as to load one


class Executor(Protocol):
    """Whatever runs functions elsewhere, as those of concurrent.futures do."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Any:  # noqa: ANN401 - any future
        """Begin to run a function and return a future."""


@dataclasses.dataclass(frozen=True, slots=True)
class Progress:
    """How far the work has come.

    Attributes:
        doing: What is done now, in a word or two: `counting`, `loading`, ...
        done: How much of it is done.
        total: How much there is.
        unit: What is counted: `rows`, `tasks` or `steps`.
        note: What else there is to say, which is said once.
    """

    doing: str
    done: int = 0
    total: int = 0
    unit: str = "steps"
    note: str = ""


OnProgress: TypeAlias = Callable[[Progress], None]


def ignore(_progress: Progress) -> None:
    """Tell nobody."""


@dataclasses.dataclass(frozen=True, slots=True)
class Shard:
    """One of several runs that share a data set.

    Attributes:
        number: Which one, from 1.
        of: How many there are.
    """

    number: int = 1
    of: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise ConfigError(
                f"--shard {self}: there is no such shard: the first is 1/{self.of}, the last {self.of}/{self.of}"
            )

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Return the shard that a text such as `2/8` means.

        Raises:
            ConfigError: It means none.
        """
        match = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text.strip())
        if match is None:
            raise ConfigError(f"--shard {text!r} is not of the form I/N: of eight runs, the second is 2/8")
        return cls(int(match[1]), int(match[2]))

    def has(self, part: Part) -> bool:
        """Tell whether a part is of this shard; every shard sees to it that people, projects and agents are there."""
        return part.kind != "tasks" or part.number % self.of == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


@dataclasses.dataclass(frozen=True, slots=True)
class Workers:
    """Where functions are run.

    Attributes:
        executor: On what; None for this process.
        jobs: How many at once.
    """

    executor: Executor | None
    jobs: int

    def each(self, function: Callable[..., Result], calls: Iterable[tuple[object, ...]]) -> Iterator[Result]:
        """Yield the result of each call, in the order in which they end; no more than jobs + 1 are begun at once.

        Args:
            function: A function of a module, since it may run in another process.
            calls: The arguments of each call, which can be pickled.

        Raises:
            GenerateError: A process has been killed; and whatever the function raises. The calls that have not begun
                are not made.
        """
        if self.executor is None:
            yield from itertools.starmap(function, calls)
        else:
            yield from self._each_elsewhere(self.executor, function, iter(calls))

    def _each_elsewhere(
        self, executor: Executor, function: Callable[..., Result], calls: Iterator[tuple[object, ...]]
    ) -> Iterator[Result]:
        ended: queue.SimpleQueue[Any] = queue.SimpleQueue()
        begun: set[Any] = set()

        def begin(some: Iterable[tuple[object, ...]]) -> None:
            for call in some:
                future = executor.submit(function, *call)
                begun.add(future)
                future.add_done_callback(ended.put)

        try:
            begin(itertools.islice(calls, self.jobs + 1))
            while begun:
                future = ended.get()
                begun.discard(future)
                begin(itertools.islice(calls, 1))
                yield future.result()
        except BrokenProcessPool:
            raise GenerateError(
                "A process that did a part of the work has ended: it was killed, for want of memory perhaps, or could "
                'not start. A program that calls this must do so below `if __name__ == "__main__":`, since processes '
                "of its own import it. What is done stays; go on with --resume, and fewer --jobs if memory is short."
            ) from None
        finally:
            for future in begun:
                future.cancel()


@contextlib.contextmanager
def workers(executor: Executor | None, jobs: int | None, parts: int) -> Iterator[Workers]:
    """Give what runs functions: the caller's executor, or processes that end with the block, or with this process.

    Args:
        executor: The caller's.
        jobs: How many parts to begin at once; None for the number of processors, eight at most.
        parts: How many parts there are; no more processes are started.

    Raises:
        ConfigError: There are to be no jobs.
    """
    if jobs is not None and jobs < 1:
        raise ConfigError(f"--jobs is {jobs}: give a number from 1 on")
    if executor is not None:
        yield Workers(executor, jobs or MOST_JOBS)
        return
    processes = min(jobs, parts) if jobs else min(_processors(), MOST_JOBS, parts // WORTH_A_PROCESS)
    if processes <= 1:
        yield Workers(None, 1)
        return
    with process_pool(processes) as pool:
        yield Workers(pool, processes)


def _processors() -> int:
    """Return how many processors this process may use; not every system can tell."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def take_census(plan: Plan, work: Workers, on_progress: OnProgress = ignore) -> Census:
    """Return the census of a data set, which is needed to make any part of it.

    Raises:
        ConfigError: The audit trail is too short or too long for the tasks.
    """
    parts = [part for part in parts_of(plan) if part.kind == "tasks"]
    total, done = plan.counts["tasks"], 0
    whole: list[Census] = []
    waiting: dict[int, Census] = {}
    on_progress(Progress("counting", 0, total, "tasks"))
    following = iter(parts)
    due = next(following)
    for part, piece in work.each(_counted, [(plan, part) for part in parts]):
        waiting[part.number] = piece
        # One after the other: all of them together would fill the memory.
        while due.number in waiting:
            whole = [merged([*whole, waiting.pop(due.number)])]
            due = next(following, due)
        done += part.stop - part.start
        on_progress(Progress("counting", done, total, "tasks"))
    return whole[0]


def _counted(plan: Plan, part: Part) -> tuple[Part, Census]:
    return part, count_part(plan, part)
