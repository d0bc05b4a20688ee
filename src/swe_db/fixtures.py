"""The fixtures. Their names and scopes are a contract; the README has the table.

Without `--swe-db` every one of them skips the test that asks for it. What runs on an event loop is in
`async_fixtures.py`.
"""

# ruff: noqa: ARG001 - a fixture may be asked for only because it must come first

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pytest

from swe_db.async_fixtures import async_fixture_name
from swe_db.errors import MigrationError, ServerGoneError, SweDBError

if TYPE_CHECKING:
    import psycopg
    import redis
    import redis.asyncio

    from swe_db.config import Settings
    from swe_db.factories.fixture import Factories
    from swe_db.faults import Faults
    from swe_db.isolation.ability import Kind
    from swe_db.isolation.database import Database
    from swe_db.isolation.layers import Layer
    from swe_db.isolation.outcome import Outcome
    from swe_db.isolation.worker import Worker
    from swe_db.queries import Queries
    from swe_db.run import Run
    from swe_db.servers.process import PortReservation
    from swe_db.servers.server import PostgresServer, RedisServer
    from swe_db.servers.statement_log import StatementLog

__all__ = [
    "swe_async_db",
    "swe_async_redis",
    "swe_database",
    "swe_db",
    "swe_env",
    "swe_factories",
    "swe_faults",
    "swe_postgres",
    "swe_queries",
    "swe_redis",
    "swe_redis_server",
    "swe_worker",
]

OFF: Final = "swe-db is off: switch it on with --swe-db, or with swe_db = true in the ini file"
LEAK: Final = "swe_db_leak"
CHANGE: Final = "swe_db_change"
LEFT_OPEN: Final = "the test left open what it must close (--swe-db-strict-leaks):"
CANNOT_GO_ON: Final = "swe-db cannot give the tests their servers"
T = TypeVar("T")
RUN: Final[pytest.StashKey[Run]] = pytest.StashKey()
SETTINGS: Final[pytest.StashKey[Settings]] = pytest.StashKey()


@pytest.fixture(scope="session")
def _swe_worker(request: pytest.FixtureRequest) -> Worker:
    """What this process holds, with nothing started yet."""
    run = request.config.stash.get(RUN, None)
    if run is None:
        pytest.skip(OFF)
    return run.worker


@pytest.fixture(scope="session")
def swe_worker(request: pytest.FixtureRequest, _swe_worker: Worker) -> Worker:
    """What stays the same for this worker: `.url`, `.redis_url`, and `.load()` for data that every test begins with."""
    _start(request, "postgres")
    return _swe_worker


@pytest.fixture(scope="session")
def swe_postgres(request: pytest.FixtureRequest, _swe_worker: Worker) -> PostgresServer:
    """The Postgres server: `.url`, `.version`, `.backend`."""
    _start(request, "postgres")
    return _swe_worker.postgres


@pytest.fixture(scope="session")
def swe_redis_server(request: pytest.FixtureRequest, _swe_worker: Worker) -> RedisServer:
    """The Redis server: `.url`, `.version`, `.backend`."""
    _start(request, "redis")
    return _swe_worker.redis


@pytest.fixture
def swe_database(
    request: pytest.FixtureRequest, swe_postgres: PostgresServer, _swe_worker: Worker
) -> Iterator[Database]:
    """This test's database, migrated and seeded: `.url` and its parts, `.sqlalchemy_url()`, `.connect()`."""
    outcomes: list[Outcome] = []
    with (
        _ended_by_failure(request, ServerGoneError, MigrationError),
        _lent(
            request,
            "database",
            _swe_worker.database(outcomes.append, _marked_isolation(request), _marked_layer(request)),
        ) as database,
    ):
        yield database
    for outcome in outcomes:
        _tell(request, outcome)


@pytest.fixture
def swe_db(swe_database: Database) -> Iterator[psycopg.Connection[Any]]:
    """An open psycopg connection to this test's database, not autocommit; the factories insert through it."""
    from swe_db.factories.binding import attached  # noqa: PLC0415 - loads no factory-boy

    with swe_database.lent() as connection, attached(connection):
        yield connection


@pytest.fixture
def swe_factories(swe_db: psycopg.Connection[Any]) -> Factories:
    """The factories, bound to `swe_db`: `.TaskFactory(done=True)`, and `.commit()`, so that others see the rows."""
    from swe_db.factories.fixture import Factories  # noqa: PLC0415 - not needed where nobody asks

    return Factories(swe_db)


@pytest.fixture(scope="session")
def _swe_statement_log(swe_postgres: PostgresServer) -> Iterator[StatementLog | None]:
    """The server's log, None where it is not at hand."""
    from swe_db.servers.statement_log import StatementLog  # noqa: PLC0415 - not needed where nobody asks

    if swe_postgres.log is None:
        yield None
        return
    with contextlib.closing(StatementLog(swe_postgres.log, swe_postgres.admin)) as log:
        yield log


@pytest.fixture
def swe_queries(swe_database: Database, _swe_statement_log: StatementLog | None) -> Iterator[Queries]:
    """What SQL the test and its application ran: `.statements`, `.assert_count()`, `.assert_uses_index()`, N+1."""
    from swe_db.queries import recorded  # noqa: PLC0415 - nothing of it is needed where nobody asks

    with recorded(swe_database, _swe_statement_log) as queries:
        yield queries


@pytest.fixture
def swe_async_db(request: pytest.FixtureRequest, swe_database: Database) -> Iterator[psycopg.AsyncConnection[Any]]:
    """An open psycopg AsyncConnection to this test's database, opened and closed in the test's own event loop."""
    from swe_db.factories.binding import attached  # noqa: PLC0415 - loads no factory-boy

    connection: psycopg.AsyncConnection[Any] = request.getfixturevalue(async_fixture_name(request, "db"))
    with attached(connection):
        yield connection


@pytest.fixture
def _swe_empty_redis(
    request: pytest.FixtureRequest, swe_redis_server: RedisServer, _swe_worker: Worker
) -> Iterator[RedisServer]:
    """This test's Redis, put back after it."""
    leaks: list[str] = []
    with (
        _ended_by_failure(request, ServerGoneError),
        _lent(request, "redis", _swe_worker.empty_redis(leaks.extend)) as server,
    ):
        yield server
    _tell_leaks(request, leaks)


@pytest.fixture
def swe_redis(_swe_empty_redis: RedisServer) -> Iterator[redis.Redis]:
    """A redis-py client, with redis-py's defaults, on this test's empty Redis."""
    client = _swe_empty_redis.connect()
    yield client
    client.close()


@pytest.fixture
def swe_async_redis(request: pytest.FixtureRequest, _swe_empty_redis: RedisServer) -> redis.asyncio.Redis:
    """A redis.asyncio client on this test's empty Redis, closed in the test's own event loop."""
    client: redis.asyncio.Redis = request.getfixturevalue(async_fixture_name(request, "redis"))
    return client


@pytest.fixture
def swe_env(
    request: pytest.FixtureRequest,
    swe_database: Database,
    _swe_empty_redis: RedisServer,
    _swe_worker: Worker,
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, str]:
    """DATABASE_URL, PG* and REDIS_URL, set for this test, so that an application and its subprocesses find them.

    Where the test asks for `swe_faults` too, they lead through its proxies. The backend `fake` has no REDIS_URL: the
    variable is taken away, so that nobody lands on another server.
    """
    variables = _swe_worker.environment
    if "swe_faults" in request.fixturenames:
        variables.update(request.getfixturevalue("swe_faults").environment)
    for name, value in variables.items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    return {name: value for name, value in variables.items() if value is not None}


@pytest.fixture(scope="session")
def _swe_fault_ports() -> Iterator[tuple[PortReservation, PortReservation]]:
    """The ports of the proxies, the same for all tests, as the worker's other URLs are."""
    from swe_db.servers.process import PortReservation  # noqa: PLC0415 - not needed where nobody asks

    ports = PortReservation(), PortReservation()
    yield ports
    for port in ports:
        port.release()


@pytest.fixture
def swe_faults(
    swe_database: Database,
    _swe_empty_redis: RedisServer,
    _swe_worker: Worker,
    _swe_fault_ports: tuple[PortReservation, PortReservation],
) -> Iterator[Faults]:
    """Proxies before this test's Postgres and Redis: latency, lost replies, cuts, refused connections, restarts."""
    from swe_db.faults import Faults, PostgresProxy, RedisProxy  # noqa: PLC0415 - not needed where nobody asks

    postgres_port, redis_port = _swe_fault_ports
    with contextlib.ExitStack() as ends:
        address = _swe_worker.postgres.address.database(swe_database.name)
        postgres = ends.enter_context(PostgresProxy(address, postgres_port, _swe_worker.restart_postgres))
        redis = None
        if _swe_empty_redis.has_url:
            redis = ends.enter_context(RedisProxy(_swe_empty_redis.address, redis_port, _swe_worker.restart_redis))
        yield Faults(postgres, redis)


def _marked_isolation(request: pytest.FixtureRequest) -> Kind:
    kind: Kind = marked(request.node, "isolation") or "reset"
    return kind


def _lent(
    request: pytest.FixtureRequest, service: str, managed: AbstractContextManager[T]
) -> AbstractContextManager[T]:
    return request.config.stash[RUN].lent(service, managed)


def _marked_layer(request: pytest.FixtureRequest) -> Layer | None:
    seeds = marked(request.node, "seeds")
    return request.config.stash[RUN].layer(seeds) if seeds else None


def marked(node: pytest.Item, key: str) -> Any:  # noqa: ANN401 - whatever was written there
    """Return what the marker says, that of the test before that of its class and of its module; None if nothing."""
    return next((mark.kwargs[key] for mark in node.iter_markers("swe_db") if key in mark.kwargs), None)


def _tell(request: pytest.FixtureRequest, outcome: Outcome) -> None:
    request.config.stash[RUN].summary.add(request.node.nodeid, outcome)
    request.node.user_properties.extend((CHANGE, change) for change in outcome.changes)
    _tell_leaks(request, outcome.leaks)


def _tell_leaks(request: pytest.FixtureRequest, leaks: Sequence[str]) -> None:
    """Hand on what a test left open; properties reach the controller of xdist with the test's report."""
    request.node.user_properties.extend((LEAK, leak) for leak in leaks)
    if leaks and request.config.stash[RUN].settings.config.strict_leaks:
        pytest.fail("\n".join([LEFT_OPEN, *(f"  {leak}" for leak in leaks)]), pytrace=False)


def _start(request: pytest.FixtureRequest, service: str) -> None:
    """Start a service that no test was seen to ask for."""
    with _ended_by_failure(request, SweDBError):
        request.config.stash[RUN].start([service])


@contextlib.contextmanager
def _ended_by_failure(request: pytest.FixtureRequest, *kinds: type[SweDBError]) -> Iterator[None]:
    """End the whole run, not only a test, at an error after which no test can have its servers."""
    run = request.config.stash[RUN]
    try:
        yield
    except kinds as error:
        if run.failure is not None:  # what took the first server took the second, and once told is enough
            return
        run.failure = error
        request.session.shouldstop = CANNOT_GO_ON
        raise pytest.fail.Exception(str(error), pytrace=False) from None
