"""What the commands work on that save, bring back and replace data: a database, and the keys of Redis beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

__all__ = ["Progress", "Site", "Told", "unheard"]

# What is done at the moment, how many bytes of it are done, how many there are; None where nobody knows.
Progress: TypeAlias = Callable[[str, int, int | None], None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Site:
    """A database, and the logical database of Redis whose keys belong to it.

    Attributes:
        postgres_url: A libpq URL of the database, as its owner or a superuser.
        redis_url: A URL of the logical database; None leaves Redis alone.
        owns_redis: Whether all keys there are ours to replace, as in a local environment.
        environment: The name of the local environment; None for servers that the user named.
        container: The id of the container that Postgres runs in, None if it runs in none that we know.
        programs: The directory of the server's own pg_dump and pg_restore, None where it is not known.
    """

    postgres_url: str = dataclasses.field(repr=False)
    redis_url: str | None = dataclasses.field(repr=False, default=None)
    owns_redis: bool = False
    environment: str | None = None
    container: str | None = None
    programs: Path | None = None

    @property
    def database(self) -> str:
        """The database's name.

        Raises:
            ConfigError: The URL is malformed, or names no host or no database.
        """
        from swe_db.migrations.connections import conninfo_of  # noqa: PLC0415 - imports psycopg

        return conninfo_of(self.postgres_url)["dbname"]

    def with_database(self, name: str) -> Site:
        """Return another database of the same server, to which no keys of Redis belong."""
        from swe_db.migrations.connections import conninfo_for  # noqa: PLC0415 - imports psycopg

        url = conninfo_for(self.postgres_url, dbname=name)
        return dataclasses.replace(self, postgres_url=url, redis_url=None)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Told:
    """Whom the work tells what.

    Attributes:
        note: Called with a sentence that the user should read, such as what was left as it was.
        progress: Called again and again while bytes are moved.
    """

    note: Callable[[str], None]
    progress: Progress


def unheard() -> Told:
    """Return somebody who is told everything and says nothing."""
    return Told(note=lambda _: None, progress=lambda *_: None)
