"""An environment that most tests of a file share; sites for the tests of snapshots and backups."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from psycopg import sql

from support.environments import call, data_home, new_name, own_binaries, removed_in_the_end
from swe_db.environment.site import Site
from swe_db.migrations import create_database
from swe_db.servers.server import PostgresServer, RedisServer

NewSite = Callable[[], Site]
FIRST_DATABASE = 1


@pytest.fixture
def new_site(postgres: PostgresServer, redis_server: RedisServer) -> Iterator[NewSite]:
    """Makes a small database that swe-db has created, with a logical database of Redis; all goes after the test."""
    made: list[str] = []

    def make() -> Site:
        made.append(f"test_{secrets.token_hex(6)}")
        url = postgres.address.database(made[-1]).url
        create_database(url)
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE t AS SELECT 1 AS v")
        there = redis_server.address.database(FIRST_DATABASE + len(made)).url
        with redis.Redis.from_url(there) as client:
            client.set("t", 1)
            client.set("ends", "soon", px=3_600_000)
        return Site(postgres_url=url, redis_url=there, owns_redis=True)

    yield make
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        names = connection.execute(
            "SELECT datname FROM pg_database WHERE datname ~ '^swe_db_(snapshot|new|old)_'"
        ).fetchall()
        for name in {*made, *(name for (name,) in names)}:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
    for number in range(len(made)):
        with redis.Redis.from_url(redis_server.address.database(FIRST_DATABASE + 1 + number).url) as client:
            client.flushdb()


@pytest.fixture
def site(new_site: NewSite) -> Site:
    """A site whose table t and whose key t both say 1."""
    return new_site()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the file's environments are kept."""
    with data_home(tmp_path_factory.mktemp("data")) as place:
        yield place


@pytest.fixture(scope="module")
def name(home: Path) -> Iterator[str]:
    """An environment that was started from binaries."""
    with removed_in_the_end(new_name()) as made:
        done = call("up", "--name", made, "--backend", own_binaries())
        assert done.code == 0, done.err
        yield made
