"""What the profile knows of rows: numbers that add up, so that parts can be looked at anywhere and in any order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from swe_db.generate.values.draws import Ints

__all__ = ["BINS_PER_OCTAVE", "Stats", "bounds", "log_bins", "merge", "quantiles"]

# A subject, such as `tasks.status`, and how many rows there are of each value; all of it as JSON.
Stats: TypeAlias = dict[str, dict[str, int]]

BINS_PER_OCTAVE: Final = 8
_OCTAVES: Final = 36  # of milliseconds: two years


def merge(pieces: Iterable[Mapping[str, Mapping[str, int]]]) -> Stats:
    """Return what is known of all rows, from what is known of some of them each."""
    total: Stats = {}
    for piece in pieces:
        for subject, counts in piece.items():
            into = total.setdefault(subject, {})
            for value, count in counts.items():
                into[value] = into.get(value, 0) + count
    return total


def bounds() -> Ints:
    """Return where the bins of a distribution of times begin, in milliseconds; the first holds what is below."""
    steps = np.arange(BINS_PER_OCTAVE * _OCTAVES, dtype=np.float64)
    return np.unique(np.round(2.0 ** (steps / BINS_PER_OCTAVE)).astype(np.int64))


def log_bins(milliseconds: Ints) -> Ints:
    """Return the bin of each time: the number of bounds that are not above it."""
    return np.asarray(np.searchsorted(bounds(), milliseconds, side="right"), dtype=np.int64)


def quantiles(counts: Mapping[str, int], shares: Iterable[float]) -> list[float]:
    """Return the times, in milliseconds, below which each share of a distribution lies; no times give zeros.

    Args:
        counts: How many times lie in each bin.
        shares: Numbers from 0 to 1.
    """
    edges = np.concatenate([[0], bounds(), [bounds()[-1] * 2]]).astype(np.float64)
    binned: npt.NDArray[np.float64] = np.zeros(len(edges) - 1)
    for name, count in counts.items():
        binned[int(name)] += count
    total = binned.sum()
    if not total:
        return [0.0 for _ in shares]
    ends = np.concatenate([[0.0], np.cumsum(binned)])
    return [float(np.interp(share * total, ends, edges)) for share in shares]
