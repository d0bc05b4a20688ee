"""Columns of text and of typed values, as Arrow arrays: put together column by column, never row by row."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from swe_db.generate.values.draws import Bits, Ints, Seed

__all__ = [
    "Array",
    "Mask",
    "Part",
    "constant",
    "decimals",
    "hexadecimal",
    "integers",
    "iso",
    "json_object",
    "label_lists",
    "numbers",
    "optional",
    "pick",
    "select",
    "strings",
    "text",
    "timestamps",
    "uuids",
]

Array: TypeAlias = pa.Array
Mask: TypeAlias = npt.NDArray[np.bool_]
Part: TypeAlias = "str | Array"

_HEX: Final = np.frombuffer(b"0123456789abcdef", np.uint8)
_DASHES: Final = ((0, 8), (9, 13), (14, 18), (19, 23), (24, 36))


def strings(values: Sequence[str]) -> Array:
    """Return an array of texts."""
    return pa.array(values, pa.string())


@functools.cache
def _vocabulary(values: tuple[str, ...]) -> Array:
    return strings(values)


def pick(values: tuple[str, ...], indices: Ints, valid: Mask | None = None) -> Array:
    """Return the text at each index of a vocabulary, null where it is not valid."""
    mask = None if valid is None else ~valid
    return _vocabulary(values).take(pa.array(indices, mask=mask))


def constant(value: str, rows: int) -> Array:
    """Return the same text for each row."""
    return pa.repeat(pa.scalar(value, pa.string()), rows)


def text(*parts: Part) -> Array:
    """Return the parts joined, row by row; null where one of them is. At least one is an array."""
    return pc.binary_join_element_wise(*(pa.scalar(part) if isinstance(part, str) else part for part in parts), "")


def numbers(values: Ints) -> Array:
    """Return whole numbers as texts."""
    return pa.array(values).cast(pa.string())


def integers(values: Ints, valid: Mask | None = None) -> Array:
    """Return whole numbers, null where they are not valid."""
    return pa.array(values, pa.int64(), mask=None if valid is None else ~valid)


def optional(array: Array, valid: Mask) -> Array:
    """Return the array, null where it is not valid."""
    return pc.if_else(pa.array(valid), array, pa.scalar(None, array.type))


def select(condition: Mask, yes: Part, no: Part) -> Array:
    """Return one of two texts for each row."""
    return pc.if_else(pa.array(condition), yes, no)


def timestamps(instants: Ints, valid: Mask | None = None) -> Array:
    """Return instants, milliseconds since 1970, as timestamps with time zone."""
    return pa.array(instants, pa.timestamp("ms", "UTC"), mask=None if valid is None else ~valid)


def iso(instants: Ints) -> Array:
    """Return instants as PostgreSQL writes them into JSON at time zone UTC: `2025-03-01T09:30:00.25+00:00`."""
    seconds = pa.array(instants // 1000, pa.timestamp("s")).cast(pa.string())
    rest = instants % 1000
    return text(pc.replace_substring(seconds, " ", "T", max_replacements=1), pick(_fractions(), rest), "+00:00")


@functools.cache
def _fractions() -> tuple[str, ...]:
    """Return the thousandths of a second as PostgreSQL writes them: nothing for none, no zeros at the end."""
    return tuple("" if part == 0 else f".{part:03d}".rstrip("0") for part in range(1000))


def decimals(units: Ints, precision: int, scale: int, valid: Mask | None = None) -> Array:
    """Return exact decimal numbers.

    Args:
        units: The numbers in units of their last digit.
        precision: How many digits there may be.
        scale: How many of them stand after the point.
        valid: Where there is a number at all.
    """
    words = np.empty((len(units), 2), np.int64)
    words[:, 0] = units
    words[:, 1] = units >> 63
    array = pa.Array.from_buffers(pa.decimal128(precision, scale), len(units), [None, pa.py_buffer(words)])
    return array if valid is None else optional(array, valid)


def hexadecimal(bits: Bits, digits: int = 16) -> Array:
    """Return the last digits of each number, in base 16."""
    shifts = np.arange(4 * (digits - 1), -1, -4, dtype=np.uint64)
    return _fixed(_HEX[(bits[:, None] >> shifts & np.uint64(15)).astype(np.intp)])


def uuids(seed: Seed, table: str, rows: Ints) -> Array:
    """Return a version 4 UUID for each row; two rows of a table never have the same.

    122 bits are free. Of the lower 62, the row's own number is one to one; the upper 60 are random.
    """
    upper = seed.stream(table, "external_id").bits(rows)
    lower = (rows.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15 | 1)) ^ seed.stream(table, "external_id.low").bits(
        np.zeros(1, np.int64)
    )
    upper = (upper & ~np.uint64(0xF000)) | np.uint64(0x4000)
    lower = (lower & np.uint64((1 << 62) - 1)) | np.uint64(1 << 63)
    digits = np.empty((len(rows), 32), np.uint8)
    shifts = np.arange(60, -1, -4, dtype=np.uint64)
    digits[:, :16] = _HEX[(upper[:, None] >> shifts & np.uint64(15)).astype(np.intp)]
    digits[:, 16:] = _HEX[(lower[:, None] >> shifts & np.uint64(15)).astype(np.intp)]
    written = np.full((len(rows), 36), ord("-"), np.uint8)
    taken = 0
    for start, stop in _DASHES:
        written[:, start:stop] = digits[:, taken : taken + stop - start]
        taken += stop - start
    return _fixed(written)


def _fixed(characters: npt.NDArray[np.uint8]) -> Array:
    """Return an array of texts of one length, from a matrix of their characters."""
    rows, width = characters.shape
    offsets = np.arange(rows + 1, dtype=np.int32) * width
    return pa.Array.from_buffers(
        pa.string(), rows, [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(characters))]
    )


def label_lists(vocabulary: tuple[str, ...], choices: Ints, counts: Ints) -> Array:
    """Return a list of texts for each row.

    Args:
        vocabulary: What they are taken from.
        choices: Indices, one row of the matrix for each row; the first ones count.
        counts: How many of them.
    """
    taken = np.arange(choices.shape[1]) < counts[:, None]
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pick(vocabulary, choices[taken]))


def json_object(members: Mapping[str, Part], present: Mapping[str, Mask] | None = None) -> Array:
    """Return JSON objects as jsonb writes them: shorter keys first, then by their bytes.

    Args:
        members: The value of each key, as JSON; at least one is an array.
        present: Rows in which a key occurs at all, for keys that do not in every row. Never the first of all keys.
    """
    parts: list[Part] = []
    opening = "{"
    for key in sorted(members, key=lambda key: (len(key), key)):
        value = members[key]
        if present is not None and key in present:
            if opening != ", ":
                raise ValueError("the first key of an object is in every row")
            member = text(f', "{key}": ', value) if not isinstance(value, str) else f', "{key}": {value}'
            # A value may be null where the key is absent.
            parts.append(pc.if_else(pa.array(present[key]), member, ""))
        else:
            parts.extend((f'{opening}"{key}": ', value))
        opening = ", "
    return text(*parts, "}")
