"""What an environment knows of itself from one command to the next: a file that only its user may read."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import secrets
from pathlib import Path
from typing import Final, Literal, TypeAlias

from swe_db.errors import LocalEnvironmentError
from swe_db.servers.address import PostgresAddress, RedisAddress
from swe_db.servers.unfinished import synchronise

__all__ = ["DATABASE", "SERVICES", "Kind", "Record", "Service", "new_record", "read", "write"]

Kind: TypeAlias = Literal["postgres", "redis"]

SERVICES: Final[tuple[Kind, ...]] = ("postgres", "redis")
FILE: Final = "environment.json"
LAYOUT: Final = 1
DATABASE: Final = "swe"
SUPERUSER: Final = "postgres"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Service:
    """One of the two servers.

    Attributes:
        port: Where it listens.
        password: Made once.
        host: Where its port can be reached.
        backend: Where it comes from, empty if that is not decided yet.
        version: Its version as text, empty if it has never run.
        image: What its container runs, empty if it runs in none.
        ready: Whether it has served, so that it holds data that must not be lost.
    """

    port: int
    password: str = dataclasses.field(repr=False)
    host: str = "127.0.0.1"
    backend: str = ""
    version: str = ""
    image: str = ""
    ready: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Record:
    """An environment.

    Attributes:
        name: Its name.
        identity: What tells it from others of this name: of other users, or removed since.
        database: The database that its Postgres URL names.
        data: Where servers of our own keep their data; it may not be there.
        created: When it was made, in UTC, as ISO 8601.
        postgres: Its Postgres.
        redis: Its Redis.
        layout: The version of this file's form.
    """

    name: str
    identity: str
    database: str
    data: str
    created: str
    postgres: Service
    redis: Service
    layout: int = LAYOUT

    def service(self, kind: Kind) -> Service:
        """Return one of the two servers."""
        return self.postgres if kind == "postgres" else self.redis

    def with_service(self, kind: Kind, service: Service) -> Record:
        """Return a copy in which one of the two servers is another one."""
        return (
            dataclasses.replace(self, postgres=service)
            if kind == "postgres"
            else dataclasses.replace(self, redis=service)
        )

    @property
    def postgres_address(self) -> PostgresAddress:
        """The environment's database as its superuser reaches it."""
        there = self.postgres
        return PostgresAddress(
            host=there.host, port=there.port, user=SUPERUSER, password=there.password, name=self.database
        )

    @property
    def redis_address(self) -> RedisAddress:
        """The environment's Redis."""
        return RedisAddress(host=self.redis.host, port=self.redis.port, password=self.redis.password)


def new_record(name: str, identity: str, data: Path, ports: tuple[int, int]) -> Record:
    """Return an environment that is to be made, with passwords of its own.

    Args:
        name: Its name.
        identity: What tells it from others of this name.
        data: Where servers of our own will keep their data.
        ports: Where Postgres and Redis are to listen.
    """
    postgres, redis = (Service(port=port, password=secrets.token_urlsafe(18)) for port in ports)
    return Record(
        name=name,
        identity=identity,
        database=DATABASE,
        data=str(data),
        created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        postgres=postgres,
        redis=redis,
    )


def read(directory: Path) -> Record | None:
    """Return what the file of a directory says, None if there is none.

    Raises:
        LocalEnvironmentError: It cannot be read, or is not of a form that this version knows.
    """
    import msgspec  # noqa: PLC0415 - not needed for help texts

    path = directory / FILE
    try:
        record = msgspec.json.decode(path.read_bytes(), type=Record)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LocalEnvironmentError(
            f"{path} cannot be read: {error.strerror}. It belongs to the user who made the environment; "
            "XDG_DATA_HOME or HOME decide where it is looked for."
        ) from None
    except msgspec.MsgspecError as error:
        raise LocalEnvironmentError(_unknown(path, str(error))) from None
    if record.layout != LAYOUT:
        raise LocalEnvironmentError(_unknown(path, f"its layout is {record.layout}, not {LAYOUT}"))
    return record


def _unknown(path: Path, why: str) -> str:
    return (
        f"{path} is not a file that this version of swe-db understands: {why}. Use the version that made it; without "
        "its passwords nothing can connect to the servers, so remove the directory only if the data may go."
    )


def write(directory: Path, record: Record) -> None:
    """Write the file: it is there as a whole, also after a power cut, and only this user may read it.

    Raises:
        OSError: It cannot be written.
    """
    import msgspec  # noqa: PLC0415

    scratch = directory / f".{FILE}"
    scratch.unlink(missing_ok=True)
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(record)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    scratch.rename(directory / FILE)
    synchronise(directory)
