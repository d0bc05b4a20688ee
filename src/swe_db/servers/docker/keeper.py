"""The guard of a container that is to be kept: whoever makes it may be killed, and half a container is not kept.

usage: python -m swe_db.servers.docker.keeper LOCK KEY
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from pathlib import Path

from swe_db.errors import BackendUnavailable
from swe_db.servers.docker.daemon import KEPT, daemon
from swe_db.servers.docker.guard import PATIENCE, POLL, SETTLING, detach
from swe_db.servers.docker.kept import read_facts

__all__ = ["main"]


def main(lock: Path, key: str) -> None:
    """Return at once, with a process left behind that waits and removes.

    Args:
        lock: The file whose lock the maker holds.
        key: The value of the container's label.
    """
    file = os.open(lock, os.O_RDWR)
    detach()
    fcntl.flock(file, fcntl.LOCK_EX)
    begin = last = time.monotonic()
    # What was being made may appear after the death of who asked for it.
    while not is_complete(key):
        now = time.monotonic()
        last = last if removed(key) == 0 else now
        if now >= last + SETTLING or now >= begin + PATIENCE:
            return
        time.sleep(POLL)


def is_complete(key: str) -> bool:
    """Tell whether there is a container that later runs can use."""
    try:
        with daemon() as docker:
            return any(read_facts(docker, container) is not None for container in docker.find(KEPT, key))
    except BackendUnavailable:
        return False


def removed(key: str) -> int | None:
    """Remove the containers that nobody can use, return how many there were, None if the daemon does not answer."""
    try:
        with daemon() as docker:
            halves = [each for each in docker.find(KEPT, key) if read_facts(docker, each) is None]
            for container in halves:
                docker.discard(container)
            return len(halves)
    except BackendUnavailable:
        return None


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
