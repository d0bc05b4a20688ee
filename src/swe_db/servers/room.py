"""Room on the disk of a server, as far as it can be seen from here."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Final

__all__ = ["DISK_FACTS", "free_bytes", "shown_size"]

# Data directory, its identifier, and how far the write-ahead log may grow, in bytes.
DISK_FACTS: Final = (
    "SELECT current_setting('data_directory'), (SELECT system_identifier FROM pg_catalog.pg_control_system()), "
    "pg_size_bytes(current_setting('max_wal_size'))"
)
UNITS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB")
_HERE: Final = ("127.0.0.1", "::1", "localhost")


def free_bytes(host: str, directory: Path, identifier: int) -> int | None:
    """Return how much room a server's disk has; None if its data do not lie on this machine, or not for our eyes.

    Args:
        host: Where it listens.
        directory: What it calls its data directory, which in a container is another one.
        identifier: What tells its data directory from all others.
    """
    if not host.startswith("/") and host not in _HERE:
        return None
    try:
        with (directory / "global/pg_control").open("rb") as file:
            found = int.from_bytes(file.read(8), sys.byteorder)
        return shutil.disk_usage(directory).free if found == identifier else None
    except OSError:
        return None


def shown_size(size: float) -> str:
    """Return a number of bytes as people read it, `1.5 GiB`."""
    unit = 0
    while size >= 1024 and unit < len(UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size:.{1 if 0 < size < 10 and unit else 0}f} {UNITS[unit]}"
