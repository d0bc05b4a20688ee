"""What tests do to a Redis: every kind of act that could reach the next test."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeAlias

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from support.migrations import until
from swe_db.servers.server import RedisServer

Act: TypeAlias = Callable[["Redises", random.Random], None]
SLOW: Final = 10_000  # microseconds, from which on a server notes a command unless it is told otherwise
LIBRARY: Final = (
    "#!lua name=left\nredis.register_function('left', function() return redis.call('SET', 'by', 'left') end)"
)

# Commands one after the other, each of which succeeds.
COMMANDS: Final[dict[str, tuple[tuple[object, ...], ...]]] = {
    "string": (("SET", "a", "1"), ("APPEND", "a", "2"), ("INCRBY", "n", 5)),
    "hash": (("HSET", "h", "a", 1, "b", 2), ("HDEL", "h", "a")),
    "list": (("RPUSH", "l", 1, 2, 3), ("LPOP", "l")),
    "set": (("SADD", "s", 1, 2), ("SREM", "s", 1)),
    "sorted set": (("ZADD", "z", 1, "a"), ("ZINCRBY", "z", 2, "a")),
    "stream": (
        ("XADD", "x", "*", "a", 1),
        ("XGROUP", "CREATE", "x", "g", "0"),
        ("XREADGROUP", "GROUP", "g", "c", "STREAMS", "x", ">"),
    ),
    "bits": (("SETBIT", "b", 7, 1), ("PFADD", "p", "a"), ("GEOADD", "g", 13, 38, "a")),
    "expiry": (("SET", "e", 1, "PX", 60000), ("SET", "f", 1, "EX", 60), ("PERSIST", "f")),
    "expired": (("SET", "e", 1, "PX", 1),),
    "made and deleted": (("SET", "a", 1), ("DEL", "a")),
    "unlink": (("SET", "a", 1), ("UNLINK", "a")),
    "getdel": (("SET", "a", 1), ("GETDEL", "a")),
    "rename": (("SET", "a", 1), ("RENAME", "a", "b"), ("COPY", "b", "c")),
    "dump and restore": (("RESTORE", "r", 0, b"\x00\xc0\x01\t\x00\xf6\x8a\xb6z\x85\x87rM"),),
    "flushall": (("SET", "a", 1), ("FLUSHALL",)),
    "flushdb": (("SET", "a", 1), ("FLUSHDB",)),
    "another database": (("SELECT", 3), ("SET", "a", 1)),
    "move": (("SET", "a", 1), ("MOVE", "a", 5)),
    "swap": (("SET", "a", 1), ("SWAPDB", 0, 4)),
    "read": (("GET", "a"), ("HGETALL", "h"), ("DBSIZE",), ("SCAN", 0), ("INFO",)),
    "transaction": (("MULTI",), ("SET", "a", 1), ("EXEC",)),
    "discarded": (("MULTI",), ("SET", "a", 1), ("DISCARD",)),
    "watch": (("WATCH", "a"), ("UNWATCH",)),
    "publish": (("PUBLISH", "c", "m"),),
    "script": (("SCRIPT", "LOAD", "return 1"),),
    "eval": (("EVAL", "return redis.call('SET', KEYS[1], 1)", 1, "k"),),
    "keyspace events": (("CONFIG", "SET", "notify-keyspace-events", "KEA"),),
    "memory": (
        ("CONFIG", "SET", "maxmemory", "100mb"),
        ("CONFIG", "SET", "maxmemory-policy", "allkeys-lru"),
        ("SET", "a", 1),
    ),
    "no memory": (("CONFIG", "SET", "maxmemory", "1"),),
    "appendonly": (("CONFIG", "SET", "appendonly", "yes"), ("SET", "a", 1)),
    "saving": (("CONFIG", "SET", "save", "1 1"), ("SAVE",)),
    "password": (("CONFIG", "SET", "requirepass", "other"),),
    "counters": (("SET", "a", 1), ("CONFIG", "RESETSTAT")),
    "user": (("ACL", "SETUSER", "left", "on", "nopass", "~*", "+@all"),),
    "default user": (("ACL", "SETUSER", "default", ">more", "resetkeys", "~a*"),),
    "slow log": (("CONFIG", "SET", "slowlog-log-slower-than", "0"), ("SET", "a", 1)),
    "pause": (("CLIENT", "PAUSE", 100, "WRITE"),),
    "replica": (("REPLICAOF", "127.0.0.1", 1),),
    "end everybody": (("SET", "a", 1), ("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")),
    "name": (("CLIENT", "SETNAME", "left"), ("CLIENT", "NO-EVICT", "on")),
}
FUNCTIONS_OF_REDIS: Final[dict[str, tuple[tuple[object, ...], ...]]] = {
    "function": (("FUNCTION", "LOAD", LIBRARY),),
    "function called": (("FUNCTION", "LOAD", LIBRARY), ("FCALL", "left", 0)),
}


class Redises:
    """A server under test, the clients that acts leave open, and a client that an application keeps for good."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self.left: list[Any] = []
        self.pool = server.connect()

    def leave(self) -> redis.Redis:
        """Return a client with a connection that stays open."""
        client = self.server.connect(single_connection_client=True, retry=Retry(NoBackoff(), 0))
        self.left.append(client)
        return client

    def close(self) -> None:
        """Close what is still open."""
        for client in [*self.left, self.pool]:
            client.close()


def commands(calls: tuple[tuple[object, ...], ...]) -> Act:
    """An act of commands over one connection."""

    def act(redises: Redises, _: random.Random) -> None:
        with redises.server.connect(single_connection_client=True) as client:
            for call in calls:
                client.execute_command(*call)

    return act


def pipeline(redises: Redises, _: random.Random) -> None:
    """Write a hundred keys in one transaction."""
    with redises.server.connect() as client, client.pipeline() as pipe:
        for number in range(100):
            pipe.set(f"k{number}", number)
        pipe.execute()


def failing_script(redises: Redises, _: random.Random) -> None:
    """Write in a script, which then fails."""
    with redises.server.connect() as client, contextlib.suppress(redis.exceptions.ResponseError):
        client.eval("redis.call('SET', 'a', 1) error('so')", 0)


def is_busy(client: redis.Redis) -> bool:
    """Tell whether the server refuses whatever it is asked, since a script runs; the client must be connected."""
    try:
        client.ping()
    except redis.exceptions.ResponseError as error:
        return str(error).startswith("BUSY ")
    return False


def endless_script(redises: Redises, _: random.Random) -> None:
    """Leave a script that never ends."""
    with redises.server.connect() as client:
        client.config_set("busy-reply-threshold", 10)
    left = redises.leave()

    def run() -> None:
        with contextlib.suppress(redis.exceptions.RedisError):
            left.eval("while true do end", 0)

    thread = threading.Thread(target=run)
    with redises.server.connect(single_connection_client=True) as watching:
        thread.start()
        until(lambda: not thread.is_alive() or is_busy(watching), "the script to run")


def threads(redises: Redises, _: random.Random) -> None:
    """Write from four threads."""
    with redises.server.connect() as client, ThreadPoolExecutor(4) as executor:
        list(executor.map(lambda number: client.incr("n", number), range(4)))


def coroutines(redises: Redises, _: random.Random) -> None:
    """Write from three tasks of an event loop."""

    async def all_of_them() -> None:
        async with redises.server.connect_async() as client:
            await asyncio.gather(*(client.rpush("l", number) for number in range(3)))

    asyncio.run(all_of_them())


def subprocess_writes(redises: Redises, _: random.Random) -> None:
    """Write from another process."""
    code = "import redis, sys; redis.Redis.from_url(sys.argv[1]).set('a', 1)"
    subprocess.run([sys.executable, "-c", code, redises.server.url], check=True, stderr=subprocess.DEVNULL)


def subprocess_killed(redises: Redises, _: random.Random) -> None:
    """Kill a process that has written and waits."""
    code = (
        "import os, redis, sys; c = redis.Redis.from_url(sys.argv[1]); c.set('a', 1);"
        " p = c.pubsub(); p.subscribe('c'); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, redises.server.url], check=False, stderr=subprocess.DEVNULL)
    if done.returncode != -signal.SIGKILL:
        raise subprocess.SubprocessError(f"ended with {done.returncode}")


def from_a_pool(redises: Redises, _: random.Random) -> None:
    """Write through a client that an application keeps for the whole session."""
    redises.pool.set("a", 1)


def left_in_multi(redises: Redises, _: random.Random) -> None:
    """Leave a transaction open."""
    left = redises.leave()
    left.execute_command("MULTI")  # type: ignore[no-untyped-call]
    left.execute_command("SET", "a", 1)  # type: ignore[no-untyped-call]


def left_waiting(redises: Redises, _: random.Random) -> None:
    """Leave a client that would take the next test's first entry."""
    left = redises.leave()
    number = left.client_id()

    def wait() -> None:
        with contextlib.suppress(Exception):  # it is ended, or closed by the thread that made it
            left.blpop(["queue"])

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    # The server may refuse it at once, by what an earlier act has left.
    with redises.server.connect() as client:
        until(lambda: not thread.is_alive() or is_blocked(client, number), "the client to wait")


def is_blocked(client: redis.Redis, number: int) -> bool:
    """Tell whether the client of this number waits for something."""
    return any("b" in each["flags"] for each in client.client_list(client_id=[number]))


def left_subscribed(redises: Redises, _: random.Random) -> None:
    """Leave a subscriber."""
    subscriber = redises.leave().pubsub()  # type: ignore[no-untyped-call]
    redises.left.append(subscriber)
    subscriber.subscribe("c")
    subscriber.get_message(timeout=1)


def left_monitoring(redises: Redises, _: random.Random) -> None:
    """Leave a client that sees every command."""
    connection = redises.leave().connection
    assert connection is not None
    connection.send_command("MONITOR")  # type: ignore[no-untyped-call]
    connection.read_response()


LEAKING: Final[dict[str, tuple[Act, str]]] = {
    "left in multi": (left_in_multi, "a Redis client in MULTI"),
    "left waiting": (left_waiting, "a Redis client that waits in BLPOP"),
    "left subscribed": (left_subscribed, "a Redis client that is subscribed"),
    "left monitoring": (left_monitoring, "a Redis client in MONITOR"),
}
ACTS: Final[dict[str, Act]] = {
    **{name: commands(calls) for name, calls in COMMANDS.items()},
    **{name: commands(calls) for name, calls in FUNCTIONS_OF_REDIS.items()},
    "pipeline": pipeline,
    "failing script": failing_script,
    "endless script": endless_script,
    "threads": threads,
    "coroutines": coroutines,
    "subprocess": subprocess_writes,
    "killed subprocess": subprocess_killed,
    "pool": from_a_pool,
    **{name: act for name, (act, _) in LEAKING.items()},
}


def redis_fingerprint(server: RedisServer) -> dict[str, Any]:
    """Return all that one test could leave for the next: keys, settings, users, scripts, functions, clients, role."""
    with server.connect() as client:
        memory = client.info("memory")
        found: dict[str, Any] = {
            "settings": client.config_get("*"),
            "users": [line.replace("sanitize-payload ", "") for line in client.acl_list()],
            "functions": client.function_list(),
            "scripts": memory.get("number_of_cached_scripts"),
            "role": client.info("replication")["role"],
            "databases": client.info("keyspace"),
            # On a busy machine any command may be slow; one that was not is only there by a test's own setting.
            "slow": sum(
                each["command"].startswith(b"SET a") and each["duration"] < SLOW for each in client.slowlog_get(128)
            ),
            "clients": sorted(each["flags"] for each in client.client_list() if set(each["flags"]) & set("bxPO")),
            "subscribed": client.pubsub_channels(),
        }
        client.set("probe", 1)  # a paused server would not answer
        client.delete("probe")
    return found
