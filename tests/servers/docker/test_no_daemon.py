"""Where there is no Docker daemon that works for us; none of this needs one."""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from support.short import short_directory
from swe_db.config import Config
from swe_db.errors import BackendUnavailable
from swe_db.servers.docker import daemon as docker_daemon
from swe_db.servers.docker import docker_postgres, docker_redis, endpoint

IMPORTED = """
import sys
from swe_db.config import Config
from swe_db.errors import BackendUnavailable
from swe_db.servers.docker import docker_postgres

try:
    docker_postgres(Config())
except BackendUnavailable:
    print(sorted({"docker", "testcontainers", "requests"} & set(sys.modules)))
"""


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where DOCKER_HOST says that the daemon listens."""
    with short_directory() as directory:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{directory}/docker.sock")
        yield directory / "docker.sock"


@pytest.fixture
def listener(path: Path) -> Iterator[socket.socket]:
    """Somebody who listens there."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        yield listening


def refusal() -> BackendUnavailable:
    """Why neither a Postgres nor a Redis can be had."""
    with pytest.raises(BackendUnavailable) as redis:
        docker_redis(Config())
    with pytest.raises(BackendUnavailable) as caught:
        docker_postgres(Config())
    assert redis.value.reason == caught.value.reason
    return caught.value


def test_no_socket_is_a_reason(path: Path) -> None:
    """A socket that is not there is named, and what to do."""
    error = refusal()
    assert error.reason == f"there is no Docker daemon: no socket {path}, which DOCKER_HOST names"
    assert error.remedy == "install Docker and start it, or set DOCKER_HOST"


def test_finding_no_daemon_imports_nothing(path: Path) -> None:
    """Where there is no socket, neither docker nor testcontainers nor requests is imported."""
    command = [sys.executable, "-c", IMPORTED]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_socket_without_a_daemon_is_a_reason(path: Path) -> None:
    """A socket that a daemon left behind is named, and how to start the daemon."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    error = refusal()
    assert error.reason == f"no Docker daemon listens on {path}: Connection refused"
    assert "systemctl start docker" in error.remedy


def test_a_socket_that_is_closed_to_us_is_a_reason(path: Path, listener: socket.socket) -> None:
    """Who may not use the socket is told how to be allowed to."""
    path.chmod(0)
    path.parent.chmod(0o755)
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=knock_as_nobody, args=(sender,))
    process.start()
    reason, remedy = receiver.recv()
    process.join()
    assert reason == f"this user may not use the Docker daemon's socket {path}"
    assert "usermod -aG docker" in remedy


def knock_as_nobody(sender: Connection) -> None:
    """Tell what an ordinary user is told."""
    if os.geteuid() == 0:
        os.setuid(65534)
    error = refusal()
    sender.send((error.reason, error.remedy))


@pytest.mark.usefixtures("listener")
def test_a_silent_daemon_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon that accepts and never answers is given up, not waited for."""
    monkeypatch.setattr(docker_daemon, "ANSWER_TIMEOUT", 0.2)
    error = refusal()
    assert error.reason == "the Docker daemon does not answer: timed out"
    assert "docker version" in error.remedy


def test_what_is_no_daemon_is_a_reason(listener: socket.socket) -> None:
    """Somebody else who answers on that socket is a reason, not a traceback."""

    def answer() -> None:
        for _ in range(4):  # for each service, a look whether somebody listens, then a question
            connection, _ = listener.accept()
            with connection:
                if connection.recv(65536):
                    connection.sendall(b"HTTP/1.1 500 Oops\r\nContent-Length: 9\r\nConnection: close\r\n\r\ngood bye!")

    thread = threading.Thread(target=answer)
    thread.start()
    error = refusal()
    thread.join()
    assert error.reason.startswith("the Docker daemon does not answer: ")
    assert "good bye!" in error.reason


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("tcp://127.0.0.1:1", "Connection refused"),
        ("moon://there", "Invalid bind address protocol: moon://there"),
    ],
)
def test_a_daemon_elsewhere_is_a_reason(monkeypatch: pytest.MonkeyPatch, host: str, reason: str) -> None:
    """A DOCKER_HOST that cannot be reached, or means nothing, is a reason."""
    monkeypatch.setenv("DOCKER_HOST", host)
    assert refusal().reason == f"the Docker daemon does not answer: {reason}"


def test_without_testcontainers_the_package_is_named(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken installation is a reason of this rung, and what to install is named."""
    monkeypatch.setitem(sys.modules, "testcontainers.core.docker_client", None)
    error = refusal()
    assert error.reason.startswith("testcontainers cannot be imported")
    assert error.remedy == "pip install testcontainers"


def test_the_usual_sockets_are_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without DOCKER_HOST the daemon's own socket comes first, then those of Docker Desktop, rootless and Podman."""
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setattr(endpoint, "DEFAULT_SOCKET", tmp_path / "docker.sock")
    assert endpoint.socket_path() == tmp_path / "docker.sock"
    usual = ("run/podman/podman.sock", "run/docker.sock", ".docker/run/docker.sock", "docker.sock")
    for name in usual:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
        assert endpoint.socket_path() == tmp_path / name


@pytest.mark.parametrize(
    ("content", "chosen"),
    [
        ({"currentContext": "elsewhere"}, True),
        ({"currentContext": "default"}, False),
        ({"auths": {}}, False),
        ([], False),
    ],
)
def test_a_context_is_left_to_the_libraries(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: object, *, chosen: bool
) -> None:
    """Only without a context of the user's choice is a socket looked for here."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text(json.dumps(content))
    assert (endpoint.socket_path() is None) == chosen
