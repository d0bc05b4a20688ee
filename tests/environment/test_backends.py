"""An environment from each backend, from nothing to nothing: containers, and wheels."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from support.backends import DOCKER_HOST
from support.containers import daemon_client
from support.environments import call, new_name, object_of, query, removed_in_the_end
from swe_db import environment
from swe_db.cli.options import settings
from swe_db.environment import Wish, containers, ports, shells
from swe_db.environment.containers import IDENTITY
from swe_db.environment.record import Kind


@pytest.fixture
def fresh(home: Path) -> Iterator[str]:
    """A name of an environment that is not there yet."""
    with removed_in_the_end(new_name()) as name:
        yield name


def write(name: str) -> None:
    """Commit a row and a key."""
    query(name, "CREATE TABLE kept AS SELECT 1 AS number")
    with redis.Redis.from_url(environment.find(name).redis_url) as client:
        client.set("kept", "1")


def kept(name: str) -> tuple[list[tuple[int, ...]], object]:
    """Return the row and the key."""
    with redis.Redis.from_url(environment.find(name).redis_url) as client:
        return query(name, "TABLE kept"), client.get("kept")


def inside(name: str, kind: Kind, *arguments: str) -> str:
    """Return what the client in a container prints; its arguments hold no password."""
    shell = shells.shell_of(environment.find(name), kind, arguments)
    assert environment.find(name).record.service(kind).password not in " ".join(shell.command)
    done = subprocess.run(shell.command, env=shell.environment, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.needs("docker")
def test_containers(fresh: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They outlive down as volumes and a kill as data; their clients take arguments; nothing is left in the end."""
    monkeypatch.setenv("DOCKER_HOST", DOCKER_HOST)
    assert object_of("up", "--json", "--name", fresh)["backend"] == "docker"
    write(fresh)
    identity = environment.find(fresh).record.identity
    with daemon_client() as client:
        for container in client.containers.list(filters={"label": f"{IDENTITY}={identity}"}):
            container.kill("SIGKILL")
            container.wait()
        assert "postgres and redis stopped" in call("verify", "--name", fresh).err
        known = environment.find(fresh).record
        assert environment.start(fresh, Wish(), settings(), print).record == known
        assert kept(fresh) == ([(1,)], b"1")
        (told,) = object_of("status", "--json", "--name", fresh)["environments"]
        assert (told["running"], told["disk"]) == (True, None)
        assert call("down", "--name", fresh).code == 0
        assert client.containers.list(all=True, filters={"label": f"{IDENTITY}={identity}"}) == []
        assert len(client.volumes.list(filters={"label": f"{IDENTITY}={identity}"})) == 2
        assert environment.start(fresh, Wish(), settings(), print).record == known
        assert kept(fresh) == ([(1,)], b"1")
        monkeypatch.setattr(shells, "_found", lambda _: None)  # a machine without clients
        assert inside(fresh, "postgres", "-Atc", "TABLE kept") == "1\n"
        assert inside(fresh, "redis", "get", "kept") == "1\n"
        assert call("down", "--volumes", "--name", fresh).code == 0
        assert client.volumes.list(filters={"label": f"{IDENTITY}={identity}"}) == []


@pytest.mark.needs("docker")
def test_a_port_that_docker_cannot_have_is_given_up(fresh: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only the daemon finds that a port is taken, another one is chosen too."""
    monkeypatch.setenv("DOCKER_HOST", DOCKER_HOST)
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        monkeypatch.setattr(ports, "usual_ports", lambda _: (taken, taken + 2))
        monkeypatch.setattr(containers, "is_free", lambda _: True)
        told: list[str] = []
        environment.start(fresh, Wish(backend="docker"), settings(), told.append)
    assert told[0] == f"port {taken} is taken by another container or process; postgres of {fresh} moves"
    assert environment.find(fresh).postgres.port > taken


@pytest.mark.needs("docker")
def test_what_docker_has_lost_is_told(fresh: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon that has gone is a line of status, and the reason why up and down fail; a volume is not made anew."""
    monkeypatch.setenv("DOCKER_HOST", DOCKER_HOST)
    environment.start(fresh, Wish(backend="docker"), settings(), print)
    with monkeypatch.context() as patch:
        patch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
        status = call("status", "--name", fresh)
        assert (status.code, status.out.count("there is no Docker daemon: no socket")) == (0, 2)
        for command in ("up", "down"):
            done = call(command, "--name", fresh)
            assert (done.code, done.out) == (1, "")
            assert done.err.startswith("error: there is no Docker daemon: no socket /nowhere/docker.sock")
        assert call("url", "redis", "--name", fresh).code == 0
    environment.stop(fresh, settings(), print)
    volume = f"swe-db-{fresh}-redis-{environment.find(fresh).record.identity}"
    with daemon_client() as client:
        client.volumes.get(volume).remove()
    done = call("up", "--name", fresh)
    assert done.code == 1
    assert f"The volume {volume} with the redis data of environment {fresh} is gone." in done.err


@pytest.mark.needs("embedded")
def test_wheels(fresh: str) -> None:
    """Servers from wheels keep their data as well."""
    assert object_of("up", "--json", "--name", fresh, "--backend", "embedded")["backend"] == "embedded"
    write(fresh)
    environment.stop(fresh, settings(), print)
    environment.start(fresh, Wish(), settings(), print)
    assert kept(fresh) == ([(1,)], b"1")
