"""Databases that hold the schema of swe-db."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection, sql

from support.sql import apply_migrations, apply_seeds, insert_base_rows
from swe_db.servers.server import PostgresServer


@pytest.fixture(scope="session")
def schema_url(postgres: PostgresServer) -> Iterator[str]:
    """A database with the schema and the rows that cases build on; nothing may be committed to it."""
    with database(postgres) as url:
        apply_migrations(url)
        with psycopg.connect(url) as connection:
            insert_base_rows(connection)
        yield url


@pytest.fixture(scope="session")
def seeded_url(postgres: PostgresServer) -> Iterator[str]:
    """A database with the schema and the seeds; nothing may be committed to it."""
    with database(postgres) as url:
        apply_migrations(url)
        apply_seeds(url)
        yield url


@pytest.fixture(scope="module")
def module_url(postgres: PostgresServer) -> Iterator[str]:
    """An empty database for the tests of one module."""
    with database(postgres) as url:
        yield url


@pytest.fixture
def connection(schema_url: str) -> Iterator[Connection[Any]]:
    """The superuser in a transaction on the database with the cases' rows, rolled back after the test."""
    yield from rolled_back(schema_url)


@pytest.fixture
def seeded(seeded_url: str) -> Iterator[Connection[Any]]:
    """The superuser in a transaction on the database with the seeds, rolled back after the test."""
    yield from rolled_back(seeded_url)


@contextlib.contextmanager
def database(server: PostgresServer) -> Iterator[str]:
    """A new empty database; gives its URL and drops it afterwards."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield server.address.database(name).url
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def rolled_back(url: str) -> Iterator[Connection[Any]]:
    """A connection whose transaction is rolled back."""
    with psycopg.connect(url) as connection, connection.transaction(force_rollback=True):
        yield connection
