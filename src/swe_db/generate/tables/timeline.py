"""When the rows of a table were made, and which of them are there at an instant: by arithmetic, without the rows."""

from __future__ import annotations

import numpy as np

from swe_db.generate.plan import SEEDED, Plan
from swe_db.generate.values.calendar import DAY, HOUR, START, Calendar
from swe_db.generate.values.draws import Ints

__all__ = ["Timeline"]

# The bundled seeds are older than everything else.
_SEEDS_AT = START - 2 * HOUR


class Timeline:
    """The rows of one table in time; rows count from 0 and are one less than their id.

    Args:
        plan: The data set.
        table: A table of `plan.COUNTED`.
        calendar: The history.
    """

    def __init__(self, plan: Plan, table: str, calendar: Calendar) -> None:
        self.blocks = plan.blocks(table)
        self.seeded = SEEDED[table]
        self._calendar = calendar

    def instants(self, rows: Ints) -> Ints:
        """Return when each row was made."""
        made = np.full(len(rows), _SEEDS_AT, np.int64)
        for block in self.blocks:
            inside = (rows >= block.start) & (rows < block.stop)
            place = rows[inside] - block.start
            made[inside] = self._calendar.instants(((2 * place + 1) << 39) // block.rows)
        return made

    def there(self, instants: Ints, upto: int) -> list[Ints]:
        """Return how many rows there are at each instant, in each block up to a number; the seeds left out."""
        position = self._calendar.positions(instants) >> 16
        # A row begins in the middle of its part of the history: rounding down leaves a margin of half a row.
        return [(position * block.rows) >> 24 for block in self.blocks if block.number <= upto]

    def row_of(self, shares: Ints, instants: Ints, upto: int, seeds: Ints) -> Ints:
        """Return one of the rows that are there at each instant.

        Args:
            shares: Which one, as a fraction in units of 2**-32: those made first have the lowest.
            instants: When.
            upto: The number of the last block that counts.
            seeds: Rows of the seeds that count, the first of all.

        Returns:
            Rows; -1 where there is none.
        """
        counts = self.there(instants, upto)
        total = sum(counts, np.full(len(instants), len(seeds), np.int64))
        rank = (shares * total) >> 32
        row = np.full(len(instants), -1, np.int64)
        if len(seeds):
            row = seeds[np.minimum(rank, len(seeds) - 1)]
        rank = rank - len(seeds)
        for block, count in zip(self.blocks, counts, strict=False):
            row = np.where(rank >= 0, block.start + rank, row)
            rank = rank - count
        return np.where(total > 0, row, -1)


def day_of(instants: Ints) -> Ints:
    """Return the day of each instant, counted from 1970, UTC."""
    return np.asarray(instants // DAY, dtype=np.int64)
