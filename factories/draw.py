"""Random values that depend on nothing but scope, table, column and the row's number.

No stream is shared, so that a new column changes no other one, and a row does not depend on those made before it.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, TypeVar
from uuid import UUID

from swe_db.factories.people import Person, people
from swe_db.factories.scope import NUMBER_BITS, Scope

__all__ = ["Draw", "column_key"]

T = TypeVar("T")

MASK: Final = (1 << 64) - 1
ROW_STEP: Final = 0xD1342543DE82EF95
DRAW_STEP: Final = 0xA0761D6478BD642F
MIX: Final = 0xE7037ED1A0B428DB
UUID_FIXED: Final = ~(0xF << 76 | 0x3 << 62)
UUID_VERSION_4: Final = 4 << 76 | 2 << 62


@functools.cache
def column_key(table: str, column: str) -> int:
    """Return 64 bits that stand for a column."""
    return int.from_bytes(hashlib.blake2b(f"{table}.{column}".encode(), digest_size=8).digest(), "big")


class Draw:
    """Makes the random values of one column of one row; each call gives the next.

    Args:
        scope: Whose row it is.
        key: Stands for the column.
        number: The row's number.
        given: What the caller chose for the row.

    Attributes:
        number: The row's number in its scope: 0, 1, 2, …
        given: What the caller chose for the row, by keyword.
    """

    __slots__ = ("_row", "_scope", "_state", "given", "number")

    def __init__(self, scope: Scope, key: int, number: int, given: Mapping[str, Any]) -> None:
        self.number = number
        self.given = given
        self._scope = scope
        self._row = number * ROW_STEP
        self.turn_to(key)

    def turn_to(self, key: int) -> None:
        """Make the values of another column of the row from here on."""
        self._state = (self._scope.content ^ key) + self._row

    def turned_to(self, key: int) -> Draw:
        """Return what makes the values of another column of the row."""
        return Draw(self._scope, key, self.number, self.given)

    @property
    def unique(self) -> int:
        """A whole number, above 2**62, that no other row of the table has in any test, worker or process."""
        return (self._scope.space << NUMBER_BITS) + self.number

    @property
    def token(self) -> str:
        """The same in lower-case letters, digits and a hyphen, for names."""
        return f"{self._scope.token}-{self.number}"

    @property
    def locale(self) -> str:
        """The Faker locale that is set: `en_US`."""
        return self._scope.locale

    def bits(self) -> int:
        """Return 64 random bits: wyrand, which takes one multiplication."""
        self._state = state = (self._state + DRAW_STEP) & MASK
        product = state * (state ^ MIX)
        return (product >> 64 ^ product) & MASK

    def integer(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return low + (self.bits() * (high - low + 1) >> 64)

    def choice(self, options: Sequence[T]) -> T:
        """Return one of `options`; one that stands there twice comes twice as often."""
        return options[self.bits() * len(options) >> 64]

    def sample(self, options: Sequence[T], size: int) -> list[T]:
        """Return `size` different ones of `options`, in their order."""
        places = list(range(len(options)))
        chosen = [places.pop(self.bits() * len(places) >> 64) for _ in range(size)]
        return [options[place] for place in sorted(chosen)]

    def chance(self, share: float) -> bool:
        """Return True for a `share` (from 0.0 to 1.0) of the rows."""
        return self.bits() < share * MASK

    def decimal(self, low: str, high: str) -> Decimal:
        """Return a number from `low` to `high` with as many places as `low` is written with."""
        lowest, highest = Decimal(low), Decimal(high)
        unit = Decimal(1).scaleb(int(lowest.as_tuple().exponent))
        return lowest + self.integer(0, int((highest - lowest) / unit)) * unit

    def after(self, moment: datetime, low: float, high: float) -> datetime:
        """Return a time that is `low` to `high` hours after `moment`, to the second."""
        return moment + timedelta(seconds=self.integer(int(low * 3600), int(high * 3600)))

    def not_after(self, moment: datetime, *columns: str) -> datetime:
        """Return `moment`, or the earliest of the times that the caller gave for `columns` if that is before it."""
        given = (self.given.get(column) for column in columns)
        return min([moment, *(time for time in given if isinstance(time, datetime))])

    def uuid(self) -> UUID:
        """Return a UUID of version 4."""
        return UUID(int=(self.bits() << 64 | self.bits()) & UUID_FIXED | UUID_VERSION_4)

    def hex(self, length: int) -> str:
        """Return so many hexadecimal digits."""
        digits = "".join(f"{self.bits():016x}" for _ in range((length + 15) // 16))
        return digits[:length]

    def person(self) -> Person:
        """Return somebody of the locale that is set."""
        known = people(self._scope.locale)
        return Person(self.choice(known.first_names), self.choice(known.last_names))
