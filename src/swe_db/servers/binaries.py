"""Finding Postgres and Redis on this machine: Debian's, Red Hat's and Homebrew's layouts, and the PATH."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from swe_db.errors import BackendUnavailable

__all__ = ["PostgresBinaries", "RedisBinary", "find_postgres", "find_redis", "postgres_candidates", "redis_candidates"]

REFERENCE: Final = 15
OLDEST: Final = 15
OLDEST_REDIS: Final = (6, 2)

POSTGRES_LAYOUTS: Final = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
REDIS_NAMES: Final = ("redis-server", "valkey-server")
REDIS_FOLDERS: Final = ("/usr/bin", "/usr/local/bin", "/usr/sbin", "/opt/homebrew/bin")

POSTGRES_REMEDY: Final = "install PostgreSQL 15: apt-get install postgresql-15, or brew install postgresql@15"
REDIS_REMEDY: Final = "install Redis: apt-get install redis-server, or brew install redis"


@dataclasses.dataclass(frozen=True)
class PostgresBinaries:
    """A directory with `postgres` and `initdb`, and their version, e.g. `15.18`."""

    directory: Path
    version: str

    @property
    def major(self) -> int:
        """The major version."""
        return int(self.version.split(".")[0])

    @property
    def has_statements(self) -> bool:
        """Whether the library pg_stat_statements lies beside, so that it can be preloaded."""
        return self.has_library("pg_stat_statements")

    def has_library(self, name: str) -> bool:
        """Tell whether a library of contrib lies beside."""
        home = self.directory.resolve().parent
        return any(True for folder in ("lib", "lib/postgresql") for _ in home.glob(f"{folder}/{name}.*"))


@dataclasses.dataclass(frozen=True)
class RedisBinary:
    """A `redis-server` or `valkey-server`, and its version, e.g. `7.0.15`."""

    program: Path
    version: str


def find_postgres(wanted: str | None, layouts: Iterable[str] = POSTGRES_LAYOUTS) -> PostgresBinaries:
    """Return the best Postgres of this machine: the newest 15, else the oldest of the newer ones.

    Args:
        wanted: A version that it must have, `15` or `15.18`; None takes any from 15 on.
        layouts: Patterns of directories to look in, before those on the PATH.

    Raises:
        BackendUnavailable: There is none; the message lists what was found.
    """
    found = list(postgres_candidates(layouts))
    usable = [each for each in found if each.major >= OLDEST and matches(each.version, wanted)]
    if usable:
        return min(usable, key=lambda each: (each.major, [-part for part in numbers(each.version)]))
    seen = ", ".join(f"{each.version} in {each.directory}" for each in found) or "nothing"
    asked = f"PostgreSQL {wanted}" if wanted else f"PostgreSQL {REFERENCE} or newer"
    raise BackendUnavailable(
        f"no {asked} among the binaries of this machine: looked in {', '.join(layouts)} and on the PATH, found {seen}",
        POSTGRES_REMEDY,
    )


def find_redis(folders: Iterable[str] = REDIS_FOLDERS) -> RedisBinary:
    """Return the first Redis or Valkey of this machine that is new enough.

    Raises:
        BackendUnavailable: There is none; the message lists what was found.
    """
    found = list(redis_candidates(folders))
    for each in found:
        if numbers(each.version) >= OLDEST_REDIS:
            return each
    seen = ", ".join(f"{each.version} at {each.program}" for each in found) or "nothing"
    raise BackendUnavailable(
        f"no Redis 6.2 or newer among the binaries of this machine: looked for {' and '.join(REDIS_NAMES)} on the PATH "
        f"and in {', '.join(folders)}, found {seen}",
        REDIS_REMEDY,
    )


def matches(version: str, wanted: str | None) -> bool:
    """Tell whether `version` is the wanted one or a minor release of it: `15.18` is `15`, `15.1` is not `15.18`."""
    return wanted is None or version == wanted or version.startswith(f"{wanted}.")


def numbers(version: str) -> tuple[int, ...]:
    """Return `15.18` as `(15, 18)`, and `18beta1` as `(18,)`."""
    return tuple(int(part) for part in re.match(r"\d+(?:\.\d+)*", version)[0].split("."))  # type: ignore[index]


def postgres_candidates(layouts: Iterable[str] = POSTGRES_LAYOUTS) -> Iterator[PostgresBinaries]:
    """Yield every Postgres of this machine, whatever its version."""
    on_path = shutil.which("postgres")
    folders = [folder for layout in layouts for folder in sorted(Path("/").glob(layout.lstrip("/")))]
    folders += [Path(on_path).resolve().parent] if on_path else []
    for folder in dict.fromkeys(folders):
        if (folder / "initdb").exists() and (version := version_of(folder / "postgres", r"(\d+(?:\.\d+)*)")):
            yield PostgresBinaries(folder, version)


def redis_candidates(folders: Iterable[str] = REDIS_FOLDERS) -> Iterator[RedisBinary]:
    """Yield every Redis and Valkey of this machine, whatever its version."""
    on_path = [Path(path) for name in REDIS_NAMES if (path := shutil.which(name))]
    elsewhere = [Path(folder, name) for folder in folders for name in REDIS_NAMES]
    for program in dict.fromkeys([*on_path, *elsewhere]):
        if version := version_of(program, r"v=(\d+(?:\.\d+)*)"):
            yield RedisBinary(program, version)


def version_of(program: Path, pattern: str) -> str | None:
    """Return what `program --version` says, None where it cannot be run."""
    try:
        done = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(pattern, done.stdout)
    return match[1] if match else None
