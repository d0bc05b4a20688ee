"""Restarting a worker's own server in a test, and undoing what only another restart undoes."""

from __future__ import annotations

from typing import Final

from swe_db.errors import ConfigError
from swe_db.servers.connect import connect
from swe_db.servers.server import PostgresServer, RedisServer

__all__ = ["restart", "undo_settings"]

# Settings that a test has written and that took effect with its restart.
CHANGED: Final = (
    "SELECT FROM pg_settings WHERE context = 'postmaster' AND sourcefile LIKE '%/postgresql.auto.conf' LIMIT 1"
)


def restart(server: PostgresServer | RedisServer) -> None:
    """Restart a server with its port and its data.

    Raises:
        ConfigError: It serves others too, or cannot be restarted.
        ServerError: It does not start again.
    """
    if server.restart is None:
        whose = "cannot be restarted with its data" if server.owned else "serves others too, so it is not restarted"
        raise ConfigError(
            f"the {server.shown} {whose}: let it be gone with outage(), or take a server that this worker has for "
            "itself (--swe-db-backend=local or embedded)"
        )
    server.restart()


def undo_settings(server: PostgresServer) -> None:
    """Take back the settings of ALTER SYSTEM that a test brought into effect by a restart.

    Raises:
        psycopg.Error: The server does not answer.
        ServerError: It does not start again.
    """
    with connect(server.admin, autocommit=True) as connection:
        if not connection.execute(CHANGED).fetchall():
            return
        connection.execute("ALTER SYSTEM RESET ALL")
    restart(server)
