"""All that a client of Redis is told when it is made."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import redis
from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection

from swe_db.errors import ConfigError
from swe_db.redis.connection.address import Address
from swe_db.redis.connection.tls import TLSConfig
from swe_db.redis.durations import Duration, seconds

__all__ = ["Settings"]

# The same replies whatever redis-py's version: 8.1 speaks the newer protocol by default, 5.0 the older one.
PROTOCOL: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a client is told; two clients with equal settings are alike.

    Attributes:
        address: Where Redis is.
        max_connections: How many connections a pool may have.
        pool_timeout: Seconds to wait for one that is free.
        retries: How often a command is sent again.
        connection: What each connection is told, as redis-py takes it.
    """

    address: Address
    max_connections: int
    pool_timeout: float
    retries: int
    connection: tuple[tuple[str, Any], ...]

    @classmethod
    def of(  # noqa: PLR0913 - what a client has
        cls,
        url: str,
        *,
        max_connections: int,
        pool_timeout: Duration,
        retries: int,
        health_check_interval: Duration | None,
        socket_timeout: Duration | None,
        socket_connect_timeout: Duration | None,
        tls: TLSConfig | None,
        client_name: str | None,
        decode_responses: bool,
    ) -> Settings:
        """Check what a client is given; what the URL's query says goes before arguments, as in redis-py.

        Raises:
            ConfigError: Something makes no sense.
        """
        address = Address.parse(url)
        given = {
            "health_check_interval": _seconds_or(0, health_check_interval, "health_check_interval"),
            "socket_timeout": _seconds_or(None, socket_timeout, "socket_timeout"),
            "socket_connect_timeout": _seconds_or(None, socket_connect_timeout, "socket_connect_timeout"),
            "client_name": client_name,
            "decode_responses": decode_responses,
            "protocol": PROTOCOL,
        }
        options = {**given, **_tls_options(address, tls), **dict(address.options)}
        settings = cls(
            address=address,
            max_connections=_number(options.pop("max_connections", max_connections), "max_connections", 1),
            pool_timeout=seconds(_seconds(options.pop("timeout", pool_timeout)), "pool_timeout"),
            retries=_number(retries, "retries", 0),
            connection=tuple(sorted(options.items())),
        )
        _refuse_what_redis_refuses(settings)
        return settings

    @property
    def options(self) -> dict[str, Any]:
        """What each connection to a Redis server is told."""
        address = self.address
        who = {"username": address.username or None, "password": address.password or None}
        where: dict[str, Any] = {} if address.is_cluster else {"db": address.db}
        if address.socket:
            where["path"] = address.socket
        elif not address.is_sentinel and not address.is_cluster:
            where |= {"host": address.nodes[0][0], "port": address.nodes[0][1]}
        return {**dict(self.connection), **who, **where}

    @property
    def sentinel_options(self) -> dict[str, Any]:
        """What each connection to a Sentinel is told: the same, but for who asks and what only data needs."""
        address = self.address
        who = {"username": address.sentinel_username or None, "password": address.sentinel_password or None}
        encrypted = {"ssl": True} if address.is_encrypted else {}
        needless = ("decode_responses", "health_check_interval")
        return {**{name: value for name, value in self.connection if name not in needless}, **who, **encrypted}


def _tls_options(address: Address, tls: TLSConfig | None) -> dict[str, object]:
    if address.is_encrypted:
        return (tls or TLSConfig()).options
    if tls is not None:
        raise ConfigError(
            f"tls is given, and the Redis URL {address.shown} asks for no encryption: begin it with rediss"
        )
    return {}


def _seconds(duration: Any) -> Any:  # noqa: ANN401 - the query's is text in redis-py before 6
    try:
        return float(duration) if isinstance(duration, str) else duration
    except ValueError:
        raise ConfigError("the timeout in the Redis URL is no number of seconds") from None


def _seconds_or(nothing: float | None, duration: Duration | None, name: str) -> float | None:
    return nothing if duration is None else seconds(duration, name)


def _number(value: object, name: str, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(f"{name} is {value!r}: give a whole number, {least} or more")
    return value


def _refuse_what_redis_refuses(settings: Settings) -> None:
    """Make a connection without connecting it, so that a parameter that nobody knows is found at once."""
    kind: type[Connection | UnixDomainSocketConnection] = Connection
    if settings.address.socket:
        kind = UnixDomainSocketConnection
    elif settings.address.is_encrypted:
        kind = SSLConnection
    try:
        kind(**settings.options)
    except TypeError as error:
        name = re.search(r"argument '(\w+)'", str(error))
        raise ConfigError(
            f"the Redis URL {settings.address.shown} has the parameter {name[1] if name else '?'!r}, which redis-py "
            f"{redis.__version__} does not know for it"
        ) from None
    except (redis.exceptions.RedisError, ValueError) as error:
        raise ConfigError(f"the Redis URL {settings.address.shown} has a parameter that is refused: {error}") from None
