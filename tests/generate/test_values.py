"""Values: random bits, curves, the calendar and texts."""

from __future__ import annotations

import datetime as dt
import json
import zoneinfo

import numpy as np
import pytest

from swe_db.generate.values.calendar import DAY, HOUR, START, ZONES, Calendar, local_offset, work_after
from swe_db.generate.values.curves import long_tail, power, quantile
from swe_db.generate.values.draws import Ints, Seed, permuted
from swe_db.generate.values.texts import decimals, integers, iso, json_object, label_lists, numbers, text, uuids


def rows(count: int) -> Ints:
    """Return the first so many rows."""
    return np.arange(count, dtype=np.int64)


def history() -> Calendar:
    """Return a history of eighteen months."""
    return Calendar(Seed(42), dt.date(2026, 7, 1))


def test_bits_depend_on_the_row_alone() -> None:
    """A row has the same bits in whatever order and company it is asked for."""
    stream = Seed(7).stream("tasks", "title")
    together = stream.bits(rows(1000))
    assert (stream.bits(rows(1000)[::-1])[::-1] == together).all()
    assert (stream.bits(np.array([17, 900, 3])) == together[[17, 900, 3]]).all()


def test_bits_stay_what_they_are() -> None:
    """The bits of version 1: whoever changes them raises VERSION."""
    known = [2213521586847781226, 10896465774197977245, 13086247538659001082]
    assert Seed(42).stream("users", "role").bits(rows(3)).tolist() == known


@pytest.mark.parametrize(
    ("seed", "table", "column"), [(8, "tasks", "title"), (7, "users", "title"), (7, "tasks", "status")]
)
def test_columns_have_bits_of_their_own(seed: int, table: str, column: str) -> None:
    """Another seed, table or column has other bits."""
    known = Seed(7).stream("tasks", "title").bits(rows(100))
    assert not (Seed(seed).stream(table, column).bits(rows(100)) == known).any()


def test_numbers_are_even() -> None:
    """Numbers below a limit occur equally often, chances and weights as often as they say."""
    stream = Seed(1).stream("a", "b")
    counts = np.bincount(stream.below(10, rows(100_000)), minlength=10)
    assert counts.min() > 9_700
    assert counts.max() < 10_300
    assert 9_700 < stream.chance(100, rows(100_000)).sum() < 10_300
    assert np.abs(np.bincount(stream.weighted((1, 2, 7), rows(100_000))) - [10_000, 20_000, 70_000]).max() < 500
    assert set(stream.between(3, 5, rows(1000)).tolist()) == {3, 4, 5}


@pytest.mark.parametrize("size", [1, 2, 7, 1000, 65_536, 99_991])
def test_permutations_lose_nothing(size: int) -> None:
    """Each row has a place of its own."""
    assert sorted(permuted(rows(size), size, 123_456_789).tolist()) == list(range(size))


def test_uuids_are_unique_and_of_version_4() -> None:
    """No two rows share a UUID, and each says that it is random."""
    made = uuids(Seed(42), "tasks", rows(50_000)).to_pylist()
    assert len(set(made)) == len(made)
    assert {one[14] for one in made} == {"4"}
    assert {one[19] for one in made} == set("89ab")


def test_curves_ascend() -> None:
    """Quantiles ascend; half of the long tail is below its median; a power law prefers the first."""
    fractions = np.arange(0, 1 << 32, 1 << 20, dtype=np.int64)
    drawn = quantile(long_tail(3600, "0.8"), fractions)
    assert (np.diff(drawn) >= 0).all()
    assert abs(np.median(drawn) - 3600) < 40
    ranks = (quantile(power("2"), fractions) * 100) >> 32
    assert (ranks == 0).sum() == pytest.approx(len(fractions) / 10, rel=0.1)


def test_time_ascends_and_can_be_found_again() -> None:
    """A later position is never earlier, and an instant leads back to its position."""
    count = 100_000
    positions = ((2 * rows(count) + 1) << 39) // count
    instants = history().instants(positions)
    assert (np.diff(instants) >= 0).all()
    assert instants.min() >= START
    assert instants.max() < history().end
    later = instants > START
    assert np.abs(history().positions(instants[later]) - positions[later]).max() < (1 << 40) // count // 100


def test_work_follows_the_week() -> None:
    """Little goes on at weekends, and more at the end of the history than at its beginning."""
    instants = history().instants(((2 * rows(100_000) + 1) << 39) // 100_000)
    weekdays = np.bincount((instants // DAY + 3) % 7)
    assert weekdays[5:].sum() < weekdays[:5].sum() / 10
    months = np.unique(instants.astype("datetime64[ms]").astype("datetime64[M]"), return_counts=True)[1]
    assert months[-1] > 3 * months[1]


@pytest.mark.parametrize("zone", range(len(ZONES)), ids=[zone.name for zone in ZONES])
def test_clocks_are_those_of_the_zone(zone: int) -> None:
    """The offset of each zone is what the time zone database says, hour by hour over two years."""
    instants = START + rows(2 * 366 * 24) * HOUR
    known = zoneinfo.ZoneInfo(ZONES[zone].name)
    expected = [
        (known.utcoffset(dt.datetime.fromtimestamp(instant / 1000, known)) or dt.timedelta())
        // dt.timedelta(milliseconds=1)
        for instant in instants[::7].tolist()
    ]
    assert local_offset(instants[::7], np.full(len(instants[::7]), zone)).tolist() == expected


def test_work_is_done_in_office_hours() -> None:
    """Work ends on a weekday between nine and five, never before it begins; more work ends later."""
    begin = START + Seed(1).stream("t", "begin").below(400 * 24, rows(5_000)) * HOUR
    zone = np.full(5_000, 4)
    ended = work_after(begin, np.full(5_000, 5 * HOUR), zone)
    local = ended + local_offset(ended, zone)
    assert (ended >= begin).all()
    assert set(((local // DAY + 3) % 7).tolist()) <= set(range(5))
    hours = local % DAY / HOUR
    assert hours.min() >= 8  # an hour's leeway for work that goes on while the clocks change
    assert hours.max() <= 18
    assert (work_after(begin, np.full(5_000, 20 * HOUR), zone) > ended).all()


def test_json_is_as_jsonb_writes_it() -> None:
    """Shorter keys come first, then those with the smaller bytes; keys that are absent leave no trace."""
    made = json_object(
        {"bb": numbers(rows(2)), "a": '"x"', "ab": "null", "ccc": "[1]"}, {"bb": np.array([True, False])}
    ).to_pylist()
    assert made == ['{"a": "x", "ab": null, "bb": 0, "ccc": [1]}', '{"a": "x", "ab": null, "ccc": [1]}']
    assert [json.loads(one)["a"] for one in made] == ["x", "x"]


def test_an_object_begins_with_a_key_that_is_always_there() -> None:
    """There is no comma to leave out otherwise."""
    with pytest.raises(ValueError, match="first key"):
        json_object({"a": numbers(rows(1))}, {"a": np.array([True])})


def test_typed_columns() -> None:
    """Decimals are exact, times in JSON end without zeros, lists have the length that they are given."""
    assert [str(one) for one in decimals(np.array([12_345, -5, 0]), 10, 4).to_pylist()] == [
        "1.2345",
        "-0.0005",
        "0.0000",
    ]
    assert iso(np.array([START, START + 250, START + 7])).to_pylist() == [
        "2025-01-06T11:00:00+00:00", "2025-01-06T11:00:00.25+00:00", "2025-01-06T11:00:00.007+00:00",
    ]  # fmt: skip
    lists = label_lists(("a", "b", "c"), np.array([[0, 1, 2], [2, 0, 1]]), np.array([2, 0]))
    assert lists.to_pylist() == [["a", "b"], []]
    assert integers(np.array([1, 2]), np.array([True, False])).to_pylist() == [1, None]
    assert text("a", numbers(rows(2)), "b").to_pylist() == ["a0b", "a1b"]
