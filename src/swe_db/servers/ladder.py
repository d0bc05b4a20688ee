"""The ladder: the backends in the order in which `auto` tries them, and what is said when none works."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Final, Generic, TypeAlias

from swe_db.config import Config
from swe_db.errors import BackendUnavailable, NoBackendError, ServerError
from swe_db.servers.candidate import Candidate, Server
from swe_db.servers.embedded import embedded_postgres, embedded_redis
from swe_db.servers.fake import fake_redis
from swe_db.servers.local import local_postgres, local_redis
from swe_db.servers.server import PostgresServer, RedisServer
from swe_db.servers.url import url_postgres, url_redis

__all__ = ["Chosen", "choose_postgres", "choose_redis"]

Finder: TypeAlias = Callable[[Config], Candidate[Server]]


def _docker_postgres(config: Config) -> Candidate[PostgresServer]:
    from swe_db.servers.docker import docker_postgres  # noqa: PLC0415 - 20 ms that a run on other servers need not pay

    return docker_postgres(config)


def _docker_redis(config: Config) -> Candidate[RedisServer]:
    from swe_db.servers.docker import docker_redis  # noqa: PLC0415

    return docker_redis(config)


POSTGRES: Final[Mapping[str, Finder[PostgresServer]]] = {
    "url": url_postgres,
    "docker": _docker_postgres,
    "local": local_postgres,
    "embedded": embedded_postgres,
}
REDIS: Final[Mapping[str, Finder[RedisServer]]] = {
    "url": url_redis,
    "docker": _docker_redis,
    "local": local_redis,
    "embedded": embedded_redis,
    "fake": fake_redis,
}
BY_NAME_ONLY: Final = ("fake",)


@dataclasses.dataclass(frozen=True)
class Chosen(Generic[Server]):
    """The first backend that can give a server.

    Attributes:
        candidate: What it can give.
        rejected: The backends tried before it, and why they cannot.
    """

    candidate: Candidate[Server]
    rejected: Mapping[str, BackendUnavailable]


def choose_postgres(config: Config, excluded: Mapping[str, BackendUnavailable] | None = None) -> Chosen[PostgresServer]:
    """Return the first backend that can give a Postgres; nothing is started.

    Args:
        config: The settings.
        excluded: Backends that turned out not to work, and why.

    Raises:
        NoBackendError: None can; the message has every reason and remedy.
    """
    return _choose("Postgres", POSTGRES, config.backend, config, excluded or {})


def choose_redis(config: Config, excluded: Mapping[str, BackendUnavailable] | None = None) -> Chosen[RedisServer]:
    """Return the first backend that can give a Redis; nothing is started. The rest is as in `choose_postgres`."""
    return _choose("Redis", REDIS, config.redis_backend or config.backend, config, excluded or {})


def start_postgres_server(
    config: Config, start: Callable[[Candidate[PostgresServer]], PostgresServer] | None = None
) -> PostgresServer:
    """Start or connect to the first Postgres that works.

    Args:
        config: The settings.
        start: What to do to start a candidate, if not simply that.

    Raises:
        NoBackendError: None does.
    """
    return _start(choose_postgres, config, start or _simply)


def start_redis_server(config: Config) -> RedisServer:
    """Start or connect to the first Redis that works.

    Raises:
        NoBackendError: None does.
    """
    return _start(choose_redis, config, _simply)


def _simply(candidate: Candidate[Server]) -> Server:
    return candidate.start()


def _start(
    choose: Callable[[Config, Mapping[str, BackendUnavailable]], Chosen[Server]],
    config: Config,
    start: Callable[[Candidate[Server]], Server],
) -> Server:
    rejected: dict[str, BackendUnavailable] = {}
    while True:
        chosen = choose(config, rejected)
        try:
            return start(chosen.candidate)
        except BackendUnavailable as error:
            rejected[chosen.candidate.backend] = error
        except ServerError as error:
            rejected[chosen.candidate.backend] = BackendUnavailable(str(error), "see the server's words above")


def _choose(
    service: str,
    finders: Mapping[str, Finder[Server]],
    wanted: str,
    config: Config,
    excluded: Mapping[str, BackendUnavailable],
) -> Chosen[Server]:
    rejected: dict[str, BackendUnavailable] = {}
    for name in _rungs(finders, wanted):
        if name in excluded:
            rejected[name] = excluded[name]
            continue
        try:
            return Chosen(finders[name](config), rejected)
        except BackendUnavailable as error:
            rejected[name] = error
    raise NoBackendError(_explanation(service, wanted, rejected))


def _rungs(finders: Mapping[str, Finder[Server]], wanted: str) -> list[str]:
    return [name for name in finders if name not in BY_NAME_ONLY] if wanted == "auto" else [wanted]


def _explanation(service: str, wanted: str, rejected: Mapping[str, BackendUnavailable]) -> str:
    head = f"no {service} for the tests: " + (
        "none of the backends works here" if wanted == "auto" else f"the backend {wanted} does not work here"
    )
    rungs = [f"  {name}: {error.reason}\n    to fix it: {error.remedy}" for name, error in rejected.items()]
    return "\n".join([head, *rungs])
