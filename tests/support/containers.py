"""What the tests of the backend docker ask the daemon itself."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import docker

from support.backends import DOCKER_HOST
from swe_db.servers.docker.daemon import RUN

PATIENCE: Final = 60.0  # seconds, in which everything must be gone
STARTING: Final = 60.0  # seconds


@contextlib.contextmanager
def daemon_client() -> Iterator[docker.DockerClient]:
    """Give a client of the daemon, apart from swe-db's own."""
    client = docker.from_env(environment={**os.environ, "DOCKER_HOST": DOCKER_HOST})
    try:
        yield client
    finally:
        client.close()


def labels(folder: Path) -> set[str]:
    """Return the marks of what the runs with this TMPDIR have made and not removed yet."""
    found: set[str] = set()
    for path in folder.glob("swe-db-docker-*/label"):
        with contextlib.suppress(FileNotFoundError):
            found.add(path.read_text(encoding="utf-8"))
    return found


def containers(marks: set[str]) -> list[dict[str, Any]]:
    """Return what the daemon knows of the containers with these marks, running or not."""
    with daemon_client() as client:
        listed = [
            each["Id"] for mark in marks for each in client.api.containers(all=True, filters={"label": f"{RUN}={mark}"})
        ]
        found = []
        for container in listed:
            with contextlib.suppress(docker.errors.NotFound):  # it may have gone meanwhile
                found.append(client.api.inspect_container(container))
        return found


def eventually(condition: Callable[[], bool], patience: float = PATIENCE) -> bool:
    """Wait for a condition, some seconds at most."""
    deadline = time.monotonic() + patience
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


@contextlib.contextmanager
def derived_image(base: str, *changes: str, command: tuple[str, ...] = ("true",)) -> Iterator[str]:
    """Make an image from another one.

    Args:
        base: The image to begin with.
        changes: Instructions of a Dockerfile, applied last.
        command: What to run in it before.
    """
    name = f"swe-db-test/derived:{secrets.token_hex(4)}"
    with daemon_client() as client:
        config = client.images.get(base).attrs["Config"]
        kept = [f"{key.upper()} {json.dumps(config[key])}" for key in ("Entrypoint", "Cmd") if config[key]]
        container = client.containers.create(base, list(command[1:]), entrypoint=command[0])
        try:
            container.start()
            container.wait()
            container.commit(*name.split(":"), changes=[*kept, *changes])
        finally:
            container.remove(force=True, v=True)
        try:
            yield name
        finally:
            client.images.remove(name, force=True)
