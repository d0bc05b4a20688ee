"""A container that outlives the run which made it, found again by its label (`--swe-db-reuse`).

It is never stale: its label is a hash of all that it depends on, the image's content included, and the databases in it
have names that are hashes of theirs. It is complete when it holds the file that tells how to reach it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from swe_db.errors import BackendUnavailable
from swe_db.servers.docker.daemon import HOST, KEPT, Daemon, daemon
from swe_db.servers.docker.share import Facts, Labels, locked, private_directory, room_needed, start_guard
from swe_db.servers.orphan import end_when_orphaned

if TYPE_CHECKING:
    from docker.models.containers import Container

__all__ = ["Kept", "read_facts"]

FORMAT: Final = 1  # raise it when containers are made in another way
FACTS: Final = "swe-db.json"


class Kept:
    """The container of one kind that all runs of this user on this machine share.

    Args:
        image: The image's name.
        content: What the server depends on besides.
        obstacle: Tells why a server that was made cannot be used, None if it can.
    """

    def __init__(self, image: str, content: tuple[str, ...], obstacle: Callable[[Facts], str | None]) -> None:
        self._image = image
        self._content = content
        self._obstacle = obstacle

    @room_needed()
    def facts(self, make: Callable[[Labels], Facts]) -> Facts:
        """Return how to reach the container, which is made if there is none yet.

        Args:
            make: Makes it, with the labels that it is given, and returns what others need to know.

        Raises:
            BackendUnavailable: It cannot be made, or does not answer.
        """
        with daemon() as docker:
            image = docker.image(self._image) or docker.pull(self._image)
            key = _key(image.id, *self._content)
            with _lock(key) as lock:
                return self._found(docker, key) or _made(docker, key, lock, make)

    def _found(self, docker: Daemon, key: str) -> Facts | None:
        for container in docker.find(KEPT, key):
            facts = read_facts(docker, container)
            if facts is not None:
                self._check(container, facts)
                return facts
            docker.discard(container)
        return None

    def _check(self, container: Container, facts: Facts) -> None:
        obstruction = self._obstacle(facts)
        if obstruction is not None:
            raise BackendUnavailable(
                f"the container {container.name} that --swe-db-reuse has kept does not answer: {obstruction}",
                f"remove it, then the next run makes another: docker rm -fv {container.name}",
            )

    def leave(self) -> None:
        """Do nothing: the container stays."""


def _key(*content: str) -> str:
    facts = (FORMAT, socket.gethostname(), os.geteuid(), *content)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:24]


@contextlib.contextmanager
def _lock(key: str) -> Iterator[Path]:
    path = private_directory("kept") / key
    with locked(path):
        yield path


def read_facts(docker: Daemon, container: Container) -> Facts | None:
    """Return how to reach a container, None if it has ended or was never completed."""
    if docker.has_ended(container):
        return None
    text = docker.read_file(container, FACTS)
    return None if text is None else dict(json.loads(text))


def _made(docker: Daemon, key: str, lock: Path, make: Callable[[Labels], Facts]) -> Facts:
    end_when_orphaned()
    start_guard("keeper", str(lock), key)
    facts = make({KEPT: key, HOST: socket.gethostname()})
    for container in docker.find(KEPT, key):
        docker.put_file(container, FACTS, json.dumps(facts))
    return facts
