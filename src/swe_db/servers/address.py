"""Where a server listens, and the URLs and connection parameters that say so."""

from __future__ import annotations

import dataclasses
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from swe_db.errors import ConfigError

__all__ = ["PostgresAddress", "RedisAddress"]

POSTGRES_SCHEMES: Final = ("postgresql", "postgres")
REDIS_SCHEMES: Final = ("redis", "rediss")

# As query parameters libpq prefers these to what stands before the question mark.
PLACES: Final = frozenset({"host", "hostaddr", "port", "user", "password", "dbname", "service"})


@dataclasses.dataclass(frozen=True, kw_only=True)
class PostgresAddress:
    """One Postgres database as one role reaches it.

    Attributes:
        host: Host name, IP address, or the directory of the server's socket.
        port: TCP port, or the number in the socket's name.
        user: Role.
        password: Its password, empty where none is needed.
        name: Database.
        options: Further libpq parameters, e.g. `(("sslmode", "require"),)`.
    """

    host: str
    port: int
    user: str
    password: str = dataclasses.field(repr=False)
    name: str
    options: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, url: str, origin: str) -> PostgresAddress:
        """Read `url`, e.g. `postgresql://user:PASSWORD@host:5432/database?sslmode=require`.

        Args:
            url: A libpq URL that names at least the host and the user.
            origin: Where the URL came from, for messages.

        Raises:
            ConfigError: It is not such a URL.
        """
        parts = _split(url, origin, POSTGRES_SCHEMES, "postgresql://user:PASSWORD@host:5432/database")
        query = dict(parse_qsl(parts.query))
        form = "write it as postgresql://user:PASSWORD@host:5432/database"
        if misplaced := sorted(PLACES & query.keys()):
            raise ConfigError(f"{origin} has {', '.join(misplaced)} behind the question mark: {form}")
        if not parts.hostname or not parts.username:
            raise ConfigError(f"{origin} names no {'user' if parts.hostname else 'host'}: {form}")
        return cls(
            host=unquote(parts.hostname),
            port=_port(parts, origin) or 5432,
            user=unquote(parts.username),
            password=unquote(parts.password or ""),
            name=unquote(parts.path.removeprefix("/")) or "postgres",
            options=tuple(query.items()),
        )

    def database(self, name: str) -> PostgresAddress:
        """Return the address of another database of the same server."""
        return dataclasses.replace(self, name=name)

    @property
    def url(self) -> str:
        """The address as a libpq URL, password included."""
        return self._url("postgresql")

    def sqlalchemy_url(self, driver: str = "psycopg") -> str:
        """Return the address as SQLAlchemy takes it, password included.

        Args:
            driver: The DBAPI: `psycopg`, `asyncpg`, `psycopg2`, …
        """
        return self._url(f"postgresql+{driver}")

    def _url(self, scheme: str) -> str:
        userinfo = quote(self.user, safe="") + (f":{quote(self.password, safe='')}" if self.password else "")
        query = _query(self.options)
        return f"{scheme}://{userinfo}@{_bracketed(self.host)}:{self.port}/{quote(self.name, safe='')}{query}"

    @property
    def parameters(self) -> dict[str, Any]:
        """Keyword arguments for `psycopg.connect`."""
        given = {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password or None,
            "dbname": self.name,
        }
        return {**dict(self.options), **given}

    @property
    def environment(self) -> dict[str, str]:
        """The libpq variables that lead a subprocess here."""
        return {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
            "PGDATABASE": self.name,
        }

    @property
    def shown(self) -> str:
        """The address without its password."""
        return f"{self.user}@{_bracketed(self.host)}:{self.port}/{self.name}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class RedisAddress:
    """One logical database of a Redis server.

    Attributes:
        host: Host name or IP address.
        port: TCP port.
        db: Number of the logical database.
        username: ACL user, empty for the default one.
        password: Its password, empty where none is needed.
        socket: Path of the server's Unix socket, None where it cannot be used.
        tls: Whether the connection is encrypted.
        options: Further parameters of the URL, e.g. `(("ssl_ca_certs", "/ca.pem"),)`.
    """

    host: str
    port: int
    db: int = 0
    username: str = ""
    password: str = dataclasses.field(default="", repr=False)
    socket: str | None = None
    tls: bool = False
    options: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, url: str, origin: str) -> RedisAddress:
        """Read `url`, e.g. `redis://:PASSWORD@host:6379`.

        Args:
            url: A Redis URL; a logical database that it names is not looked at, one is leased.
            origin: Where the URL came from, for messages.

        Raises:
            ConfigError: It is not such a URL.
        """
        parts = _split(url, origin, REDIS_SCHEMES, "redis://:PASSWORD@host:6379")
        if not parts.hostname:
            raise ConfigError(f"{origin} names no host: write it as redis://:PASSWORD@host:6379")
        return cls(
            host=unquote(parts.hostname),
            port=_port(parts, origin) or 6379,
            username=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            tls=parts.scheme == "rediss",
            options=tuple((key, value) for key, value in parse_qsl(parts.query) if key != "db"),
        )

    def database(self, db: int) -> RedisAddress:
        """Return the address of another logical database of the same server."""
        return dataclasses.replace(self, db=db)

    @property
    def url(self) -> str:
        """The address as redis-py takes it, password included; TCP always."""
        userinfo = f"{quote(self.username, safe='')}:{quote(self.password, safe='')}@" if self.password else ""
        query = _query(self.options)
        scheme = "rediss" if self.tls else "redis"
        return f"{scheme}://{userinfo}{_bracketed(self.host)}:{self.port}/{self.db}{query}"

    @property
    def connection_url(self) -> str:
        """The URL of the shortest way: the socket where there is one."""
        if self.socket is None:
            return self.url
        userinfo = f"{quote(self.username, safe='')}:{quote(self.password, safe='')}@" if self.password else ""
        return f"unix://{userinfo}{quote(self.socket)}?db={self.db}"

    @property
    def shown(self) -> str:
        """The address without its password."""
        return f"{_bracketed(self.host)}:{self.port}/{self.db}"


def _split(url: str, origin: str, schemes: tuple[str, ...], example: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ConfigError(f"{origin} is not a URL ({error}): write it as {example}") from None
    if parts.scheme not in schemes:
        raise ConfigError(f"{origin} does not begin with {schemes[0]}://: write it as {example}")
    return parts


def _port(parts: SplitResult, origin: str) -> int | None:
    try:
        port: int | None = parts.port
    except ValueError as error:
        raise ConfigError(f"{origin} has no usable port: {error}") from None
    return port


def _query(options: tuple[tuple[str, str], ...]) -> str:
    return f"?{urlencode(options, quote_via=quote)}" if options else ""  # libpq does not read + as a space


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else quote(host, safe="") if host.startswith("/") else host
