"""Finding the Docker daemon's socket without the libraries, whose import alone is felt where there is no daemon."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from swe_db.errors import BackendUnavailable

__all__ = ["knock", "socket_path"]

DEFAULT_SOCKET: Final = Path("/var/run/docker.sock")


def socket_path() -> Path | None:
    """Return the daemon's Unix socket, None where only the libraries can find out where the daemon is."""
    host = os.environ.get("DOCKER_HOST", "")
    if host:
        return Path(host.removeprefix("unix://")) if host.startswith("unix://") else None
    if os.name == "nt" or _context_is_chosen():
        return None
    return next(filter(_exists, _usual_sockets()), DEFAULT_SOCKET)


def _context_is_chosen() -> bool:
    if os.environ.get("DOCKER_CONTEXT") or _exists(_home() / ".testcontainers.properties"):
        return True
    folder = Path(os.environ.get("DOCKER_CONFIG") or _home() / ".docker")
    try:
        context = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("currentContext")
    except (OSError, ValueError, AttributeError):
        return False
    return context not in (None, "", "default")


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # a container's user may have none
        return Path("/")


def _exists(path: Path) -> bool:
    """Tell whether a path is there; one that we may not look at is not."""
    try:
        path.stat()
    except OSError:
        return False
    return True


def _usual_sockets() -> Iterator[Path]:
    yield DEFAULT_SOCKET
    yield _home() / ".docker/run/docker.sock"
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        yield Path(runtime, "docker.sock")
        yield Path(runtime, "podman/podman.sock")


def knock(path: Path) -> None:
    """Find out in microseconds whether somebody listens on a socket and lets us in.

    Raises:
        BackendUnavailable: Nobody does, or we may not.
    """
    with socket.socket(socket.AF_UNIX) as knocking:
        try:
            knocking.connect(str(path))
        except PermissionError:
            raise BackendUnavailable(
                f"this user may not use the Docker daemon's socket {path}",
                'sudo usermod -aG docker "$USER", then log in again',
            ) from None
        except FileNotFoundError:
            raise BackendUnavailable(
                f"there is no Docker daemon: no socket {path}, and DOCKER_HOST names no other"
                if "DOCKER_HOST" not in os.environ
                else f"there is no Docker daemon: no socket {path}, which DOCKER_HOST names",
                "install Docker and start it, or set DOCKER_HOST",
            ) from None
        except OSError as error:
            raise BackendUnavailable(
                f"no Docker daemon listens on {path}: {error.strerror or error}", "start it: systemctl start docker"
            ) from None
