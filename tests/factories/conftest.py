"""A migrated database for the factories, and connections to it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from swe_db import factories, migrate
from swe_db.servers.server import PostgresServer


@pytest.fixture(scope="session")
def database_url(postgres: PostgresServer) -> Iterator[str]:
    """The URL of a migrated database; what a test commits there it must take away itself."""
    name = f"factories_{secrets.token_hex(4)}"
    with psycopg.connect(postgres.url, autocommit=True) as maintenance:
        maintenance.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        url = postgres.address.database(name).url
        migrate(url)
        yield url
        maintenance.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection whose transaction is rolled back after the test."""
    connection = psycopg.connect(database_url)
    yield connection
    connection.rollback()
    connection.close()


@pytest.fixture
def bound(connection: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[Any]]:
    """The connection that the factories are bound to."""
    with factories.bound(connection):
        yield connection
