"""Where an environment starts: ports, names, backends, and places that cannot be used."""

from __future__ import annotations

import dataclasses
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from support.environments import (
    NO_DOCKER,
    call,
    data_home,
    new_name,
    object_of,
    own_binaries,
    processes_of,
    query,
    removed_in_the_end,
)
from swe_db import environment
from swe_db.config import Config
from swe_db.environment import Wish, keepers, native, ports
from swe_db.environment.places import data_directory, directory_of, private
from swe_db.environment.record import new_record, write
from swe_db.errors import BackendUnavailable, LocalEnvironmentError, NoBackendError
from swe_db.servers.account import server_account


def start(name: str, **wish: object) -> list[str]:
    """Start an environment from binaries, without migrations, and return what the user is told."""
    told: list[str] = []
    environment.start(name, Wish(backend=own_binaries(), **wish), Config(), told.append)  # type: ignore[arg-type]
    return told


def stop(name: str) -> None:
    """Stop it; its data stay."""
    environment.stop(name, Config(), print)


@pytest.fixture
def fresh(home: Path) -> Iterator[str]:
    """A name of an environment that is not there yet."""
    with removed_in_the_end(new_name()) as name:
        yield name


@pytest.fixture
def listening() -> Iterator[int]:
    """A port that somebody listens on, none of those that the system hands out."""
    port, _ = ports.usual_ports(new_name())
    with socket.create_server(("127.0.0.1", port)):
        yield port


def test_ports_are_a_function_of_the_name() -> None:
    """The usual environment has ports that are easy to remember, another one those of its name, in pairs."""
    assert ports.usual_ports("default") == (15432, 16379)
    first, second = ports.usual_ports("a"), ports.usual_ports("b")
    assert first == ports.usual_ports("a") != second
    assert all(20000 <= postgres == redis - 1 < 30000 for postgres, redis in (first, second))


def test_two_names_are_two_environments(name: str, fresh: str) -> None:
    """They run beside each other, with ports and data of their own; what is removed is one of them."""
    start(fresh)
    one, other = environment.find(name), environment.find(fresh)
    assert len({one.postgres.port, one.redis.port, other.postgres.port, other.redis.port}) == 4
    assert one.record.data != other.record.data
    assert (
        call("down", "--volumes", "--name", fresh).out
        == f"{fresh}: postgres and redis stopped; removed with all data\n"
    )
    assert processes_of(name)
    assert query(name, "SELECT count(*) FROM users") == [(5,)]


@pytest.mark.parametrize("seen", [True, False])
def test_a_taken_port_is_told_and_another_one_chosen(
    fresh: str, listening: int, monkeypatch: pytest.MonkeyPatch, seen: bool
) -> None:
    """Whoever has the port is named, also where only the server finds him; the one taken instead stays."""
    if not seen:
        monkeypatch.setattr(native, "is_free", lambda _: True)
    monkeypatch.setattr(ports, "usual_ports", lambda _: (listening, listening + 2))
    (told, *_) = start(fresh)
    assert told.startswith(f"port {listening} is taken by process {os.getpid()} (")
    assert told.endswith(f"); postgres of {fresh} moves")
    before = environment.find(fresh).record
    assert before.postgres.port not in (listening, before.redis.port)
    stop(fresh)
    assert start(fresh) == []
    assert environment.find(fresh).record == before


def test_a_port_that_was_asked_for_is_taken_or_refused(fresh: str, listening: int) -> None:
    """No other one is taken instead; the message names who has it, and what was before stays."""
    with pytest.raises(LocalEnvironmentError, match=f"Port {listening} of 127.0.0.1 is taken by process {os.getpid()}"):
        start(fresh, redis_port=listening)
    assert environment.find(fresh).record.redis.port == ports.usual_ports(fresh)[1]
    _, free = ports.usual_ports(new_name())
    start(fresh, redis_port=free)
    assert environment.find(fresh).redis.port == free
    done = call("up", "--name", fresh, "--redis-port", str(listening))
    assert (done.code, f"runs on port {free}. To move it to {listening}, stop it first" in done.err) == (2, True)


def test_the_environment_that_has_a_port_is_named(name: str, fresh: str) -> None:
    """Where another environment listens, the message says which."""
    taken = environment.find(name).postgres.port
    with pytest.raises(LocalEnvironmentError, match=f"which environment {name} uses. Give another --postgres-port"):
        start(fresh, postgres_port=taken)


def test_data_stay_with_their_backend(name: str) -> None:
    """Another backend cannot read them: that is a wrong call, which says what to do."""
    done = call("up", "--name", name, "--backend", "docker")
    assert done.code == 2
    assert f"keeps its postgres data with the backend {own_binaries()}, not docker." in done.err
    assert f"`swe-db down --volumes --name {name}`" in done.err


def test_where_no_backend_works_nothing_is_left(fresh: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All reasons and remedies are told, and the environment is not there afterwards."""

    def missing(_: Config) -> None:
        raise BackendUnavailable("it is not installed", "install it")

    nothing = dict.fromkeys(("docker", "local", "embedded"), missing)
    monkeypatch.setattr(keepers, "FINDERS", {"postgres": nothing, "redis": nothing})
    with pytest.raises(NoBackendError) as caught:
        environment.start(fresh, Wish(), Config(), print)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"no Postgres for environment {fresh}: none of the backends works here"
    assert lines[1:3] == ["  docker: it is not installed", "    to fix it: install it"]
    assert len(lines) == 7
    assert not (home / fresh).exists()


def test_a_backend_that_fails_gives_way_to_the_next(fresh: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a daemon, auto takes binaries, and says why."""
    for key, value in NO_DOCKER.items():
        monkeypatch.setenv(key, value)
    told: list[str] = []
    environment.start(fresh, Wish(), Config(), told.append)
    assert environment.find(fresh).backend == own_binaries()
    assert told[0].startswith(f"postgres comes from {own_binaries()}, as docker gives none: there is no Docker daemon")


@pytest.fixture
def interrupted(fresh: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An environment whose first start was interrupted while Docker pulled an image; since then Docker has gone."""
    for key, value in NO_DOCKER.items():
        monkeypatch.setenv(key, value)
    directory = private(directory_of(fresh))
    data = data_directory(directory, "0", server_account())
    record = new_record(fresh, "0", data, ports.usual_ports(fresh))
    begun = dataclasses.replace(record.postgres, backend="docker")
    write(directory, record.with_service("postgres", begun))
    return fresh


LEFT: Final = "A container and a volume swe-db-{}-postgres-0 may be left there"


def test_what_docker_has_left_unfinished_does_not_hold_up_another_backend(interrupted: str) -> None:
    """The other backend serves, and the user is told what may be left."""
    told = start(interrupted)
    assert environment.find(interrupted).backend == own_binaries()
    assert [LEFT.format(interrupted) in sentence for sentence in told] == [True]


def test_what_docker_has_left_unfinished_can_be_removed(interrupted: str, home: Path) -> None:
    """The environment goes, and the user is told what may be left."""
    done = call("down", "--volumes", "--name", interrupted)
    assert (done.code, done.err.count(LEFT.format(interrupted))) == (0, 1)
    assert not (home / interrupted).exists()


def test_what_docker_has_left_unfinished_does_not_hide_the_reasons(interrupted: str) -> None:
    """Where no backend works, what was tried is told all the same."""
    with pytest.raises(NoBackendError, match=f"no Postgres for environment {interrupted}: the backend docker"):
        environment.start(interrupted, Wish(backend="docker"), Config(), print)


def test_a_start_that_was_refused_changes_no_database(name: str, listening: int) -> None:
    """The URL names the database that it named before."""
    done = call("up", "--name", name, "--database", "other", "--postgres-port", str(listening))
    assert (done.code, environment.find(name).record.database) == (2, "swe")


@pytest.mark.parametrize("command", ["up", "status"])
def test_a_place_that_cannot_be_used_is_explained(tmp_path: Path, command: str) -> None:
    """A file in the place of a directory is told with what to set instead."""
    (tmp_path / "swe-db").write_text("")
    with data_home(tmp_path):
        done = call(command)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"error: Local environments are kept in {tmp_path}/swe-db/environments")
    assert "which cannot be used: Not a directory" in done.err
    assert "set XDG_DATA_HOME to another directory." in done.err


@pytest.mark.parametrize("text", ["{", "{}", '{"layout": 99}', ""])
def test_a_file_that_makes_no_sense_is_explained(tmp_path: Path, text: str) -> None:
    """What another version, or an accident, has written is refused by every command, and nothing is changed."""
    with data_home(tmp_path) as place:
        (place / "default").mkdir(parents=True)
        file = place / "default" / "environment.json"
        file.write_text(text)
        for arguments in (["up"], ["status"], ["down", "--volumes"], ["url", "postgres"], ["migrate"]):
            done = call(*arguments)
            assert (done.code, done.out) == (1, "")
            assert done.err.startswith(f"error: {file} is not a file that this version of swe-db understands: ")
        assert file.read_text() == text


def test_without_a_home_the_call_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without a home must say where environments belong."""

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    done = call("up")
    assert (done.code, "Set HOME or XDG_DATA_HOME" in done.err) == (2, True)


def test_no_environment_is_no_error_for_status(tmp_path: Path) -> None:
    """Without a name, status tells that there is none."""
    with data_home(tmp_path):
        assert call("status").out == "There is no local environment; `swe-db up` makes one.\n"
        assert object_of("status", "--json") == {"environments": []}
