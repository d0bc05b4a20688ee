"""Loading one part: its rows and its row of the ledger in one transaction."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Mapping
from typing import Final

import pyarrow as pa
from psycopg import sql

from swe_db.errors import GenerateError
from swe_db.generate.load.copy import columns_of, copy_blocks
from swe_db.generate.load.sessions import Conninfo, loading_session, transaction
from swe_db.generate.parts import Part, make
from swe_db.generate.plan import Plan
from swe_db.generate.profile.observing import observe
from swe_db.generate.tables.census import Census
from swe_db.migrations.connections import Connection, execute

__all__ = ["Loaded", "load_part"]

# It waits for whoever loads the same part at this moment, and then finds it there.
_CLAIM: Final = "INSERT INTO swe_load.parts (part) VALUES (%(part)s) ON CONFLICT DO NOTHING"
_OURS: Final = "SELECT FROM swe_load.run WHERE token = %(token)s::uuid FOR SHARE"
_RECORD: Final = """
UPDATE swe_load.parts
SET rows = %(rows)s::jsonb, bytes = %(bytes)s, stats = %(stats)s::jsonb, milliseconds = %(milliseconds)s,
  committed_at = clock_timestamp()
WHERE part = %(part)s
"""
# Whoever writes edges waits for others who do, until their transaction ends.
_LAST: Final = "evidence_chains"


@dataclasses.dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a part.

    Attributes:
        part: Its number.
        rows: How many rows of each table were loaded; none where the part was there.
        size: How many bytes were sent.
    """

    part: int
    rows: Mapping[str, int]
    size: int


def load_part(conninfo: Conninfo, token: str, plan: Plan, census: Census, part: Part) -> Loaded:
    """Load a part, unless it is there.

    Args:
        conninfo: The database, password included.
        token: The run that it belongs to.
        plan: The data set.
        census: Its census.
        part: The part.

    Raises:
        ServerError: The server cannot be reached, or the connection was lost.
        GenerateError: The server refuses, its disk is full, or the database was emptied meanwhile.
    """
    began = time.monotonic()
    with loading_session(conninfo.text) as connection, transaction(connection):
        if not execute(connection, _OURS, {"token": token}).rowcount:
            raise GenerateError("The database was emptied while it was filled: another run begins anew.")
        if not execute(connection, _CLAIM, {"part": part.number}).rowcount:
            return Loaded(part.number, {}, 0)
        tables = make(plan, census, part)
        order = sorted(tables, key=lambda name: name == _LAST)
        size = sum(_copy(connection, name, tables[name]) for name in order)
        rows = {name: table.num_rows for name, table in tables.items()}
        stats = json.dumps(observe(plan, tables))
        spent = round((time.monotonic() - began) * 1000)
        record = {"part": part.number, "rows": json.dumps(rows), "bytes": size, "stats": stats, "milliseconds": spent}
        execute(connection, _RECORD, record)
    return Loaded(part.number, rows, size)


def _copy(connection: Connection, name: str, table: pa.Table) -> int:
    """Copy rows into a table and return how many bytes were sent."""
    statement = sql.SQL("COPY public.{} ({}) FROM STDIN").format(
        sql.Identifier(name), sql.SQL(", ").join(map(sql.Identifier, columns_of(table)))
    )
    size = 0
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for block in copy_blocks(table):
            copy.write(block)
            size += len(block)
    return size
