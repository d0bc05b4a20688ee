"""Starting a Redis (or Valkey) of our own from its binary."""

from __future__ import annotations

import dataclasses
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Final

from swe_db.errors import ServerError
from swe_db.servers.account import server_account
from swe_db.servers.address import RedisAddress
from swe_db.servers.process import GuardedProcess, PortReservation
from swe_db.servers.server import RedisServer

if TYPE_CHECKING:
    from swe_db.servers.binaries import RedisBinary

__all__ = ["ADMIN", "start_redis"]

START_TIMEOUT: Final = 30.0  # seconds
ATTEMPTS: Final = 3

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
            port=port, directory=directory, password=password, admin=ADMIN, admin_password=admin_password
        )

    command = [str(binary.program), "settings"]
    process = GuardedProcess("redis", command, settings=settings, account=server_account())
    address = RedisAddress(host="127.0.0.1", port=port, password=password, socket=str(process.directory / "redis.sock"))
    process.wait_for(lambda: _obstacle(address), START_TIMEOUT)
    return RedisServer(
        address=address,
        admin=dataclasses.replace(address, username=ADMIN, password=admin_password),
        version=binary.version,
        backend=backend,
        owned=True,
        stop=process.stop,
        obituary=process.obituary,
        shortage=process.shortage,
    )


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
