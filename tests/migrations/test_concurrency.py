"""Several migrators at once, and migrators that die."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from support.migrations import (
    Steps,
    database_name,
    finished,
    history,
    is_active,
    migrator,
    rows,
    sessions,
    tables,
    until,
    write,
)
from swe_db.errors import MigrationError, MigrationLockError, ServerError, StatementError
from swe_db.migrations import Step, migrate, seed
from swe_db.migrations.connections import _PINNED, connect
from swe_db.migrations.files import read_migrations
from swe_db.migrations.history import record
from swe_db.migrations.interrupted import wait_for_orphans
from swe_db.servers.server import PostgresServer

NewDatabase = Callable[[], str]

INDEX = {"1000_i.sql": "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY a_id ON a (id);\n"}
VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('a_id')"
MIGRATORS = "swe-db migrate"
HERE = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
LOCKS = "swe-db migrate, lock for pid %"


@contextlib.contextmanager
def open_transaction(url: str, statement: str) -> Iterator[psycopg.Connection]:
    """Keep a transaction open that has run one statement; roll it back at the end."""
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode())
        yield connection
        connection.rollback()


def test_eight_processes_apply_each_file_once(new_database: NewDatabase, tmp_path: Path) -> None:
    """Of eight processes that migrate one database at once all succeed, and each file is applied by exactly one."""
    url = new_database()
    files = {f"{1000 + n}_t.sql": f"CREATE TABLE t{n} (id int); SELECT pg_sleep(0.02);" for n in range(6)}
    write(tmp_path, files | {"1006_i.sql": "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY i ON t0 (id)"})
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(migrator(url, tmp_path)) for _ in range(8)]
        reports = [finished(process) for process in processes]
    applied = [file["name"] for report in reports for file in report["applied"]]
    assert sorted(applied) == [*sorted(files), "1006_i.sql"]
    assert all(len(report["applied"]) + len(report["already_applied"]) == 7 for report in reports)
    assert history(url) == [(version, "applied") for version in range(1000, 1007)]


def test_a_process_killed_in_a_transaction_leaves_nothing(new_database: NewDatabase, tmp_path: Path) -> None:
    """After kill -9 in the middle of a file nothing of it is there, and the next run applies it whole."""
    url = new_database()
    rows(url, "CREATE TABLE gate (id int)")
    write(tmp_path, {"1000_a.sql": "CREATE TABLE half (id int); LOCK TABLE gate; CREATE TABLE whole (id int);"})
    with open_transaction(url, "LOCK TABLE gate"), migrator(url, tmp_path) as process:
        until(lambda: is_active(url, "LOCK TABLE gate"), "the migrator to be in the middle")
        process.kill()
    until(lambda: sessions(url, f"{MIGRATORS}%") == 0, "the backends of the killed process to end")
    assert tables(url) == {"gate", "schema_migrations"}
    assert history(url) == []
    assert [file.name for file in migrate(url, directories=[tmp_path], bundled=False).applied] == ["1000_a.sql"]
    assert tables(url) == {"gate", "schema_migrations", "half", "whole"}


def test_a_process_killed_without_a_transaction_is_repeated(new_database: NewDatabase, tmp_path: Path) -> None:
    """After kill -9 in CREATE INDEX CONCURRENTLY the next run drops the invalid index and makes it anew."""
    url = new_database()
    rows(url, "CREATE TABLE a AS SELECT 1 AS id")
    write(tmp_path, INDEX)
    with open_transaction(url, "INSERT INTO a VALUES (2)"), migrator(url, tmp_path) as process:
        until(lambda: rows(url, VALID) == [(False,)], "the index to be begun")
        process.kill()
        until(lambda: sessions(url, f"{MIGRATORS}%") == 0, "the backends of the killed process to end")
    assert rows(url, VALID) == [(False,)]
    assert history(url) == [(1000, "running")]
    steps = Steps([])
    migrate(url, directories=[tmp_path], bundled=False, on_step=steps)
    assert steps.messages("repairing") == ["dropping the invalid index public.a_id that a broken run left"]
    assert rows(url, VALID) == [(True,)]
    assert history(url) == [(1000, "applied")]


def test_a_process_killed_after_its_index_was_made_is_completed(new_database: NewDatabase, tmp_path: Path) -> None:
    """A run that died between its CREATE INDEX CONCURRENTLY and the bookkeeping is completed, not repeated."""
    url = new_database()
    rows(url, "CREATE TABLE a AS SELECT 1 AS id")
    migrate(url, directories=[write(tmp_path, INDEX)], bundled=False)
    before = rows(url, "SELECT 'a_id'::regclass::oid")
    rows(url, "UPDATE schema_migrations SET status = 'running'")
    migrate(url, directories=[tmp_path], bundled=False)
    assert history(url) == [(1000, "applied")]
    assert rows(url, "SELECT 'a_id'::regclass::oid") == before


def test_an_index_concurrently_while_another_waits_for_the_lock(new_database: NewDatabase, tmp_path: Path) -> None:
    """CREATE INDEX CONCURRENTLY ends although another migrator waits for the lock: waiting holds no snapshot."""
    url = new_database()
    rows(url, "CREATE TABLE a AS SELECT 1 AS id")
    write(tmp_path, INDEX)
    with contextlib.ExitStack() as stack:
        with open_transaction(url, "INSERT INTO a VALUES (2)"):
            first = stack.enter_context(migrator(url, tmp_path))
            until(lambda: rows(url, VALID) == [(False,)], "the index to be begun")
            second = stack.enter_context(migrator(url, tmp_path))
            until(lambda: sessions(url, LOCKS) == 2, "the second migrator to wait for the lock")
        reports = [finished(first), finished(second)]
    assert [len(report["applied"]) for report in reports] == [1, 0]
    assert rows(url, VALID) == [(True,)]


@contextlib.contextmanager
def another_migrator(url: str, directory: Path) -> Iterator[None]:
    """Let another process be in the middle of a migration."""
    rows(url, "CREATE TABLE gate (id int)")
    write(directory, {"1000_a.sql": "LOCK TABLE gate IN EXCLUSIVE MODE"})
    with contextlib.ExitStack() as stack:
        with open_transaction(url, "LOCK TABLE gate"):
            process = stack.enter_context(migrator(url, directory))
            until(lambda: is_active(url, "LOCK TABLE gate IN EXCLUSIVE MODE"), "the other migrator to be in the middle")
            yield
        finished(process)


def test_a_time_out_names_the_holder_of_the_lock(new_database: NewDatabase, tmp_path: Path) -> None:
    """Who waited in vain learns the holder's pid, user, application, address, since when, and what it is doing."""
    url = new_database()
    steps = Steps([])
    with another_migrator(url, tmp_path):
        ((pid,),) = rows(url, f"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND {HERE}")
        with pytest.raises(MigrationLockError) as caught:
            migrate(url, directories=[tmp_path], bundled=False, lock_timeout=0.2, on_step=steps)
    message = str(caught.value)
    assert f"Waited 0.2 s for the migration lock. It is held by pid {pid} (user postgres, {MIGRATORS}, lock" in message
    assert "from 127.0.0.1" in message
    assert "UTC; its query: LOCK TABLE gate IN EXCLUSIVE MODE\n" in message
    assert f"pg_terminate_backend({pid})" in message
    assert steps.messages("waiting") == ["another migrator holds the lock"]


def test_seeds_take_the_same_lock(new_database: NewDatabase, tmp_path: Path) -> None:
    """Nobody seeds while another migrates."""
    url = new_database()
    seeds = write(tmp_path / "seeds", {"01_a.sql": "SELECT 1"})
    with another_migrator(url, tmp_path), pytest.raises(MigrationLockError, match="for the migration lock"):
        seed(url, directories=[seeds], bundled=False, lock_timeout=0.1)


def test_databases_have_locks_of_their_own(new_database: NewDatabase, tmp_path: Path) -> None:
    """A migrator at work in one database does not keep another out of a second one."""
    other = new_database()
    with another_migrator(new_database(), tmp_path):
        own = write(tmp_path / "own", {"1000_a.sql": "CREATE TABLE a (id int)"})
        assert len(migrate(other, directories=[own], bundled=False, lock_timeout=0.1).applied) == 1


def test_a_lost_lock_stops_the_run(new_database: NewDatabase, tmp_path: Path) -> None:
    """When the connection that holds the lock is cut, the next file is not begun; what was applied stays."""
    url = new_database()
    cut = "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE application_name LIKE '%lock for pid%'"
    cut += " AND datname = current_database();"
    write(tmp_path, {"1000_a.sql": f"CREATE TABLE a (id int); {cut}", "1001_b.sql": "CREATE TABLE b (id int);"})
    with pytest.raises(MigrationLockError, match="held the migration lock was lost"):
        migrate(url, directories=[tmp_path], bundled=False)
    assert history(url) == [(1000, "applied")]
    assert len(migrate(url, directories=[tmp_path], bundled=False).applied) == 1


def test_a_lost_connection_is_explained(new_database: NewDatabase, tmp_path: Path) -> None:
    """When the server ends the connection in the middle of a file, the message names the file."""
    url = new_database()
    write(tmp_path, {"1000_a.sql": "CREATE TABLE a (id int);\nSELECT pg_terminate_backend(pg_backend_pid());"})
    with pytest.raises(ServerError, match=r"(?s)1000_a\.sql:2:1: .*The connection was lost while 1000_a\.sql ran"):
        migrate(url, directories=[tmp_path], bundled=False)
    assert tables(url) == {"schema_migrations"}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the runner wait for a table's lock for a moment only, and try again at once."""
    monkeypatch.setattr("swe_db.migrations.connections._PINNED", {**_PINNED, "lock_timeout": "50ms"})
    monkeypatch.setattr("swe_db.migrations.apply._PAUSE", 0.01)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("head", ["", "-- migrate: no-transaction\n"])
def test_a_lock_in_the_way_is_waited_for_and_tried_again(new_database: NewDatabase, tmp_path: Path, head: str) -> None:
    """A statement that waits too long for a table's lock is tried again, and the user is told."""
    url = new_database()
    rows(url, "CREATE TABLE a (id int)")
    write(tmp_path, {"1000_a.sql": f"{head}ALTER TABLE a ADD b int"})
    retried: list[str] = []
    with open_transaction(url, "LOCK TABLE a") as blocker:

        def release(step: Step) -> None:
            if step.event == "retrying":
                retried.append(step.message)
                blocker.rollback()

        migrate(url, directories=[tmp_path], bundled=False, on_step=release)
    (message,) = retried
    assert message.startswith("another session is in the way, attempt 1 of 4: ")
    assert "canceling statement due to lock timeout" in message
    assert history(url) == [(1000, "applied")]


@pytest.mark.usefixtures("impatient")
def test_a_lock_that_stays_in_the_way_is_an_error(new_database: NewDatabase, tmp_path: Path) -> None:
    """After the last attempt the lock time-out is the error, with the place of the statement."""
    url = new_database()
    rows(url, "CREATE TABLE a (id int)")
    write(tmp_path, {"1000_a.sql": "\nALTER TABLE a ADD b int"})
    steps = Steps([])
    with open_transaction(url, "LOCK TABLE a"), pytest.raises(StatementError, match=r"1000_a\.sql:2:1: .*lock timeout"):
        migrate(url, directories=[tmp_path], bundled=False, on_step=steps)
    assert len(steps.messages("retrying")) == 3


def test_an_orphan_that_stays_is_named(new_database: NewDatabase) -> None:
    """A backend whose migrator has died, and which goes on, is named with its pid when the time is up."""
    url = new_database()
    with (
        psycopg.connect(url, application_name=MIGRATORS) as orphan,
        contextlib.closing(connect(url)) as connection,
    ):
        orphan.execute("SELECT 1")
        with pytest.raises(MigrationLockError, match=rf"left a backend at work: pid {orphan.info.backend_pid} "):
            wait_for_orphans(connection, 0.1)
        orphan.rollback()
        wait_for_orphans(connection, 0.1)


def test_an_open_connection_needs_a_second_one_for_the_lock(
    postgres: PostgresServer, new_database: NewDatabase, tmp_path: Path
) -> None:
    """Where no second connection can be had for the lock, the message says why it is needed and what to do."""
    url = new_database()
    name = database_name(url)
    with psycopg.connect(url) as connection:
        rows(postgres.url, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        with pytest.raises(MigrationLockError, match=r"(?s)lock needs a connection of its own.*Give a URL instead"):
            migrate(connection, directories=[write(tmp_path, {"1000_a.sql": "SELECT 1"})], bundled=False)
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_valid_index_is_never_dropped(new_database: NewDatabase, tmp_path: Path) -> None:
    """After a failure, an index of that name which is valid is not the broken run's: it stays, and is in the way."""
    url = new_database()
    rows(url, "CREATE TABLE a AS SELECT 1 AS id")
    migrate(url, directories=[write(tmp_path, INDEX)], bundled=False)
    rows(url, "UPDATE schema_migrations SET status = 'failed'")
    before = rows(url, "SELECT 'a_id'::regclass::oid")
    with pytest.raises(StatementError, match="already exists"):
        migrate(url, directories=[tmp_path], bundled=False)
    assert rows(url, "SELECT 'a_id'::regclass::oid") == before


def test_what_another_migrator_applied_is_not_recorded_twice(new_database: NewDatabase, tmp_path: Path) -> None:
    """Should two migrators ever apply one file, the second to record it is refused, and so rolled back."""
    url = new_database()
    migrate(url, directories=[write(tmp_path, {"1000_a.sql": "SELECT 1"})], bundled=False)
    (file,) = read_migrations([tmp_path], bundled=False)
    with contextlib.closing(connect(url)) as connection, pytest.raises(MigrationError, match="another migrator has"):
        record(connection, file, status="applied", transactional=True, milliseconds=0)


def test_a_dead_client_is_noticed_within_a_second(new_database: NewDatabase, tmp_path: Path) -> None:
    """While files run, the backend looks every second whether its client lives, so that orphans end."""
    url = new_database()
    setting = "CREATE TABLE seen AS SELECT current_setting('client_connection_check_interval') AS interval"
    migrate(url, directories=[write(tmp_path, {"1000_a.sql": setting})], bundled=False)
    assert rows(url, "SELECT interval FROM seen") == [("1s",)]


def test_a_run_waits_for_orphans(new_database: NewDatabase, tmp_path: Path) -> None:
    """Nothing is applied while the backend of a dead migrator is still at work."""
    url = new_database()
    write(tmp_path, {"1000_a.sql": "CREATE TABLE a (id int)"})
    with psycopg.connect(url, application_name=MIGRATORS) as orphan:
        orphan.execute("SELECT 1")
        with pytest.raises(MigrationLockError, match="left a backend at work"):
            migrate(url, directories=[tmp_path], bundled=False, lock_timeout=0.1)
    assert "a" not in tables(url)
