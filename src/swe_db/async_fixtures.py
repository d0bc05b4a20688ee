"""Fixtures that live on the event loop of the test, whoever runs it.

pytest-asyncio gives a fixture the loop of the scope that its declaration names, so there is one fixture for each
scope, and a test gets the one of its own loop. anyio runs every async fixture of a test on the test's own loop.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import types
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Final

import pytest

from swe_db.errors import ConfigError

if TYPE_CHECKING:
    import psycopg
    import redis.asyncio

    from swe_db.isolation.database import Database
    from swe_db.redis import AsyncPubSubManager
    from swe_db.servers.server import RedisServer

__all__ = ["async_fixture_name", "async_fixtures", "channel_prefix"]

LOOP_SCOPES: Final = ("function", "class", "module", "package", "session")

# A plugin's name is its entry point's, or its module's where it is loaded with -p.
ANYIO: Final = ("anyio", "anyio.pytest_plugin")
ASYNCIO: Final = ("asyncio", "pytest_asyncio.plugin")


async def _open_db(swe_database: Database) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    connection = await swe_database.connect_async()
    yield connection
    await connection.close()


async def _open_redis(_swe_empty_redis: RedisServer) -> AsyncIterator[redis.asyncio.Redis]:
    client = _swe_empty_redis.connect_async()
    yield client
    await client.aclose()


async def _open_pubsub(
    request: pytest.FixtureRequest, _swe_empty_redis: RedisServer
) -> AsyncIterator[AsyncPubSubManager]:
    from swe_db.redis import AsyncPubSubManager  # noqa: PLC0415

    client = _swe_empty_redis.connect_async()
    async with AsyncPubSubManager(client, prefix=channel_prefix(request)) as manager:
        yield manager
    await client.aclose()


def channel_prefix(request: pytest.FixtureRequest) -> str:
    """Return what the channels of a test begin with, which no other test has."""
    return f"{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:12]}:"


OPENERS: Final[dict[str, Callable[..., AsyncIterator[Any]]]] = {
    "db": _open_db,
    "redis": _open_redis,
    "pubsub": _open_pubsub,
}


def async_fixtures(plugins: pytest.PytestPluginManager) -> types.ModuleType:
    """Return a plugin with the fixtures for the async runners that are installed.

    Args:
        plugins: Tells which are.
    """
    module = types.ModuleType("swe_db.async_fixtures.declared")
    for what, opener in OPENERS.items():
        if _has_any(plugins, ANYIO):
            setattr(module, f"_swe_anyio_{what}", pytest.fixture(name=f"_swe_anyio_{what}")(_copied(opener)))
        if _has_any(plugins, ASYNCIO) and _loop_has_a_scope():
            _declare_for_asyncio(module, what, opener)
    return module


def _has_any(plugins: pytest.PytestPluginManager, names: tuple[str, ...]) -> bool:
    return any(plugins.has_plugin(name) for name in names)


def _loop_has_a_scope() -> bool:
    """Tell whether pytest-asyncio is 0.24 or newer; a suite that is not async goes with any."""
    import pytest_asyncio  # noqa: PLC0415 - only where the user has it

    return "loop_scope" in inspect.signature(pytest_asyncio.fixture).parameters


def _declare_for_asyncio(module: types.ModuleType, what: str, opener: Callable[..., AsyncIterator[Any]]) -> None:
    import pytest_asyncio  # noqa: PLC0415 - only where the user has it

    for scope in LOOP_SCOPES:
        name = f"_swe_asyncio_{scope}_{what}"
        setattr(module, name, pytest_asyncio.fixture(_copied(opener), loop_scope=scope, name=name))


def _copied(function: Callable[..., AsyncIterator[Any]]) -> Callable[..., AsyncIterator[Any]]:
    """Return a function of its own for each declaration: pytest-asyncio writes the loop's scope on it."""

    @functools.wraps(function)
    async def copy(**arguments: Any) -> AsyncIterator[Any]:  # noqa: ANN401 - fixtures by name
        async for value in function(**arguments):
            yield value

    return copy


def async_fixture_name(request: pytest.FixtureRequest, what: str) -> str:
    """Return the fixture that opens `db`, `redis` or `pubsub` on the loop of the test that asks.

    Raises:
        ConfigError: The test does not run on an event loop, or on one of trio, or pytest-asyncio is too old.
    """
    if "anyio_backend" in request.fixturenames and request.node.get_closest_marker("anyio"):
        if request.getfixturevalue("anyio_backend_name") != "asyncio":
            raise ConfigError(
                f"{request.node.nodeid}: psycopg and redis-py run on asyncio only; "
                "make the fixture anyio_backend return 'asyncio'"
            )
        return f"_swe_anyio_{what}"
    marker = request.node.get_closest_marker("asyncio")
    if marker is None:
        raise ConfigError(
            f"{request.node.nodeid} asks for swe_async_{what} but runs on no event loop: make it an async test of "
            "pytest-asyncio (@pytest.mark.asyncio) or anyio (@pytest.mark.anyio)"
        )
    if not _loop_has_a_scope():
        raise ConfigError(
            f"{request.node.nodeid} asks for swe_async_{what}, which needs pytest-asyncio 0.24 or newer: "
            "pip install 'pytest-asyncio>=0.24'"
        )
    scope = marker.kwargs.get("loop_scope") or _default_loop_scope(request.config)
    return f"_swe_asyncio_{scope}_{what}"


def _default_loop_scope(config: pytest.Config) -> str:
    try:
        return str(config.getini("asyncio_default_test_loop_scope") or "function")
    except ValueError:
        return "function"  # pytest-asyncio before 0.26 has no such setting
