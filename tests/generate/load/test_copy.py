"""Rows in the text format of COPY."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import psycopg
import pyarrow as pa
import pytest

from swe_db.generate.load.copy import columns_of, copy_blocks
from swe_db.servers.server import PostgresServer

TABLE = """
CREATE TEMPORARY TABLE t (
  id bigint, body text, labels text[], score numeric(5, 4), made timestamptz, facts jsonb, address inet, key uuid
)
"""
WORDS = ["", "plain", "a\tb", "a\nb\r\nc", "back\\slash \\N", "\\.", "Zoë 漢字 🙂", "'\"", "{}", None]
LISTS = [[], ["a"], ["a b", "c,d"], ['q"q', "b\\s", "{x}", "NULL", ""], ["tab\tnewline\n"], None]
KEY = "00000000-0000-4000-8000-000000000001"


def data(count: int) -> pa.Table:
    """Return rows that hold everything that could go wrong, in every combination of the columns' cycles."""
    at = dt.datetime(2025, 1, 6, 11, 0, 0, 120_000, dt.UTC)
    scores = [None if n % 7 == 0 else Decimal(n % 10000) / 10000 for n in range(count)]
    times = [None if n % 5 == 0 else at + dt.timedelta(hours=n) for n in range(count)]
    return pa.table(
        {
            "id": pa.array(range(count), pa.int64()),
            "body": pa.array([WORDS[n % len(WORDS)] for n in range(count)]),
            "labels": pa.array([LISTS[n % len(LISTS)] for n in range(count)], pa.list_(pa.string())),
            "score": pa.array(scores, pa.decimal128(5, 4)),
            "made": pa.array(times, pa.timestamp("ms", "UTC")),
            "facts": pa.array(['{"a": "line\\nline", "b": [1, null]}' if n % 3 else None for n in range(count)]),
            "address": pa.array(["192.0.2.1" if n % 2 else None for n in range(count)]),
            "key": pa.array([KEY] * count),
        }
    )


@pytest.mark.parametrize("start", [0, 1, 17])
def test_everything_arrives_as_it_was(postgres: PostgresServer, start: int) -> None:
    """Texts, lists, numbers and times come out of the database as they went in, also from the middle of a table."""
    table = data(300).slice(start, 211)
    with psycopg.connect(postgres.url) as connection, connection.cursor() as cursor:
        cursor.execute(TABLE)
        cursor.execute("SET TimeZone = 'UTC'")
        with cursor.copy(f"COPY t ({', '.join(columns_of(table))}) FROM STDIN") as copy:
            for block in copy_blocks(table):
                copy.write(block)
        cursor.execute("SELECT id, body, labels, score, made, facts::text, host(address), key::text FROM t ORDER BY id")
        names = table.column_names
        assert [dict(zip(names, row, strict=True)) for row in cursor] == table.to_pylist()


def test_blocks_are_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows come a few thousand at a time, and none gets lost between two blocks."""
    monkeypatch.setattr("swe_db.generate.load.copy.ROWS", 7)
    blocks = [bytes(block) for block in copy_blocks(pa.concat_tables([data(10), data(30)]))]
    assert [block.count(b"\n") for block in blocks] == [7, 3, 7, 7, 7, 7, 2]
    assert b"".join(blocks[:2]) + b"".join(blocks[2:]) == b"".join(map(bytes, copy_blocks(data(10)))) + b"".join(
        map(bytes, copy_blocks(data(30)))
    )
