"""Room on the disk of a server, as far as it can be seen from here."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import Final

import psycopg

from swe_db.environment.maintenance import Maintenance
from swe_db.errors import NoRoomError
from swe_db.servers.room import DISK_FACTS, free_bytes, shown_size

__all__ = ["require_file_room", "require_room"]

RESERVE: Final = 32 << 20  # bytes: a server that cannot write its log goes down


def require_room(work: Maintenance, size: int, *, logged: bool) -> None:
    """Refuse to write what would not fit on the server's disk; where that cannot be seen, the server will say.

    Args:
        work: A session with the server.
        size: How many bytes will be written.
        logged: Whether all of it goes through the write-ahead log too.

    Raises:
        NoRoomError: It would not fit.
    """
    with contextlib.suppress(psycopg.Error):
        directory, identifier, log = work.rows(DISK_FACTS)[0]
        free = _free(work, Path(directory), int(identifier))
        needed = size + RESERVE + (min(size, log) if logged else 0)
        if free is not None and free < needed:
            raise NoRoomError(
                f"The disk of the server of {work.shown} has {shown_size(free)} left ({directory}), and this needs "
                f"{shown_size(needed)}. Nothing was written. Free some room, for instance with `swe-db snapshot rm`."
            )


def _free(work: Maintenance, directory: Path, identifier: int) -> int | None:
    if work.container is None:
        return free_bytes(work.connection.info.host, directory, identifier)
    from swe_db.servers.docker.programs import free_in_container  # noqa: PLC0415 - imports docker

    return free_in_container(work.container, str(directory))


def require_file_room(directory: Path, size: int) -> None:
    """Refuse to write a file that would not fit into a directory.

    Args:
        directory: Where it would be.
        size: About how many bytes it will have.

    Raises:
        NoRoomError: It would not fit.
        OSError: The directory cannot be looked at.
    """
    free = shutil.disk_usage(directory).free
    if free < size:
        raise NoRoomError(
            f"{directory} has {shown_size(free)} left, and the file will have about {shown_size(size)}. "
            "Nothing was written. Name a file on another disk, or free some room."
        )
