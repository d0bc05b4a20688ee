"""The connections that subscriptions read from: their own, beside the client's pool, to where the client leads.

They are made of what the client's connections are made of (address, password, TLS, Sentinel, fakeredis), but speak
RESP2, in which a subscriber gets nothing but replies to read, never decode, and never try again by themselves: whoever
reads must know of every loss.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Sequence
from typing import Any, Final

import redis.asyncio.cluster
import redis.asyncio.retry
import redis.backoff
import redis.cluster
import redis.exceptions
import redis.retry

from swe_db.redis.pubsub.listening import Topic

__all__ = ["AsyncWire", "Wire", "by_connection", "socket_timeout"]

POLL: Final = 0.05  # seconds; what has no socket cannot be woken
# What concerns the pool's own connections: their number, their cache, what they are told of maintenance (RESP3 only).
POOL_ONLY: Final = ("maint_", "maintenance_", "oss_cluster_", "himport_", "orig_", "cache", "max_connections")


class Wire:
    """A connection for one thread, which another may wake.

    Args:
        client: A client of redis-py.
        topics: What is to be subscribed to.
        patience: Seconds to wait for the server to take or to finish what it has begun, where the client does not say.
    """

    def __init__(self, client: Any, topics: Sequence[Topic], patience: float) -> None:  # noqa: ANN401
        self._client = client
        self._topics = topics
        self._patience = patience
        self._seeds = _seeds(client)
        self._moved: tuple[str, int] | None = None
        self._connection: Any = None
        self._awake = False

    def open(self, *, again: bool) -> None:
        """Connect, to where the client leads now.

        Args:
            again: Whether the connection before was lost.
        """
        self.close()
        made_of = self._made_of(again=again)
        retry = redis.retry.Retry(redis.backoff.NoBackoff(), 0)
        connection = made_of.connection_class(**_options(made_of.connection_kwargs, retry, self._patience))
        connection.connect()
        self._connection = connection

    def send(self, arguments: Sequence[bytes]) -> None:
        """Send a command."""
        self._connection.send_command(*arguments, check_health=False)

    def read(self, seconds: float) -> Any:  # noqa: ANN401 - whatever the server sends
        """Return the next reply, None if none came or somebody woke us."""
        if not self._can_read(seconds) or self._awake:
            return None
        try:
            return self._connection.read_response(disable_decoding=True)
        except redis.exceptions.MovedError as error:
            self._moved = error.host, error.port
            raise

    def wake(self) -> None:
        """End a `read` of another thread, for good.

        Closing would not do: the socket's number may be another socket's by the time it is read from.
        """
        self._awake = True
        sock = getattr(self._connection, "_sock", None)
        if isinstance(sock, socket.socket):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)  # not TLS's own, which would touch what is being read

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.disconnect()

    def _can_read(self, seconds: float) -> bool:
        if isinstance(self._connection._sock, socket.socket):  # noqa: SLF001 - redis-py has no other way to tell
            return bool(self._connection.can_read(seconds))
        end = time.monotonic() + seconds
        while not (readable := self._connection.can_read(min(POLL, seconds))) and not self._awake:
            if time.monotonic() >= end:
                break
        return bool(readable)

    def _made_of(self, *, again: bool) -> Any:  # noqa: ANN401 - a pool
        if not isinstance(self._client, redis.cluster.RedisCluster):
            return self._client.connection_pool
        if again:
            self._client.nodes_manager.startup_nodes.update(self._seeds)
            self._client.nodes_manager.initialize()
        moved, self._moved = self._moved, None
        node = _node(self._client, self._topics, moved)
        return self._client.get_redis_connection(node).connection_pool


class AsyncWire:
    """The same for a task, which is woken by cancelling it."""

    def __init__(self, client: Any, topics: Sequence[Topic], patience: float) -> None:  # noqa: ANN401
        self._client = client
        self._topics = topics
        self._patience = patience
        self._seeds = _seeds(client)
        self._moved: tuple[str, int] | None = None
        self._connection: Any = None

    async def open(self, *, again: bool) -> None:
        """Connect, to where the client leads now.

        Args:
            again: Whether the connection before was lost.
        """
        await self.close()
        made_of = await self._made_of(again=again)
        retry = redis.asyncio.retry.Retry(redis.backoff.NoBackoff(), 0)
        connection = made_of.connection_class(**_options(made_of.connection_kwargs, retry, self._patience))
        self._connection = connection  # closed also if we are cancelled while it connects
        await connection.connect()

    async def send(self, arguments: Sequence[bytes]) -> None:
        """Send a command."""
        await self._connection.send_command(*arguments, check_health=False)

    async def read(self, seconds: float) -> Any:  # noqa: ANN401 - whatever the server sends
        """Return the next reply, None if none came."""
        try:
            return await self._connection.read_response(
                disable_decoding=True, timeout=seconds, disconnect_on_error=False
            )
        except redis.exceptions.MovedError as error:
            self._moved = error.host, error.port
            raise

    async def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if getattr(connection, "_sock", None) is not None:  # fakeredis would go on to count it as a subscriber
            for command in (b"UNSUBSCRIBE", b"PUNSUBSCRIBE", b"SUNSUBSCRIBE"):
                await connection.send_command(command)
        transport = getattr(getattr(connection, "_writer", None), "transport", None)
        if transport is not None:  # TLS would say goodbye first, longer than the loop may run
            transport.abort()
        await connection.disconnect(nowait=True)
        await asyncio.sleep(0)  # the socket is closed in the loop's next round

    async def _made_of(self, *, again: bool) -> Any:  # noqa: ANN401 - a pool, or the node of a cluster
        if not isinstance(self._client, redis.asyncio.cluster.RedisCluster):
            return self._client.connection_pool
        await self._client.initialize()
        if again:
            self._client.nodes_manager.startup_nodes.update(self._seeds)
            await self._client.nodes_manager.initialize()
        moved, self._moved = self._moved, None
        return _node(self._client, self._topics, moved)


def by_connection(client: Any, topics: Sequence[Topic]) -> list[list[Topic]]:  # noqa: ANN401
    """Return the topics in groups of those that one connection can take.

    On a cluster these are sharded channels of one slot, which lie on one node whatever becomes of it, and apart from
    them all that is not sharded, which every node tells.
    """
    if not isinstance(client, redis.cluster.RedisCluster | redis.asyncio.cluster.RedisCluster):
        return [list(topics)]
    groups: dict[int | None, list[Topic]] = {}
    for topic in topics:
        groups.setdefault(client.keyslot(topic.name) if topic.kind == "shard" else None, []).append(topic)
    return list(groups.values())


def socket_timeout(client: Any) -> float | None:  # noqa: ANN401
    """Return how long a client waits for a reply, None if it does not say."""
    made_of = getattr(client, "connection_pool", None) or getattr(client, "nodes_manager", None)
    timeout: float | None = getattr(made_of, "connection_kwargs", {}).get("socket_timeout")
    return timeout


def _seeds(client: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the nodes by which a cluster was found; of those that do not answer for a while redis-py forgets all."""
    return dict(client.nodes_manager.startup_nodes) if hasattr(client, "nodes_manager") else {}


def _node(cluster: Any, topics: Sequence[Topic], moved: tuple[str, int] | None) -> Any:  # noqa: ANN401
    """Return where to subscribe: where a node has just sent us, for some may be told late of a slot that moves."""
    told = cluster.get_node(host=moved[0], port=moved[1]) if moved else None
    if told is not None:
        return told
    if topics[0].kind == "shard":
        return cluster.get_node_from_key(topics[0].name)
    return cluster.get_random_node()


def _options(options: dict[str, Any], retry: Any, patience: float) -> dict[str, Any]:  # noqa: ANN401
    ours = {name: value for name, value in options.items() if not name.startswith(POOL_ONLY)}
    ours["socket_timeout"] = ours.get("socket_timeout") or patience
    return ours | {
        "retry": retry,
        "retry_on_error": [],
        "health_check_interval": 0,
        "decode_responses": False,
        "protocol": 2,
    }
