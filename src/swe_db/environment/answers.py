"""Asking the two servers of an environment whether they can be used."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

from swe_db.environment.record import SUPERUSER, Kind, Service
from swe_db.errors import ServerError
from swe_db.servers.address import PostgresAddress, RedisAddress
from swe_db.servers.connect import connect

if TYPE_CHECKING:
    import redis

__all__ = ["RECOVERING", "Obstacle", "listens", "obstacle_of", "redis_client", "version_of"]

Obstacle: TypeAlias = Callable[[Service], str | None]

TIMEOUT: Final = 5  # seconds
# What both say while they read again what was written before a crash.
RECOVERING: Final = re.compile(r"starting up|not yet accepting connections|recovery|loading the dataset", re.IGNORECASE)
REFUSED: Final = re.compile(r"password authentication failed|WRONGPASS|NOAUTH|invalid username-password", re.IGNORECASE)


def obstacle_of(kind: Kind) -> Obstacle:
    """Return what asks a server of a kind why it cannot be used yet: None if it can."""
    return _postgres_obstacle if kind == "postgres" else _redis_obstacle


def version_of(kind: Kind, service: Service) -> str:
    """Return the version of a server that can be used."""
    return _postgres_version(service) if kind == "postgres" else _redis_version(service)


def _postgres(service: Service) -> PostgresAddress:
    return PostgresAddress(
        host=service.host, port=service.port, user=SUPERUSER, password=service.password, name="postgres"
    )


def _postgres_obstacle(service: Service) -> str | None:
    import psycopg  # noqa: PLC0415 - 59 ms that help texts need not pay

    try:
        connect(_postgres(service), connect_timeout=TIMEOUT).close()
    except psycopg.OperationalError as error:
        return _checked("Postgres", service, str(error).strip())
    return None


def _postgres_version(service: Service) -> str:
    with connect(_postgres(service), connect_timeout=TIMEOUT) as connection:
        return str(connection.info.parameter_status("server_version")).split()[0]


def _redis_obstacle(service: Service) -> str | None:
    import redis  # noqa: PLC0415 - 47 ms that help texts need not pay

    if not listens(service):
        return "nobody listens on its port"
    try:
        with redis_client(service) as client:
            client.ping()
    except redis.exceptions.RedisError as error:
        return _checked("Redis", service, str(error))
    return None


def _redis_version(service: Service) -> str:
    with redis_client(service) as client:
        info = client.info("server")
    return str(info.get("valkey_version") or info["redis_version"])


def redis_client(service: Service) -> redis.Redis:
    """Return a client of the environment's Redis that does not try again by itself."""
    import redis  # noqa: PLC0415
    from redis.backoff import NoBackoff  # noqa: PLC0415
    from redis.retry import Retry  # noqa: PLC0415

    address = RedisAddress(host=service.host, port=service.port, password=service.password)
    return redis.Redis.from_url(
        address.url, socket_connect_timeout=TIMEOUT, socket_timeout=TIMEOUT, retry=Retry(NoBackoff(), 0)
    )


def listens(service: Service) -> bool:
    """Tell whether anybody listens on a server's port."""
    with socket.socket() as knocking:
        knocking.settimeout(TIMEOUT)
        return knocking.connect_ex((service.host, service.port)) == 0


def _checked(what: str, service: Service, reason: str) -> str:
    """Return the reason, unless waiting would not mend it."""
    if REFUSED.search(reason):
        raise ServerError(
            f"{what} on port {service.port} does not take the password of this environment: {reason}\nEither the "
            "password was changed there, which the environment's file does not know, or it is another server."
        )
    return reason
