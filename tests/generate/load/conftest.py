"""What the tests of loading share."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from support.loads import content, created, prepared_database
from swe_db.generate.load.loading import generate
from swe_db.generate.plan import Plan
from swe_db.servers.server import PostgresServer


@pytest.fixture(scope="session")
def template(postgres: PostgresServer) -> Iterator[str]:
    """The name of a migrated and seeded database that nobody is connected to."""
    with prepared_database(postgres) as name:
        yield name


@pytest.fixture
def target(postgres: PostgresServer, template: str) -> Iterator[str]:
    """The URL of a database that holds nothing but the seeds."""
    name = f"test_{secrets.token_hex(6)}"
    with created(postgres, name, template):
        yield postgres.address.database(name).url


@pytest.fixture(scope="session")
def small_content(postgres: PostgresServer, template: str) -> Mapping[str, Any]:
    """What a database holds into which the scale `small` was loaded without any incident."""
    name = f"test_{secrets.token_hex(6)}"
    with created(postgres, name, template):
        url = postgres.address.database(name).url
        generate(url, Plan.of("small"), jobs=1, indexes="keep")
        return content(url)
