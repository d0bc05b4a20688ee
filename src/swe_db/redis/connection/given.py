"""Clients of redis-py that users made themselves, as the managers use them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import redis
import redis.asyncio
from redis.exceptions import AuthenticationError, AuthorizationError

from swe_db.redis.steps import NotSentError

__all__ = ["Given", "agiven", "given"]


@dataclass(frozen=True, slots=True)
class Given:
    """What a manager sends through.

    Attributes:
        raw: The user's client, with the retries that it has.
        once: Sends nothing twice, on the same connections.
    """

    raw: Any
    once: Any


def given(client: redis.Redis | redis.RedisCluster) -> Given:
    """Return a client of redis-py with its twin that has no retries."""
    if isinstance(client, redis.RedisCluster):
        return Given(client, _OnceOnCluster(client))
    return Given(client, client if _is_fake(client) else _Once(client))


def agiven(client: redis.asyncio.Redis | redis.asyncio.RedisCluster) -> Given:
    """The same for redis.asyncio."""
    if isinstance(client, redis.asyncio.RedisCluster):
        return Given(client, _AsyncOnceOnCluster(client))
    return Given(client, client if _is_fake(client) else _AsyncOnce(client))


def _is_fake(client: Any) -> bool:  # noqa: ANN401 - sync or async
    """Tell whether it is fakeredis, which loses no replies."""
    return bool(client.connection_pool.connection_class.__module__.startswith("fakeredis"))


@contextlib.contextmanager
def _before_sending() -> Iterator[None]:
    """Say of an error that nothing was sent."""
    try:
        yield
    except (AuthenticationError, AuthorizationError):
        raise
    except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError) as error:
        raise NotSentError(str(error)) from error


@dataclass(frozen=True, slots=True)
class _Once:
    """Sends each command once: redis-py retries around a command, not within what is called here."""

    client: redis.Redis

    def execute_command(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as in redis-py
        with self._connection(arguments[0]) as connection:
            connection.send_command(*arguments)
            return self.client.parse_response(connection, arguments[0], **options)

    @contextlib.contextmanager
    def _connection(self, command: Any) -> Iterator[Any]:  # noqa: ANN401
        pool = self.client.connection_pool
        with _before_sending():
            connection = pool.get_connection(*_named(command))
        try:
            yield connection
        except redis.exceptions.ResponseError:
            raise
        except BaseException:
            connection.disconnect()  # a reply that comes after all would be taken for that of the next command
            raise
        finally:
            pool.release(connection)


@dataclass(frozen=True, slots=True)
class _AsyncOnce:
    client: redis.asyncio.Redis

    async def execute_command(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as in redis-py
        async with self._connection(arguments[0]) as connection:
            await connection.send_command(*arguments)
            return await self.client.parse_response(connection, arguments[0], **options)

    @contextlib.asynccontextmanager
    async def _connection(self, command: Any) -> AsyncIterator[Any]:  # noqa: ANN401
        pool = self.client.connection_pool
        with _before_sending():
            connection = await pool.get_connection(*_named(command))
        try:
            yield connection
        except redis.exceptions.ResponseError:
            raise
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        finally:
            await pool.release(connection)


def _named(command: Any) -> tuple[Any, ...]:  # noqa: ANN401
    """Return what a pool is told of the command: redis-py wants it before 5.3 and warns of it from then on."""
    return (command,) if redis.VERSION < (5, 3) else ()


@dataclass(frozen=True, slots=True)
class _OnceOnCluster:
    """Sends each command once: redis-py does not retry where it is told the node."""

    cluster: redis.RedisCluster

    def execute_command(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as in redis-py
        return self.cluster.execute_command(*arguments, target_nodes=self._node(arguments), **options)

    def _node(self, arguments: tuple[Any, ...]) -> Any:  # noqa: ANN401
        if arguments[0] in self.cluster.command_flags:  # one without keys
            return self.cluster.get_default_node()
        slot: Any = self.cluster.determine_slot(*arguments)
        return self.cluster.nodes_manager.get_node_from_slot(slot)


@dataclass(frozen=True, slots=True)
class _AsyncOnceOnCluster:
    cluster: redis.asyncio.RedisCluster

    async def execute_command(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as in redis-py
        node = await self._node(arguments)
        return await self.cluster.execute_command(*arguments, target_nodes=node, **options)

    async def _node(self, arguments: tuple[Any, ...]) -> Any:  # noqa: ANN401
        await self.cluster.initialize()
        if arguments[0] in self.cluster.command_flags:
            return self.cluster.get_default_node()
        slot = await self.cluster._determine_slot(*arguments)  # noqa: SLF001 - public in the sync twin only
        return self.cluster.nodes_manager.get_node_from_slot(slot)
