"""Which version of a server an image carries."""

from __future__ import annotations

import re
from typing import Final

from swe_db.errors import BackendUnavailable
from swe_db.servers.docker.daemon import Daemon, daemon
from swe_db.servers.docker.plan import Image

__all__ = ["present_version", "tagged_version"]

VERSION: Final = r"\d+(?:\.\d+)*"


def present_version(name: str, variables: tuple[str, ...], program: str) -> str | None:
    """Return the version that an image carries, None where it would have to be pulled for that.

    Args:
        name: The image's name and tag.
        variables: The environment variables in which such images tell the version.
        program: What tells it with `--version` where they do not.

    Raises:
        BackendUnavailable: There is no daemon for us, or it cannot get the image.
    """
    with daemon() as docker:
        image = _image(docker, name)
        return _version(docker, image, variables, program) if image else None


def tagged_version(name: str) -> str:
    """Return the version in an image's tag, empty if there is none: `15` for `postgres:15-alpine`."""
    found = re.search(VERSION, name.partition("@")[0].rpartition("/")[2].partition(":")[2])
    return found[0] if found else ""


def _image(docker: Daemon, name: str) -> Image | None:
    """Return an image, None if it can be pulled; one whose version only the image itself can tell is pulled now."""
    image = docker.image(name)
    if image is None and not tagged_version(name):
        return docker.pull(name)
    if image is None:
        docker.check_registry(name)
    return image


def _version(docker: Daemon, image: Image, variables: tuple[str, ...], program: str) -> str:
    told = next((image.environment[name] for name in variables if name in image.environment), "")
    found = re.match(VERSION, told) or re.search(VERSION, docker.ask(image, program, "--version"))
    if found is None:
        raise BackendUnavailable(f"the version of {program} in the image {image.name} is unknown", "name another image")
    return found[0]
