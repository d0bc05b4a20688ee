"""The session below `swe_db` is kept from test to test, and nothing of its use is seen by the next one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from swe_db.isolation.kept import Kept
from swe_db.servers.server import PostgresServer

Connection = psycopg.Connection[Any]

# What shows in SQL of what the acts below do.
SEEN = """
SELECT current_user, session_user, current_setting('role'), current_setting('work_mem'), current_setting('search_path'),
  current_setting('client_encoding'), current_setting('default_transaction_isolation'), pg_my_temp_schema() = 0,
  (SELECT count(*) FROM pg_listening_channels()), (SELECT count(*) FROM pg_cursors),
  (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'),
  (SELECT count(*) FROM pg_prepared_statements), current_setting('kept.tenant', true) IS NULL
"""
ACTS: dict[str, Callable[[Connection], object]] = {
    "nothing": lambda c: None,
    "an open transaction": lambda c: c.execute("SELECT 1"),
    "a failed transaction": lambda c: pytest.raises(psycopg.Error, c.execute, "SELECT 1 / 0"),
    "a savepoint": lambda c: c.execute("SAVEPOINT one"),
    "a setting": lambda c: (c.execute("SET work_mem = '1MB'"), c.commit()),
    "a search path": lambda c: (c.execute("SET search_path = pg_catalog"), c.commit()),
    "an encoding": lambda c: (c.execute("SET client_encoding = 'latin1'"), c.commit()),
    "a level": lambda c: (c.execute("SET default_transaction_isolation = 'serializable'"), c.commit()),
    "a role": lambda c: (c.execute("SET ROLE pg_monitor"), c.commit()),
    "another user": lambda c: (c.execute("SET SESSION AUTHORIZATION pg_monitor"), c.commit()),
    "a setting of the schema's": lambda c: (c.execute("SET kept.tenant = '5'"), c.commit()),
    "a setting of a transaction": lambda c: (c.execute("SELECT set_config('kept.tenant', '5', true)"), c.commit()),
    "a temporary table": lambda c: (c.execute("CREATE TEMPORARY TABLE one (a int)"), c.commit()),
    "a prepared statement": lambda c: (c.execute("PREPARE one AS SELECT 1"), c.commit()),
    "a statement that psycopg prepares": lambda c: (c.execute("SELECT 1", prepare=True), c.commit()),
    "a channel": lambda c: (c.execute("LISTEN one; NOTIFY one"), c.commit()),
    "an advisory lock": lambda c: (c.execute("SELECT pg_advisory_lock(5)"), c.commit()),
    "a cursor with hold": lambda c: (c.execute("DECLARE one CURSOR WITH HOLD FOR SELECT 1"), c.commit()),
    "a time-out": lambda c: (c.execute("SET statement_timeout = 1"), c.commit()),
    "autocommit": lambda c: c.set_autocommit(True),
    "a closed connection": lambda c: c.close(),
    "an ended session": lambda c: pytest.raises(
        psycopg.Error, c.execute, "SELECT pg_terminate_backend(pg_backend_pid())"
    ),
    "a pipeline": lambda c: c.pipeline().__enter__(),
}
# What these leave cannot be told or undone, so that the session must be another one.
ENDED = {
    "a setting of the schema's",
    "a setting of a transaction",
    "a temporary table",
    "a closed connection",
    "an ended session",
    "a pipeline",
}


@pytest.fixture
def url(new_database: Callable[[], str]) -> str:
    """A database whose own code asks for a setting."""
    url = new_database()
    with psycopg.connect(url) as connection:
        connection.execute(
            "CREATE FUNCTION tenant () RETURNS text LANGUAGE sql AS $$ SELECT current_setting('kept.tenant', true) $$"
        )
    return url


@pytest.fixture
def kept(postgres: PostgresServer, url: str) -> Iterator[Kept]:
    """What keeps a session of it."""
    kept = Kept(postgres.admin.database(url.rpartition("/")[2]))
    yield kept
    kept.close()


def lend(kept: Kept, act: Callable[[Connection], object]) -> int:
    """Let a test have the connection, and return the process behind it."""
    connection = kept.lend()
    pid = connection.info.backend_pid
    act(connection)
    kept.take_back(connection)
    return pid


@pytest.mark.parametrize("name", ACTS)
def test_nothing_that_a_test_did_is_seen_by_the_next(kept: Kept, name: str) -> None:
    """After each act the connection shows what a new one shows, and it is kept unless the act is beyond repair."""
    lend(kept, ACTS["nothing"])
    fresh = kept.lend().execute(SEEN).fetchall()
    pid = lend(kept, ACTS[name])
    connection = kept.lend()
    assert connection.execute(SEEN).fetchall() == fresh
    assert (connection.info.backend_pid != pid) == (name in ENDED)
    assert not connection.autocommit
    assert list(connection.notifies(timeout=0)) == []
    connection.close()


def test_the_object_is_as_new(kept: Kept) -> None:
    """Row factory, cursor factory, adapters, handlers and threshold are those of a new psycopg connection."""
    told: list[object] = []

    def change(connection: Connection) -> None:
        connection.row_factory = dict_row
        connection.cursor_factory = psycopg.ClientCursor
        connection.prepare_threshold = None
        connection.adapters.register_dumper(int, psycopg.adapters.get_dumper(str, psycopg.adapt.PyFormat.TEXT))
        connection.add_notice_handler(told.append)
        connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE

    pid = lend(kept, change)
    connection = kept.lend()
    assert connection.info.backend_pid == pid
    assert connection.execute("DO $$ BEGIN RAISE NOTICE 'a'; END $$").rowcount == -1
    assert connection.execute("SELECT %s + 1", [1]).fetchone() == (2,)
    assert (connection.cursor_factory, connection.prepare_threshold, told) == (psycopg.Cursor, 5, [])
    assert connection.isolation_level is None
    connection.close()


def test_random_numbers_do_not_repeat(kept: Kept) -> None:
    """A test that seeds random() does not choose the numbers of the next."""
    numbers = set()
    for _ in range(2):
        lend(kept, lambda connection: connection.execute("SELECT setseed(0.5)"))
        lend(kept, lambda connection: numbers.add(connection.execute("SELECT random()").fetchone()))
    assert len(numbers) == 2


def test_the_last_value_is_forgotten(kept: Kept) -> None:
    """A sequence that the test before advanced has no last value in this session."""
    lend(kept, lambda connection: connection.execute("CREATE SEQUENCE one; SELECT nextval('one')"))
    connection = kept.lend()
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
        connection.execute("SELECT lastval()")
    connection.close()


def test_a_connection_that_a_test_holds_on_to_is_closed(kept: Kept) -> None:
    """The object of the test before is closed, and does not reach the session that the next test has."""
    connection = kept.lend()
    kept.take_back(connection)
    assert connection.closed
    assert kept.count() == 1
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")


@pytest.mark.parametrize("held", ["cursor", "pgconn", "info"])
def test_what_still_reaches_the_session_ends_it(kept: Kept, held: str) -> None:
    """A cursor that somebody holds on to could be used, so that its session is not lent again."""
    connection = kept.lend()
    rest = getattr(connection, held)
    rest = rest() if held == "cursor" else rest
    pid = connection.info.backend_pid
    kept.take_back(connection)
    assert kept.count() == 0
    assert lend(kept, ACTS["nothing"]) != pid
    del rest


def test_a_session_that_was_ended_meanwhile_is_not_counted(kept: Kept, url: str) -> None:
    """What another connection of a test ends is no companion any more, and the next test gets a new session."""
    pid = lend(kept, ACTS["nothing"])
    assert kept.count() == 1
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        assert kept.count() == 0
    assert lend(kept, ACTS["nothing"]) != pid


def test_a_database_whose_extension_may_remember_something_has_no_kept_session(kept: Kept, url: str) -> None:
    """With dblink, which keeps connections by name, each test gets a new session."""
    with psycopg.connect(url) as connection:
        connection.execute("CREATE EXTENSION dblink")
    assert lend(kept, ACTS["nothing"]) != lend(kept, ACTS["nothing"])
    assert kept.count() == 0
