"""The keys of a logical database of Redis: read, kept beside the rows of a database, and put back.

They are kept in a schema of their own inside the copy that a snapshot is, so that one thing is saved, listed and
removed as a whole. A database that comes in the place of another one brings them along; as long as the schema is there,
they have not been put back completely, and whichever command comes next does it again.
"""

from __future__ import annotations

import contextlib
import itertools
import secrets
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from psycopg import sql

from swe_db.environment.site import Progress, Site
from swe_db.errors import ConfigError, ProtectedDatabaseError, ServerError, SnapshotError
from swe_db.migrations.connections import Connection, execute

if TYPE_CHECKING:
    import redis

__all__ = [
    "Key",
    "client_of",
    "destination",
    "destine",
    "drop_kept",
    "keep",
    "keys_of",
    "put_back",
    "read_kept",
    "redis_version",
    "require_replaceable",
    "require_understood",
    "shown",
]

BATCH: Final = 500
TIMEOUT: Final = 10.0  # seconds
PROBE: Final = "swe-db:probe:"
PROBE_LIFE: Final = 5000  # milliseconds
VERSION: Final = slice(-10, -8)  # of the payload, in what DUMP gives
FOR: Final = "keys that swe-db puts back into Redis "
CREATE: Final = (
    "CREATE SCHEMA swe_db_redis",
    "CREATE TABLE swe_db_redis.keys (key bytea NOT NULL, remaining_ms bigint, payload bytea NOT NULL)",
)
DESTINATION: Final = (
    "SELECT obj_description(oid, 'pg_namespace') FROM pg_catalog.pg_namespace WHERE nspname = 'swe_db_redis'"
)
COPY_IN: Final = b"COPY swe_db_redis.keys (key, remaining_ms, payload) FROM STDIN (FORMAT binary)"
COPY_OUT: Final = b"COPY swe_db_redis.keys (key, remaining_ms, payload) TO STDOUT (FORMAT binary)"
TYPES: Final = ("bytea", "int8", "bytea")


class Key(NamedTuple):
    """A key as DUMP gives it.

    Attributes:
        name: Its name.
        remaining: How long it has to live, in milliseconds; None lives for ever.
        payload: Its value in the form of the server.
    """

    name: bytes
    remaining: int | None
    payload: bytes


@contextlib.contextmanager
def client_of(site: Site) -> Iterator[redis.Redis]:
    """Give a client of the site's logical database.

    Raises:
        ServerError: Redis does not answer.
        SnapshotError: It refuses a command.
        ConfigError: The URL is none.
    """
    import redis  # noqa: PLC0415 - 47 ms that a site without it need not pay

    client = _client(str(site.redis_url))
    try:
        client.ping()
        yield client
    except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError) as error:
        raise ServerError(
            f"Redis {shown(client)} does not answer: {error}. Check that it runs, and run again."
        ) from None
    except redis.exceptions.RedisError as error:
        raise SnapshotError(f"Redis {shown(client)} refuses a step: {error}.") from None
    finally:
        client.close()


def _client(url: str) -> redis.Redis:
    import redis  # noqa: PLC0415

    try:
        client = redis.Redis.from_url(url, socket_connect_timeout=TIMEOUT, socket_timeout=TIMEOUT)
        pool = client.connection_pool
        pool.connection_class(**pool.connection_kwargs)  # an option that it does not know is found here
    except (ValueError, TypeError):  # whose words may hold a part of the password
        raise ConfigError(
            "The Redis URL cannot be understood: its port, or an option after the ?, is none. Write "
            "redis://:PASSWORD@host:6379/0, and a password with / # ? @ or : percent-encoded."
        ) from None
    return client


def shown(client: redis.Redis) -> str:
    """Return how messages name a logical database, `127.0.0.1:6379/0`."""
    there = client.connection_pool.connection_kwargs
    place = there.get("path") or f"{there.get('host', 'localhost')}:{there.get('port', 6379)}"
    return f"{place}/{there.get('db') or 0}"


def redis_version(client: redis.Redis) -> str:
    """Return the server's version as text."""
    info = client.info("server")
    return str(info.get("valkey_version") or info["redis_version"])


def keys_of(client: redis.Redis) -> Iterator[Key]:
    """Yield every key; what is written meanwhile may be missing."""
    for names in _batches(_distinct(client.scan_iter(count=BATCH))):
        pipeline = client.pipeline(transaction=True)  # so that life and value are of one moment
        for name in names:
            pipeline.pttl(name)
            pipeline.dump(name)
        answers = iter(pipeline.execute())
        for name, remaining, payload in zip(names, answers, answers, strict=True):
            if payload is not None:  # else it has ended its life since
                yield Key(name, remaining if remaining >= 0 else None, payload)


def _distinct(names: Iterable[bytes]) -> Iterator[bytes]:
    """Yield each name once: SCAN may give one twice while the table of keys grows or shrinks."""
    seen: set[bytes] = set()
    for name in names:
        if name not in seen:
            seen.add(name)
            yield name


def keep(connection: Connection, keys: Iterable[Key]) -> int:
    """Keep keys in a database and return how many there were."""
    for statement in CREATE:
        execute(connection, statement)
    count = 0
    with connection.cursor() as cursor, cursor.copy(COPY_IN) as copy:
        copy.set_types(TYPES)
        for key in keys:
            copy.write_row(key)
            count += 1
    return count


def destine(connection: Connection, place: str) -> None:
    """Write down where the keys that a database holds are to be put back, which the user has agreed to."""
    comment = sql.SQL("COMMENT ON SCHEMA swe_db_redis IS {}").format(sql.Literal(FOR + place))
    execute(connection, comment.as_string(connection))


def destination(connection: Connection) -> str | None:
    """Return where keys that a database holds are still to be put back, None if it holds none."""
    rows = execute(connection, DESTINATION).fetchall()
    return str(rows[0][0] or "").removeprefix(FOR) if rows else None


def read_kept(connection: Connection) -> Iterator[Key]:
    """Yield the keys that a database holds."""
    with connection.cursor() as cursor, cursor.copy(COPY_OUT) as copy:
        copy.set_types(TYPES)
        for name, remaining, payload in copy.rows():
            yield Key(bytes(name), remaining, bytes(payload))


def drop_kept(connection: Connection) -> None:
    """Forget the keys that a database holds, since they have been put back or are not wanted."""
    execute(connection, "DROP SCHEMA IF EXISTS swe_db_redis CASCADE")


def put_back(client: redis.Redis, keys: Iterable[Key], total: int | None, progress: Progress) -> int:
    """Make keys the only ones of a logical database, and return how many there are.

    A key's life goes on from where it was: the time between has not passed for it.
    """
    client.flushdb()
    count = 0
    for batch in _batches(keys):
        pipeline = client.pipeline(transaction=False)
        for key in batch:
            pipeline.restore(key.name, key.remaining or 0, key.payload, replace=True)
        pipeline.execute()
        count += len(batch)
        progress("putting back the keys of Redis", count, total)
    return count


def require_replaceable(site: Site, client: redis.Redis, yes_destroy: str | None) -> None:
    """Refuse to replace the keys of a logical database that is neither ours nor empty, unless it was typed out.

    Raises:
        ProtectedDatabaseError: They may not be replaced.
    """
    place = shown(client)
    if yes_destroy is not None and yes_destroy != place:
        raise ProtectedDatabaseError(
            f"--yes-destroy-redis names {yes_destroy}, but the keys that would go are those of {place}. "
            "Nothing was changed. Check which of the two is meant."
        )
    count = client.dbsize()
    if count and not site.owns_redis and yes_destroy is None:
        raise ProtectedDatabaseError(
            f"Redis {place} holds {count} keys, and swe-db did not start that server, so somebody may need them. "
            f"Nothing was changed. If all of them may go, say so: --yes-destroy-redis {place}. "
            "Without --redis-url Redis is left alone."
        )


def require_understood(client: redis.Redis, keys: Iterable[Key]) -> None:
    """Refuse keys whose form a server does not take, such as those of a newer one, before any of its own are gone.

    Raises:
        SnapshotError: It does not.
    """
    import redis  # noqa: PLC0415

    newest = max(keys, key=lambda key: int.from_bytes(key.payload[VERSION], "little"), default=None)
    if newest is None:
        return
    probe = f"{PROBE}{secrets.token_hex(8)}"
    try:
        client.restore(probe, PROBE_LIFE, newest.payload)
        client.delete(probe)
    except redis.exceptions.ResponseError as error:
        raise SnapshotError(
            f"Redis {shown(client)} is version {redis_version(client)} and does not take the keys that were saved: "
            f"{error}. They come from a newer server; nothing was changed. Use a server as new, or leave Redis out."
        ) from None


def _batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, BATCH)):
        yield batch
