"""The backend `local`: servers from the binaries of this machine."""

from __future__ import annotations

from functools import partial

from swe_db.config import Config
from swe_db.servers.account import server_account
from swe_db.servers.binaries import find_postgres, find_redis
from swe_db.servers.candidate import Candidate
from swe_db.servers.postgres import Installation
from swe_db.servers.redis import start_redis
from swe_db.servers.server import PostgresServer, RedisServer

__all__ = ["local_postgres", "local_redis"]


def local_postgres(config: Config) -> Candidate[PostgresServer]:
    """Find a Postgres on this machine.

    Raises:
        BackendUnavailable: There is none, or none of the wanted version.
    """
    server_account()
    binaries = find_postgres(config.postgres_version)
    installation = Installation(binaries, "local", config.postgres_locale, config.postgres_timezone)
    return Candidate("local", binaries.version, installation.start, installation)


def local_redis(config: Config) -> Candidate[RedisServer]:  # noqa: ARG001 - the signature of every backend
    """Find a Redis or Valkey on this machine.

    Raises:
        BackendUnavailable: There is none.
    """
    server_account()
    binary = find_redis()
    return Candidate("local", binary.version, partial(start_redis, binary, backend="local"), binary=binary)
