"""What this machine has: what each backend would give, and what decides how fast its servers are."""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from swe_db.config import Config
from swe_db.errors import BackendUnavailable, SweDBError
from swe_db.servers.account import server_account
from swe_db.servers.archives import Archives, cache_directory
from swe_db.servers.embedded import COPY
from swe_db.servers.ladder import BY_NAME_ONLY, POSTGRES, REDIS, Finder
from swe_db.servers.process import runtime_directory, runtime_places

__all__ = ["Fact", "Ladder", "Rung", "survey_backends", "survey_machine"]

MOUNTS: Final = Path("/proc/self/mounts")
IN_MEMORY: Final = ("tmpfs", "ramfs")
UNITS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB")


@dataclasses.dataclass(frozen=True)
class Rung:
    """What one backend would give.

    Attributes:
        backend: Its name.
        version: The version of the server that it would give; None if it cannot give any, empty if not known yet.
        reason: Why it cannot, empty if it can.
        remedy: What to do about it.
        by_name_only: Whether `auto` leaves it out.
    """

    backend: str
    version: str | None
    reason: str = ""
    remedy: str = ""
    by_name_only: bool = False


@dataclasses.dataclass(frozen=True)
class Ladder:
    """The backends for one service.

    Attributes:
        service: `Postgres` or `Redis`.
        asked: The backend that the settings ask for.
        rungs: All backends in the order in which `auto` tries them.
    """

    service: str
    asked: str
    rungs: tuple[Rung, ...]

    @property
    def auto(self) -> str | None:
        """The backend that `auto` would take, None if none works."""
        return next((rung.backend for rung in self.rungs if rung.version is not None and not rung.by_name_only), None)


@dataclasses.dataclass(frozen=True)
class Fact:
    """Something about the machine.

    Attributes:
        name: What it is about.
        text: What is the case.
        advice: What would be better and how to have it, empty if all is well.
    """

    name: str
    text: str
    advice: str = ""


def survey_backends(config: Config) -> tuple[Ladder, ...]:
    """Ask every backend what it would give; none starts a server.

    Args:
        config: The settings.
    """
    return (
        Ladder("Postgres", config.backend, _rungs(POSTGRES, config)),
        Ladder("Redis", config.redis_backend or config.backend, _rungs(REDIS, config)),
    )


def _rungs(finders: Mapping[str, Finder[Any]], config: Config) -> tuple[Rung, ...]:
    return tuple(_rung(name, find, config) for name, find in finders.items())


def _rung(name: str, find: Finder[Any], config: Config) -> Rung:
    by_name_only = name in BY_NAME_ONLY
    try:
        return Rung(name, find(config).version, by_name_only=by_name_only)
    except BackendUnavailable as error:
        return Rung(name, None, error.reason, error.remedy, by_name_only)
    except SweDBError as error:
        return Rung(name, None, str(error), "mend the setting", by_name_only)


def survey_machine() -> tuple[Fact, ...]:
    """Tell where servers keep their data, who runs them and what lies in caches."""
    return (_data(), *_places(), _temporary_files(), _account(), *_copies(), *_prepared())


def _data() -> Fact:
    try:
        place = runtime_directory(server_account())
    except BackendUnavailable as error:
        return Fact("servers' data", error.reason, error.remedy)
    except OSError as error:
        return Fact("servers' data", f"nowhere: {error}")
    if kind_of_file_system(place) in IN_MEMORY:
        return Fact("servers' data", f"in memory, {place}")
    if kind_of_file_system(place) is None:
        return Fact("servers' data", f"in {place}")
    advice = "in memory servers start faster: give /dev/shm 1 GiB (in a container: docker run --shm-size 2g)"
    return Fact("servers' data", f"on disk, {place}", advice)


def _places() -> Iterator[Fact]:
    try:
        places = runtime_places()
    except OSError as error:
        yield Fact("TMPDIR", f"cannot be used: {error}", "set TMPDIR to a directory that this user can write to")
        return
    for place in places:
        try:
            usage = shutil.disk_usage(place)
        except OSError as error:
            yield Fact(str(place), f"cannot be used: {error.strerror}")
        else:
            yield Fact(str(place), f"{size_text(usage.free)} free of {size_text(usage.total)}")


def _temporary_files() -> Fact:
    given = os.environ.get("TMPDIR")
    try:
        used = tempfile.gettempdir()
    except OSError as error:
        return Fact("TMPDIR", str(error), "set TMPDIR to a directory that this user can write to")
    if not given:
        return Fact("TMPDIR", f"not set; temporary files go to {used}")
    advice = "" if Path(used) == Path(given) else f"{given} cannot be written to; set TMPDIR to another directory"
    return Fact("TMPDIR", f"{given}; temporary files go to {used}", advice)


def _account() -> Fact:
    try:
        account = server_account()
    except BackendUnavailable as error:
        return Fact("account", error.reason, error.remedy)
    if account.uid is None:
        return Fact("account", f"servers run as this user, {account.name}")
    return Fact("account", f"this is root; servers run as {account.name}")


def _copies() -> Iterator[Fact]:
    try:
        copies = sorted(Path(tempfile.gettempdir()).glob(f"{COPY}*-*"))
    except OSError:
        return
    for copy in copies:
        yield Fact("cached wheel", f"{copy}, {size_text(_size(copy))}")


def _prepared() -> Iterator[Fact]:
    try:
        place = cache_directory()
    except OSError as error:
        yield Fact("cache", f"nowhere: {error}", "set XDG_CACHE_HOME to a directory that this user can write to")
        return
    sizes = Archives(place).sizes()
    text = f"{len(sizes)} prepared data directories, {size_text(sum(sizes))}" if sizes else "nothing prepared yet"
    yield Fact("cache", f"{place}, {text}")


def _size(folder: Path) -> int:
    """Return how many bytes the files below a directory take, as far as we may look."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(parent, name).lstat().st_size
            except OSError:
                continue
    return total


def size_text(size: float) -> str:
    """Return a number of bytes as people read it: `1.5 GiB`."""
    unit = 0
    while size >= 1024 and unit < len(UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size:.{1 if 0 < size < 10 and unit else 0}f} {UNITS[unit]}"


def kind_of_file_system(directory: Path) -> str | None:
    """Return the kind of file system that a directory lies on, None where that cannot be told."""
    try:
        lines = [line.split() for line in MOUNTS.read_text(encoding="utf-8").splitlines()]
    except OSError:
        return None
    mounted = {Path(fields[1]): fields[2] for fields in lines if len(fields) > 2}
    above = (directory.resolve(), *directory.resolve().parents)
    return next((mounted[folder] for folder in above if folder in mounted), None)
