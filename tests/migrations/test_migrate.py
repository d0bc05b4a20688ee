"""Migrating: what is applied, recorded, refused, and left alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg.rows import dict_row

from support.migrations import Steps, database_name, history, login, rows, tables, write
from swe_db.errors import ChecksumError, ConfigError, MigrationError, MigrationOrderError
from swe_db.migrations import migrate, plan, status
from swe_db.migrations.connections import conninfo_of

A = {"1000_a.sql": "CREATE TABLE a (id int);\n"}
B = {"1001_b.sql": "CREATE TABLE b (id int);\n"}
CONCURRENTLY = {"1001_i.sql": "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY a_id ON a (id);\n"}

NewDatabase = Callable[[], str]


def test_the_bundled_migrations_apply_once(new_database: NewDatabase) -> None:
    """The bundled files build the schema; a second run finds nothing to do."""
    url = new_database()
    first = migrate(url)
    assert first.applied[0].name == "001_initial_schema.sql"
    assert "users" in tables(url)
    second = migrate(url)
    assert second.applied == ()
    assert second.already_applied == tuple(file.name for file in first.applied)


def test_own_migrations_come_after_the_bundled_ones(new_database: NewDatabase, tmp_path: Path) -> None:
    """A file of one's own may build on the bundled tables."""
    url = new_database()
    directory = write(tmp_path, {"1000_a.sql": "CREATE TABLE a (owner bigint REFERENCES users);"})
    report = migrate(url, directories=[directory])
    assert [report.applied[0].name, report.applied[-1].name] == ["001_initial_schema.sql", "1000_a.sql"]


def test_what_is_recorded(new_database: NewDatabase, tmp_path: Path) -> None:
    """A row has the version, the name, the checksum, who, how long, and by which runner."""
    url = new_database()
    migrate(url, directories=[write(tmp_path, A | CONCURRENTLY)], bundled=False)
    columns = "version, name, length(checksum), status, transactional, applied_by, execution_ms >= 0, error"
    assert rows(url, f"SELECT {columns} FROM schema_migrations ORDER BY version") == [
        (1000, "1000_a.sql", 64, "applied", True, "postgres", True, None),
        (1001, "1001_i.sql", 64, "applied", False, "postgres", True, None),
    ]
    assert rows(url, "SELECT count(*) FROM schema_migrations WHERE runner_version IS NULL") == [(0,)]


def test_a_later_file_is_applied_on_top(new_database: NewDatabase, tmp_path: Path) -> None:
    """A second run applies only what is new."""
    url = new_database()
    migrate(url, directories=[write(tmp_path, A)], bundled=False)
    report = migrate(url, directories=[write(tmp_path, B)], bundled=False)
    assert [file.name for file in report.applied] == ["1001_b.sql"]
    assert report.already_applied == ("1000_a.sql",)


def test_line_ends_and_byte_order_marks_are_no_edit(new_database: NewDatabase, tmp_path: Path) -> None:
    """An applied file that was checked out with CRLF and a byte order mark is still the same."""
    url = new_database()
    migrate(url, directories=[write(tmp_path, A)], bundled=False)
    write(tmp_path, {"1000_a.sql": b"\xef\xbb\xbfCREATE TABLE a (id int);\r\n"})
    assert migrate(url, directories=[tmp_path], bundled=False).applied == ()


def test_content_beyond_ascii_arrives(new_database: NewDatabase, tmp_path: Path) -> None:
    """Names and strings of any script are stored as written, whatever the client's encoding would be."""
    url = new_database()
    write(tmp_path, {"1000_a.sql": "CREATE TABLE größe (\"имя\" text);\nINSERT INTO größe VALUES ('日本語 🎉');"})
    migrate(f"{url}?client_encoding=LATIN1", directories=[tmp_path], bundled=False)
    assert rows(url, 'SELECT "имя" FROM größe') == [("日本語 🎉",)]


def test_an_edited_file_is_named(new_database: NewDatabase, tmp_path: Path) -> None:
    """An applied file that was edited is refused by name, and nothing else is applied."""
    url = new_database()
    migrate(url, directories=[write(tmp_path, A)], bundled=False)
    write(tmp_path, {"1000_a.sql": "CREATE TABLE a (id bigint);"} | B)
    with pytest.raises(ChecksumError, match=r"1000_a\.sql was edited after it was applied"):
        migrate(url, directories=[tmp_path], bundled=False)
    assert "b" not in tables(url)


def test_a_renamed_file_is_named(new_database: NewDatabase, tmp_path: Path) -> None:
    """An applied file of another name is refused with its old name."""
    url = new_database()
    migrate(url, directories=[write(tmp_path / "one", A)], bundled=False)
    renamed = write(tmp_path / "two", {"1000_z.sql": A["1000_a.sql"]})
    with pytest.raises(ChecksumError, match=r"1000_z\.sql was renamed: .* as 1000_a\.sql"):
        migrate(url, directories=[renamed], bundled=False)


def test_a_missing_file_is_named(new_database: NewDatabase, tmp_path: Path) -> None:
    """An applied file that is gone, while a later one is there, is refused by name."""
    url = new_database()
    migrate(url, directories=[write(tmp_path, A | B)], bundled=False)
    (tmp_path / "1000_a.sql").unlink()
    with pytest.raises(ChecksumError, match=r"1000_a\.sql was applied, but its file is gone"):
        migrate(url, directories=[tmp_path], bundled=False)


def test_a_database_newer_than_the_files_is_refused(new_database: NewDatabase, tmp_path: Path) -> None:
    """A database with a later version than any file is refused with that file's name and where was looked."""
    url = new_database()
    migrate(url, directories=[write(tmp_path, A | B)], bundled=False)
    (tmp_path / "1001_b.sql").unlink()
    with pytest.raises(
        MigrationOrderError, match=r"(?s)newer than the files: 1001_b\.sql .*looked in " + str(tmp_path)
    ):
        migrate(url, directories=[tmp_path], bundled=False)
    with pytest.raises(MigrationOrderError, match=r"newer than the files: 1000_a\.sql .*--migrations"):
        migrate(url)


def test_a_database_newer_than_the_package_is_refused(new_database: NewDatabase, tmp_path: Path) -> None:
    """A bundled version that this package does not know means an older package, whatever numbers own files have."""
    url = new_database()
    directory = write(tmp_path, A)
    migrate(url, directories=[directory])
    rows(url, f"INSERT INTO schema_migrations (version, name, checksum) VALUES (900, '900_x.sql', '{'0' * 64}')")
    with pytest.raises(MigrationOrderError, match=r"newer than the files: 900_x\.sql .*Update swe-db"):
        migrate(url, directories=[directory])


def test_a_file_that_comes_too_late_is_refused_unless_allowed(new_database: NewDatabase, tmp_path: Path) -> None:
    """A time stamp before an applied one of its directory is refused, and applied on request."""
    url = new_database()
    migrate(url, directories=[write(tmp_path, {"20250301000000_b.sql": B["1001_b.sql"]})], bundled=False)
    write(tmp_path, {"20250201000000_a.sql": A["1000_a.sql"]})
    with pytest.raises(MigrationOrderError, match=r"20250201000000_a\.sql comes too late"):
        migrate(url, directories=[tmp_path], bundled=False)
    assert "a" not in tables(url)
    report = migrate(url, directories=[tmp_path], bundled=False, allow_out_of_order=True)
    assert [file.name for file in report.applied] == ["20250201000000_a.sql"]


def test_directories_are_in_order_each_for_itself(new_database: NewDatabase, tmp_path: Path) -> None:
    """A bundled file that a new release brings is not late because files of one's own have higher numbers."""
    url = new_database()
    migrate(url, directories=[write(tmp_path / "own", {"5000_b.sql": B["1001_b.sql"]})], bundled=False)
    other = write(tmp_path / "other", A)
    report = migrate(url, directories=[tmp_path / "own", other], bundled=False)
    assert [file.name for file in report.applied] == ["1000_a.sql"]


def test_a_gap_is_refused_unless_allowed(new_database: NewDatabase, tmp_path: Path) -> None:
    """A gap stops the run before anything is applied; it can be allowed."""
    url = new_database()
    write(tmp_path, A | {"1002_c.sql": "CREATE TABLE c (id int);"})
    with pytest.raises(MigrationOrderError, match="version 1001 is missing"):
        migrate(url, directories=[tmp_path], bundled=False)
    assert tables(url) == set()
    assert len(migrate(url, directories=[tmp_path], bundled=False, allow_gaps=True).applied) == 2


def test_a_dry_run_leaves_nothing(new_database: NewDatabase, tmp_path: Path) -> None:
    """A dry run tries what is transactional, says what it could not try, and leaves the database untouched."""
    url = new_database()
    report = migrate(url, directories=[write(tmp_path, A | CONCURRENTLY)], bundled=False, dry_run=True)
    assert [file.name for file in report.applied] == ["1000_a.sql"]
    assert report.not_tried == ("1001_i.sql",)
    assert report.dry_run
    assert tables(url) == set()


def test_a_dry_run_finds_errors(new_database: NewDatabase, tmp_path: Path) -> None:
    """A dry run fails where a real one would, with nothing left."""
    url = new_database()
    write(tmp_path, A | {"1001_b.sql": "CREATE TABLE a (id int);"})
    with pytest.raises(MigrationError, match=r"1001_b\.sql:1:1: relation \"a\" already exists"):
        migrate(url, directories=[tmp_path], bundled=False, dry_run=True)
    assert tables(url) == set()


def test_plan_and_status_change_nothing(new_database: NewDatabase, tmp_path: Path) -> None:
    """The plan lists what is pending, the status the state of each; neither writes."""
    url = new_database()
    write(tmp_path, A | B)
    assert [file.name for file in plan(url, directories=[tmp_path], bundled=False).pending] == [
        "1000_a.sql",
        "1001_b.sql",
    ]
    assert [row.state for row in status(url, directories=[tmp_path], bundled=False)] == ["pending", "pending"]
    assert tables(url) == set()
    migrate(url, directories=[tmp_path], bundled=False)
    write(tmp_path, {"1000_a.sql": "SELECT 2", "1002_c.sql": "SELECT 1"})
    (tmp_path / "1001_b.sql").unlink()
    states = [(row.name, row.state) for row in status(url, directories=[tmp_path], bundled=False)]
    assert states == [("1000_a.sql", "edited"), ("1001_b.sql", "missing"), ("1002_c.sql", "pending")]


def test_an_open_connection_is_given_back_as_it_was(new_database: NewDatabase, tmp_path: Path) -> None:
    """A connection keeps its settings, its role, its transaction mode and its row factory, and is not closed."""
    url = new_database()
    write(tmp_path, A | CONCURRENTLY)
    with psycopg.connect(url, row_factory=dict_row) as connection:
        connection.execute("SET search_path = pg_catalog")
        connection.execute("SET application_name = 'mine'")
        connection.execute("SET lock_timeout = '7s'")
        connection.commit()
        assert len(migrate(connection, directories=[tmp_path], bundled=False).applied) == 2
        assert not connection.autocommit
        settings = "SELECT current_setting('search_path') AS path, current_setting('application_name') AS name, "
        settings += (
            "current_setting('lock_timeout') AS timeout, current_setting('client_connection_check_interval') AS lost"
        )
        after = connection.execute(settings.encode()).fetchone()
        assert after == {"path": "pg_catalog", "name": "mine", "timeout": "7s", "lost": "0"}
    assert history(url) == [(1000, "applied"), (1001, "applied")]


def test_an_open_connection_that_failed_is_given_back_too(new_database: NewDatabase, tmp_path: Path) -> None:
    """After an error the connection is outside a transaction and usable."""
    url = new_database()
    write(tmp_path, {"1000_a.sql": "CREATE TABLE a (id int); SELECT 1/0;"})
    with psycopg.connect(url) as connection:
        with pytest.raises(MigrationError, match="division by zero"):
            migrate(connection, directories=[tmp_path], bundled=False)
        assert connection.execute("SELECT to_regclass('a'), current_setting('search_path')").fetchone() == (
            None,
            '"$user", public',
        )


def test_an_open_connection_must_be_outside_a_transaction(new_database: NewDatabase, tmp_path: Path) -> None:
    """A connection in a transaction or a closed one is refused with what to do; the transaction is not touched."""
    write(tmp_path, A)
    with psycopg.connect(new_database()) as connection:
        connection.execute("CREATE TABLE mine (id int)")
        with pytest.raises(MigrationError, match=r"is in a transaction\. Commit or roll it back first"):
            migrate(connection, directories=[tmp_path], bundled=False)
        assert connection.execute("SELECT count(*) FROM mine").fetchone() == (0,)
    with pytest.raises(MigrationError, match="connection given is closed"):
        migrate(connection, directories=[tmp_path], bundled=False)


def test_a_role_that_an_open_connection_has_set_is_kept(new_database: NewDatabase, tmp_path: Path) -> None:
    """Files run as the role that the connection had set, also after a file that sets another."""
    url = new_database()
    with login(url) as (role, _), psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"GRANT CREATE ON SCHEMA public TO {role}".encode())
        connection.execute(f"SET ROLE {role}".encode())
        write(tmp_path, {"1000_a.sql": "CREATE TABLE a (id int); RESET ROLE; SET search_path = pg_catalog;"} | B)
        migrate(connection, directories=[tmp_path], bundled=False)
        assert connection.execute("SELECT current_user").fetchone() == (role,)
        owners = rows(url, "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
        assert owners == [(role,)]


def test_what_a_file_sets_does_not_reach_the_next(new_database: NewDatabase, tmp_path: Path) -> None:
    """A search_path that a file leaves behind is put back, for the bookkeeping and for the next file."""
    url = new_database()
    write(tmp_path, {"1000_a.sql": "CREATE SCHEMA other; SET search_path = other; CREATE TABLE a (id int);"} | B)
    migrate(f"{url}?options=-csearch_path%3Dpg_catalog", directories=[tmp_path], bundled=False)
    found = rows(url, "SELECT schemaname, tablename FROM pg_tables WHERE tablename IN ('a', 'b') ORDER BY tablename")
    assert found == [("other", "a"), ("public", "b")]


def test_a_table_of_another_tool_is_refused(new_database: NewDatabase, tmp_path: Path) -> None:
    """A schema_migrations with other columns is left alone and explained."""
    url = new_database()
    rows(url, "CREATE TABLE schema_migrations (version varchar PRIMARY KEY)")
    with pytest.raises(MigrationError, match="of another tool: it lacks applied_at"):
        migrate(url, directories=[write(tmp_path, A)], bundled=False)


def test_a_user_without_rights_is_told(new_database: NewDatabase, tmp_path: Path) -> None:
    """A user who may not create tables learns which right is missing; nothing is left."""
    url = new_database()
    refused = pytest.raises(MigrationError, match=r"User \w+ may not create tables in schema public")
    with login(url) as (_, there), refused as caught:
        migrate(there, directories=[write(tmp_path, A)], bundled=False)
    assert str(urlsplit(there).password) not in str(caught.value)
    assert tables(url) == set()


def test_a_read_only_database_is_refused(new_database: NewDatabase, tmp_path: Path) -> None:
    """Where transactions are read-only by default, nothing is tried, and the message says which setting it is."""
    url = new_database()
    name = database_name(url)
    rows(url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(MigrationError, match="default_transaction_read_only is on"):
        migrate(url, directories=[write(tmp_path, A)], bundled=False)


def test_notices_are_passed_on(new_database: NewDatabase, tmp_path: Path) -> None:
    """What a file says with RAISE NOTICE arrives; that something exists already does not."""
    steps = Steps([])
    write(tmp_path, {"1000_a.sql": "DROP TABLE IF EXISTS x; DO $$BEGIN RAISE NOTICE 'no CREATEROLE'; END$$;"})
    migrate(new_database(), directories=[tmp_path], bundled=False, on_step=steps)
    assert steps.messages("notice") == ["NOTICE: no CREATEROLE"]
    assert [step.event for step in steps.said] == ["applying", "notice", "applied"]


@pytest.mark.parametrize(
    ("url", "missing"),
    [
        ("postgresql://user@/db", "host"),
        ("postgresql://user@127.0.0.1", "database"),
        ("dbname=x", "host"),
        ("", "host"),
    ],
)
def test_the_environment_does_not_choose_the_server(monkeypatch: pytest.MonkeyPatch, url: str, missing: str) -> None:
    """A URL without host or database is refused although PGHOST and PGDATABASE are set."""
    monkeypatch.setenv("PGHOST", "production")
    monkeypatch.setenv("PGDATABASE", "production")
    with pytest.raises(ConfigError, match=f"names no {missing}"):
        migrate(url)


def test_a_url_without_a_port_means_5432(monkeypatch: pytest.MonkeyPatch) -> None:
    """PGPORT does not choose the port of a URL that names none."""
    monkeypatch.setenv("PGPORT", "1")
    assert conninfo_of("postgresql://u@h/d")["port"] == "5432"


def test_the_environment_does_not_redirect(
    new_database: NewDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PGHOSTADDR, PGHOST, PGPORT and PGDATABASE do not send a complete URL elsewhere."""
    url = new_database()
    for name, value in {"PGHOSTADDR": "192.0.2.1", "PGHOST": "192.0.2.1", "PGPORT": "1", "PGDATABASE": "no"}.items():
        monkeypatch.setenv(name, value)
    assert len(migrate(url, directories=[write(tmp_path, A)], bundled=False).applied) == 1
