"""Named volumes, which keep data when their container is gone."""

from __future__ import annotations

from collections.abc import Mapping

from swe_db.servers.docker.daemon import Daemon, explained

__all__ = ["has_volume", "make_volume", "remove_volume"]


def has_volume(docker: Daemon, name: str) -> bool:
    """Tell whether there is a volume of this name.

    Raises:
        BackendUnavailable: The daemon cannot say.
    """
    import docker as library  # noqa: PLC0415 - 60 ms that a run without a daemon need not pay

    with explained(f"looking for the volume {name} failed", "check `docker volume ls`"):
        try:
            docker.client.volumes.get(name)
        except library.errors.NotFound:
            return False
    return True


def make_volume(docker: Daemon, name: str, labels: Mapping[str, str]) -> None:
    """Make a volume, unless there is one of this name.

    Raises:
        BackendUnavailable: The daemon refuses.
    """
    with explained(f"the volume {name} could not be made", "see the daemon's words above"):
        docker.client.volumes.create(name, labels=dict(labels))


def remove_volume(docker: Daemon, name: str) -> None:
    """Remove a volume, if there is one of this name.

    Raises:
        BackendUnavailable: The daemon cannot.
    """
    if has_volume(docker, name):
        with explained(f"the volume {name} could not be removed", f"docker volume rm {name}"):
            docker.client.volumes.get(name).remove()
