"""Columns of Arrow tables as arrays of whole numbers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from swe_db.generate.values.draws import Ints

__all__ = ["instants", "numbers", "units"]


def instants(table: pa.Table, column: str) -> Ints:
    """Return timestamps as milliseconds since 1970, UTC; -1 where there is none."""
    values = pc.fill_null(table[column].cast(pa.int64()), -1)
    return np.asarray(values.to_numpy(), dtype=np.int64)


def numbers(table: pa.Table, column: str) -> Ints:
    """Return whole numbers, 0 where there is none."""
    return np.asarray(pc.fill_null(table[column], 0).to_numpy(), dtype=np.int64)


def units(table: pa.Table, column: str, scale: int) -> Ints:
    """Return exact decimal numbers in units of their last digit."""
    shifted = pc.multiply(table[column], pa.scalar(10**scale, pa.decimal128(scale + 1, 0)))
    return np.asarray(shifted.cast(pa.int64(), safe=False).to_numpy(), dtype=np.int64)
