"""The backend url, on servers that these tests started."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

import psycopg
import pytest
from psycopg import sql

from swe_db.config import Config
from swe_db.errors import BackendUnavailable
from swe_db.isolation import names
from swe_db.isolation.cluster import DEAD_AFTER, UNUSED_AFTER, Cluster
from swe_db.servers.address import PostgresAddress
from swe_db.servers.ladder import choose_postgres, choose_redis
from swe_db.servers.server import PostgresServer, RedisServer
from swe_db.servers.url import url_postgres, url_redis

PASSWORD = "geheim-und-lang"
RUN_OF_NOBODY = 0x12345678
RunPytest = Callable[..., pytest.RunResult]


def test_the_server_is_the_one_that_was_named(postgres: PostgresServer) -> None:
    """The server keeps the user's URL, is not ours, and is left alone by stop."""
    server = url_postgres(Config(postgres_url=postgres.url)).start()
    assert (server.backend, server.owned, server.version) == ("url", False, postgres.version)
    server.stop()
    psycopg.connect(postgres.url).close()


@pytest.mark.parametrize("backend", ["url", "auto"])
def test_a_dead_server_is_named_without_its_password(backend: str) -> None:
    """The reason names host and port, never the password."""
    config = Config(backend=backend, postgres_url=f"postgresql://me:{PASSWORD}@127.0.0.1:1/x")
    with pytest.raises(BackendUnavailable, match=r"me@127\.0\.0\.1:1/x refused the connection") as caught:
        url_postgres(config)
    assert PASSWORD not in f"{caught.value}"
    config = Config(redis_url=f"redis://:{PASSWORD}@127.0.0.1:1")
    with pytest.raises(BackendUnavailable, match=r"127\.0\.0\.1:1/0 refused the connection") as caught:
        url_redis(config)
    assert PASSWORD not in f"{caught.value}"


def test_a_wrong_password_is_a_reason(postgres: PostgresServer, redis_server: RedisServer) -> None:
    """A refused password is a reason of the rung, not a traceback, and is not repeated."""
    wrong = postgres.url.replace(postgres.address.password, PASSWORD)
    with pytest.raises(BackendUnavailable, match="password authentication failed") as caught:
        url_postgres(Config(postgres_url=wrong))
    assert PASSWORD not in f"{caught.value}"
    with pytest.raises(BackendUnavailable, match="refused the connection") as caught:
        url_redis(Config(redis_url=redis_server.url.replace(redis_server.address.password, PASSWORD)))
    assert PASSWORD not in f"{caught.value}"


def test_another_version_is_refused(postgres: PostgresServer) -> None:
    """A version that was asked for must be the server's."""
    with pytest.raises(BackendUnavailable, match=r"is PostgreSQL .*, not 14"):
        url_postgres(Config(postgres_url=postgres.url, postgres_version="14"))


@pytest.mark.needs("local")
@pytest.mark.usefixtures("no_docker")
def test_auto_goes_on_to_the_next_rung_and_remembers_why(postgres: PostgresServer) -> None:
    """The ladder passes over a dead server, and the reason is kept for the header."""
    config = Config(postgres_url="postgresql://me@127.0.0.1:1/x", redis_url="redis://127.0.0.1:1")
    assert choose_postgres(config).candidate.backend == "local"
    assert set(choose_postgres(config).rejected) == {"url", "docker"}
    assert set(choose_redis(config).rejected) == {"url", "docker"}


@pytest.fixture
def suite(pytester: pytest.Pytester) -> None:
    """A suite that commits and reads the pristine state."""
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("turn", range(6))
        def test_it(swe_db, swe_database, swe_redis, turn):
            assert swe_database.connect(autocommit=True).execute("SHOW timezone").fetchone() == ("UTC",)
            swe_db.execute("CREATE TABLE made ()")
            swe_db.execute("INSERT INTO users (username, email, display_name) VALUES ('kim', 'k@example.org', 'Kim')")
            swe_db.commit()
            assert swe_redis.set("made", 1, nx=True)
            assert swe_redis.keys() == [b"made"]
        """
    )


@pytest.mark.usefixtures("suite")
@pytest.mark.parametrize("workers", [[], ["-n2"]])
def test_a_suite_passes_on_servers_by_url(
    run: RunPytest, ordinary_url: str, redis_server: RedisServer, workers: list[str]
) -> None:
    """An ordinary user with CREATEDB runs a suite, twice; what is left is one template and no key."""
    arguments = [
        "--swe-db",
        f"--swe-db-postgres-url={ordinary_url}",
        f"--swe-db-redis-url={redis_server.url}",
        *workers,
    ]
    for _ in range(2):
        result = run(*arguments)
        result.assert_outcomes(passed=6)
        assert PostgresAddress.parse(ordinary_url, "the URL").password not in result.stdout.str()
        result.stdout.fnmatch_lines(["swe-db: postgres * (url*), redis * (url)*"])
    with psycopg.connect(ordinary_url) as connection:
        query = "SELECT datname FROM pg_database WHERE datdba = current_user::regrole"
        left = [name for (name,) in connection.execute(query).fetchall()]
    assert len(left) == 1
    assert left[0].startswith("swe_db_t_")


def test_only_what_dead_runs_left_hours_ago_is_swept(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Swept is what is old, has our name and our mark, and nobody uses; nothing else."""
    server = url_postgres(Config(postgres_url=postgres.url)).start()
    cluster = Cluster(server, locale="C", timezone="UTC")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - DEAD_AFTER - 60)
    old, used, unmarked = (names.worker_name(RUN_OF_NOBODY, name) for name in ("old", "used", "unmarked"))
    for name in (old, used, unmarked):
        cluster.create(name)
    monkeypatch.undo()
    young = names.worker_name(RUN_OF_NOBODY, "young")
    cluster.create(young)
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(sql.SQL("COMMENT ON DATABASE {} IS NULL").format(sql.Identifier(unmarked)))
        connection.execute("CREATE DATABASE swe_db_of_somebody")
    with psycopg.connect(postgres.address.database(used).url):
        assert cluster.sweep() == [old]
    for name in (used, unmarked, young, "swe_db_of_somebody"):
        assert cluster.exists(name)
        cluster.drop(name)
    cluster.close()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--swe-db-postgres-locale=xx_YY", "*cannot give a test its database: invalid * name*xx_YY*"),
        (
            "--swe-db-postgres-timezone=Mars",
            '*cannot give a test its database: invalid value for parameter "TimeZone"*',
        ),
    ],
)
@pytest.mark.usefixtures("suite")
def test_what_the_server_refuses_is_explained(
    run: RunPytest, ordinary_url: str, redis_server: RedisServer, option: str, message: str
) -> None:
    """A setting that only the server can judge is a usage error with the server's words."""
    urls = [f"--swe-db-postgres-url={ordinary_url}", f"--swe-db-redis-url={redis_server.url}"]
    result = run("--swe-db", *urls, option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])
    assert "Traceback" not in result.stdout.str() + result.stderr.str()


def test_a_living_run_is_not_swept(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database of a run that lives stays, however old it is; when the run ends it is swept."""
    server = url_postgres(Config(postgres_url=postgres.url)).start()
    living, sweeper = (Cluster(server, locale="C", timezone="UTC") for _ in range(2))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - DEAD_AFTER - 60)
    name = names.worker_name(living.run, "long")
    living.create(name)
    monkeypatch.undo()
    assert sweeper.sweep() == []
    living.close()
    while not (swept := sweeper.sweep()):  # the server notices a moment later
        time.sleep(0.01)
    assert swept == [name]
    sweeper.close()


def test_a_template_that_nobody_has_used_for_weeks_is_swept(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What counts is the last run that began with it, not when it was made; one that is being taken stays."""
    server = url_postgres(Config(postgres_url=postgres.url)).start()
    cluster, other = (Cluster(server, locale="C", timezone="UTC") for _ in range(2))
    now = time.time()
    unused, wanted, taken, made_today = (names.template_name(secrets.token_hex(12)) for _ in range(4))
    monkeypatch.setattr(time, "time", lambda: now - UNUSED_AFTER - 60)
    for name in (unused, wanted, taken):
        cluster.create(name)
    monkeypatch.undo()
    cluster.create(made_today)
    assert cluster.use(wanted)
    with other.lock(taken):
        assert cluster.sweep() == [unused]
    assert not cluster.use(unused)
    for name in (wanted, taken, made_today):
        assert cluster.exists(name)
        cluster.drop(name)
    cluster.close()
    other.close()
