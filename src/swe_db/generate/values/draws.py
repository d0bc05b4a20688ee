"""Random bits that depend on nothing but (seed, table, column, row).

A column has a key of its own, and its bits for row `n` are the n-th output of SplitMix64 from that key on: Steele, Lea
and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014. There is no state to carry, so rows can be
made in any order and on any machine, and a new column changes no other. Everything is whole-number arithmetic, which
all processors do alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["VERSION", "Bits", "Ints", "Seed", "Stream", "permuted"]

Ints: TypeAlias = npt.NDArray[np.int64]
Bits: TypeAlias = npt.NDArray[np.uint64]

# Part of every value. Raise it when any value changes: a load that was begun by another version is not continued.
VERSION: Final = 1

_GAMMA: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND: Final = np.uint64(0x94D049BB133111EB)
_HALF: Final = np.uint64(32)


class Stream:
    """The random bits of one column.

    Args:
        key: What sets this column apart from all others.
    """

    def __init__(self, key: int) -> None:
        self._key = np.uint64(key)

    def bits(self, rows: Ints) -> Bits:
        """Return 64 bits for each row."""
        mixed = self._key + rows.astype(np.uint64) * _GAMMA
        mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
        return np.asarray(mixed ^ (mixed >> np.uint64(31)), dtype=np.uint64)

    def fraction(self, rows: Ints) -> Ints:
        """Return a number from 0 to below 2**32 for each row: a fraction in units of 2**-32."""
        return (self.bits(rows) >> _HALF).astype(np.int64)

    def below(self, limit: Ints | int, rows: Ints) -> Ints:
        """Return a number from 0 to below `limit`, which is at most 2**31, for each row; 0 where the limit is."""
        return np.asarray((self.fraction(rows) * limit) >> 32, dtype=np.int64)

    def between(self, lowest: int, highest: int, rows: Ints) -> Ints:
        """Return a number from `lowest` to `highest`, both included, for each row."""
        return lowest + self.below(highest - lowest + 1, rows)

    def chance(self, per_mille: Ints | int, rows: Ints) -> npt.NDArray[np.bool_]:
        """Return True for so many of a thousand rows."""
        return np.asarray(self.fraction(rows) * 1000 < np.asarray(per_mille, np.int64) << 32, dtype=np.bool_)

    def weighted(self, weights: Sequence[int], rows: Ints) -> Ints:
        """Return the index of one of the weights for each row, as often as its weight says."""
        ends = np.cumsum(np.asarray(weights, np.int64))
        return np.asarray(np.searchsorted(ends, self.below(int(ends[-1]), rows), side="right"), dtype=np.int64)


class Seed:
    """The source of all streams.

    Args:
        number: What the user gave.
    """

    def __init__(self, number: int) -> None:
        self.number = number

    def stream(self, table: str, column: str) -> Stream:
        """Return the stream of a column; several draws for one value have a name each."""
        name = f"{VERSION}:{self.number}:{table}.{column}".encode()
        return Stream(int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "big"))


def permuted(rows: Ints, size: int, key: int) -> Ints:
    """Return the place of each row, 0 to below `size`, in an arrangement in which no two rows share a place.

    Args:
        rows: Numbers from 0 to below `size`.
        size: How many there are, at most 2**31.
        key: Which arrangement.
    """
    factor = (key % size) | 1
    while np.gcd(factor, size) != 1:
        factor += 2
    return np.asarray((rows * (factor % size) + key // 7 % size) % size, dtype=np.int64)
