"""What dead runs have left of the backend docker; what lives, is kept, or belongs to another machine stays."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.backends import DOCKER_HOST, IMAGES
from support.containers import daemon_client
from support.ending import end
from support.leftovers import processes_of
from support.short import short_directory
from swe_db.errors import ServerError
from swe_db.servers.docker import leftovers
from swe_db.servers.docker.daemon import HOST, KEPT, PLACE, RUN, SPACE
from swe_db.servers.docker.leftovers import find_containers, find_runs
from swe_db.servers.docker.share import Share
from swe_db.servers.leftovers import Finding, State
from swe_db.servers.liveness import process_space

pytestmark = pytest.mark.needs("docker")

KEY = "0123456789abcdef01234567"
WORKER = """
import sys
from swe_db.servers.docker.share import Share
from swe_db.servers.docker.daemon import daemon

share = Share(sys.argv[1], lambda label: None)

def make(labels):
    with daemon() as docker:
        container = docker.client.containers.create(sys.argv[2], ["true"], labels=labels)
    return {"name": container.name}

print(share.facts(make)["name"], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the workers of this test's runs meet."""
    monkeypatch.setenv("DOCKER_HOST", DOCKER_HOST)
    with short_directory() as directory:
        monkeypatch.setenv("TMPDIR", str(directory))
        monkeypatch.setattr(tempfile, "tempdir", str(directory))
        yield directory


class Run:
    """A worker in a process of its own, which has made a container.

    Args:
        key: What its place is named after.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.place = folder / f"swe-db-docker-{os.geteuid()}-{key}"
        command = [sys.executable, "-c", WORKER, key, IMAGES["redis_image"]]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.container = self.process.stdout.readline().strip()
        assert self.container

    def kill_guard(self) -> None:
        """Kill the guard of the run's containers."""
        guards = [each for each in processes_of(self.place) if each != self.process.pid]
        assert guards
        end(guards)

    def kill(self) -> None:
        """Kill the worker."""
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def dying(folder: Path) -> Iterator[Run]:
    """A run that a test may kill."""
    run = Run(folder, KEY)
    yield run
    run.kill()
    remove(run.container)


@pytest.fixture
def living(folder: Path) -> Iterator[Run]:
    """A run that lives."""
    run = Run(folder, KEY[::-1])
    yield run
    run.kill()
    remove(run.container)


def remove(name: str) -> None:
    """Remove a container that may be gone."""
    import docker  # noqa: PLC0415

    with daemon_client() as client, contextlib.suppress(docker.errors.APIError):
        client.api.remove_container(name, v=True, force=True)


def exists(name: str) -> bool:
    """Whether there is such a container."""
    with daemon_client() as client:
        return bool(client.api.containers(all=True, filters={"name": f"^/?{name}$"}))


@contextlib.contextmanager
def container(**labels: str) -> Iterator[str]:
    """Make a container with labels that are made up; those of a run are there unless given."""
    usual = {"place": f"/nowhere/swe-db-docker-{os.geteuid()}-{KEY}", "host": socket.gethostname()}
    given = usual | {"run": "0123456789abcdef", "space": process_space()} | labels
    names = {"place": PLACE, "host": HOST, "run": RUN, "space": SPACE, "kept": KEPT}
    with daemon_client() as client:
        made = client.api.create_container(
            IMAGES["redis_image"], ["true"], labels={names[each]: text for each, text in given.items() if text}
        )
        name = client.api.inspect_container(made["Id"])["Name"].removeprefix("/")
    try:
        yield name
    finally:
        remove(name)


def test_a_run_whose_guard_was_killed_too_is_removed(dying: Run, living: Run) -> None:
    """The place and the containers of a dead run go; those of a living one stay."""
    assert find_runs() == Finding(living=2)
    dying.kill_guard()
    assert find_runs() == Finding(living=2)
    dying.kill()
    found = find_runs()
    (leftover,) = found.leftovers
    assert (leftover.name, found.living) == (str(dying.place), 1)
    assert exists(dying.container)
    assert leftover.remove()
    assert not exists(dying.container)
    assert not dying.place.exists()
    assert leftover.remove() is False
    assert exists(living.container)
    assert find_runs() == Finding(living=1)


def test_a_run_that_lives_is_not_removed(living: Run) -> None:
    """Whether anybody lives is asked again when a leftover is removed."""
    assert leftovers._dead_run(living.place).remove() is False
    assert exists(living.container)


def test_a_run_that_is_joined_in_the_last_moment_stays(living: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run is removed under the lock of its place only."""
    monkeypatch.setattr(leftovers, "owned_state", lambda *_: State.DEAD)
    assert leftovers._dead_run(living.place).remove() is False
    assert exists(living.container)


def test_a_run_in_another_directory_is_found_by_its_container(
    dying: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A run with another TMPDIR is found, dead or living, since its container names its place."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert str(dying.place) not in {each.name for each in find_containers().leftovers}
    dying.kill_guard()
    dying.kill()
    (leftover,) = (each for each in find_containers().leftovers if each.name == str(dying.place))
    assert leftover.remove()
    assert not exists(dying.container)


def test_a_container_whose_place_was_swept_away_is_judged_by_processes(dying: Run) -> None:
    """As long as a worker or the guard lives the run does; when both are dead its container is a leftover."""
    shutil.rmtree(dying.place)
    assert dying.container not in {each.name for each in find_containers().leftovers}
    dying.kill_guard()
    assert dying.container not in {each.name for each in find_containers().leftovers}
    dying.kill()
    (leftover,) = (each for each in find_containers().leftovers if each.name == dying.container)
    assert leftover.remove()
    assert not exists(dying.container)
    assert leftover.remove() is False


LEFT_ALONE = {
    "another machine": ({"host": "elsewhere"}, "container of a run on another machine, elsewhere"),
    "no machine": ({"host": ""}, "container of a run on another machine, which it does not name"),
    "no place": ({"place": ""}, "container with our label that does not say where its run meets"),
    "other processes": ({"space": "x"}, "container whose run cannot be looked for from here"),
    "no processes": ({"space": ""}, "container whose run cannot be looked for from here"),
}


@pytest.mark.parametrize("case", LEFT_ALONE)
def test_what_cannot_be_told_stays(folder: Path, case: str) -> None:
    """Containers of other machines, and those whose run cannot be looked for, are told of with what removes them."""
    labels, about = LEFT_ALONE[case]
    with container(**labels) as name:
        found = find_containers()
        (note,) = (each for each in found.notes if each.name == name)
        assert note.about.startswith(about)
        assert note.command == f"docker rm -fv {name}"
        assert name not in {each.name for each in found.leftovers}


def test_what_belongs_to_another_user_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only root removes the containers of others."""
    user = os.geteuid()
    with container() as name:
        assert name in {each.name for each in find_containers().leftovers}
        monkeypatch.setattr(os, "geteuid", lambda: 4711)
        found = find_containers()
        assert name not in {each.name for each in found.leftovers}
        assert [each.about for each in found.notes if each.name == name] == [f"container of a run of the user {user}"]


def test_kept_containers_are_no_leftovers(folder: Path) -> None:
    """What --swe-db-reuse has kept is listed with its image, its age and the command that removes it."""
    with container(run="", place="", kept=KEY) as name:
        found = find_containers()
        (kept,) = [each for each in found.kept if each.name == name]
        assert (kept.image, kept.host) == (IMAGES["redis_image"], socket.gethostname())
        assert kept.command == f"docker rm -fv {name}"
        assert kept.created.startswith("20")
        assert name not in {each.name for each in found.leftovers} | {each.name for each in found.notes}


def test_without_a_daemon_a_place_that_may_have_containers_stays(dying: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was made under a place's label can only be removed by the daemon, so the label is not thrown away."""
    dying.kill_guard()
    dying.kill()
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    (leftover,) = find_runs().leftovers
    with pytest.raises(ServerError, match="stays as long as the daemon cannot say"):
        leftover.remove()
    assert dying.place.exists()


def test_a_place_that_is_just_made_is_made_anew(folder: Path) -> None:
    """A worker whose place is removed between its making and its lock makes another; an empty one is a leftover."""
    (folder / f"swe-db-docker-{os.geteuid()}-{KEY}").mkdir(mode=0o700)
    (leftover,) = find_runs().leftovers
    assert leftover.remove()
    share = Share(KEY, lambda _: None)
    assert find_runs() == Finding(living=1)
    share.leave()
    assert find_runs().living == 0
