"""The fixture `swe_faults`: the application goes through the proxies, and all that goes wrong ends with the test."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from swe_db.servers.server import PostgresServer, RedisServer

RunPytest = Callable[..., pytest.RunResult]

APPLICATION = '''
import os
import subprocess
import sys
import threading

import psycopg
import pytest
import redis
from sqlalchemy import create_engine, text
from swe_db.errors import AmbiguousResultError, ConfigError
from swe_db.redis import CacheManager, RedisClient

ADD = "INSERT INTO users (username, email, display_name) VALUES ('kim', 'kim@example.org', 'Kim')"
COUNT = "SELECT count(*) FROM users"

def add_user():
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        connection.execute(ADD)

def test_a_process_goes_through_the_proxy(swe_env, swe_faults, swe_database):
    assert os.environ["DATABASE_URL"] == swe_faults.postgres.url == swe_env["DATABASE_URL"] != swe_database.url
    assert os.environ["REDIS_URL"] == swe_faults.redis.url
    assert os.environ["PGPORT"] == str(swe_faults.postgres.port) != str(swe_database.port)
    code = "import psycopg; psycopg.connect().execute('SELECT 42')"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert swe_faults.postgres.count("SELECT 42") == 1

@pytest.mark.swe_db
def test_without_it_nothing_does():
    assert os.environ["DATABASE_URL"].startswith("postgresql://postgres:")
    add_user()

@pytest.mark.swe_db
def test_a_lost_commit(swe_faults, swe_db):
    swe_faults.postgres.drop_replies("COMMIT")
    with pytest.raises(psycopg.OperationalError):
        add_user()
    assert swe_db.execute(COUNT).fetchone() == (6,)

def test_a_lost_reply_of_redis(swe_faults, swe_redis):
    with RedisClient(swe_faults.redis.url) as client:
        swe_faults.redis.drop_replies("INCRBY", times=None)
        with pytest.raises(AmbiguousResultError):
            CacheManager(client).incr("visits")
    assert swe_redis.keys() != []

def test_everything_at_once(swe_faults, swe_database, swe_redis):
    with psycopg.connect(swe_faults.postgres.url) as connection, redis.Redis.from_url(swe_faults.redis.url) as client:
        client.ping()
        with swe_faults.outage():
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")
            with pytest.raises(redis.ConnectionError):
                client.ping()
            swe_redis.ping()
            swe_database.connect().execute("SELECT 1")
        client.ping()
        swe_faults.cut()
        swe_faults.refuse()
        swe_faults.accept()
        with swe_faults.latency(0.001):
            client.ping()
        swe_faults.restore()

def test_what_a_cut_leaves_is_no_leak(swe_faults, swe_database):
    """The statement of this test goes on after the cut."""
    watching = swe_database.connect(autocommit=True)
    open_one = psycopg.connect(swe_faults.postgres.url)
    open_one.execute(ADD)
    busy = psycopg.connect(swe_faults.postgres.url)
    errors = []
    def sleep():
        try:
            busy.execute("SELECT pg_sleep(60)")
        except psycopg.OperationalError as error:
            errors.append(error)
    sleeping = threading.Thread(target=sleep)
    sleeping.start()
    query = "SELECT FROM pg_stat_activity WHERE query LIKE '%(60)' AND pid <> pg_backend_pid() AND state = 'active'"
    while not watching.execute(query).fetchall():
        pass
    swe_faults.postgres.cut()
    sleeping.join()
    assert len(errors) == 1
    busy.close()
    open_one.close()

def test_no_proxy_is_left(swe_db):
    assert swe_db.execute(COUNT).fetchone() == (5,)
    assert not [thread.name for thread in threading.enumerate() if thread.name == "swe-db-proxy"]
'''

RESTARTS = '''
import psycopg
import pytest
import redis
from sqlalchemy import create_engine, text

ADD = "INSERT INTO users (username, email, display_name) VALUES ('kim', 'kim@example.org', 'Kim')"
COUNT = "SELECT count(*) FROM users"
BEGUN = "SELECT pg_postmaster_start_time()"

@pytest.fixture(scope="session")
def engine(swe_worker):
    engine = create_engine(swe_worker.url.replace("postgresql:", "postgresql+psycopg:"), pool_pre_ping=True)
    yield engine
    engine.dispose()

@pytest.fixture(scope="session")
def client(swe_worker):
    with redis.Redis.from_url(swe_worker.redis_url) as client:
        yield client

def check(engine, client):
    """Everything is as at the beginning."""
    with engine.connect() as connection:
        assert connection.execute(text(COUNT)).scalar() == 5
        assert connection.execute(text("SELECT count(*) FROM pg_prepared_xacts")).scalar() == 0
        assert connection.execute(text("SHOW max_connections")).scalar() == "100"
        assert connection.execute(text("SHOW work_mem")).scalar() == "4MB"
        assert connection.execute(text("INSERT INTO projects (owner_id, name, slug)"
            " SELECT min(id), 'x', 'x' FROM users RETURNING id")).scalar() == 6
    assert client.dbsize() == 0
    assert [int(value) for value in client.config_get("maxmemory").values()] == [0]
    assert len(client.acl_list()) == 2

def test_first(engine, client, swe_database, swe_redis):
    check(engine, client)

def test_postgres_restarts_with_its_data(engine, swe_faults, swe_database):
    with engine.begin() as connection:
        begun = connection.execute(text(BEGUN)).scalar()
        connection.execute(text(ADD))
    through = psycopg.connect(swe_faults.postgres.url)
    through.execute("SELECT 1")
    swe_faults.postgres.restart_server()
    with pytest.raises(psycopg.OperationalError, match="administrator"):
        through.execute("SELECT 1")
    with engine.connect() as connection:
        assert connection.execute(text(COUNT)).scalar() == 6
        assert connection.execute(text(BEGUN)).scalar() > begun
    with psycopg.connect(swe_faults.postgres.url) as connection:
        assert connection.execute(COUNT).fetchone() == (6,)

def test_and_is_pristine_again(engine, client, swe_database, swe_redis):
    check(engine, client)

def test_restarts_with_all_that_a_test_can_leave(engine, swe_faults, swe_db, swe_database):
    swe_db.execute(ADD)
    swe_db.commit()
    other = swe_database.connect(autocommit=True)
    other.execute("ALTER SYSTEM SET max_connections = 50")
    other.execute("ALTER SYSTEM SET work_mem = '1MB'")
    other.execute("CREATE ROLE stranger")
    other.execute("CREATE TABLE made (n int)")
    prepared = swe_database.connect()
    prepared.execute("UPDATE users SET display_name = 'x'")
    prepared.execute("PREPARE TRANSACTION 'left'")
    swe_faults.postgres.restart_server()
    swe_faults.postgres.restart_server()
    with swe_database.connect() as again:
        assert again.execute("SHOW max_connections").fetchone() == ("50",)
        again.execute("SELECT nextval(pg_get_serial_sequence('projects', 'id'))")
        again.commit()

def test_and_all_of_it_is_gone(engine, client, swe_database, swe_redis):
    check(engine, client)
    with swe_database.connect() as connection:
        assert connection.execute("SELECT FROM pg_roles WHERE rolname = 'stranger'").fetchall() == []
        assert connection.execute("SELECT to_regclass('made')").fetchone() == (None,)

def test_redis_restarts_with_its_data(client, swe_faults, swe_redis):
    swe_redis.set("kept", 1)
    swe_redis.set("ends", 1, ex=1000)
    swe_redis.config_set("maxmemory", 10**8)
    swe_redis.acl_setuser("stranger", enabled=True)
    begun = swe_redis.info("server")["run_id"]
    swe_faults.redis.restart_server()
    assert swe_redis.get("kept") == client.get("kept") == b"1"
    assert 990 < swe_redis.ttl("ends") <= 1000
    assert swe_redis.info("server")["run_id"] != begun
    swe_faults.redis.restart_server()
    with redis.Redis.from_url(swe_faults.redis.url) as through:
        assert through.get("kept") == b"1"

def test_and_is_empty_again(engine, client, swe_database, swe_redis):
    check(engine, client)

@pytest.mark.swe_db(isolation="clone")
def test_a_clone_is_replaced_too(swe_faults, swe_db):
    swe_db.execute(ADD)
    swe_db.commit()
    swe_faults.postgres.restart_server()

def test_after_a_clone(engine, client, swe_database, swe_redis):
    check(engine, client)

def test_one_that_fails_after_a_restart(swe_faults, swe_queries, swe_db):
    swe_db.execute(ADD)
    swe_db.commit()
    swe_faults.postgres.restart_server()
    swe_faults.redis.restart_server()
    assert not swe_queries

def test_after_the_failure(engine, client, swe_database, swe_redis):
    check(engine, client)
'''


@pytest.fixture
def patient(pytester: pytest.Pytester) -> None:
    """Lets the server take its time to notice that a connection has gone, which would be a leak."""
    pytester.makeconftest(
        "from swe_db.isolation import redis_reset, sessions\nredis_reset.GRACE = sessions.GRACE = 30.0"
    )


@pytest.mark.usefixtures("patient")
def test_the_application_goes_through_the_proxies(pytester: pytest.Pytester, run: RunPytest) -> None:
    """Its URLs lead there, the test's own connections do not, and nothing is left of it: no leak, thread or row."""
    pytester.makepyfile(APPLICATION)
    run("--swe-db", "--swe-db-strict-leaks").assert_outcomes(passed=7)


@pytest.mark.needs("local")
@pytest.mark.usefixtures("patient")
def test_a_restart_leaves_no_trace(pytester: pytest.Pytester, run: RunPytest) -> None:
    """Data and port stay for the test, and the next test finds all as at first, in a pool of the whole session too."""
    pytester.makepyfile(RESTARTS)
    result = run("--swe-db", "--swe-db-backend=local")
    result.assert_outcomes(passed=10, failed=1)
    left, failed = "test_restarts_with_all_that_a_test_can_leave: a prepared transaction: left", "test_one_that_fails"
    result.stdout.fnmatch_lines([f"*::{left}", f"FAILED *{failed}*"])
    assert result.stdout.str().count("::test_") == 2


def test_what_cannot_be_done_says_so(
    pytester: pytest.Pytester, run: RunPytest, postgres: PostgresServer, redis_server: RedisServer
) -> None:
    """A server of the user's is not restarted, a Redis in the process has no proxy; what can be done works."""
    pytester.makepyfile(
        """
        import os
        import psycopg
        import pytest
        from swe_db.errors import ConfigError

        @pytest.mark.swe_db
        def test_it(swe_faults):
            assert "REDIS_URL" not in os.environ
            with pytest.raises(ConfigError, match="serves others too, so it is not restarted"):
                swe_faults.postgres.restart_server()
            for call in (lambda: swe_faults.redis, swe_faults.cut, swe_faults.outage):
                with pytest.raises(ConfigError, match="no proxy before the Redis of the backend fake"):
                    call()
            with swe_faults.postgres.outage(), pytest.raises(psycopg.OperationalError):
                psycopg.connect(os.environ["DATABASE_URL"])
            swe_faults.restore()
            psycopg.connect(os.environ["DATABASE_URL"]).close()
        """
    )
    run("--swe-db", f"--swe-db-postgres-url={postgres.url}", "--swe-db-redis-backend=fake").assert_outcomes(passed=1)
