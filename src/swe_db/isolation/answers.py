"""Waiting for the short answers that stand between two tests, at less than half of what psycopg needs for it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult

__all__ = ["answer", "sent"]

IMPATIENT: Final = 0.0002  # seconds; to be put to sleep and woken up costs a third of an answer that takes 0.1 ms


def sent(pgconn: PGconn) -> None:
    """See to it that what was sent has left: psycopg's sessions do not block.

    Raises:
        psycopg.OperationalError: The session has ended.
    """
    while pgconn.flush():
        time.sleep(0)


def answer(pgconn: PGconn) -> PGresult | None:
    """Return the last result of what was sent.

    Raises:
        psycopg.OperationalError: The session has ended.
    """
    deadline = time.perf_counter() + IMPATIENT
    while pgconn.is_busy() and time.perf_counter() < deadline:
        pgconn.consume_input()
    last = None
    while (result := pgconn.get_result()) is not None:
        last = result
    return last
