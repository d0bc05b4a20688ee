"""Postgres in a container."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from functools import partial
from typing import Final

from swe_db.config import Config
from swe_db.errors import BackendUnavailable
from swe_db.servers.address import PostgresAddress
from swe_db.servers.binaries import OLDEST, matches, numbers
from swe_db.servers.candidate import Candidate
from swe_db.servers.connect import connect
from swe_db.servers.docker.container import obituary, place_of, serve, serves_one, shortage, users_of
from swe_db.servers.docker.daemon import Daemon, daemon
from swe_db.servers.docker.dump import dump_in_container
from swe_db.servers.docker.images import present_version, tagged_version
from swe_db.servers.docker.plan import Image, Plan
from swe_db.servers.docker.share import Facts, Labels
from swe_db.servers.server import PostgresServer

__all__ = ["docker_postgres"]

PORT: Final = 5432
CONNECTIONS: Final = 100  # for each worker
STATEMENTS: Final = "pg_stat_statements"

# Durability is of no use to a server that dies with the run. Nor is autovacuum, which would change statistics, and with
# them plans, in the middle of a test that happens to run then; a kept server that is never vacuumed would grow.
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
    version = present_version(name, ("PG_VERSION", "PG_MAJOR"), "postgres")
    if version is not None:
        _check(name, version, config.postgres_version)
    return Candidate("docker", version or tagged_version(name), partial(_start, config))


def _check(image: str, version: str, wanted: str | None) -> None:
    if numbers(version)[0] < OLDEST or not matches(version, wanted):
        expected = wanted or f"{OLDEST} or newer"
        raise BackendUnavailable(
            f"the image {image} carries PostgreSQL {version}, not {expected}",
            f"name another image: --swe-db-postgres-image postgres:{wanted or OLDEST}-alpine",
        )


def _start(config: Config) -> PostgresServer:
    content = ("postgres", config.postgres_locale, config.postgres_timezone, repr(SETTINGS))
    place = place_of(config, config.postgres_image, content, _obstacle)
    try:
        facts = place.facts(partial(_make, config))
        _check(config.postgres_image, facts["version"], config.postgres_version)
    except BaseException:
        place.leave()
        raise
    address = _address(facts)
    return PostgresServer(
        address=address,
        admin=address,
        version=facts["version"],
        backend="docker",
        owned=serves_one(config),
        container=facts["container"],
        stop=place.leave,
        obituary=partial(obituary, facts),
        shortage=partial(shortage, facts),
        dump=partial(dump_in_container, facts),
    )


def _address(facts: Facts) -> PostgresAddress:
    return PostgresAddress(
        host=facts["host"], port=facts["port"], user="postgres", password=facts["password"], name="postgres"
    )


def _make(config: Config, labels: Labels) -> Facts:
    with daemon() as docker:
        image = docker.image(config.postgres_image) or docker.pull(config.postgres_image)
        try:
            return _run(docker, image, config, labels, preload=STATEMENTS)
        except BackendUnavailable as error:
            if f'could not access file "{STATEMENTS}"' not in error.reason:
                raise
        return _run(docker, image, config, labels, preload="")


def _run(docker: Daemon, image: Image, config: Config, labels: Labels, *, preload: str) -> Facts:
    password = secrets.token_urlsafe(18)
    settings = {
        **SETTINGS,
        "autovacuum": "on" if config.reuse else "off",
        "max_connections": str(CONNECTIONS * users_of(config)),
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
        port=PORT,
        data=image.environment.get("PGDATA", "/var/lib/postgresql/data"),
        labels=labels,
    )
    return serve(docker, plan, _obstacle, password=password)


def _obstacle(facts: Facts) -> str | None:
    """Try to use the server from outside, where the temporary one of the image's initialisation does not listen."""
    import psycopg  # noqa: PLC0415 - 59 ms that a run without a server need not pay

    if facts["port"] is None:
        return "its port is not published"
    try:
        with connect(_address(facts), connect_timeout=5) as connection:
            facts["version"] = str(connection.info.parameter_status("server_version")).split()[0]
    except psycopg.Error as error:
        return str(error)
    return None
