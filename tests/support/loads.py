"""Helpers of the tests of loading: databases to fill, and what is in them then."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Mapping
from typing import Any, Final

import psycopg
from psycopg import sql

from swe_db.generate.parts import TABLES
from swe_db.generate.run import Progress
from swe_db.migrations import migrate, seed
from swe_db.servers.server import PostgresServer

CONTENT: Final = "SELECT count(*), md5(coalesce(string_agg(md5(t::text), '' ORDER BY id), '')) FROM public.{} AS t"
CATALOGUE: Final = """
SELECT 'index', class.relname, pg_get_indexdef(indexrelid), indisvalid, obj_description(indexrelid, 'pg_class')
FROM pg_index JOIN pg_class AS class ON class.oid = indexrelid
WHERE class.relnamespace = 'public'::regnamespace
UNION ALL
SELECT 'constraint', conname, conrelid::regclass || ' ' || pg_get_constraintdef(oid), convalidated,
  concat_ws(' ', conislocal, obj_description(oid, 'pg_constraint'))
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT 'trigger', tgname, tgrelid::regclass || ' ' || tgenabled::text, true, NULL FROM pg_trigger WHERE NOT tgisinternal
ORDER BY 1, 2, 3
"""


class Steps:
    """What was told of a load; it is called as `on_progress`."""

    def __init__(self) -> None:
        self.told: list[Progress] = []

    def __call__(self, progress: Progress) -> None:
        """Keep it."""
        self.told.append(progress)

    @property
    def doing(self) -> list[str]:
        """What was done, each thing once."""
        return list(dict.fromkeys(progress.doing for progress in self.told))


@contextlib.contextmanager
def prepared_database(server: PostgresServer) -> Iterator[str]:
    """Make a migrated and seeded database, give its name, and drop it."""
    name = f"test_{secrets.token_hex(6)}"
    url = server.address.database(name).url
    with created(server, name):
        migrate(url)
        seed(url)
        yield name


@contextlib.contextmanager
def created(server: PostgresServer, name: str, template: str = "template0") -> Iterator[None]:
    """Make a database, and drop it."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        connection.execute(create)
    try:
        yield
    finally:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def content(url: str) -> Mapping[str, Any]:
    """Return the number of rows and a checksum of each table that is filled."""
    with psycopg.connect(url) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return {
            table: connection.execute(sql.SQL(CONTENT).format(sql.Identifier(table))).fetchone() for table in TABLES
        }


def catalogue(url: str) -> list[tuple[Any, ...]]:
    """Return indexes, constraints and triggers as they are, those of partitions too."""
    with psycopg.connect(url) as connection:
        return connection.execute(CATALOGUE).fetchall()
