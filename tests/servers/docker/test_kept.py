"""Containers that outlive their run with --swe-db-reuse: found again, never stale, never half made."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from support.backends import IMAGES, docker_config
from support.containers import daemon_client, derived_image
from support.short import short_directory
from swe_db.config import Config
from swe_db.errors import BackendUnavailable
from swe_db.servers.docker import docker_postgres, docker_redis
from swe_db.servers.docker.daemon import HOST, KEPT, daemon

pytestmark = pytest.mark.needs("docker")

RunPytest = Callable[..., pytest.RunResult]

POSTGRES = IMAGES["postgres_image"]
SUITE = """
from pathlib import Path

import pytest

@pytest.mark.parametrize("turn", range(4))
def test_it(swe_db, swe_redis, swe_postgres, swe_redis_server, turn):
    with Path("seen").open("a") as file:
        print(swe_postgres.url, swe_redis_server.url.rpartition("/")[0], file=file)
    swe_db.execute("CREATE TABLE made ()")
    swe_db.commit()
    assert swe_redis.set("made", 1, nx=True)
"""


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A machine of this test's own, as far as containers are told apart; those that it keeps are removed in the end."""
    with short_directory() as directory:
        name = directory.name
        monkeypatch.setattr(socket, "gethostname", lambda: name)
        monkeypatch.setattr("tempfile.tempdir", str(directory))
        monkeypatch.setenv("TMPDIR", str(directory))
        yield name
        with daemon() as docker:
            docker.remove(HOST, name)


def kept(machine: str) -> list[dict[str, Any]]:
    """What the daemon knows of this machine's containers."""
    with daemon_client() as client:
        found = client.api.containers(all=True, filters={"label": f"{HOST}={machine}"})
        return [client.api.inspect_container(each["Id"]) for each in found]


def reusing(**settings: Any) -> Config:
    """Settings with --swe-db-reuse."""
    return docker_config(reuse=True, **settings)


def test_the_next_run_finds_them_again(machine: str) -> None:
    """After stop both servers are there, and whoever comes next gets the same, with what is in it."""
    first, cache = docker_postgres(reusing()).start(), docker_redis(reusing()).start()
    with psycopg.connect(first.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE template_of_the_first_run")
    first.stop()
    cache.stop()
    assert docker_postgres(reusing()).start().url == first.url
    again = docker_redis(reusing()).start()
    assert again.url == cache.url
    again.stop()
    assert len(kept(machine)) == 2
    assert all(KEPT in each["Config"]["Labels"] for each in kept(machine))


def test_without_the_option_nobody_meets_them(machine: str) -> None:
    """A run that does not ask for it has servers of its own beside the kept ones."""
    first = docker_postgres(reusing()).start()
    own = docker_postgres(docker_config()).start()
    assert own.url != first.url
    own.stop()
    assert len(kept(machine)) == 1


@pytest.mark.parametrize("settings", [{"postgres_timezone": "Europe/Athens"}, {"postgres_locale": "C.UTF-8"}])
def test_other_settings_are_another_server(machine: str, settings: dict[str, str]) -> None:
    """A server that was made with other settings is not taken."""
    first = docker_postgres(reusing()).start()
    assert docker_postgres(reusing(**settings)).start().url != first.url


def test_another_image_under_the_same_name_is_another_server(machine: str) -> None:
    """What counts is what the image contains, so that a newer one that was pulled is used."""
    with derived_image(POSTGRES) as name, daemon_client() as client:
        first = docker_postgres(reusing(postgres_image=name)).start()
        older = client.images.get(name).id
        assert docker_postgres(reusing(postgres_image=name)).start().url == first.url
        with derived_image(POSTGRES, "ENV NEWER=1") as newer:
            client.images.get(newer).tag(*name.split(":"))
            assert docker_postgres(reusing(postgres_image=name)).start().url != first.url
        for container in kept(machine):
            client.api.remove_container(container["Id"], force=True, v=True)
        client.images.remove(older)  # which has no name any more


def test_one_that_has_ended_is_made_anew(machine: str) -> None:
    """After a restart of the daemon the container has ended, and its data with it: another takes its place."""
    first = docker_postgres(reusing()).start()
    (before,) = kept(machine)
    with daemon_client() as client:
        client.api.stop(before["Id"], timeout=0)
    again = docker_postgres(reusing()).start()
    (after,) = kept(machine)
    assert after["Id"] != before["Id"]
    assert again.url != first.url
    with psycopg.connect(again.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_one_that_was_never_completed_is_made_anew(machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was killed while it made the container leaves one without the mark of completeness."""
    with monkeypatch.context() as patch:
        patch.setattr("swe_db.servers.docker.daemon.Daemon.put_file", killed)
        with pytest.raises(SystemExit):
            docker_postgres(reusing()).start()
    (before,) = kept(machine)
    docker_postgres(reusing()).start()
    (after,) = kept(machine)
    assert after["Id"] != before["Id"]


def killed(*_: object) -> None:
    """Stand for the end of the process."""
    raise SystemExit


def test_one_that_does_not_answer_is_a_reason(machine: str) -> None:
    """A container that runs and does not answer may be in use by others: it is named, not removed."""
    docker_redis(reusing()).start().stop()
    (container,) = kept(machine)
    with daemon_client() as client:
        client.api.pause(container["Id"])
        try:
            with pytest.raises(BackendUnavailable, match=r"--swe-db-reuse has kept does not answer: ") as caught:
                docker_redis(reusing()).start()
        finally:
            client.api.unpause(container["Id"])
    assert caught.value.remedy.endswith(f"docker rm -fv {container['Name'].lstrip('/')}")


def test_what_a_killed_run_left_in_redis_is_no_obstacle(machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else uses a kept Redis, so a database that nobody holds may be flushed, whatever is in it."""
    server = docker_redis(reusing()).start()
    address = server.address
    server.stop()
    with redis.Redis.from_url(address.url) as client:
        client.set("left by", "a dead run")
    again = docker_redis(reusing()).start()
    assert again.address.db == address.db
    with redis.Redis.from_url(again.url) as client:
        assert client.keys() == []
    again.stop()


def test_runs_share_them(pytester: pytest.Pytester, run: RunPytest, machine: str) -> None:
    """Two runs, the second with two workers, use the same two containers, which are left; the template too."""
    pytester.makeconftest(f"import socket\nsocket.gethostname = lambda: {machine!r}\n")
    pytester.makepyfile(SUITE)
    for workers in ([], ["-n2"]):
        run("--swe-db", "--swe-db-backend=docker", "--swe-db-reuse", *workers).assert_outcomes(passed=4)
    (seen,) = set(Path("seen").read_text().splitlines())
    assert len(kept(machine)) == 2
    with psycopg.connect(seen.split()[0]) as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE starts_with(datname, 'swe_db_')").fetchall()
    assert [name[:9] for (name,) in rows] == ["swe_db_t_"]
