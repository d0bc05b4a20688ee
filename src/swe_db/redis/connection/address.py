"""Redis URLs: one server, a master that Sentinels know, or a cluster."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from redis.connection import parse_url

from swe_db.errors import ConfigError

__all__ = ["Address", "bracketed"]

SCHEMES: Final = {
    "redis": "redis://:PASSWORD@host:6379/0",
    "rediss": "rediss://:PASSWORD@host:6379/0",
    "unix": "unix:///run/redis.sock?db=0",
    "redis+sentinel": "redis+sentinel://:PASSWORD@host:26379,host:26379/service/0",
    "rediss+sentinel": "rediss+sentinel://:PASSWORD@host:26379,host:26379/service/0",
    "redis+cluster": "redis+cluster://:PASSWORD@host:6379,host:6379",
    "rediss+cluster": "rediss+cluster://:PASSWORD@host:6379,host:6379",
}
PORT: Final = 6379
SENTINEL_PORT: Final = 26379
# Parts of a URL that its query may name as well.
NAMED: Final = ("db", "username", "password", "sentinel_username", "sentinel_password")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a Redis is, and who asks.

    Attributes:
        scheme: What the URL begins with.
        nodes: Hosts and ports: the server, the Sentinels, or nodes of the cluster to ask first; none for a socket.
        socket: Path of the server's Unix socket.
        service: The name by which Sentinels know the master.
        db: Number of the logical database.
        username: ACL user, empty for the default one.
        password: Its password.
        sentinel_username: ACL user of the Sentinels themselves.
        sentinel_password: Its password.
        options: What else the URL's query says, as redis-py takes it.
    """

    scheme: str
    nodes: tuple[tuple[str, int], ...] = ()
    socket: str = ""
    service: str = ""
    db: int = 0
    username: str = ""
    password: str = field(default="", repr=False)
    sentinel_username: str = ""
    sentinel_password: str = field(default="", repr=False)
    options: tuple[tuple[str, Any], ...] = field(default=(), repr=False)

    @classmethod
    def parse(cls, url: str) -> Address:
        """Read a URL.

        Args:
            url: One like those of `SCHEMES`. What has a meaning in URLs is percent-encoded in names and passwords.

        Raises:
            ConfigError: It is no such URL; the message never repeats the parts that may hold a password.
        """
        scheme, separator, rest = str(url).partition("://")
        if not separator or scheme not in SCHEMES:
            raise ConfigError(f"the Redis URL begins with none of {', '.join(f'{each}://' for each in SCHEMES)}")
        before, _, query = rest.partition("?")
        authority, _, path = before.partition("/")
        userinfo, _, hosts = authority.rpartition("@")
        username, _, password = userinfo.partition(":")
        reader = _Reader(scheme)
        named, options = reader.query(query)
        parts: dict[str, Any] = {"username": unquote(username), "password": unquote(password)}
        if scheme == "unix":
            parts["socket"] = reader.socket(hosts, path)
        else:
            parts["nodes"] = reader.nodes(hosts)
            parts |= reader.path(path)
        return reader.checked(cls(scheme=scheme, options=options, **{**parts, **named}))

    @property
    def is_sentinel(self) -> bool:
        """Whether Sentinels know where the master is."""
        return self.scheme.endswith("+sentinel")

    @property
    def is_cluster(self) -> bool:
        """Whether it is a cluster."""
        return self.scheme.endswith("+cluster")

    @property
    def is_encrypted(self) -> bool:
        """Whether TLS is spoken."""
        return self.scheme.startswith("rediss")

    @property
    def shown(self) -> str:
        """The URL without its password and its query."""
        user = f"{self.username}@" if self.username else ""
        if self.socket:
            return f"unix://{user}{self.socket}?db={self.db}"
        hosts = ",".join(f"{bracketed(host)}:{port}" for host, port in self.nodes)
        path = "" if self.is_cluster else f"/{self.db}"
        service = f"/{self.service}" if self.service else ""
        return f"{self.scheme}://{user}{hosts}{service}{path}"


def bracketed(host: str) -> str:
    """Return a host as it is written in a URL."""
    return f"[{host}]" if ":" in host else host


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the parts of a URL with this scheme."""

    scheme: str

    def nodes(self, hosts: str) -> tuple[tuple[str, int], ...]:
        nodes = tuple(self._node(each) for each in hosts.split(","))
        if len(nodes) > 1 and "+" not in self.scheme:
            raise self.error("names more than one host, which only Sentinels and clusters have")
        return nodes

    def _node(self, text: str) -> tuple[str, int]:
        try:
            parts = urlsplit(f"//{text}")
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if not host:
            raise self.error("has a host or a port that makes no sense; in a password, / @ : ? # % are percent-encoded")
        return unquote(host), port or (SENTINEL_PORT if self.scheme.endswith("+sentinel") else PORT)

    def socket(self, hosts: str, path: str) -> str:
        if hosts or not path:
            raise self.error("names no path of a socket, or a host before it")
        return f"/{unquote(path)}"

    def path(self, path: str) -> dict[str, Any]:
        """Return what the path names: the service of Sentinels, the logical database."""
        if not self.scheme.endswith("+sentinel"):
            return {"db": self._database(path)}
        service, _, db = path.partition("/")
        if not service:
            raise self.error("does not name the service that the Sentinels watch")
        return {"service": unquote(service), "db": self._database(db)}

    def _database(self, text: str) -> int:
        if not re.fullmatch(r"\d*/?", text, re.ASCII):
            raise self.error("does not end in the number of a logical database")
        return int(text.rstrip("/") or 0)

    def query(self, query: str) -> tuple[dict[str, Any], tuple[tuple[str, Any], ...]]:
        """Return what belongs to the address, and what redis-py is told."""
        try:
            options: dict[str, Any] = parse_url(f"redis://?{query}")
        except ValueError as error:
            raise self.error(f"has a parameter that redis-py refuses ({error})") from None
        named: dict[str, Any] = {name: options.pop(name) for name in NAMED if name in options}
        hashable = {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}
        return named, tuple(sorted(hashable.items()))

    def checked(self, address: Address) -> Address:
        if address.is_cluster and address.db:
            raise self.error("names a logical database, and a cluster has only 0")
        return address

    def error(self, what: str) -> ConfigError:
        """Return the error that says what to write instead."""
        return ConfigError(f"the Redis URL {self.scheme}://… {what}: write it as {SCHEMES[self.scheme]}")
