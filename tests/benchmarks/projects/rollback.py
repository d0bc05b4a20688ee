"""What people write first: one connection for the session, and each test is rolled back.

What the test commits itself stays, so its commits only release a savepoint.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest


class Connection(psycopg.Connection[Any]):
    """A connection on which a commit keeps the transaction open."""

    def commit(self) -> None:
        """Commit as far as the test can tell."""
        self.execute("SAVEPOINT test")


@pytest.fixture(scope="session")
def _connection() -> Iterator[Connection]:
    with Connection.connect(os.environ["BENCHMARK_URL"]) as connection:
        yield connection


@pytest.fixture
def database(_connection: Connection) -> Iterator[Connection]:
    """The connection of the session."""
    yield _connection
    _connection.rollback()
