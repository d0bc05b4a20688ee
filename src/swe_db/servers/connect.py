"""Connections of our own to Postgres, which the PG* variables of the shell have no part in."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from swe_db.servers.address import PostgresAddress

if TYPE_CHECKING:
    import psycopg

__all__ = ["connect", "libpq_variables", "without_libpq_variables"]


def libpq_variables() -> list[str]:
    """Return the names of the variables that are set and that libpq reads, such as PGHOSTADDR and PGSSLMODE."""
    return [name for name in os.environ if name.startswith("PG")]


@contextlib.contextmanager
def without_libpq_variables() -> Iterator[None]:
    """Take the variables that libpq reads out of the environment: there is no other way to keep it from them."""
    saved = {name: os.environ.pop(name) for name in libpq_variables()}
    try:
        yield
    finally:
        os.environ.update(saved)


def connect(address: PostgresAddress, **options: Any) -> psycopg.Connection[Any]:  # noqa: ANN401 - psycopg's own
    """Open a connection to exactly this address.

    Args:
        address: The database.
        options: Anything that `psycopg.connect` takes.

    Raises:
        psycopg.Error: The server refuses.
    """
    import psycopg  # noqa: PLC0415 - 59 ms that a run without a database need not pay

    with without_libpq_variables():
        return psycopg.connect(**{**address.parameters, **options})
