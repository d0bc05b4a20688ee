"""When things happen: growth over months, working days and hours, time zones, and work that is done in them.

Instants are whole milliseconds since 1970, UTC. A position is a place in the history of the platform, a fraction in
units of 2**-40: rows that were made one after the other have ascending positions. All of it is whole-number arithmetic.
"""

from __future__ import annotations

import datetime as dt
import functools
from typing import Final, NamedTuple

import numpy as np

from swe_db.generate.values.draws import Ints, Seed

__all__ = ["DAY", "HOUR", "MINUTE", "SECOND", "START", "ZONES", "Calendar", "Zone", "local_offset", "work_after"]

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

# An hour after the seeds, on a Monday.
START: Final = 1_736_161_200_000  # 2025-01-06 11:00:00+00
_FIRST_DAY: Final = START // DAY
_POSITION_BITS: Final = 40

# Parts of a thousand of a day's work that begin in each hour, UTC, when people sit around the world.
_HOURS: Final = (14, 11, 10, 11, 14, 20, 32, 50, 66, 74, 72, 62, 60, 70, 74, 70, 66, 58, 46, 36, 28, 22, 19, 15)
# Of a hundred: Monday to Sunday.
_WEEKDAYS: Final = (96, 108, 110, 106, 88, 14, 9)
# Of a hundred, by (month, day): days on which few work.
_HOLIDAYS: Final = {(1, 1): 8, (5, 1): 45, (12, 24): 25, (12, 25): 6, (12, 26): 12, (12, 31): 25}


class Zone(NamedTuple):
    """A time zone.

    Attributes:
        name: IANA name.
        winter: Minutes ahead of UTC in winter.
        summer: The rule of its summer time: eu, us, or none.
        share: How many of a hundred people live there.
    """

    name: str
    winter: int
    summer: str
    share: int


ZONES: Final = (
    Zone("UTC", 0, "", 4),
    Zone("Europe/London", 0, "eu", 12),
    Zone("Europe/Berlin", 60, "eu", 17),
    Zone("Europe/Warsaw", 60, "eu", 6),
    Zone("America/New_York", -300, "us", 19),
    Zone("America/Chicago", -360, "us", 6),
    Zone("America/Los_Angeles", -480, "us", 15),
    Zone("America/Sao_Paulo", -180, "", 6),
    Zone("Asia/Kolkata", 330, "", 9),
    Zone("Asia/Tokyo", 540, "", 6),
)
_YEARS: Final = range(2024, 2051)
_OPENS: Final = 9 * HOUR
_WORKDAY: Final = 8 * HOUR
_WORKWEEK: Final = 5 * _WORKDAY


class Calendar:
    """The history of the platform from `START` to an end.

    Args:
        seed: The source of the ups and downs of days.
        as_of: The end: nothing has happened after it.
    """

    def __init__(self, seed: Seed, as_of: dt.date) -> None:
        self.end = (as_of - dt.date(1970, 1, 1)).days * DAY
        self._days = _day_ends(seed.number, self.end // DAY - _FIRST_DAY)
        self._hours = np.concatenate([[0], np.cumsum(np.array(_HOURS, np.int64))])

    def instants(self, positions: Ints) -> Ints:
        """Return the instant of each position; a later position is never earlier."""
        shares = self._days
        # 40 bits of position times at most 23 bits of shares.
        target = (positions * int(shares[-1])) >> _POSITION_BITS
        day = np.searchsorted(shares, target, side="right") - 1
        inside = ((positions * int(shares[-1])) & ((1 << _POSITION_BITS) - 1)) >> 20
        weight = shares[day + 1] - shares[day]
        fraction = (((target - shares[day]) << 20) + inside) * 1000
        share = fraction // weight  # of a thousand, in units of 2**-20
        hour = np.searchsorted(self._hours, share >> 20, side="right") - 1
        past = share - (self._hours[hour] << 20)
        within = (past * HOUR // (self._hours[hour + 1] - self._hours[hour])) >> 20
        instant = (_FIRST_DAY + day) * DAY + hour * HOUR + within
        return np.asarray(np.clip(instant, START, self.end - 1), dtype=np.int64)

    def positions(self, instants: Ints) -> Ints:
        """Return the position of each instant, the inverse of `instants` up to rounding."""
        shares = self._days
        instants = np.clip(instants, START, self.end - 1)
        day = np.clip(instants // DAY - _FIRST_DAY, 0, len(shares) - 2)
        clock = instants - (_FIRST_DAY + day) * DAY
        hour = np.clip(clock // HOUR, 0, 23)
        past = ((clock - hour * HOUR) << 20) // HOUR
        share = (self._hours[hour] << 20) + past * (self._hours[hour + 1] - self._hours[hour])
        inside = share * (shares[day + 1] - shares[day]) // 1000
        return np.asarray((((shares[day] << 20) + inside) << 20) // int(shares[-1]), dtype=np.int64)


@functools.lru_cache(maxsize=8)
def _day_ends(seed: int, days: int) -> Ints:
    """Return how much has happened before each day and before the end, in shares."""
    rows = np.arange(days, dtype=np.int64)
    noise = Seed(seed).stream("calendar", "day").between(85, 115, rows)
    weekday = np.array(_WEEKDAYS, np.int64)[(rows + _FIRST_DAY + 3) % 7]
    holidays = np.array([_holiday(int(row)) for row in rows], np.int64)
    # Six times as much goes on at the end as at the beginning, and growth is steepest in the middle.
    part = (rows << 20) // max(days, 1)
    growth = 200 + ((3 * part * part >> 20) - (2 * part * part >> 20) * part // (1 << 20)) * 1000 // (1 << 20)
    weights = np.maximum(noise * weekday * holidays * growth // 4_000_000, 1)
    return np.concatenate([[0], np.cumsum(weights)]).astype(np.int64)


def _holiday(day: int) -> int:
    date = dt.date(1970, 1, 1) + dt.timedelta(days=_FIRST_DAY + day)
    return _HOLIDAYS.get((date.month, date.day), 100)


def local_offset(instants: Ints, zones: Ints) -> Ints:
    """Return what a clock in the zone (an index of `ZONES`) shows beyond UTC, in milliseconds."""
    winter = np.array([zone.winter * MINUTE for zone in ZONES], np.int64)[zones]
    summer = np.zeros(len(instants), np.int64)
    for rule in ("eu", "us"):
        changes = _summer_changes(rule)
        follows = np.array([zone.summer == rule for zone in ZONES])[zones]
        # In America the change is at two o'clock local time; summer time begins an hour later on the clock.
        clock = instants + (winter if rule == "us" else 0)
        summer += np.where(follows & (np.searchsorted(changes, clock, side="right") % 2 == 1), HOUR, 0)
    return np.asarray(winter + summer, dtype=np.int64)


@functools.cache
def _summer_changes(rule: str) -> Ints:
    """Return when summer begins and ends, in turn, by UTC for Europe and by the winter's clock for America."""
    changes: list[int] = []
    for year in _YEARS:
        if rule == "eu":
            pair = (_sunday(year, 3, -1) * DAY + HOUR, _sunday(year, 10, -1) * DAY + HOUR)
        else:
            pair = (_sunday(year, 3, 2) * DAY + 2 * HOUR, _sunday(year, 11, 1) * DAY + HOUR)
        changes.extend(pair)
    return np.array(changes, np.int64)


def _sunday(year: int, month: int, which: int) -> int:
    """Return the day, since 1970, of the first, second or last (-1) Sunday of a month."""
    first = dt.date(year, month, 1)
    sundays = [
        day
        for day in (first + dt.timedelta(days=step) for step in range(31))
        if day.month == month and day.weekday() == 6
    ]
    return (sundays[which if which < 0 else which - 1] - dt.date(1970, 1, 1)).days


def work_after(instants: Ints, work: Ints, zones: Ints) -> Ints:
    """Return when so much work is done by somebody who starts at the instant and works office hours in a zone.

    Args:
        instants: When it may begin.
        work: How long it takes, in milliseconds of working time: nine to five, Monday to Friday.
        zones: Where, as an index of `ZONES`.

    Returns:
        Instants that are never before their beginning.
    """
    offset = local_offset(instants, zones)
    local = instants + offset - 4 * DAY  # 1970-01-05 was a Monday
    week = local // (7 * DAY)
    inside = local - week * 7 * DAY
    weekday = inside // DAY
    clock = np.clip(inside - weekday * DAY - _OPENS, 0, _WORKDAY)
    done = np.where(weekday < 5, weekday * _WORKDAY + clock, _WORKWEEK)
    total = week * _WORKWEEK + done + np.maximum(work, 1)
    # One less, so that work that ends with a day ends in the evening and not the next morning.
    week = (total - 1) // _WORKWEEK
    rest = total - 1 - week * _WORKWEEK
    weekday = rest // _WORKDAY
    local = week * 7 * DAY + weekday * DAY + _OPENS + rest - weekday * _WORKDAY + 1 + 4 * DAY
    return np.asarray(np.maximum(local - offset, instants), dtype=np.int64)
