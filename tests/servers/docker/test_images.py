"""Servers from images, and what is said of images that give none."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis
import testcontainers.core.utils

from support.backends import IMAGES, docker_config
from support.containers import containers, daemon_client, derived_image, labels
from support.short import short_directory
from swe_db.config import Config
from swe_db.errors import BackendUnavailable
from swe_db.servers.docker import daemon as docker_daemon
from swe_db.servers.docker import docker_postgres, docker_redis, endpoint
from swe_db.servers.docker.daemon import daemon
from swe_db.servers.ladder import start_postgres_server
from swe_db.servers.server import PostgresServer, RedisServer

pytestmark = pytest.mark.needs("docker")

POSTGRES = IMAGES["postgres_image"]
SAYS_NOTHING = ("ENV PG_VERSION=", "ENV PG_MAJOR=")
LAST_WORDS = 'echo "the last straw, $POSTGRES_PASSWORD" >&2; exit 3'


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the workers of this test's runs meet; there must be nothing of them in the end."""
    with short_directory() as directory:
        monkeypatch.setattr("tempfile.tempdir", str(directory))
        for name in ("PYTEST_XDIST_TESTRUNUID", "PYTEST_XDIST_WORKER_COUNT"):
            monkeypatch.delenv(name, raising=False)
        yield directory
        assert not list(directory.iterdir())


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[[Config], PostgresServer]]:
    """Starts Postgres servers, which are ended after the test."""
    servers: list[PostgresServer] = []

    def start(config: Config) -> PostgresServer:
        servers.append(docker_postgres(config).start())
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def redis_server(folder: Path) -> Iterator[RedisServer]:
    """A Redis server in a container."""
    server = docker_redis(docker_config()).start()
    yield server
    server.stop()


def setting(server: PostgresServer, name: str) -> str:
    """The value of a setting of Postgres."""
    with psycopg.connect(server.url) as connection:
        row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
        assert row
        return str(row[0])


def test_postgres_trades_durability_for_speed(start: Callable[[Config], PostgresServer]) -> None:
    """Nothing is synced, and there is what an application may need; locale and time zone are the wanted ones."""
    server = start(docker_config(postgres_timezone="Europe/Athens"))
    expected = {
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "max_connections": "100",
        "max_prepared_transactions": "20",
        "shared_preload_libraries": "pg_stat_statements",
        "TimeZone": "Europe/Athens",
        "server_encoding": "UTF8",
        "lc_collate": "C",
    }
    assert {name: setting(server, name) for name in expected} == expected
    assert (server.backend, server.owned, server.address.host) == ("docker", True, "127.0.0.1")
    assert server.version == setting(server, "server_version").split()[0]


def test_there_are_connections_for_each_worker(
    start: Callable[[Config], PostgresServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The workers of a run have a hundred connections each."""
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", "3")
    server = start(docker_config())
    assert setting(server, "max_connections") == "300"
    assert not server.owned


def test_containers_keep_their_data_in_memory_and_to_this_machine(
    start: Callable[[Config], PostgresServer], redis_server: RedisServer, folder: Path
) -> None:
    """There is no volume, the data are in a tmpfs, and the port is open on the loopback interface only."""
    start(docker_config())
    found = containers(labels(folder))
    assert len(found) == 2
    for container in found:
        assert container["HostConfig"]["Tmpfs"]
        assert not [mount for mount in container["Mounts"] if mount["Type"] != "tmpfs"]
        published = [address for ports in container["NetworkSettings"]["Ports"].values() for address in ports or []]
        assert {address["HostIp"] for address in published} == {"127.0.0.1"}


def test_redis_needs_the_password(redis_server: RedisServer, folder: Path) -> None:
    """Redis refuses whoever has no password; the password is not among the facts of the container or its processes."""
    address = redis_server.address
    with redis.Redis(port=address.port) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    with redis.Redis.from_url(redis_server.url) as client:
        assert client.set("key", "value")
        assert client.config_get("save") == {"save": ""}
    (container,) = containers(labels(folder))
    assert address.password not in str(container)


def test_stop_removes_the_container(folder: Path) -> None:
    """After stop, also when done twice, there is no container."""
    server = docker_postgres(docker_config()).start()
    marks = labels(folder)
    assert len(containers(marks)) == 1
    server.stop()
    server.stop()
    assert containers(marks) == []


def test_another_version_is_refused() -> None:
    """An image of another version than the wanted one is refused before anything starts."""
    with pytest.raises(BackendUnavailable, match=r"carries PostgreSQL 15\.\d+, not 14") as caught:
        docker_postgres(docker_config(postgres_version="14"))
    assert caught.value.remedy == "name another image: --swe-db-postgres-image postgres:14-alpine"


def test_an_image_that_lies_about_its_version_is_refused(folder: Path) -> None:
    """What counts is the version of the server that runs."""
    with derived_image(POSTGRES, "ENV PG_VERSION=15.99") as image:
        candidate = docker_postgres(Config(postgres_image=image, postgres_version="15.99"))
        with pytest.raises(BackendUnavailable, match=r"carries PostgreSQL 15\.\d+, not 15\.99"):
            candidate.start()


def test_an_image_that_says_nothing_is_asked() -> None:
    """Where no variable of the image tells the version, its program does."""
    with derived_image(POSTGRES, *SAYS_NOTHING) as image:
        assert docker_postgres(Config(postgres_image=image)).version == docker_postgres(docker_config()).version


def test_an_image_without_the_program_is_a_reason() -> None:
    """An image that has no Postgres is refused."""
    with derived_image(POSTGRES, *SAYS_NOTHING, "ENV PATH=/usr/bin:/bin") as image:
        config = Config(postgres_image=image)
        with pytest.raises(BackendUnavailable, match=rf"the image {image} does not run postgres"):
            docker_postgres(config)
        with daemon_client() as client:
            assert client.containers.list(all=True, filters={"ancestor": image}) == []


def test_an_image_without_contrib_will_do(start: Callable[[Config], PostgresServer]) -> None:
    """Where there is no pg_stat_statements, the server starts without it."""
    remove = ("sh", "-c", 'rm "$(pg_config --pkglibdir)"/pg_stat_statements.so')
    with derived_image(POSTGRES, command=remove) as image:
        server = start(Config(postgres_image=image))
        assert setting(server, "shared_preload_libraries") == ""
        server.stop()


def test_a_container_that_ends_at_once_tells_its_last_words(folder: Path) -> None:
    """The end of the log is in the reason, without the password, and no container is left."""
    with derived_image(POSTGRES, f"ENTRYPOINT {LAST_WORDS}") as image:
        candidate = docker_postgres(Config(postgres_image=image))
        with pytest.raises(BackendUnavailable, match=r"ended while starting") as caught:
            candidate.start()
        with daemon_client() as client:
            assert client.containers.list(all=True, filters={"ancestor": image}) == []
    assert "the last straw, ***\n" in f"{caught.value.reason}\n"


def test_a_container_that_cannot_start_is_a_reason(folder: Path) -> None:
    """What the daemon cannot run is a reason in its words, and no container is left."""
    with derived_image(POSTGRES, 'ENTRYPOINT ["/no/such/program"]') as image:
        candidate = docker_postgres(Config(postgres_image=image))
        with pytest.raises(BackendUnavailable, match=r"could not be started: .*/no/such/program"):
            candidate.start()
        with daemon_client() as client:
            assert client.containers.list(all=True, filters={"ancestor": image}) == []


@pytest.mark.parametrize("name", ["swe-db-test/no-such-image:15", "swe-db-test/no-such-image", "127.0.0.1:1/x:15"])
def test_an_image_that_cannot_be_had_is_a_reason(name: str) -> None:
    """An image that is neither here nor in its registry is named, and how to get it."""
    with pytest.raises(BackendUnavailable, match=rf"the image {name} is not here and cannot be pulled: ") as caught:
        docker_postgres(Config(postgres_image=name))
    assert caught.value.remedy.startswith(f"docker pull {name}, or ")


def test_a_name_that_means_nothing_is_a_reason() -> None:
    """A name that no image can have is a reason."""
    with pytest.raises(BackendUnavailable, match=r"invalid reference format"):
        docker_postgres(Config(postgres_image="Swe//DB::15"))


def test_a_silent_registry_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry that accepts and never answers is not waited for."""
    monkeypatch.setattr(docker_daemon, "SIGN_TIMEOUT", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        name = f"127.0.0.1:{silent.getsockname()[1]}/postgres:15"
        with pytest.raises(BackendUnavailable, match=rf"the image {name} is not here and cannot be pulled: timed out"):
            docker_postgres(Config(postgres_image=name))
        with daemon() as docker, pytest.raises(BackendUnavailable, match="cannot be pulled: timed out"):
            docker.pull(name)


def test_a_socket_in_another_place_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rootless daemon's socket is found without DOCKER_HOST."""
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    real = endpoint.socket_path() or pytest.fail("the daemon of the tests has no socket of the usual kind")
    with short_directory() as runtime:
        (runtime / "docker.sock").symlink_to(real)
        monkeypatch.setattr(endpoint, "DEFAULT_SOCKET", runtime / "nothing")
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
        assert endpoint.socket_path() == runtime / "docker.sock"
        assert docker_postgres(docker_config()).backend == "docker"


def test_a_daemon_beside_us_in_a_container_is_reached_by_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pytest and the daemon run in one container, ports are on this machine."""
    monkeypatch.setattr(testcontainers.core.utils, "inside_container", lambda: True)
    with daemon() as docker:
        assert docker.host == "127.0.0.1"


@pytest.mark.needs("local")
def test_auto_goes_on_where_the_container_ends_at_once(folder: Path) -> None:
    """A container that ends while starting leads to the next rung."""
    with derived_image(POSTGRES, f"ENTRYPOINT {LAST_WORDS}") as image:
        server = start_postgres_server(Config(postgres_image=image))
        assert server.backend == "local"
        server.stop()
