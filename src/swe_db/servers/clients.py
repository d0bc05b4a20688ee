"""Command lines that connect a person to a server; there is never a password in one."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path
from typing import Final

from swe_db.servers.address import PostgresAddress
from swe_db.servers.server import PostgresServer, RedisServer

__all__ = ["psql_line", "redis_line"]

SECRETS: Final = frozenset({"sslpassword", "passfile"})
IN_CONTAINER: Final = 'REDISCLI_AUTH="$(sed -n "s/^requirepass //p" /swe-db.conf)" exec redis-cli'


def psql_line(server: PostgresServer, database: str) -> str:
    """Return a command line of psql.

    On a server of ours it asks for no password, on `url` for the one of the URL.

    Args:
        server: The server.
        database: The name of the database.
    """
    admin = server.admin.database(database)
    if server.container is not None:
        return shlex.join(["docker", "exec", "-it", server.container[:12], "psql", "-U", admin.user, "-d", database])
    if admin.options:
        return shlex.join(["psql", _without_secrets(admin).url])
    return shlex.join(["psql", "-h", admin.host, "-p", str(admin.port), "-U", admin.user, "-d", database])


def _without_secrets(address: PostgresAddress) -> PostgresAddress:
    options = tuple((key, value) for key, value in address.options if key not in SECRETS)
    return dataclasses.replace(address, password="", options=options)


def redis_line(server: RedisServer) -> str:
    """Return a command line of redis-cli, empty if nobody outside of this process can reach the server.

    On a server of ours it takes the password from the server's own settings, on `url` it asks for it.
    """
    if not server.has_url:
        return ""
    address = server.address
    database = ["-n", str(address.db)]
    if server.container is not None:
        command = f'{IN_CONTAINER} {shlex.join(database)} "$@"'  # what is appended to the line are arguments
        return shlex.join(["docker", "exec", "-it", server.container[:12], "sh", "-c", command, "redis-cli"])
    if address.socket is not None:
        settings = shlex.quote(str(Path(address.socket).parent / "settings"))
        line = shlex.join(["redis-cli", "-s", address.socket, *database])
        return f'REDISCLI_AUTH="$(sed -n "s/^requirepass //p" {settings})" {line}'
    given = ["-h", address.host, "-p", str(address.port), *database]
    given += ["--user", address.username] if address.username else []
    given += ["--askpass"] if address.password else []
    given += ["--tls"] if address.tls else []
    return shlex.join(["redis-cli", *given])
