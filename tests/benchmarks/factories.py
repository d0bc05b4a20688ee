"""How long 1,000 tasks take: `create_batch` beside factory-boy's loop, `python tests/benchmarks/factories.py`.

Both make the same rows and store them in the same database, in turn; each round is rolled back. Prints medians.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import psycopg

from swe_db import factories, migrate
from swe_db.config import Config
from swe_db.factories import ProjectFactory, TaskFactory
from swe_db.servers.local import local_postgres

ROWS: Final = 1000
ROUNDS: Final = 5


def main() -> None:
    """Measure, and print the table."""
    server = local_postgres(Config()).start()
    try:
        migrate(server.url)
        with psycopg.connect(server.url) as connection, factories.bound(connection):
            measure(connection)
    finally:
        server.stop()


def measure(connection: psycopg.Connection[Any]) -> None:
    """Print a line for each kind of task."""
    project = ProjectFactory.create()
    connection.commit()
    say(f"{ROWS} tasks, median of {ROUNDS} rounds, ms")
    compare(connection, "of one project", project=project)
    compare(connection, "each with a project and an owner of its own")
    compare(
        connection,
        "issues that an agent has done, of one project",
        project=project,
        issue=True,
        done=True,
        agent_assigned=True,
    )


def compare(connection: psycopg.Connection[Any], title: str, **values: Any) -> None:
    """Print how long both ways take for tasks with these values."""
    ways: dict[str, Callable[[], object]] = {
        "create_batch": lambda: TaskFactory.create_batch(ROWS, **values),
        "loop": lambda: [TaskFactory.create(**values) for _ in range(ROWS)],
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            times[name].append(milliseconds(way))
            connection.rollback()
    batch, loop = (statistics.median(times[name]) for name in ways)
    say(f"{title}: create_batch {batch:,.0f}, loop {loop:,.0f}, {loop / batch:.1f} times as long")


def milliseconds(way: Callable[[], object]) -> float:
    """Return how long a call takes."""
    begin = time.perf_counter()
    way()
    return (time.perf_counter() - begin) * 1000


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
