"""Verifying: the history against the files, the catalogue against what the files build."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from support.migrations import database_name, login, rows, write
from swe_db.errors import MigrationError, VerificationError
from swe_db.migrations import VerificationReport, create_database, migrate, seed, verify

NewDatabase = Callable[[], str]

FILES = {
    "1000_a.sql": """
        CREATE TABLE a (id int PRIMARY KEY CHECK (id > 0), name text NOT NULL DEFAULT 'x');
        COMMENT ON TABLE a IS 'first';
        COMMENT ON COLUMN a.name IS 'its name';
        CREATE INDEX a_name ON a (name);
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN new; END$$;
        CREATE TRIGGER a_f BEFORE UPDATE ON a FOR EACH ROW EXECUTE FUNCTION f();
        CREATE VIEW v AS SELECT id FROM a;
        CREATE SEQUENCE s;
        CREATE TYPE mood AS ENUM ('good', 'bad');
        ALTER TABLE a ENABLE ROW LEVEL SECURITY;
        CREATE POLICY p ON a USING (id = 1);
        GRANT SELECT ON a TO pg_monitor;
    """,
    "1001_i.sql": "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY a_id_name ON a (id, name)",
}
SCRATCH = "SELECT datname FROM pg_database WHERE datname LIKE 'swe_db_verify_%'"


@pytest.fixture
def migrated(new_database: NewDatabase, tmp_path: Path) -> str:
    """The URL of a database to which the files in `tmp_path` have been applied."""
    url = new_database()
    migrate(url, directories=[write(tmp_path, FILES)], bundled=False)
    return url


def check(url: str, directory: Path) -> VerificationReport:
    """Verify a database against the files of one directory."""
    return verify(url, directories=[directory], bundled=False)


def test_what_was_migrated_is_verified(migrated: str, tmp_path: Path) -> None:
    """A database fresh from its files has no problem and no drift, and the scratch database is gone."""
    report = check(migrated, tmp_path)
    assert (report.ok, report.applied, report.drift, report.extra, report.drift_unchecked) == (True, 2, (), (), None)
    report.raise_for_problems()
    assert rows(migrated, SCRATCH) == []


def test_the_bundled_schema_is_verified(new_database: NewDatabase) -> None:
    """The bundled schema shows no drift against itself, the comparison having seen its tables."""
    url = new_database()
    migrate(url)
    assert verify(url).ok
    rows(url, "ALTER TABLE users ALTER display_name DROP NOT NULL")
    assert "different column users.display_name" in [str(difference) for difference in verify(url).drift]


DRIFT = {
    "DROP INDEX a_name": "missing index a.a_name",
    "ALTER TABLE a ALTER name DROP NOT NULL": "different column a.name",
    "ALTER TABLE a ALTER name DROP DEFAULT": "different column a.name",
    "ALTER TABLE a ALTER name TYPE varchar": "different column a.name",
    "ALTER TABLE a ADD extra int": "extra column a.extra",
    "ALTER TABLE a DROP CONSTRAINT a_id_check": "missing constraint a.a_id_check",
    "ALTER TABLE a ADD CONSTRAINT c CHECK (name <> '') NOT VALID": "extra constraint a.c",
    "ALTER TABLE a DISABLE TRIGGER a_f": "different trigger a.a_f",
    "CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN old; END$$": (
        "different function f()"
    ),
    "ALTER FUNCTION f() SECURITY DEFINER": "different function f()",
    "CREATE OR REPLACE VIEW v AS SELECT id FROM a WHERE id > 1": "different view v",
    "ALTER SEQUENCE s INCREMENT 5": "different sequence s",
    "ALTER TYPE mood ADD VALUE 'mixed'": "different type mood",
    "ALTER TABLE a DISABLE ROW LEVEL SECURITY": "different table a",
    "ALTER POLICY p ON a USING (true)": "different policy a.p",
    "REVOKE SELECT ON a FROM pg_monitor": "missing grant a to pg_monitor",
    "GRANT INSERT ON a TO pg_monitor": "different grant a to pg_monitor",
    "GRANT UPDATE (name) ON a TO pg_monitor": "extra grant a.name to pg_monitor",
    "COMMENT ON TABLE a IS 'second'": "different comment a",
    "COMMENT ON COLUMN a.name IS NULL": "missing comment a.name",
    "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'a_name'::regclass": "different index a.a_name",
}


@pytest.mark.parametrize("statement", DRIFT)
def test_drift_is_found(migrated: str, tmp_path: Path, statement: str) -> None:
    """Each change by hand to an object of the files is reported as what it is, and nothing else is."""
    rows(migrated, statement)
    report = check(migrated, tmp_path)
    assert [str(difference) for difference in report.drift] == [DRIFT[statement]]
    assert not report.ok
    with pytest.raises(VerificationError, match="drift: "):
        report.raise_for_problems()


def test_what_an_application_made_itself_is_extra(migrated: str, tmp_path: Path) -> None:
    """Tables, views and functions that no file makes are listed, with all that belongs to them, and are no fault."""
    rows(
        migrated, "CREATE TABLE own (id int PRIMARY KEY); COMMENT ON TABLE own IS 'mine'; GRANT SELECT ON own TO PUBLIC"
    )
    report = check(migrated, tmp_path)
    assert report.ok
    assert {"extra table own", "extra index own.own_pkey"} <= {str(difference) for difference in report.extra}


def test_the_months_of_audit_logs_are_no_drift(new_database: NewDatabase, tmp_path: Path) -> None:
    """Partitions of audit_logs that were made later are not reported; its DEFAULT partition is, if it is lost."""
    url = new_database()
    table = "CREATE TABLE audit_logs (at timestamptz, CHECK (at > '2000-01-01')) PARTITION BY RANGE (at);"
    write(tmp_path, {"1000_a.sql": f"{table} CREATE TABLE audit_default PARTITION OF audit_logs DEFAULT;"})
    migrate(url, directories=[tmp_path], bundled=False)
    rows(url, "CREATE TABLE audit_1 PARTITION OF audit_logs FOR VALUES FROM ('2025-01-01') TO ('2025-02-01')")
    rows(url, "CREATE INDEX ON audit_1 (at)")
    report = check(url, tmp_path)
    assert (report.drift, report.extra) == ((), ())
    rows(url, "DROP TABLE audit_default")
    assert "missing table audit_default" in [str(difference) for difference in check(url, tmp_path).drift]


def test_files_and_history_that_differ_are_problems(migrated: str, tmp_path: Path) -> None:
    """What is edited, pending, interrupted or failed is a problem each; the catalogue is then not compared."""
    rows(migrated, "UPDATE schema_migrations SET status = 'failed', error = 'no room' WHERE version = 1001")
    write(tmp_path, {"1000_a.sql": "SELECT 1", "1002_c.sql": "SELECT 1"})
    report = check(migrated, tmp_path)
    edited, failed, pending = report.problems
    assert "1000_a.sql was edited" in edited
    assert "1001_i.sql failed: no room" in failed
    assert "1002_c.sql is pending" in pending
    assert report.drift_unchecked == "files and history differ"
    rows(migrated, "UPDATE schema_migrations SET status = 'running' WHERE version = 1001")
    assert any("1001_i.sql was interrupted" in problem for problem in check(migrated, tmp_path).problems)


def test_an_empty_database_is_pending(new_database: NewDatabase, tmp_path: Path) -> None:
    """A database that was never migrated is reported as pending, and nothing is made in it."""
    url = new_database()
    assert len(check(url, write(tmp_path, FILES)).problems) == 2
    assert rows(url, "SELECT to_regclass('schema_migrations')") == [(None,)]


def test_without_the_right_drift_is_not_checked(migrated: str, tmp_path: Path) -> None:
    """A user who may not create databases gets the rest of the verification, and the reason."""
    with login(migrated) as (name, there):
        rows(migrated, f"GRANT SELECT ON schema_migrations TO {name}")
        report = check(there, tmp_path)
    assert report.ok
    assert report.drift_unchecked is not None
    assert "may not create the scratch database to compare with (CREATEDB)" in report.drift_unchecked


def test_without_drift_nothing_is_built(migrated: str, tmp_path: Path) -> None:
    """The comparison of the catalogue can be left out, and the report says so."""
    rows(migrated, "DROP INDEX a_name")
    report = verify(migrated, directories=[tmp_path], bundled=False, drift=False)
    assert (report.ok, report.drift_unchecked) == (True, "not asked for")


def test_a_history_that_may_not_be_read_is_explained(migrated: str, tmp_path: Path) -> None:
    """A user without SELECT on schema_migrations learns which right is missing."""
    refused = pytest.raises(MigrationError, match=r"User \w+ may not read public\.schema_migrations")
    with login(migrated) as (_, there), refused:
        check(there, tmp_path)


def test_an_open_connection_is_verified(migrated: str, tmp_path: Path) -> None:
    """An open connection is enough to build the scratch database, and is given back as it was."""
    with psycopg.connect(migrated) as connection:
        report = verify(connection, directories=[tmp_path], bundled=False)
        assert report.drift_unchecked is None
        assert not connection.autocommit


def test_what_a_killed_verification_left_is_dropped(migrated: str, tmp_path: Path) -> None:
    """A scratch database of more than an hour ago is dropped, a young one is not."""
    old, young = f"swe_db_verify_{int(time.time()) - 4000}_0a", f"swe_db_verify_{int(time.time())}_0b"
    rows(migrated, f"CREATE DATABASE {old}")
    rows(migrated, f"CREATE DATABASE {young}")
    check(migrated, tmp_path)
    assert rows(migrated, SCRATCH) == [(young,)]
    rows(migrated, f"DROP DATABASE {young}")


def test_a_database_is_created_once(new_database: NewDatabase) -> None:
    """A database that is missing is created in UTF8; one that exists is left alone."""
    url = new_database()
    assert create_database(url) is False
    name = database_name(url)
    there = url.replace(name, f"{name}_Neu")
    assert create_database(there) is True
    assert create_database(there) is False
    assert rows(there, "SHOW server_encoding") == [("UTF8",)]
    rows(url, f'DROP DATABASE "{name}_Neu"')


def test_an_ordinary_owner_is_enough(new_database: NewDatabase) -> None:
    """The owner of a database, no superuser, migrates, seeds and verifies it; CREATEDB is enough to check drift."""
    url = new_database()
    name = database_name(url)
    with login(url, "CREATEDB") as (user, there):
        rows(url, f"ALTER DATABASE {name} OWNER TO {user}")
        migrate(there)
        seed(there)
        report = verify(there)
        assert (report.ok, report.drift_unchecked) == (True, None)
        assert rows(there, SCRATCH) == []
