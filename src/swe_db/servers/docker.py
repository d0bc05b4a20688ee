"""The backend `docker`: servers in containers, one of each kind for all xdist workers of a run.

Since a server serves several workers, it is to the rest of swe-db what one given by URL is: a worker makes databases of
its own and leases a logical database of Redis.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

from swe_db.config import Config
from swe_db.errors import BackendUnavailable
from swe_db.servers.address import PostgresAddress, RedisAddress
from swe_db.servers.binaries import OLDEST, OLDEST_REDIS, matches, numbers
from swe_db.servers.candidate import Candidate
from swe_db.servers.connect import connect
from swe_db.servers.docker_daemon import Daemon, Image, Plan, daemon
from swe_db.servers.docker_share import Facts, Share
from swe_db.servers.lease import lease_database
from swe_db.servers.server import PostgresServer, RedisServer

if TYPE_CHECKING:
    from docker.models.containers import Container

__all__ = ["docker_postgres", "docker_redis"]

START_TIMEOUT: Final = 60.0  # seconds
POLL: Final = 0.02  # seconds
LOG_LINES: Final = 15
POSTGRES_PORT: Final = 5432
REDIS_PORT: Final = 6379
CONNECTIONS: Final = 100  # for each worker
DATABASES: Final = 16  # Redis' default
STATEMENTS: Final = "pg_stat_statements"

VERSION: Final = r"\d+(?:\.\d+)*"

# Durability is of no use to a server that dies with the run.
SETTINGS: Final[Mapping[str, str]] = {
    "max_prepared_transactions": "20",
    "shared_buffers": "64MB",
    "dynamic_shared_memory_type": "mmap",  # a container's /dev/shm has 64 MB
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "log_timezone": "UTC",
    "lc_messages": "C",
}


def docker_postgres(config: Config) -> Candidate[PostgresServer]:
    """Find a Docker daemon for the Postgres image; an image that is not there is pulled when the server starts.

    Raises:
        BackendUnavailable: There is no daemon for us, or the image has another version.
    """
    name = config.postgres_image
    with daemon() as docker:
        image = _image(docker, name)
        version = _version(docker, image, ("PG_VERSION", "PG_MAJOR"), "postgres") if image else _tag(name)
    if image:
        _check_postgres(name, version, config.postgres_version)
    return Candidate("docker", version, partial(_postgres, config))


def docker_redis(config: Config) -> Candidate[RedisServer]:
    """Find a Docker daemon for the Redis image; the rest is as in `docker_postgres`."""
    name = config.redis_image
    with daemon() as docker:
        image = _image(docker, name)
        version = _version(docker, image, ("REDIS_VERSION", "VALKEY_VERSION"), "redis-server") if image else _tag(name)
    if image:
        _check_redis(name, version)
    return Candidate("docker", version, partial(_redis, config))


def _image(docker: Daemon, name: str) -> Image | None:
    """Return an image, None if it can be pulled; one whose version only the image itself can tell is pulled now."""
    image = docker.image(name)
    if image is None and not _tag(name):
        return docker.pull(name)
    if image is None:
        docker.check_registry(name)
    return image


def _tag(name: str) -> str:
    """Return the version in an image's tag, empty if there is none: `15` for `postgres:15-alpine`."""
    found = re.search(VERSION, name.partition("@")[0].rpartition("/")[2].partition(":")[2])
    return found[0] if found else ""


def _version(docker: Daemon, image: Image, variables: tuple[str, ...], program: str) -> str:
    """Return the version that an image carries, from its variables, else from the program itself."""
    told = next((image.environment[name] for name in variables if name in image.environment), "")
    found = re.match(VERSION, told) or re.search(VERSION, docker.ask(image, program, "--version"))
    if found is None:
        raise BackendUnavailable(f"the version of {program} in the image {image.name} is unknown", "name another image")
    return found[0]


def _check_postgres(image: str, version: str, wanted: str | None) -> None:
    if numbers(version)[0] < OLDEST or not matches(version, wanted):
        expected = wanted or f"{OLDEST} or newer"
        raise BackendUnavailable(
            f"the image {image} carries PostgreSQL {version}, not {expected}",
            f"name another image: --swe-db-postgres-image postgres:{wanted or OLDEST}-alpine",
        )


def _check_redis(image: str, version: str) -> None:
    if numbers(version) < OLDEST_REDIS:
        raise BackendUnavailable(
            f"the image {image} carries Redis {version}, not 6.2 or newer",
            "name another image: --swe-db-redis-image redis:7-alpine",
        )


def _workers() -> int:
    return int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))


def _share(*content: object) -> Share:
    """Return the place where the workers of this run meet for a server with this content."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or secrets.token_hex(16)
    return Share(hashlib.sha256(repr((run, *content)).encode()).hexdigest()[:24])


def _leave(share: Share) -> None:
    def remove(label: str) -> None:
        with daemon() as docker:
            docker.remove(label)

    share.leave(remove)


def _postgres(config: Config) -> PostgresServer:
    share = _share("postgres", config.postgres_image, config.postgres_locale, config.postgres_timezone)
    try:
        facts = share.facts(partial(_make_postgres, config))
        _check_postgres(config.postgres_image, facts["version"], config.postgres_version)
    except BaseException:
        _leave(share)
        raise
    address = _postgres_address(facts)
    return PostgresServer(
        address=address,
        admin=address,
        version=facts["version"],
        backend="docker",
        owned=False,
        stop=partial(_leave, share),
    )


def _postgres_address(facts: Facts) -> PostgresAddress:
    return PostgresAddress(
        host=facts["host"], port=facts["port"], user="postgres", password=facts["password"], name="postgres"
    )


def _make_postgres(config: Config, label: str) -> Facts:
    with daemon() as docker:
        image = docker.image(config.postgres_image) or docker.pull(config.postgres_image)
        try:
            return _run_postgres(docker, image, config, label, preload=STATEMENTS)
        except BackendUnavailable as error:
            docker.remove(label)
            if f'could not access file "{STATEMENTS}"' not in error.reason:
                raise
        return _run_postgres(docker, image, config, label, preload="")


def _run_postgres(docker: Daemon, image: Image, config: Config, label: str, *, preload: str) -> Facts:
    password = secrets.token_urlsafe(18)
    settings = {
        **SETTINGS,
        "max_connections": str(CONNECTIONS * _workers()),
        "timezone": config.postgres_timezone,
        "shared_preload_libraries": preload,
    }
    plan = Plan(
        image=image,
        command=[word for key, value in settings.items() for word in ("-c", f"{key}={value}")],
        environment={
            "POSTGRES_PASSWORD": password,
            "POSTGRES_INITDB_ARGS": f"--encoding=UTF8 --locale={config.postgres_locale} --no-sync",
        },
        port=POSTGRES_PORT,
        data=image.environment.get("PGDATA", "/var/lib/postgresql/data"),
        label=label,
    )
    container = docker.create(plan)
    port = docker.start(container, POSTGRES_PORT)
    facts: Facts = {"host": docker.host, "port": port, "password": password}
    _wait(docker, container, lambda: _postgres_obstacle(facts), secret=password)
    return facts


def _postgres_obstacle(facts: Facts) -> str | None:
    """Try to use the server from outside, where the temporary one of the image's initialisation does not listen."""
    import psycopg  # noqa: PLC0415 - 59 ms that a run without a server need not pay

    if facts["port"] is None:
        return "its port is not published"
    try:
        with connect(_postgres_address(facts), connect_timeout=5) as connection:
            facts["version"] = str(connection.info.parameter_status("server_version")).split()[0]
    except psycopg.Error as error:
        return str(error)
    return None


def _redis(config: Config) -> RedisServer:
    share = _share("redis", config.redis_image)
    try:
        facts = share.facts(partial(_make_redis, config))
        _check_redis(config.redis_image, facts["version"])
        lease = lease_database(_redis_address(facts))
    except BaseException:
        _leave(share)
        raise

    def stop() -> None:
        lease.release()
        _leave(share)

    return RedisServer(
        address=lease.address,
        version=facts["version"],
        backend="docker",
        owned=False,
        stop=stop,
        claim=lease.claim,
    )


def _redis_address(facts: Facts) -> RedisAddress:
    return RedisAddress(host=facts["host"], port=facts["port"], password=facts["password"])


def _make_redis(config: Config, label: str) -> Facts:
    with daemon() as docker:
        image = docker.image(config.redis_image) or docker.pull(config.redis_image)
        password = secrets.token_urlsafe(18)
        command = ["redis-server", "/swe-db.conf"]
        container = docker.create(
            Plan(image=image, command=command, environment={}, port=REDIS_PORT, data="/data", label=label)
        )
        # In a file, since the arguments of a process can be read by everybody.
        settings = f'requirepass {password}\nsave ""\nappendonly no\ndatabases {DATABASES + 2 * _workers()}\n'
        docker.put_file(container, "swe-db.conf", settings)
        port = docker.start(container, REDIS_PORT)
        facts: Facts = {"host": docker.host, "port": port, "password": password}
        _wait(docker, container, lambda: _redis_obstacle(facts), secret=password)
        return facts


def _redis_obstacle(facts: Facts) -> str | None:
    import redis  # noqa: PLC0415 - 47 ms that a run without a server need not pay

    if facts["port"] is None:
        return "its port is not published"
    client = redis.Redis.from_url(_redis_address(facts).url, socket_connect_timeout=5, socket_timeout=5)
    try:
        info = client.info("server")
    except redis.exceptions.RedisError as error:
        return str(error)
    finally:
        client.close()
    facts["version"] = str(info.get("valkey_version") or info["redis_version"])
    return None


def _wait(docker: Daemon, container: Container, obstacle: Callable[[], str | None], *, secret: str) -> None:
    """Wait until nothing stands in the way of using a server.

    Raises:
        BackendUnavailable: It ended, or was not ready in time; the reason has its last words.
    """
    deadline = time.monotonic() + START_TIMEOUT
    while (obstruction := obstacle()) is not None:
        if docker.has_ended(container):
            raise _failure(docker, container, "ended while starting", secret)
        if time.monotonic() > deadline:
            raise _failure(
                docker, container, f"could not be used within {START_TIMEOUT:g} seconds ({obstruction})", secret
            )
        time.sleep(POLL)


def _failure(docker: Daemon, container: Container, what: str, secret: str) -> BackendUnavailable:
    image = container.attrs["Config"]["Image"]
    text = f"the container of {image} {what}; its last words:\n{docker.log_tail(container, LOG_LINES)}"
    return BackendUnavailable(text.replace(secret, "***"), f"see its last words; by hand: docker run --rm {image}")
