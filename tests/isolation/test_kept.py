"""The session below `swe_db` is kept from test to test, and nothing of its use is seen by the next one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import psycopg
import pytest
from psycopg.rows import dict_row

from swe_db.isolation.kept import Kept
from swe_db.servers.server import PostgresServer

Connection = psycopg.Connection[Any]

# What shows in SQL of what the acts below do.
SEEN: Final = """
SELECT current_user, session_user, current_setting('role'), current_setting('work_mem'), current_setting('search_path'),
  current_setting('client_encoding'), current_setting('default_transaction_isolation'), pg_my_temp_schema() = 0,
  (SELECT count(*) FROM pg_listening_channels()), (SELECT count(*) FROM pg_cursors),
  (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'),
  (SELECT count(*) FROM pg_prepared_statements), current_setting('kept.tenant', true) IS NULL,
  current_setting('statement_timeout')
"""
STATEMENTS: Final = {
    "a setting": "SET work_mem = '1MB'",
    "a search path": "SET search_path = pg_catalog",
    "an encoding": "SET client_encoding = 'latin1'",
    "a level": "SET default_transaction_isolation = 'serializable'",
    "a role": "SET ROLE pg_monitor",
    "another user": "SET SESSION AUTHORIZATION pg_monitor",
    "a setting of the schema's": "SET kept.tenant = '5'",
    "a setting of a transaction": "SELECT set_config('kept.tenant', '5', true)",
    "a temporary table": "CREATE TEMPORARY TABLE one (a int)",
    "a prepared statement": "PREPARE one AS SELECT 1",
    "a channel": "LISTEN one; NOTIFY one",
    "an advisory lock": "SELECT pg_advisory_lock(5)",
    "a cursor with hold": "DECLARE one CURSOR WITH HOLD FOR SELECT 1",
    "a time-out": "SET statement_timeout = '7h'",
}


def fail(connection: Connection, statement: str) -> None:
    """Run what the server refuses."""
    with pytest.raises(psycopg.Error):
        connection.execute(statement.encode())


def commit(connection: Connection, statement: str) -> None:
    """Run a statement for good."""
    connection.execute(statement.encode())
    connection.commit()


ACTS: Final[dict[str, Callable[[Connection], object]]] = {
    "nothing": lambda _: None,
    "an open transaction": lambda c: c.execute("SELECT 1"),
    "a savepoint": lambda c: c.execute("SAVEPOINT one"),
    "a failed transaction": lambda c: fail(c, "SELECT 1 / 0"),
    "a statement that psycopg prepares": lambda c: c.execute("SELECT 1", prepare=True),
    "autocommit": lambda c: c.set_autocommit(True),
    "a closed connection": lambda c: c.close(),
    "an ended session": lambda c: fail(c, "SELECT pg_terminate_backend(pg_backend_pid())"),
    "a pipeline": lambda c: c.pgconn.enter_pipeline_mode(),
    **{name: partial(commit, statement=statement) for name, statement in STATEMENTS.items()},
}
# What these leave cannot be told or undone, so that the session must be another one.
ENDED: Final = {
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
    shown: list[object] = []

    def look(connection: Connection) -> None:
        shown.append([connection.autocommit, list(connection.notifies(timeout=0)), *connection.execute(SEEN)])

    lend(kept, look)
    pid = lend(kept, ACTS[name])
    assert (lend(kept, look) != pid) == (name in ENDED)
    assert shown[0] == shown[1]


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
    with kept.lend() as connection:
        assert connection.info.backend_pid == pid
        connection.execute("DO $$ BEGIN RAISE NOTICE 'a'; END $$")
        assert connection.execute("SELECT %s + 1", [1]).fetchone() == (2,)
        assert (connection.cursor_factory, connection.prepare_threshold, told) == (psycopg.Cursor, 5, [])
        assert connection.isolation_level is None


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
    with kept.lend() as connection, pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
        connection.execute("SELECT lastval()")


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
        other.execute("SELECT pg_terminate_backend(%s, 60000)", [pid])
        assert kept.count() == 0
    assert lend(kept, ACTS["nothing"]) != pid


def test_a_database_whose_extension_may_remember_something_has_no_kept_session(kept: Kept, url: str) -> None:
    """With dblink, which keeps connections by name, each test gets a new session."""
    with psycopg.connect(url) as connection:
        connection.execute("CREATE EXTENSION dblink")
    assert lend(kept, ACTS["nothing"]) != lend(kept, ACTS["nothing"])
    assert kept.count() == 0
