"""Servers and projects for the tests of swe-db itself."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import sql

from support.backends import DOCKER_HOST, IMAGE_FLAGS, POSTGRES, REDIS, own_backend, require
from support.inner import BARE, LONGEST
from swe_db.config import Config
from swe_db.servers.server import PostgresServer, RedisServer

pytest_plugins = ["pytester", "support.tables"]

INI = """
[pytest]
filterwarnings = error
asyncio_mode = strict
asyncio_default_fixture_loop_scope = function
"""
# What the developer's own shell may hold must not steer the runs under test.
STEERING = ("SWE_DB", "DATABASE_URL", "REDIS_URL", "PG", "PYTEST_XDIST")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """See to it that a test marked with needs(backend) has it."""
    for marker in item.iter_markers("needs"):
        require(*marker.args)
    for backend in getattr(getattr(item, "callspec", None), "params", {}).values():
        if backend in tuple(POSTGRES):  # a parameter may be unhashable
            require(backend)


@pytest.fixture(scope="session", autouse=True)
def _base_directory(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Make the directory of tmp_path before any test says that temporary files lie elsewhere."""
    tmp_path_factory.getbasetemp()


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache of the tests' own, one for all workers of xdist, so that the user's is neither used nor filled."""
    base = tmp_path_factory.getbasetemp()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"))
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A Postgres server of the tests; they connect as its superuser."""
    server = POSTGRES[own_backend()](Config()).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A Redis server of the tests."""
    server = REDIS[own_backend()](Config()).start()
    yield server
    server.stop()


@pytest.fixture
def new_database(postgres: PostgresServer) -> Iterator[Callable[[], str]]:
    """Makes an empty database and returns its URL; all are dropped after the test."""
    made: list[str] = []

    def make() -> str:
        made.append(f"test_{secrets.token_hex(6)}")
        execute(postgres.url, "CREATE DATABASE {}", made[-1])
        return postgres.address.database(made[-1]).url

    yield make
    for name in made:
        execute(postgres.url, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


@pytest.fixture
def no_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    """No Docker daemon, so that `auto` gives the same servers on every machine."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, no_docker: None) -> Callable[..., pytest.RunResult]:
    """Runs pytest in a new process on the files that the test has made; only the backend docker sees a daemon."""
    for name in list(os.environ):
        if name.startswith(STEERING):
            monkeypatch.delenv(name)
    pytester.makeini(INI)

    def run(*arguments: str, cache: bool = False) -> pytest.RunResult:
        if "--swe-db-backend=docker" in arguments:
            monkeypatch.setenv("DOCKER_HOST", DOCKER_HOST)
            arguments = (*IMAGE_FLAGS, *arguments)
        no_cache = () if cache else ("-p", "no:cacheprovider")
        return pytester.runpytest_subprocess(*BARE, *no_cache, *arguments, timeout=LONGEST)

    return run


@pytest.fixture
def ordinary_url(postgres: PostgresServer) -> Iterator[str]:
    """The URL of a user who may create databases and nothing else."""
    role, password = f"ordinary_{secrets.token_hex(4)}", secrets.token_hex(8)
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        statement = sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}")
        connection.execute(statement.format(sql.Identifier(role), sql.Literal(password)))
        yield postgres.url.replace(f"postgres:{postgres.address.password}", f"{role}:{password}")
        query = "SELECT datname FROM pg_database WHERE datdba = %s::regrole"
        for (name,) in connection.execute(query, [role]).fetchall():
            connection.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(sql.Identifier(name)))
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


@pytest.fixture
def mounts() -> None:
    """The right to mount file systems that nobody else sees."""
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", "mount --make-rprivate / && mount -t tmpfs tmpfs /mnt"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and os.environ.get("CI"):
        pytest.fail(f"CI must be able to mount a tmpfs: {done.stderr}", pytrace=False)
    if done.returncode:
        pytest.skip(f"this user cannot mount a tmpfs: {done.stderr.strip()}")


def execute(url: str, statement: str, name: str) -> None:
    """Run a statement about the object `name` outside a transaction."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
