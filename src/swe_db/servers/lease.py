"""Leasing an empty logical database of a Redis server that others use too.

Who holds which database is written in one logical database, the registry, so that a test sees nothing of it and
cannot flush it away. Its keys: `swe_db:registry` (says that the database is ours), `swe_db:lease:N` (the holder, with a
TTL that the holder renews) and `swe_db:used:N` (what lies in database N came from a test, so that the next holder may
flush it; it ends an hour after its holder, since somebody else may have moved in by then). A database that is neither
empty nor marked as used is somebody else's and is never written to.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from swe_db.errors import BackendUnavailable, IsolationError, redact
from swe_db.servers.address import RedisAddress

if TYPE_CHECKING:
    import redis

__all__ = ["RedisLease", "lease_database"]

TTL: Final = 60  # seconds without a sign of life, after which another run may take the database
USED_TTL: Final = 3600  # seconds after the end of a lease in which what it left may still be flushed
RENEWAL: Final = 15.0  # seconds
TIMEOUT: Final = 5  # seconds
DATABASES: Final = 16  # Redis' default, where CONFIG is not allowed
REGISTRY: Final = "swe_db:registry"


def lease_database(address: RedisAddress, *, exclusive: bool = False) -> RedisLease:
    """Lease a logical database of the server at `address`.

    Args:
        address: The server.
        exclusive: Whether nobody but swe-db uses it, so that whatever is in a database which nobody holds may go.

    Raises:
        BackendUnavailable: None is free, or the server refused.
    """
    import redis  # noqa: PLC0415

    try:
        return _lease(address, exclusive=exclusive)
    except redis.exceptions.RedisError as error:
        raise BackendUnavailable(
            f"leasing a logical database of {address.shown} failed: {redact(str(error))}",
            "the user of the URL needs to select, read, write and flush logical databases",
        ) from None


def _lease(address: RedisAddress, *, exclusive: bool) -> RedisLease:
    count = _database_count(address)
    registry = _registry(address, count)
    if registry is None:
        raise _nothing_free(address, count)
    holder = secrets.token_hex(8)
    for number in reversed(range(count)):
        if number != registry and _take(address, registry, number, holder, exclusive=exclusive):
            return RedisLease(address.database(number), address.database(registry), holder)
    raise _nothing_free(address, count)


def _nothing_free(address: RedisAddress, count: int) -> BackendUnavailable:
    return BackendUnavailable(
        f"{address.shown} has no free logical database: each of the {count} is leased by a running test session "
        "or holds keys of somebody else, which are not touched",
        "use a server with more (redis-server --databases 64), empty one, or run fewer xdist workers",
    )


def _client(address: RedisAddress) -> redis.Redis:
    import redis  # noqa: PLC0415

    return redis.Redis.from_url(
        address.url,
        socket_connect_timeout=TIMEOUT,
        socket_timeout=TIMEOUT,
        decode_responses=True,
        single_connection_client=True,
    )


def _database_count(address: RedisAddress) -> int:
    import redis  # noqa: PLC0415

    with _client(address) as client:
        try:
            configured: Any = client.config_get("databases")
        except redis.exceptions.ResponseError:
            return DATABASES
        return int(configured.get("databases", DATABASES))


def _sizes(address: RedisAddress, count: int) -> Iterator[tuple[int, int, bool]]:
    """Yield number, key count and whether it is the registry for each logical database, the highest first."""
    for number in reversed(range(count)):
        with _client(address.database(number)) as client:
            yield number, int(client.dbsize()), bool(client.exists(REGISTRY))


def _registry(address: RedisAddress, count: int) -> int | None:
    """Return the registry's number: the database that carries its mark, else the highest empty one."""
    states = list(_sizes(address, count))
    marked = [number for number, _, is_registry in states if is_registry]
    empty = [number for number, size, _ in states if size == 0]
    return next(iter(marked + empty), None)


def _take(address: RedisAddress, registry: int, number: int, holder: str, *, exclusive: bool) -> bool:
    with _client(address.database(registry)) as client, _client(address.database(number)) as target:
        if not _run(client, "lease_take.lua", number, holder, TTL, USED_TTL):
            return False
        if target.dbsize() and not exclusive and not client.exists(f"swe_db:used:{number}"):
            _run(client, "lease_release.lua", number, holder)
            return False
        client.set(f"swe_db:used:{number}", holder, ex=USED_TTL)
        target.flushdb()
        return True


def _run(client: redis.Redis, script: str, number: int, *arguments: object) -> bool:
    text = (files("swe_db.servers") / script).read_text(encoding="utf-8")
    keys = [REGISTRY, f"swe_db:lease:{number}", f"swe_db:used:{number}"]
    return bool(client.eval(text, len(keys), *keys, *[str(argument) for argument in arguments]))


class RedisLease:
    """A leased logical database; a thread renews the lease until `release`.

    Attributes:
        address: The logical database.
    """

    def __init__(self, address: RedisAddress, registry: RedisAddress, holder: str) -> None:
        self.address = address
        self._holder = holder
        self._client = _client(registry)
        self._turn = threading.Lock()  # the client has one connection
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="swe-db-redis-lease", daemon=True)
        self._thread.start()

    def _renew(self) -> None:
        import redis  # noqa: PLC0415

        while not self._ended.wait(RENEWAL):
            try:
                self._is_held()
            except redis.exceptions.RedisError:
                continue  # the next turn comes well before the lease ends

    def _is_held(self) -> bool:
        with self._turn:
            return _run(self._client, "lease_take.lua", self.address.db, self._holder, TTL, USED_TTL)

    def claim(self) -> None:
        """Make sure that the database is still ours, before anything in it is touched.

        Raises:
            IsolationError: This process slept for so long that another run has taken it.
        """
        if not self._is_held():
            raise IsolationError(
                f"the lease of the logical database {self.address.shown} has ended and another run holds it: this "
                f"process gave no sign of life for {TTL} seconds; run the tests again"
            )

    def release(self) -> None:
        """Empty the database and give it back; done twice, it does nothing."""
        import redis  # noqa: PLC0415

        if self._ended.is_set():
            return
        self._ended.set()
        self._thread.join()
        try:
            if not self._is_held():
                return
            with _client(self.address) as client:
                client.flushdb()
            _run(self._client, "lease_release.lua", self.address.db, self._holder)
        except redis.exceptions.RedisError:
            return  # the server has gone; the lease ends by its TTL
        finally:
            self._client.close()
