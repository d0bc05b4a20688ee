"""Distributions as tables of whole numbers.

Their shapes need powers and logarithms, whose last bit differs between processors; so they are computed once by
`decimal`, which is the same everywhere, and rounded into tables. Draws only look up and interpolate.
"""

from __future__ import annotations

import functools
from decimal import Decimal, localcontext
from typing import Final

import numpy as np

from swe_db.generate.values.draws import Ints

__all__ = ["long_tail", "power", "quantile"]

_STEPS: Final = 256
_STEP_BITS: Final = 8
_ONE: Final = 1 << 32


def quantile(table: Ints, fractions: Ints) -> Ints:
    """Return what stands at each fraction of a table of `_STEPS` + 1 quantiles, between two entries in proportion.

    Args:
        table: Quantiles, ascending, each below 2**40.
        fractions: From 0 to below 2**32.
    """
    place = fractions >> (32 - _STEP_BITS)
    rest = (fractions >> (32 - _STEP_BITS - 20)) & ((1 << 20) - 1)
    low = table[place]
    return np.asarray(low + (((table[place + 1] - low) * rest) >> 20), dtype=np.int64)


@functools.cache
def long_tail(median: int, spread: str) -> Ints:
    """Return quantiles of a log-logistic distribution, which durations of work follow well: many short, few very long.

    Args:
        median: Half of the values are below it.
        spread: One over the shape parameter: 0.5 is narrow, 1 wide. A decimal number as text.
    """
    with localcontext() as context:
        context.prec = 30
        entries = []
        for step in range(_STEPS + 1):
            part = (Decimal(step) + Decimal("0.5")) / (_STEPS + 1)
            odds = part / (1 - part)
            entries.append(int(median * (odds.ln() * Decimal(spread)).exp()))
    return np.array(entries, np.int64)


@functools.cache
def power(exponent: str) -> Ints:
    """Return the quantiles of x**exponent, in units of 2**-32: shares of a range of which the first are drawn most.

    With ranks below n drawn as n * x**exponent, rank r is drawn with a density in proportion to r**(1/exponent - 1): a
    power law.

    Args:
        exponent: 1 draws all alike; 3 gives the first of a thousand a tenth of all. A decimal number as text.
    """
    with localcontext() as context:
        context.prec = 30
        entries = [0]
        for step in range(1, _STEPS):
            part = Decimal(step) / _STEPS
            entries.append(int(_ONE * (part.ln() * Decimal(exponent)).exp()))
    return np.array([*entries, _ONE - 1], np.int64)
