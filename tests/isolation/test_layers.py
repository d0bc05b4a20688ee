"""Seed layers: built once for each content, whole or not there, and pristine whenever they are switched to."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from support.backends import own_backend
from support.dying import dying
from swe_db.config import Config
from swe_db.isolation import layers
from swe_db.isolation.cluster import Cluster
from swe_db.isolation.layers import Layer, find_layer
from swe_db.isolation.outcome import Outcome
from swe_db.isolation.slot import MOST_LOG
from swe_db.isolation.worker import Worker
from swe_db.servers.server import PostgresServer

ORDERS = "CREATE TABLE orders (id int); INSERT INTO orders SELECT generate_series(1, {rows});"
RUN = """
import sys
from pathlib import Path
from swe_db.config import Config
from swe_db.isolation.layers import find_layer
from swe_db.isolation.worker import Worker

config = Config(backend=sys.argv[1], seeds=(Path(sys.argv[2]),), postgres_url=sys.stdin.readline().strip() or None)
worker = Worker(config, "main")
layer = find_layer("orders", config.seeds)
worker.expect_layers([layer])
print("ready", flush=True)
try:
    with worker.database(layer=layer) as database, database.connect() as connection:
        print(*connection.execute("SELECT count(*) FROM orders").fetchone())
finally:
    worker.close()
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "swe-db"


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    """A directory with the seed set `orders`, of content that no other test has."""
    directory = tmp_path / "seeds"
    (directory / "orders").mkdir(parents=True)
    write(directory, f"-- {os.urandom(8).hex()}\n" + ORDERS.format(rows=3))
    return directory


def write(seeds: Path, text: str) -> None:
    """Make this the content of the set."""
    (seeds / "orders/10_orders.sql").write_text(text, encoding="utf-8")


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[Layer]:
    """The layers that are built from now on in this process."""
    found: list[Layer] = []
    build = layers._built

    def note(cluster: Cluster, base: str, layer: Layer) -> str:
        found.append(layer)
        return build(cluster, base, layer)

    monkeypatch.setattr(layers, "_built", note)
    return found


@contextlib.contextmanager
def running(config: Config) -> Iterator[tuple[Worker, Layer]]:
    """A worker that expects the set."""
    worker, layer = Worker(config, "main"), find_layer("orders", config.seeds)
    worker.expect_layers([layer])
    try:
        yield worker, layer
    finally:
        worker.close()


def count(worker: Worker, layer: Layer | None, query: str = "SELECT sum(id) FROM orders") -> object:
    """The only value of a query in a test's database."""
    with worker.database(layer=layer) as database, database.connect() as connection:
        row = connection.execute(query.encode()).fetchone()
        return row and row[0]


def own(seeds: Path) -> Config:
    """Settings for a server of the tests' own backend."""
    return Config(backend=own_backend(), seeds=(seeds,))


def shared(server: PostgresServer, seeds: Path) -> Config:
    """Settings for a server that is not ours."""
    return Config(backend="url", postgres_url=server.url, seeds=(seeds,))


def runner(config: Config, script: str = RUN) -> subprocess.Popen[str]:
    """A process that is about to run a test with the set."""
    command = [sys.executable, "-W", "ignore", "-c", script, config.backend, str(config.seeds[0])]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    print(config.postgres_url or "", file=process.stdin, flush=True)
    assert process.stdout.readline() == "ready\n"
    return process


def killed(process: subprocess.Popen[str]) -> None:
    """Wait for the end of a process that dies."""
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def databases(server: PostgresServer) -> set[str]:
    """The names of all databases of ours."""
    with psycopg.connect(server.url) as connection:
        return {name for (name,) in connection.execute("SELECT datname FROM pg_database WHERE datname ~ '^swe_db_'")}


def test_the_second_run_on_a_server_of_ours_builds_nothing(cache: Path, seeds: Path, built: list[Layer]) -> None:
    """The archive holds the layer: the first run builds it, the next unpacks it, and only another content is built."""
    for cached, total in (("miss", 6), ("hit", 6)):
        with running(own(seeds)) as (worker, layer):
            assert count(worker, layer) == total
            assert worker.start_up is not None
            assert worker.start_up.cache == cached
    assert len(built) == 1
    write(seeds, ORDERS.format(rows=4))
    with running(own(seeds)) as (worker, layer):
        assert count(worker, layer) == 10
    assert len(built) == 2


def test_the_second_run_on_a_shared_server_builds_nothing(
    postgres: PostgresServer, seeds: Path, built: list[Layer]
) -> None:
    """The layer stays as a template of its content; a run that is over leaves nothing else."""
    totals = []
    before = databases(postgres)
    for rows in (3, 3, 4):
        write(seeds, ORDERS.format(rows=rows) + f"-- {seeds}")
        with running(shared(postgres, seeds)) as (worker, layer):
            totals.append(count(worker, layer))
    assert totals == [6, 6, 10]
    assert len(built) == 2
    assert {name[:9] for name in databases(postgres) - before} == {"swe_db_t_"}


def test_processes_at_once_build_it_once(postgres: PostgresServer, seeds: Path) -> None:
    """Of three processes that want a layer which a server can take once only, one builds it."""
    role = f"once_{os.urandom(8).hex()}"
    write(seeds, f"CREATE ROLE {role}; SELECT pg_sleep(1); {ORDERS.format(rows=3)}")
    try:
        processes = [runner(shared(postgres, seeds)) for _ in range(3)]
        assert [process.communicate()[0] for process in processes] == ["3\n"] * 3
    finally:
        with psycopg.connect(postgres.url) as connection:
            connection.execute(f"DROP ROLE IF EXISTS {role}".encode())


def test_a_kill_while_it_is_built_leaves_no_layer(postgres: PostgresServer, seeds: Path, built: list[Layer]) -> None:
    """After SIGKILL in the middle there is no template of it, and the next run builds it."""
    with running(shared(postgres, seeds)) as (worker, _):
        worker.url  # noqa: B018 - the base is there
    before = databases(postgres)
    write(seeds, f"{ORDERS.format(rows=3)} SELECT 'here it dies'; -- {seeds}")
    killed(runner(shared(postgres, seeds), dying(RUN, "here it dies")))
    left = {name[:9] for name in databases(postgres) - before}
    assert "swe_db_b_" in left
    assert "swe_db_t_" not in left
    with running(shared(postgres, seeds)) as (worker, layer):
        assert count(worker, layer) == 6
    assert len(built) == 1


def test_a_kill_while_the_archive_is_built_leaves_none(cache: Path, seeds: Path, built: list[Layer]) -> None:
    """After SIGKILL while the layer is loaded there is the base's archive at most, and the next run is a miss."""
    with running(own(seeds)) as (worker, layer):
        assert count(worker, layer) == 6
    before = set(cache.glob("*.tar"))
    write(seeds, f"{ORDERS.format(rows=3)} SELECT 'here it dies';")
    killed(runner(own(seeds), dying(RUN, "here it dies")))
    assert set(cache.glob("*.tar")) == before
    with running(own(seeds)) as (worker, layer):
        assert count(worker, layer) == 6
        assert worker.start_up is not None
        assert worker.start_up.cache == "miss"
    assert len(built) == 2


def test_a_database_put_aside_is_taken_again(seeds: Path) -> None:
    """However much other tests write meanwhile, the database of a layer is the same one when it is wanted again."""
    oid = "SELECT oid FROM pg_database WHERE datname = current_database()"
    much = f"CREATE TABLE much AS SELECT repeat(n::text, 100) FROM generate_series(1, {MOST_LOG // 100}) AS n"
    kinds: list[str] = []

    def note(outcome: Outcome) -> None:
        kinds.append(outcome.kind)

    with running(own(seeds)) as (worker, layer):
        first = count(worker, layer, oid)
        with worker.database(note) as database, database.connect() as connection:
            connection.execute(much.encode())
        assert count(worker, layer, oid) == first != count(worker, None, oid)
        with worker.database(note, layer=layer) as database, database.connect() as connection:
            connection.execute("DELETE FROM orders")
        assert kinds == ["replaced", "restored"]  # so it was much
        assert count(worker, layer) == 6


def test_what_is_written_between_tests_does_not_stay(seeds: Path) -> None:
    """Whoever writes after a test is undone and its session is ended, before the database is put aside."""
    with running(own(seeds)) as (worker, layer):
        assert count(worker, layer) == 6
        with psycopg.connect(worker.url, autocommit=True) as connection:
            connection.execute("UPDATE orders SET id = 8")
        assert count(worker, None, "SELECT count(*) FROM users") == 5
        assert count(worker, layer) == 6
        with psycopg.connect(worker.url, autocommit=True) as connection:
            connection.execute("UPDATE orders SET id = 7")
            assert count(worker, None, "SELECT count(*) FROM users") == 5
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")
        assert count(worker, layer) == 6


def test_a_test_may_end_the_sessions_that_remember(seeds: Path) -> None:
    """After a test has ended every other session, those of what was put aside too, layers are pristine all the same."""
    everybody = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    with running(own(seeds)) as (worker, layer):
        assert count(worker, layer) == 6
        count(worker, None, everybody)
        assert count(worker, layer) == 6
        count(worker, layer, everybody)
        assert count(worker, None, "SELECT count(*) FROM users") == 5
        assert count(worker, layer) == 6


def test_sequences_go_on_where_the_seeds_end(seeds: Path) -> None:
    """Every test with a layer gets the same next number."""
    write(seeds, "CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY); INSERT INTO orders DEFAULT VALUES;")
    insert = "INSERT INTO orders DEFAULT VALUES RETURNING id"
    with running(own(seeds)) as (worker, layer):
        assert [count(worker, each, insert) for each in (layer, layer)] == [2, 2]
        count(worker, None, "SELECT 1")
        assert count(worker, layer, insert) == 2
