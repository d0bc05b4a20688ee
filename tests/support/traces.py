"""What a run of pytest has on this machine: processes, directories, containers; told apart from everybody else's.

A process is known by an environment variable of its run, or by the run's directories in its command line or as its
working directory, since Postgres and Redis write over their environment. A server's directory carries the number of the
process that started it, a container's labels the directory where its run's workers meet.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import docker

from support.backends import DOCKER_HOST
from swe_db.servers.docker.daemon import PLACE, RUN

PLACES: Final = (Path("/dev/shm"), Path("/tmp"))
SERVER: Final = re.compile(r"swe-db-[a-z]+-(\d+)-[0-9a-f]{8}")
CACHE: Final = re.compile(r"swe-db-wheel-.+-\d+|swe-db-docker-\d+-kept")
SEGMENTS: Final = Path("/proc/sysvipc/shm")


@dataclasses.dataclass(frozen=True)
class Owner:
    """By what the traces of a run, or of one process of it, are known.

    Attributes:
        token: A word in the environment of its processes, None if only one process is meant.
        folder: Its TMPDIR, likewise.
        processes: The numbers of those that may have started servers.
    """

    token: str | None
    folder: Path | None
    processes: frozenset[int]

    def has(self, text: str) -> bool:
        """Tell whether a text names the run."""
        if any(each is not None and str(each) in text for each in (self.token, self.folder)):
            return True
        return any(int(number) in self.processes for number in SERVER.findall(text))


@dataclasses.dataclass(frozen=True)
class Sight:
    """What there was at some time."""

    begin: float
    processes: dict[int, str]
    directories: list[Path]
    containers: dict[str, str]

    def of(self, owner: Owner) -> list[str]:
        """Return what belongs to a run."""
        mine = owner.processes if owner.folder is None else frozenset[int]()
        found = [
            f"process {number}: {text[-300:]!r}"
            for number, text in self.processes.items()
            if owner.has(text) and number not in mine
        ]
        found += [f"directory {path}" for path in self.directories if owner.has(path.name)]
        if owner.folder is not None:
            found += [f"file {path}" for path in owner.folder.iterdir() if not CACHE.fullmatch(path.name)]
            folder = str(owner.folder)
            found += [f"container {name}" for name, place in self.containers.items() if place.startswith(folder)]
        return found


class Machine:
    """Looks at the machine, once for all who ask at the same time.

    Args:
        with_containers: Whether to ask the Docker daemon.
    """

    def __init__(self, *, with_containers: bool) -> None:
        self._client = _client() if with_containers else None
        self._lock = threading.Lock()
        self._last = Sight(0.0, {}, [], {})

    def look(self) -> Sight:
        """Return what there is, seen after this call began."""
        asked = time.monotonic()
        with self._lock:
            if self._last.begin < asked:
                begin = time.monotonic()
                directories = [path for place in PLACES for path in place.glob("swe-db-*")]
                self._last = Sight(begin, dict(_processes()), directories, self._containers())
            return self._last

    def _containers(self) -> dict[str, str]:
        if self._client is None:
            return {}
        listed = self._client.api.containers(all=True, filters={"label": RUN})
        return {f"{each['Id'][:12]} {each['Status']}": each["Labels"].get(PLACE, "") for each in listed}

    def remove_container(self, name: str) -> None:
        """Remove a container, whoever made it."""
        if self._client is not None:
            with contextlib.suppress(docker.errors.APIError):
                self._client.api.remove_container(name, force=True, v=True)

    def volumes(self) -> set[str]:
        """Return the names of the volumes that no container uses."""
        if self._client is None:
            return set()
        return {volume.name for volume in self._client.volumes.list(filters={"dangling": True})}


def _client() -> docker.DockerClient:
    return docker.from_env(environment={**os.environ, "DOCKER_HOST": DOCKER_HOST})


def _processes() -> Iterator[tuple[int, str]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and int(folder.name) != os.getpid():
            with contextlib.suppress(OSError):  # it has gone, or belongs to somebody else
                texts = [(folder / name).read_bytes().decode(errors="replace") for name in ("environ", "cmdline")]
                yield int(folder.name), " ".join([*texts, str((folder / "cwd").readlink())])


def orphaned_memory() -> set[str]:
    """Return the System V shared memory that nobody is attached to and whose maker has gone, and that in /dev/shm."""
    if not SEGMENTS.exists():
        return set()
    rows = [line.split() for line in SEGMENTS.read_text(encoding="utf-8").splitlines()]
    (names, *entries) = rows
    segments = [dict(zip(names, entry, strict=True)) for entry in entries]
    orphans = {each["shmid"] for each in segments if each["nattch"] == "0" and not Path("/proc", each["cpid"]).exists()}
    return orphans | _unmapped_files()


def _unmapped_files() -> set[str]:
    files = {str(path) for path in PLACES[0].glob("PostgreSQL.*")} | {str(path) for path in PLACES[0].glob("sem.*")}
    if not files:
        return files
    mapped = "".join(_mappings())
    return {path for path in files if path not in mapped}


def _mappings() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/maps"):
        with contextlib.suppress(OSError):
            yield path.read_text(encoding="utf-8", errors="replace")
