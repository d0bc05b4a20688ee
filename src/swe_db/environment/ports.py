"""The ports of environments: the same ones as long as nobody else takes them."""

from __future__ import annotations

import contextlib
import socket
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

__all__ = ["candidates", "holder", "is_free", "usual_ports"]

# Not 5432 and 6379: an installed server would take them at the next boot, and an application that has no settings
# would land here. They are easy to remember beside those, and below the ports that systems hand out.
DEFAULT: Final = (15432, 16379)
LOWEST: Final = 20000
PAIRS: Final = 5000
TRIES: Final = 50
LISTENING: Final = "0A"
SOCKETS: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


def usual_ports(name: str) -> tuple[int, int]:
    """Return where Postgres and Redis of an environment listen if nobody else does; a function of the name."""
    if name == "default":
        return DEFAULT
    first = LOWEST + 2 * (zlib.crc32(name.encode()) % PAIRS)
    return first, first + 1


def candidates(port: int) -> Iterator[int]:
    """Yield a port, then others to take where it is taken."""
    yield from range(port, min(port + 2 * TRIES, 65536), 2)


def is_free(port: int) -> bool:
    """Tell whether a server could listen on a port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a connection that has just ended does not count
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    with socket.socket() as knocking:  # macOS lets us bind where somebody listens on all addresses
        knocking.settimeout(1)
        return knocking.connect_ex(("127.0.0.1", port)) != 0


def holder(port: int) -> str:
    """Return who listens on a port, as far as that can be found out, and how to find out more."""
    for process in _listening_processes(port):
        with contextlib.suppress(OSError):
            name = (process / "comm").read_text(encoding="utf-8").strip()
            return f"process {process.name} ({name})"
    return f"another process (`lsof -nP -iTCP:{port} -sTCP:LISTEN`, as root, names it)"


def _listening_processes(port: int) -> Iterator[Path]:
    sockets = {f"socket:[{inode}]" for inode in _listening_sockets(port)}
    for process in Path("/proc").glob("[0-9]*") if sockets else ():
        with contextlib.suppress(OSError):
            if any(str(link.readlink()) in sockets for link in (process / "fd").iterdir()):
                yield process


def _listening_sockets(port: int) -> Iterator[str]:
    """Yield the inodes of the sockets that listen on a port, on whatever address."""
    for table in SOCKETS:
        with contextlib.suppress(OSError):
            for line in table.read_text(encoding="utf-8").splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]
