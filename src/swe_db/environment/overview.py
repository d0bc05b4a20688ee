"""What can be told of an environment: what it runs, for how long, and how large it has become."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from swe_db.environment.answers import redis_client
from swe_db.environment.environment import Environment
from swe_db.environment.record import SERVICES, Kind
from swe_db.errors import ServerError, SweDBError
from swe_db.migrations import status
from swe_db.servers.connect import connect

__all__ = ["ServiceSurvey", "Survey", "survey"]

FACTS = """
SELECT (SELECT pg_database_size(datname) FROM pg_database WHERE datname = %(name)s),
       EXTRACT(EPOCH FROM clock_timestamp() - pg_postmaster_start_time())::float8
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServiceSurvey:
    """What is known of one of the two servers.

    Attributes:
        backend: Where it comes from.
        version: Its version as text.
        host: Where its port can be reached.
        port: Its port.
        running: Whether it runs; None if that cannot be found out.
        trouble: Why it cannot be used, empty if it can or is stopped.
        uptime: For how many seconds it has run.
        size: Bytes of the database, or of Redis' memory.
        keys: How many keys Redis holds.
    """

    backend: str
    version: str
    host: str
    port: int
    running: bool | None = False
    trouble: str = ""
    uptime: float | None = None
    size: int | None = None
    keys: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Survey:
    """What is known of an environment.

    Attributes:
        name: Its name.
        backend: Where its servers come from.
        directory: Where it keeps what it is.
        database: The database that its Postgres URL names.
        running: Whether both servers run.
        postgres: Its Postgres.
        redis: Its Redis.
        disk: Bytes of its files on this machine; None where Docker keeps them.
        migrations: How many migrations are in which state; None where the database cannot be asked.
    """

    name: str
    backend: str
    directory: str
    database: str
    running: bool
    postgres: ServiceSurvey
    redis: ServiceSurvey
    disk: int | None
    migrations: dict[str, int] | None


def survey(environment: Environment, migrations: Sequence[Path] = ()) -> Survey:
    """Find out about an environment; nothing is changed, and what cannot be found out is left open.

    Args:
        environment: The environment.
        migrations: Directories of migrations beyond those that swe-db brings.
    """
    services = {kind: _service(environment, kind) for kind in SERVICES}
    return Survey(
        name=environment.name,
        backend=environment.backend,
        directory=str(environment.directory),
        database=environment.record.database,
        running=all(service.running and not service.trouble for service in services.values()),
        postgres=services["postgres"],
        redis=services["redis"],
        disk=_disk(Path(environment.record.data)),
        migrations=_migrations(environment, migrations) if services["postgres"].running else None,
    )


def _service(environment: Environment, kind: Kind) -> ServiceSurvey:
    service = environment.record.service(kind)
    known = ServiceSurvey(backend=service.backend, version=service.version, host=service.host, port=service.port)
    try:
        if not environment.lives(kind):
            return known
    except ServerError as error:
        return dataclasses.replace(known, running=None, trouble=str(error))
    try:
        facts = _postgres(environment) if kind == "postgres" else _redis(environment)
    except Exception as error:  # noqa: BLE001 - whatever the drivers say is a line of the report
        return dataclasses.replace(known, running=True, trouble=str(error).strip())
    return dataclasses.replace(known, running=True, **facts)


def _postgres(environment: Environment) -> dict[str, Any]:
    name = environment.record.database
    with connect(environment.postgres.database("postgres"), connect_timeout=5) as connection:
        size, uptime = connection.execute(FACTS, {"name": name}).fetchall()[0]
    return {"size": size, "uptime": uptime}


def _redis(environment: Environment) -> dict[str, Any]:
    with redis_client(environment.record.redis) as client:
        info = client.info()
        return {"size": info["used_memory"], "uptime": info["uptime_in_seconds"], "keys": client.dbsize()}


def _disk(folder: Path) -> int | None:
    if not folder.exists():
        return None
    total = 0
    for parent, _, files in os.walk(folder):
        for file in files:
            try:
                total += Path(parent, file).lstat().st_blocks * 512
            except OSError:
                continue
    return total


def _migrations(environment: Environment, directories: Sequence[Path]) -> dict[str, int] | None:
    try:
        return dict(Counter(each.state for each in status(environment.postgres_url, directories=directories)))
    except SweDBError:
        return None
