"""Rows of Arrow tables as the lines that checksums are made of: the texts that PostgreSQL gives for the values."""

from __future__ import annotations

import hashlib
from typing import Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["NULL", "SEPARATOR", "Sums", "array_literals", "as_text", "sums_of"]

Array: TypeAlias = pa.Array

# As in columns.sql.
SEPARATOR: Final = "\x1f"
NULL: Final = "\x1e"
# What array_out puts into quotes; the white space is array_isspace's.
_QUOTED: Final = r'^$|[{}",\\ \t\n\r\v\f]|^(?i:null)$'
_ROWS: Final = 50_000


class Sums:
    """Adds up the checksums of rows; their order and how they are grouped do not matter.

    Attributes:
        rows: How many there were.
        first: The sum of the first halves of their MD5, modulo 2**64.
        second: The sum of the second halves.
    """

    def __init__(self, rows: int = 0, first: int = 0, second: int = 0) -> None:
        self.rows = rows
        self.first = first % (1 << 64)
        self.second = second % (1 << 64)

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.rows + other.rows, self.first + other.first, self.second + other.second)

    @property
    def checksum(self) -> str:
        """Both sums, as 32 hexadecimal digits."""
        return f"{self.first:016x}{self.second:016x}"


def sums_of(table: pa.Table) -> Sums:
    """Return the sums over the rows of a table whose columns have the names of the database."""
    columns = sorted(table.column_names)
    total = Sums()
    for batch in table.select(columns).to_batches(max_chunksize=_ROWS):
        total += _batch_sums(batch)
    return total


def _batch_sums(batch: pa.RecordBatch) -> Sums:
    texts = [as_text(column) for column in batch.columns]
    lines = pc.binary_join_element_wise(*texts, SEPARATOR, null_handling="replace", null_replacement=NULL)
    # One line at a time is all that hashlib takes; everything else is done for all rows at once.
    md5 = hashlib.md5
    digests = b"".join([md5(line, usedforsecurity=False).digest() for line in lines.cast(pa.binary()).to_pylist()])
    halves = np.frombuffer(digests, ">u8").reshape(-1, 2).astype(np.uint64).sum(axis=0, dtype=np.uint64)
    return Sums(batch.num_rows, int(halves[0]), int(halves[1]))


def as_text(array: Array) -> Array:
    """Return values as PostgreSQL writes them at time zone UTC and date style ISO, null where they are.

    Args:
        array: Texts, whole numbers, exact decimals, timestamps with time zone UTC, or lists of texts. What is a text in
            Arrow and JSON, a UUID, an address or an array in PostgreSQL is written as PostgreSQL does already.
    """
    if pa.types.is_string(array.type):
        return array
    if pa.types.is_timestamp(array.type):
        return _timestamps(array)
    if pa.types.is_list(array.type):
        return array_literals(array)
    return array.cast(pa.string())


def _timestamps(array: Array) -> Array:
    """Return `2025-03-01 09:30:00.25+00`: no zeros at the end of a fraction, and no fraction where there is none."""
    written = array.cast(pa.timestamp(array.type.unit)).cast(pa.string())
    if array.type.unit != "s":
        written = pc.utf8_rtrim(pc.utf8_rtrim(written, "0"), ".")
    return pc.binary_join_element_wise(written, "+00", "")


def array_literals(lists: Array) -> Array:
    """Return lists of texts as PostgreSQL writes an array: `{api,"good first issue"}`."""
    values = lists.flatten()
    quoted = pc.match_substring_regex(values, _QUOTED)
    if pc.any(quoted).as_py():
        escaped = pc.replace_substring_regex(values, r'(["\\])', r"\\\1")
        values = pc.if_else(quoted, pc.binary_join_element_wise('"', escaped, '"', ""), values)
    values = pc.fill_null(values, "NULL")
    joined = pc.binary_join(_same_lists(lists, values), ",")
    return pc.binary_join_element_wise("{", joined, "}", "")


def _same_lists(lists: Array, values: Array) -> Array:
    """Return lists of other values, as long as the lists that there were, and null where they were."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values, mask=pc.is_null(lists))
