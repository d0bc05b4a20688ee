"""What environments have left whose records are gone: data outside their directories, and containers.

An environment of another XDG_DATA_HOME looks the same from here, so nothing of it is removed by us.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

from swe_db.environment.containers import IDENTITY, NAME
from swe_db.environment.environment import find, names
from swe_db.environment.places import SHARED_PLACES, place_of_environments
from swe_db.errors import BackendUnavailable
from swe_db.servers.docker.daemon import HOST, daemon
from swe_db.servers.leftovers import Finding, Note
from swe_db.servers.liveness import is_mentioned

__all__ = ["find_containers_of_environments", "find_data"]


def find_data() -> Finding:
    """Find data of servers that root started as another account, which no environment of this user has.

    Raises:
        ServerError: A record cannot be read.
    """
    known = _identities()
    return Finding(notes=tuple(_data(path) for path in _directories() if path.name.rpartition("-")[2] not in known))


def find_containers_of_environments() -> Finding:
    """Find containers of this machine that no environment of this user has; none where there is no daemon for us.

    Raises:
        ServerError: A record cannot be read.
    """
    known = _identities()
    found: list[tuple[str, str]] = []
    with contextlib.suppress(BackendUnavailable), daemon() as docker:
        found = [
            (str(container.name), container.labels.get(NAME, ""))
            for container in docker.find(NAME)
            if container.labels.get(HOST) == socket.gethostname() and container.labels.get(IDENTITY) not in known
        ]
    return Finding(notes=tuple(_container(*each) for each in found))


def _identities() -> set[str]:
    return {find(name).record.identity for name in names()}


def _directories() -> Iterator[Path]:
    for place in SHARED_PLACES:
        with contextlib.suppress(OSError):  # not there, or not for our eyes
            yield from sorted(path for path in place.iterdir() if path.is_dir())


def _data(path: Path) -> Note:
    about = f"data of an environment that {_whose()}"
    if is_mentioned(path):
        return Note(str(path), f"{about}; a process uses them")
    return Note(str(path), f"{about}; no process that can be seen from here uses them", f"rm -rf {path}")


def _container(name: str, environment: str) -> Note:
    command = f"docker rm -f {name} && docker volume rm {name}"
    return Note(name, f"container of an environment {environment} that {_whose()}", command)


def _whose() -> str:
    return f"is not in {place_of_environments()}, but perhaps in another XDG_DATA_HOME"
