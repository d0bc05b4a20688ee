"""A clone of a template for each test, made and dropped in line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

NAME = f"benchmark_{os.getpid()}"
MAKE = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
DROP = sql.SQL("DROP DATABASE {} WITH (FORCE)")


@pytest.fixture(scope="session")
def _admin() -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(os.environ["BENCHMARK_URL"], dbname="postgres", autocommit=True) as connection:
        yield connection


@pytest.fixture
def database(_admin: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[Any]]:
    """A connection to a clone."""
    _admin.execute(MAKE.format(sql.Identifier(NAME), sql.Identifier(os.environ["BENCHMARK_TEMPLATE"])))
    with psycopg.connect(os.environ["BENCHMARK_URL"], dbname=NAME) as connection:
        yield connection
    _admin.execute(DROP.format(sql.Identifier(NAME)))
