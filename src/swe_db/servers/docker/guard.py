"""The guard of containers: a process that waits until no worker of a run is left, then removes their containers.

A worker holds a shared lock on the file `members`, which the kernel takes from it however it dies. Ryuk, the guard of
testcontainers, would need an image of its own and goes with the worker that started it, while others still work.

usage: python -m swe_db.servers.docker.guard DIRECTORY LABEL
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
from pathlib import Path
from typing import Final

from swe_db.errors import BackendUnavailable
from swe_db.servers.docker.daemon import RUN, daemon
from swe_db.servers.docker.share import FACTS, MEMBERS, MUTEX, remove_directory
from swe_db.servers.liveness import is_same

SETTLING: Final = 2.0  # seconds
PATIENCE: Final = 60.0  # seconds with a daemon that does not answer
POLL: Final = 0.2  # seconds


def main(directory: Path, label: str) -> None:
    """Return at once, with a process left behind that waits and removes.

    Args:
        directory: Where the workers meet.
        label: What the containers are marked with.
    """
    members, mutex = (os.open(directory / name, os.O_RDWR) for name in (MEMBERS, MUTEX))
    detach()
    wait_until_all_have_gone(members, mutex)
    # The directory may have gone with the last worker, or with somebody who sweeps and knows of no containers.
    if not is_same(members, directory / MEMBERS):
        remove_containers(label, settling=0, patience=0)
        return
    # What was being made may appear after the death of who asked for it; what was made is there.
    remove_containers(label, settling=0 if (directory / FACTS).exists() else SETTLING, patience=PATIENCE)
    remove_directory(directory)


def detach() -> None:
    """Go on in a process that no terminal and no dying parent ends."""
    if os.fork():
        os._exit(0)
    os.setsid()
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)


def wait_until_all_have_gone(members: int, mutex: int) -> None:
    """Return, with the locks held, when no worker is left.

    A worker that leaves holds the mutex meanwhile, so that it, which is up and running, is let in first.
    """
    while True:
        fcntl.flock(members, fcntl.LOCK_EX)
        try:
            fcntl.flock(mutex, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(members, fcntl.LOCK_UN)
        else:
            return
        fcntl.flock(mutex, fcntl.LOCK_EX)
        fcntl.flock(mutex, fcntl.LOCK_UN)


def remove_containers(label: str, *, settling: float, patience: float) -> None:
    """Remove the containers with this label.

    Args:
        label: The label.
        settling: Seconds for which the daemon must answer that there are none.
        patience: Seconds after which it is given up, e.g. since the daemon has gone.
    """
    begin = last = time.monotonic()
    while True:
        found = removed(label)
        now = time.monotonic()
        last = last if found == 0 else now
        if (found == 0 and now >= last + settling) or now >= begin + patience:
            return
        time.sleep(POLL)


def removed(label: str) -> int | None:
    """Remove the containers with this label and return how many there were, None if the daemon does not answer."""
    try:
        with daemon() as docker:
            return docker.remove(RUN, label)
    except BackendUnavailable:
        return None


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
