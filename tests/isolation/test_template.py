"""The template database: complete or not there, built once, and another one for other content."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from support.dying import dying
from swe_db.config import Config
from swe_db.errors import StatementError
from swe_db.isolation.clone import CloneIsolation
from swe_db.isolation.cluster import Cluster
from swe_db.isolation.template import ensure_template
from swe_db.servers.server import PostgresServer
from swe_db.servers.url import url_postgres

BUILD = """
import sys
from pathlib import Path
from swe_db.config import Config
from swe_db.isolation.cluster import Cluster
from swe_db.isolation.template import ensure_template
from swe_db.servers.url import url_postgres

config = Config(postgres_url=sys.stdin.readline().strip(), migrations=(Path(sys.argv[1]),))
cluster = Cluster(url_postgres(config).start(), locale="C", timezone="UTC")
print("ready", flush=True)
sys.stdin.readline()
print(ensure_template(cluster, config), flush=True)
"""


@pytest.fixture
def cluster(postgres: PostgresServer) -> Iterator[Cluster]:
    """The databases of a server that is not ours; what the test makes is dropped."""
    cluster = Cluster(url_postgres(Config(postgres_url=postgres.url)).start(), locale="C", timezone="UTC")
    before = databases(postgres)
    yield cluster
    for name in databases(postgres) - before:
        cluster.drop(name)
    cluster.close()


@pytest.fixture
def slow(tmp_path: Path, postgres: PostgresServer) -> Iterator[Path]:
    """A directory with a migration that takes a while and that a server can take once only: it makes a role."""
    role = f"once_{os.urandom(8).hex()}"
    text = f"CREATE TABLE slow (n int); CREATE ROLE {role};\nSELECT pg_sleep(1);"
    (tmp_path / "1000_slow.sql").write_text(text, encoding="utf-8")
    yield tmp_path
    with psycopg.connect(postgres.url) as connection:
        connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))


def databases(server: PostgresServer) -> set[str]:
    """The names of all databases of ours."""
    with psycopg.connect(server.url) as connection:
        return {name for (name,) in connection.execute("SELECT datname FROM pg_database WHERE datname ~ '^swe_db_'")}


def builder(server: PostgresServer, directory: Path, script: str = BUILD) -> subprocess.Popen[str]:
    """A process that is about to build a template."""
    command = [sys.executable, "-W", "ignore", "-c", script, str(directory)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    print(server.url, file=process.stdin, flush=True)
    assert process.stdout.readline() == "ready\n"
    return process


def test_processes_at_once_build_it_once(postgres: PostgresServer, cluster: Cluster, slow: Path) -> None:
    """Four processes that need the same template get the same one, and no half-built one stays."""
    before = databases(postgres)
    builders = [builder(postgres, slow) for _ in range(4)]
    for each in builders:
        print("go", file=each.stdin, flush=True)
    names = {each.communicate()[0].strip() for each in builders}
    assert [each.returncode for each in builders] == [0] * 4
    assert databases(postgres) - before == names
    assert len(names) == 1


def test_a_kill_while_it_is_built_leaves_no_template(postgres: PostgresServer, cluster: Cluster, slow: Path) -> None:
    """After SIGKILL in the middle there is no template of that name; the next run builds it."""
    before = databases(postgres)
    process = builder(postgres, slow, dying(BUILD, "pg_sleep(1)"))
    process.communicate("go\n")
    assert process.returncode == -signal.SIGKILL
    assert {name[:9] for name in databases(postgres) - before} == {"swe_db_b_"}
    template = ensure_template(cluster, Config(migrations=(slow,)))
    isolation = CloneIsolation(cluster, template, "main")
    with isolation.begin().connect() as connection:
        assert connection.execute("SELECT count(*) FROM slow").fetchone() == (0,)
    isolation.close()


def test_a_failing_migration_leaves_nothing(postgres: PostgresServer, cluster: Cluster, tmp_path: Path) -> None:
    """Where a migration fails, the error says where, and no database stays."""
    (tmp_path / "1000_wrong.sql").write_text("CREATE TABEL wrong ();", encoding="utf-8")
    before = databases(postgres)
    with pytest.raises(StatementError, match=r"1000_wrong\.sql:1:8"):
        ensure_template(cluster, Config(migrations=(tmp_path,)))
    assert databases(postgres) == before


def test_other_content_is_another_template(cluster: Cluster, tmp_path: Path) -> None:
    """The same files give the same template; another seed, or an edited one, gives another."""
    plain = ensure_template(cluster, Config())
    seed = tmp_path / "01_more.sql"
    seed.write_text("SELECT 1;", encoding="utf-8")
    first = ensure_template(cluster, Config(seeds=(tmp_path,)))
    seed.write_text("SELECT 2;", encoding="utf-8")
    second = ensure_template(cluster, Config(seeds=(tmp_path,)))
    assert len({plain, first, second}) == 3
    assert ensure_template(cluster, Config()) == plain


def test_a_template_cannot_be_changed_by_accident(postgres: PostgresServer, cluster: Cluster) -> None:
    """Nobody can connect to a template, and DROP DATABASE refuses it."""
    template = ensure_template(cluster, Config())
    with pytest.raises(psycopg.OperationalError, match="not currently accepting connections"):
        psycopg.connect(postgres.address.database(template).url)
    with psycopg.connect(postgres.url, autocommit=True) as connection, pytest.raises(psycopg.errors.WrongObjectType):
        connection.execute(f'DROP DATABASE "{template}"'.encode())
