"""Starting a Redis (or Valkey) of our own from its binary."""

from __future__ import annotations

import dataclasses
import secrets
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from swe_db.errors import ServerError
from swe_db.servers.account import server_account
from swe_db.servers.address import RedisAddress
from swe_db.servers.process import GuardedProcess, PortReservation
from swe_db.servers.server import RedisServer

if TYPE_CHECKING:
    from swe_db.servers.binaries import RedisBinary

__all__ = ["ADMIN", "save_and_end", "start_redis"]

START_TIMEOUT: Final = 30.0  # seconds
ATTEMPTS: Final = 3
DUMP: Final = "dump.rdb"

ADMIN: Final = "swe-db"

# A user of our own lets us in when a test has changed the password or the rights of the other one.
SETTINGS: Final = """
bind 127.0.0.1
port {port}
unixsocket {directory}/redis.sock
unixsocketperm 700
requirepass {password}
user {admin} on >{admin_password} ~* &* +@all
dir {directory}
save ""
dbfilename {dump}
appendonly no
daemonize no
"""


def start_redis(binary: RedisBinary, *, backend: str) -> RedisServer:
    """Start a server that keeps everything in memory; it dies with this process.

    Args:
        binary: `redis-server` or `valkey-server`.
        backend: The name of the backend that found it.

    Raises:
        ServerError: It does not start; the message has its last words.
    """
    for attempt in range(1, ATTEMPTS + 1):
        reservation = PortReservation()
        try:
            return _start(binary, reservation.port, backend)
        except ServerError as error:
            if "Address already in use" not in str(error) or attempt == ATTEMPTS:
                raise
        finally:
            reservation.release()
    raise AssertionError


def _start(binary: RedisBinary, port: int, backend: str) -> RedisServer:
    password, admin_password = secrets.token_urlsafe(18), secrets.token_urlsafe(18)

    def settings(directory: Path) -> str:
        return SETTINGS.format(
            port=port, directory=directory, password=password, admin=ADMIN, admin_password=admin_password, dump=DUMP
        )

    command = [str(binary.program), "settings"]
    process = GuardedProcess("redis", command, settings=settings, account=server_account())
    address = RedisAddress(host="127.0.0.1", port=port, password=password, socket=str(process.directory / "redis.sock"))
    process.wait_for(lambda: _obstacle(address), START_TIMEOUT)
    admin = dataclasses.replace(address, username=ADMIN, password=admin_password)
    return RedisServer(
        address=address,
        admin=admin,
        version=binary.version,
        backend=backend,
        owned=True,
        stop=process.stop,
        obituary=process.obituary,
        shortage=process.shortage,
        restart=partial(_restart, process, admin),
    )


def _restart(process: GuardedProcess, admin: RedisAddress) -> None:
    """Restart a server that does not save on its own, with the data saved this once."""
    process.restart(lambda: save_and_end(admin), lambda: _obstacle(admin), START_TIMEOUT)
    (process.directory / DUMP).unlink(missing_ok=True)


def save_and_end(admin: RedisAddress) -> None:
    """Tell a server to write all that it has to its file and to end.

    Raises:
        ServerError: It cannot, as while a script runs.
    """
    import redis  # noqa: PLC0415
    from redis.backoff import NoBackoff  # noqa: PLC0415
    from redis.retry import Retry  # noqa: PLC0415

    client = redis.Redis.from_url(admin.connection_url, retry=Retry(NoBackoff(), 0))  # once is enough
    try:
        client.shutdown(save=True)
    except redis.exceptions.RedisError as error:
        raise ServerError(f"the Redis server {admin.shown} cannot be restarted: {error}") from None
    finally:
        client.close()


def _obstacle(address: RedisAddress) -> str | None:
    import redis  # noqa: PLC0415 - 47 ms that a run without a server need not pay

    if not Path(str(address.socket)).exists():
        return "no socket yet"
    client = redis.Redis.from_url(address.connection_url)
    try:
        client.ping()
    except redis.exceptions.ConnectionError as error:
        return str(error)
    finally:
        client.close()
    return None
