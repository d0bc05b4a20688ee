"""pytest-postgresql on a server that runs, with the same schema and seeds in its template."""

from __future__ import annotations

import os
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from pytest_postgresql import factories

import swe_db

SERVER: dict[str, Any] = conninfo_to_dict(os.environ["BENCHMARK_URL"])


def _load(host: str, port: int, user: str, dbname: str, password: str, **_: object) -> None:
    with psycopg.connect(host=host, port=port, user=user, dbname=dbname, password=password) as connection:
        swe_db.migrate(connection)
        swe_db.seed(connection)


_server = factories.postgresql_noproc(
    host=SERVER["host"],
    port=SERVER["port"],
    user=SERVER["user"],
    password=SERVER.get("password", ""),
    dbname=f"benchmark_peer_{os.getpid()}",
    load=[_load],
)
_client = factories.postgresql("_server")


@pytest.fixture
def database(_client: Any) -> Any:
    """The plugin's connection to a clone of its template."""
    return _client
