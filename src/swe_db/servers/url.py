"""The backend `url`: servers that the user names."""

from __future__ import annotations

from functools import partial
from typing import Final

from swe_db.config import Config
from swe_db.errors import BackendUnavailable
from swe_db.servers.address import PostgresAddress, RedisAddress
from swe_db.servers.binaries import OLDEST, OLDEST_REDIS, matches, numbers
from swe_db.servers.candidate import Candidate
from swe_db.servers.connect import connect
from swe_db.servers.lease import lease_database
from swe_db.servers.server import PostgresServer, RedisServer

__all__ = ["url_postgres", "url_redis"]

TIMEOUT: Final = 5  # seconds


def url_postgres(config: Config) -> Candidate[PostgresServer]:
    """Connect to the Postgres of `--swe-db-postgres-url`.

    Raises:
        BackendUnavailable: No URL is given, or the server does not answer or is not one we can use.
        ConfigError: It is not a URL.
    """
    if config.postgres_url is None:
        raise BackendUnavailable(
            "no URL is given",
            "give --swe-db-postgres-url postgresql://user:PASSWORD@host/postgres, or set SWE_DB_POSTGRES_URL "
            "(DATABASE_URL is not used)",
        )
    address = PostgresAddress.parse(config.postgres_url, "the Postgres URL")
    version = _postgres_version(address)
    if numbers(version)[0] < OLDEST or not matches(version, config.postgres_version):
        wanted = config.postgres_version or f"{OLDEST} or newer"
        raise BackendUnavailable(f"{address.shown} is PostgreSQL {version}, not {wanted}", "name another server")
    server = PostgresServer(
        address=address, admin=address, version=version, backend="url", owned=False, stop=_leave_alone
    )
    return Candidate("url", version, lambda: server)


def url_redis(config: Config) -> Candidate[RedisServer]:
    """Connect to the Redis of `--swe-db-redis-url`.

    Raises:
        BackendUnavailable: No URL is given, or the server does not answer or is too old.
        ConfigError: It is not a URL.
    """
    if config.redis_url is None:
        raise BackendUnavailable(
            "no URL is given",
            "give --swe-db-redis-url redis://:PASSWORD@host:6379, or set SWE_DB_REDIS_URL (REDIS_URL is not used)",
        )
    address = RedisAddress.parse(config.redis_url, "the Redis URL")
    version = _redis_version(address)
    if numbers(version) < OLDEST_REDIS:
        raise BackendUnavailable(f"{address.shown} is Redis {version}, not 6.2 or newer", "name another server")
    return Candidate("url", version, partial(_lease, address, version))


def _lease(address: RedisAddress, version: str) -> RedisServer:
    lease = lease_database(address)
    return RedisServer(
        address=lease.address, version=version, backend="url", owned=False, stop=lease.release, claim=lease.claim
    )


def _postgres_version(address: PostgresAddress) -> str:
    import psycopg  # noqa: PLC0415 - 59 ms that a run without a server need not pay

    try:
        with connect(address, connect_timeout=TIMEOUT) as connection:
            return str(connection.info.parameter_status("server_version")).split()[0]
    except psycopg.Error as error:
        raise BackendUnavailable(
            f"{address.shown} refused the connection: {error}",
            "check host, port, user and password, and that the server runs",
        ) from None


def _redis_version(address: RedisAddress) -> str:
    import redis  # noqa: PLC0415 - 47 ms that a run without a server need not pay

    try:
        client = redis.Redis.from_url(address.url, socket_connect_timeout=TIMEOUT, socket_timeout=TIMEOUT)
    except (TypeError, ValueError) as error:
        raise BackendUnavailable(
            f"redis-py does not take the URL of {address.shown}: {error}", "mend the URL"
        ) from None
    try:
        info = client.info("server")
    except (redis.exceptions.RedisError, OSError, TypeError, ValueError) as error:
        raise BackendUnavailable(
            f"{address.shown} refused the connection: {error}",
            "check host, port and password, and that the server runs",
        ) from None
    finally:
        client.close()
    return str(info.get("valkey_version") or info["redis_version"])


def _leave_alone() -> None:
    """Do nothing: the server is the user's."""
