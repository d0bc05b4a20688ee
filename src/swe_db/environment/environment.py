"""Finding environments that were made before."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Final

from swe_db.config import Config
from swe_db.environment.keepers import keeper_of
from swe_db.environment.places import directory_of, existing_names
from swe_db.environment.record import FILE, SERVICES, Kind, Record, read
from swe_db.errors import LocalEnvironmentError
from swe_db.servers.address import PostgresAddress, RedisAddress

__all__ = ["USUAL_NAME", "Environment", "find", "find_running", "flag", "names"]

USUAL_NAME: Final = "default"


@dataclasses.dataclass(frozen=True)
class Environment:
    """A local environment, running or not.

    Attributes:
        directory: Where it keeps what it is, and logs; only its user may enter it.
        record: What it knows of itself.
    """

    directory: Path
    record: Record = dataclasses.field(repr=False)

    @property
    def name(self) -> str:
        """Its name."""
        return self.record.name

    @property
    def backend(self) -> str:
        """Where its servers come from: `docker`, `local` or `embedded`; `local, embedded` where they differ."""
        backends = (self.record.service(kind).backend for kind in SERVICES)
        return ", ".join(dict.fromkeys(backend for backend in backends if backend))

    @property
    def postgres(self) -> PostgresAddress:
        """Its database, as a superuser."""
        return self.record.postgres_address

    @property
    def redis(self) -> RedisAddress:
        """Its Redis."""
        return self.record.redis_address

    @property
    def postgres_url(self) -> str:
        """A libpq URL of its database, password included."""
        return self.postgres.url

    @property
    def redis_url(self) -> str:
        """A URL of its Redis, password included."""
        return self.redis.url

    def lives(self, kind: Kind) -> bool:
        """Tell whether one of its servers runs.

        Raises:
            ServerError: That cannot be found out, for instance since the Docker daemon does not answer.
        """
        if not self.record.service(kind).backend:
            return False
        return keeper_of(self.directory, self.record, kind, Config()).lives()


def names() -> list[str]:
    """Return the names of all environments of this user.

    Raises:
        LocalEnvironmentError: We may not look.
    """
    return [name for name in existing_names() if (directory_of(name) / FILE).exists()]


def find(name: str = USUAL_NAME) -> Environment:
    """Return an environment, running or not.

    Args:
        name: Its name.

    Raises:
        ConfigError: The name is not acceptable.
        LocalEnvironmentError: There is none of this name, or its file cannot be read.
    """
    directory = directory_of(name)
    record = read(directory)
    if record is None:
        others = f"; there are: {', '.join(names())}" if names() else ""
        raise LocalEnvironmentError(f"There is no local environment {name}{others}. `swe-db up{flag(name)}` makes it.")
    return Environment(directory, record)


def find_running(name: str = USUAL_NAME) -> Environment:
    """Return an environment whose servers both run; the rest is as in `find`.

    Raises:
        LocalEnvironmentError: It does not run.
    """
    environment = find(name)
    resting = [kind for kind in SERVICES if not environment.lives(kind)]
    if resting:
        raise LocalEnvironmentError(
            f"The local environment {name} does not run: {' and '.join(resting)} stopped. `swe-db up{flag(name)}` "
            "starts it again, with its data."
        )
    return environment


def flag(name: str) -> str:
    """Return how a command line names an environment, with a space before it; the usual one need not be named."""
    return "" if name == USUAL_NAME else f" --name {name}"
