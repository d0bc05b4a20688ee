"""A container of a server: where it is made, and the wait until it can be used."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from swe_db.config import Config
from swe_db.errors import BackendUnavailable
from swe_db.servers.docker.daemon import RUN, Daemon, daemon
from swe_db.servers.docker.kept import Kept
from swe_db.servers.docker.plan import START_TIMEOUT, Plan
from swe_db.servers.docker.share import Facts, Share

if TYPE_CHECKING:
    from docker.models.containers import Container

__all__ = ["obituary", "place_of", "serve", "serves_one", "shortage", "users_of", "wait_until_usable"]

POLL: Final = 0.02  # seconds
NOTICING: Final = 5.0  # seconds until the daemon has noticed the end of a container
LOG_LINES: Final = 15
TOLD: Final = 200  # lines in which a server that recovers may have told why
NO_SPACE: Final = "No space left on device"
FULL: Final = "the memory that holds its data is full"
MORE_MEMORY: Final = (
    "the data lie in a tmpfs of half the memory that Docker has, and an empty server takes 64 MiB: free memory, or "
    "give Docker's virtual machine more"
)
KEPT_USERS: Final = 10  # how many workers of all runs at once a kept server is made for


def place_of(
    config: Config, image: str, content: tuple[str, ...], obstacle: Callable[[Facts], str | None]
) -> Share | Kept:
    """Return where the workers of this run, or with `--swe-db-reuse` of all runs, meet for a server.

    Args:
        config: The settings.
        image: The image's name.
        content: What the server depends on besides.
        obstacle: Tells why a server that was made cannot be used, None if it can.
    """
    if config.reuse:
        return Kept(image, content, obstacle)
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or secrets.token_hex(16)
    return Share(hashlib.sha256(repr((run, image, *content)).encode()).hexdigest()[:24], _remove)


def _remove(label: str) -> None:
    with daemon() as docker:
        docker.remove(RUN, label)


def users_of(config: Config) -> int:
    """Return how many workers a server is made for."""
    return KEPT_USERS if config.reuse else int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))


def serves_one(config: Config) -> bool:
    """Tell whether a server is made for one worker alone, who may do with it what it likes."""
    return users_of(config) == 1 and not config.reuse


def serve(
    docker: Daemon,
    plan: Plan,
    obstacle: Callable[[Facts], str | None],
    *,
    password: str,
    files: Mapping[str, str] | None = None,
) -> Facts:
    """Make a container, start it and wait until its server can be used; if that fails, nothing is left of it.

    Args:
        docker: The daemon.
        plan: The container.
        obstacle: Tells why the server cannot be used, None if it can.
        password: The server's password.
        files: What lies in the container's root directory, by name.

    Returns:
        How to reach the server.

    Raises:
        BackendUnavailable: It ended, or was not ready in time; the reason has its last words, without the password.
    """
    container = docker.create(plan)
    try:
        for name, text in (files or {}).items():
            docker.put_file(container, name, text)
        facts: Facts = {"host": docker.host, "port": docker.start(container, plan.port), "password": password}
        facts["container"] = container.id
        wait_until_usable(docker, container, lambda: obstacle(facts), secret=password, timeout=plan.patience)
    except BaseException:
        with contextlib.suppress(BackendUnavailable):
            docker.discard(container)
        raise
    return facts


def obituary(facts: Facts) -> str | None:
    """Return what is known of the end of a container that does not answer any more, None if it seems to run."""
    try:
        with daemon() as docker:
            container = docker.container(facts["container"])
            if container is None:
                return "somebody has removed its container"
            deadline = time.monotonic() + NOTICING
            while not docker.has_ended(container):
                if time.monotonic() > deadline:
                    return None
                time.sleep(POLL)
            return f"its container {container.name} ended; its last words:\n{docker.log_tail(container, LOG_LINES)}"
    except BackendUnavailable as error:
        return error.reason


def shortage(facts: Facts, words: str) -> str | None:
    """Return what to do about room, if a container that was serving, or the words of a failure, tell that it lacks."""
    with contextlib.suppress(BackendUnavailable), daemon() as docker:
        container = docker.container(facts["container"])
        if container is not None and NO_SPACE in words + docker.log_tail(container, TOLD):
            return f"{FULL}\n  to fix it: {MORE_MEMORY}"
    return None


def wait_until_usable(
    docker: Daemon,
    container: Container,
    obstacle: Callable[[], str | None],
    *,
    secret: str,
    timeout: float = START_TIMEOUT,
) -> None:
    """Wait until the server of a container that was started can be used.

    Args:
        docker: The daemon.
        container: The container.
        obstacle: Tells why the server cannot be used, None if it can.
        secret: What its words must not be shown with.
        timeout: For how many seconds to wait.

    Raises:
        BackendUnavailable: It ended, or was not ready in time; the reason has its last words.
    """
    deadline = time.monotonic() + timeout
    while (obstruction := obstacle()) is not None:
        if docker.has_ended(container):
            raise _failure(docker, container, "ended while starting", secret)
        if time.monotonic() > deadline:
            raise _failure(docker, container, f"could not be used within {timeout:g} seconds ({obstruction})", secret)
        time.sleep(POLL)


def _failure(docker: Daemon, container: Container, what: str, secret: str) -> BackendUnavailable:
    image = container.attrs["Config"]["Image"]
    log = docker.log_tail(container, LOG_LINES)
    full = NO_SPACE in log
    text = f"the container of {image} {what}{f': {FULL}' if full else ''}; its last words:\n{log}"
    remedy = MORE_MEMORY if full else f"see its last words; by hand: docker run --rm {image}"
    return BackendUnavailable(text.replace(secret, "***"), remedy)
