"""On a server that allows less than the reset needs, tests are isolated as well as it allows, and the header tells."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from psycopg import sql

from swe_db.isolation.ability import ability_of
from swe_db.servers.address import PostgresAddress
from swe_db.servers.server import PostgresServer, RedisServer

RunPytest = Callable[..., pytest.RunResult]

COMMITS = """
import psycopg, pytest

def users(connection):
    return connection.execute("SELECT count(*) FROM users").fetchone()[0]

@pytest.mark.parametrize("number", range(3))
def test_commits(swe_database, swe_db, number):
    assert users(swe_db) == 5
    swe_db.execute("INSERT INTO users (username, email, display_name) VALUES ('kim', 'kim@example.org', 'Kim')")
    swe_db.commit()
    swe_db.execute("DELETE FROM tasks")
    swe_db.rollback()
    assert users(swe_db) == 6
"""
SECOND_CONNECTION = """
def test_another_connection_sees_it(swe_database, swe_db):
    swe_db.execute("INSERT INTO tasks (project_id, title) SELECT min(id), 'seen' FROM projects")
    swe_db.commit()
    with swe_database.connect() as other:
        assert other.execute("SELECT count(*) FROM tasks").fetchone() == (1,)
"""
AUTOCOMMIT = """
def test_autocommit(swe_database):
    swe_database.connect(autocommit=True)
"""
CLONE = """
import pytest

@pytest.mark.swe_db(isolation="clone")
def test_it(swe_database):
    pass
"""
LOADS = """
import pytest

@pytest.fixture(scope="session")
def loaded(swe_worker):
    swe_worker.load("SELECT 1")

def test_it(loaded, swe_database):
    pass
"""
SEEDED = """
import pytest

@pytest.mark.swe_db(seeds="orders")
@pytest.mark.parametrize("turn", range(2))
def test_with(swe_db, turn):
    assert swe_db.execute("SELECT count(*) FROM orders").fetchone() == (3,)
    swe_db.execute("DELETE FROM orders")
    swe_db.commit()

def test_without(swe_db):
    assert swe_db.execute("SELECT to_regclass('orders')").fetchone() == (None,)
"""


@pytest.fixture
def seeds(pytester: pytest.Pytester) -> str:
    """The flag of a directory with a seed set that is asked for by name."""
    directory = pytester.mkdir("seeds") / "orders"
    directory.mkdir()
    text = "CREATE TABLE orders (id int); INSERT INTO orders SELECT generate_series(1, 3);"
    directory.joinpath("10_orders.sql").write_text(text, encoding="utf-8")
    return f"--swe-db-seeds={directory.parent}"


def role_of(url: str) -> str:
    """The user of a URL."""
    return PostgresAddress.parse(url, "the URL").user


@pytest.fixture
def powerless_url(postgres: PostgresServer, ordinary_url: str) -> str:
    """The URL of a user who may not create databases, in one of their own."""
    role = sql.Identifier(role_of(ordinary_url))
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER ROLE {} NOCREATEDB").format(role))
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(role, role))
    return f"{ordinary_url.rpartition('/')[0]}/{role_of(ordinary_url)}"


@pytest.fixture
def run_on(run: RunPytest, redis_server: RedisServer) -> RunPytest:
    """Runs pytest on a Postgres that the user names."""

    def run_on(url: str, *arguments: str) -> pytest.RunResult:
        return run("--swe-db", f"--swe-db-postgres-url={url}", f"--swe-db-redis-url={redis_server.url}", *arguments)

    return run_on


def test_the_ability_is_what_the_server_allows(postgres: PostgresServer, ordinary_url: str, powerless_url: str) -> None:
    """A superuser gets the reset, who may create databases clones, all others roll back, each with a remedy."""
    found = ability_of(PostgresAddress.parse(postgres.url, "the URL"))
    assert (found.kind, found.reason) == ("reset", "")
    found = ability_of(PostgresAddress.parse(powerless_url, "the URL"))
    assert found.kind == "rollback"
    assert f"ALTER ROLE {role_of(ordinary_url)} CREATEDB" in found.reason
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER ROLE {} CREATEDB").format(sql.Identifier(role_of(ordinary_url))))
    found = ability_of(PostgresAddress.parse(ordinary_url, "the URL"))
    assert found.kind == "clone"
    assert f"ALTER ROLE {role_of(ordinary_url)} SUPERUSER" in found.reason


def test_a_superuser_resets(pytester: pytest.Pytester, run_on: RunPytest, postgres: PostgresServer) -> None:
    """With the strongest isolation the header has nothing to say about it."""
    pytester.makepyfile(COMMITS + SECOND_CONNECTION)
    result = run_on(postgres.url)
    result.assert_outcomes(passed=4)
    result.stdout.no_fnmatch_line("*isolation by*")


def test_who_may_create_databases_clones(pytester: pytest.Pytester, run_on: RunPytest, ordinary_url: str) -> None:
    """Tests commit on a server whose user is no superuser."""
    pytester.makepyfile(COMMITS + SECOND_CONNECTION)
    result = run_on(ordinary_url)
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines([f"*isolation by clone: *ALTER ROLE {role_of(ordinary_url)} SUPERUSER*"])


def test_who_may_not_rolls_back(pytester: pytest.Pytester, run_on: RunPytest, powerless_url: str) -> None:
    """Commits end at savepoints, and after the run the database holds what it held before."""
    pytester.makepyfile(COMMITS)
    result = run_on(powerless_url)
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines([f"*isolation by rollback: *ALTER ROLE {role_of(powerless_url)} CREATEDB*"])
    run_on(powerless_url).assert_outcomes(passed=3)
    with psycopg.connect(powerless_url) as connection:
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (5,)


@pytest.mark.parametrize("user", ["postgres", "ordinary_url"])
def test_seeds_by_name_need_no_superuser(
    pytester: pytest.Pytester, run_on: RunPytest, request: pytest.FixtureRequest, seeds: str, user: str
) -> None:
    """On a server that is shared marked tests have their seeds, also where the user may create databases only."""
    found = request.getfixturevalue(user)
    pytester.makepyfile(SEEDED)
    for _ in range(2):
        run_on(getattr(found, "url", found), seeds).assert_outcomes(passed=3)


@pytest.mark.parametrize(
    "case",
    [
        (SEEDED, "*seeds=*'orders'* needs a database of the worker's own*ALTER ROLE * CREATEDB*"),
        (AUTOCOMMIT, '*cannot be autocommit*isolation="clone"*'),
        (CLONE, '*isolation="clone"*ALTER ROLE * CREATEDB*'),
        (LOADS, "*swe_worker.load() needs a database of the worker's own*ALTER ROLE * CREATEDB*"),
    ],
    ids=["seeds", "autocommit", "clone", "load"],
)
def test_what_rollback_cannot_do_is_refused(
    pytester: pytest.Pytester, run_on: RunPytest, powerless_url: str, seeds: str, case: tuple[str, str]
) -> None:
    """What would reach the next test is an error that says what to do."""
    test, message = case
    pytester.makepyfile(test)
    result = run_on(powerless_url, seeds)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([message])


def test_a_database_of_others_is_not_used(pytester: pytest.Pytester, run_on: RunPytest, powerless_url: str) -> None:
    """A database that holds tables of somebody else is never migrated, and the table is named."""
    with psycopg.connect(powerless_url) as connection:
        connection.execute("CREATE TABLE precious (id int)")
    pytester.makepyfile(COMMITS)
    result = run_on(powerless_url)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*precious*not ours*ALTER ROLE {role_of(powerless_url)} CREATEDB*"])


def test_a_user_who_may_do_nothing_is_told(
    pytester: pytest.Pytester, run_on: RunPytest, postgres: PostgresServer, ordinary_url: str
) -> None:
    """Without any right the run ends with what is missing and how to grant it."""
    role = role_of(ordinary_url)
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER ROLE {} NOCREATEDB").format(sql.Identifier(role)))
    pytester.makepyfile(COMMITS)
    result = run_on(ordinary_url)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*may not create*ALTER ROLE {role} CREATEDB*"])
