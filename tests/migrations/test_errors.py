"""Errors of files and servers: where they are, what they say, what they do not."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from support.migrations import history, rows, tables, write
from swe_db.errors import ConfigError, MigrationError, MigrationFileError, ServerError, StatementError
from swe_db.migrations import migrate
from swe_db.migrations.place import Place

NewDatabase = Callable[[], str]
SECRET = "hunter2hunter2"


def failure(url: str, directory: Path) -> StatementError:
    """Migrate, which must fail at a statement, and return the error."""
    with pytest.raises(StatementError) as caught:
        migrate(url, directories=[directory], bundled=False)
    return caught.value


def test_a_syntax_error_has_file_line_column_and_caret(new_database: NewDatabase, tmp_path: Path) -> None:
    """The message begins with file:line:column, shows the line with a caret, and the SQLSTATE."""
    url = new_database()
    write(tmp_path, {"1000_a.sql": "-- é: ;\r\nCREATE TABLE a (id int);\r\n\r\n  CREATE\r\n    TABEL b ();\r\n"})
    error = failure(url, tmp_path)
    lines = str(error).splitlines()
    assert lines[0] == f'{tmp_path}/1000_a.sql:5:5: syntax error at or near "TABEL" (SQLSTATE 42601)'
    assert lines[1:3] == ["    5 |     TABEL b ();", "      |     ^"]
    assert error.sqlstate == "42601"
    assert tables(url) == {"schema_migrations"}
    assert history(url) == []


def test_an_unknown_column_is_found_in_its_statement(new_database: NewDatabase, tmp_path: Path) -> None:
    """An error of analysis has its place in the file too, with PostgreSQL's hint."""
    write(tmp_path, {"1000_a.sql": "CREATE TABLE a (name int);\nSELECT '日本', nam FROM a;"})
    lines = str(failure(new_database(), tmp_path)).splitlines()
    assert lines[0].startswith(f'{tmp_path}/1000_a.sql:2:14: column "nam" does not exist')
    assert lines[2] == "      | " + " " * len("SELECT '") + "    " + " " * len("', ") + "^"
    assert any(line.startswith("hint: Perhaps you meant") for line in lines)


def test_an_error_without_a_place_is_at_its_statement(new_database: NewDatabase, tmp_path: Path) -> None:
    """A violated constraint is reported where its statement begins, with PostgreSQL's detail."""
    write(tmp_path, {"1000_a.sql": "CREATE TABLE a (id int PRIMARY KEY);\n\n INSERT INTO a VALUES (1),\n  (1);"})
    message = str(failure(new_database(), tmp_path))
    assert message.startswith(f"{tmp_path}/1000_a.sql:3:2: duplicate key value")
    assert "detail: Key (id)=(1) already exists." in message


def test_an_error_in_a_function_has_its_context(new_database: NewDatabase, tmp_path: Path) -> None:
    """What fails inside a DO block is reported at the block, with the line within it as context."""
    write(tmp_path, {"1000_a.sql": "DO $$\nBEGIN\n  RAISE EXCEPTION 'no' USING HINT = 'do otherwise';\nEND $$;"})
    message = str(failure(new_database(), tmp_path))
    assert message.startswith(f"{tmp_path}/1000_a.sql:1:1: no (SQLSTATE P0001)")
    assert "context: PL/pgSQL function inline_code_block line 3 at RAISE" in message
    assert "hint: do otherwise" in message


def test_a_deferred_constraint_fails_at_the_end_of_its_file(new_database: NewDatabase, tmp_path: Path) -> None:
    """What COMMIT refuses is reported for the file, which is not applied."""
    url = new_database()
    table = "CREATE TABLE a (id int PRIMARY KEY, up int REFERENCES a DEFERRABLE INITIALLY DEFERRED);"
    write(tmp_path, {"1000_a.sql": f"{table}\nINSERT INTO a VALUES (1, 2);"})
    message = str(failure(url, tmp_path))
    assert message.startswith(f"{tmp_path}/1000_a.sql: at the end of its transaction: insert or update")
    assert history(url) == []


def test_files_before_the_broken_one_stay(new_database: NewDatabase, tmp_path: Path) -> None:
    """Each file has a transaction of its own: what was applied before an error is kept, and the next run goes on."""
    url = new_database()
    write(tmp_path, {"1000_a.sql": "CREATE TABLE a (id int);", "1001_b.sql": "CREATE TABLE b (id int); SELECT 1/0;"})
    failure(url, tmp_path)
    assert tables(url) == {"schema_migrations", "a"}
    write(tmp_path, {"1001_b.sql": "CREATE TABLE b (id int);"})
    assert [file.name for file in migrate(url, directories=[tmp_path], bundled=False).applied] == ["1001_b.sql"]


REFUSED = {
    "commit": ("CREATE TABLE a (id int);\n  COMMIT;", "2:3: COMMIT begins or ends a transaction"),
    "begin": ("begin;\nCREATE TABLE a (id int);", "1:1: BEGIN begins or ends a transaction"),
    "start transaction": ("SELECT 1; START TRANSACTION", "1:11: START begins or ends a transaction"),
    "end": ("SELECT 1;\nEND;", "2:1: END begins or ends a transaction"),
    "rollback": ("SELECT 1;\nROLLBACK;", "2:1: ROLLBACK begins or ends a transaction"),
    "rollback work": ("ROLLBACK WORK", "1:1: ROLLBACK begins or ends a transaction"),
    "abort": ("ABORT", "1:1: ABORT begins or ends a transaction"),
    "prepare": ("PREPARE TRANSACTION 'x'", "1:1: PREPARE begins or ends a transaction"),
    "commit prepared": ("-- migrate: no-transaction\nCOMMIT PREPARED 'x'", "2:1: COMMIT begins or ends"),
    "meta-command": ("SELECT 1;\n\\i other.sql", "2:1: psql's own commands"),
    "copy from the client": (
        "CREATE TABLE a (i int);\nCOPY a (i) FROM STDIN;\n1\n\\.\n",
        "2:1: COPY from or to the client",
    ),
    "copy to the client": ("copy (select 1) to stdout", "1:1: COPY from or to the client"),
    "open string": ("SELECT 1;\nSELECT 'a", "2:8: a quoted string is never closed"),
    "unknown directive": ("-- migrate: no-transactions\nSELECT 1", "1:1: 'no-transactions' is no directive"),
    "directive of another tool": ("-- migrate:up\nSELECT 1", "1:1: 'up' is no directive"),
    "late directive": ("SELECT 1;\n-- migrate: no-transaction\n", "2:1: a directive must stand before"),
    "two statements": (
        "-- migrate: no-transaction\nVACUUM;\nVACUUM;",
        "3:1: a no-transaction file holds one statement",
    ),
    "nameless index": ("-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY ON a (id)", "2:1: give the index a name"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_run_safely_is_refused(new_database: NewDatabase, tmp_path: Path, name: str) -> None:
    """A file that would escape its transaction is refused with its place, before any file is applied."""
    url = new_database()
    content, message = REFUSED[name]
    write(tmp_path, {"1000_first.sql": "CREATE TABLE first (id int)", "1001_a.sql": content})
    with pytest.raises(MigrationFileError) as caught:
        migrate(url, directories=[tmp_path], bundled=False)
    assert f"1001_a.sql:{message}" in str(caught.value)
    assert "^" in str(caught.value)
    assert tables(url) == set()


@pytest.mark.parametrize("content", ["", "-- nothing yet\n", "/* a */ ;;"])
def test_a_file_without_a_statement_is_refused(new_database: NewDatabase, tmp_path: Path, content: str) -> None:
    """An empty file is refused, since filling it later would be an edit."""
    write(tmp_path, {"1000_a.sql": content})
    with pytest.raises(MigrationFileError, match=r"1000_a\.sql: holds no statement"):
        migrate(new_database(), directories=[tmp_path], bundled=False)


ALLOWED = {
    "savepoints": "SAVEPOINT s; CREATE TABLE x (id int); ROLLBACK TO SAVEPOINT s; RELEASE s; CREATE TABLE a ();",
    "words in bodies": "DO $$ BEGIN CREATE TABLE a (); END; $$; SELECT 'COMMIT; ROLLBACK';",
    "prepared statement": "PREPARE p AS SELECT 1; DEALLOCATE p; CREATE TABLE a ();",
    "atomic body": "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END; CREATE TABLE a ();",
}


@pytest.mark.parametrize("name", ALLOWED)
def test_what_only_looks_like_transaction_control_is_run(new_database: NewDatabase, tmp_path: Path, name: str) -> None:
    """Savepoints, bodies of functions and strings are no transaction control."""
    url = new_database()
    migrate(url, directories=[write(tmp_path, {"1000_a.sql": ALLOWED[name]})], bundled=False)
    assert tables(url) == {"schema_migrations", "a"}


def test_a_commit_within_a_procedure_does_not_escape(new_database: NewDatabase, tmp_path: Path) -> None:
    """A procedure that commits is refused by PostgreSQL, and nothing of the file is left."""
    url = new_database()
    write(tmp_path, {"1000_a.sql": "CREATE TABLE a (id int); DO $$ BEGIN COMMIT; END $$;"})
    assert "invalid transaction termination" in str(failure(url, tmp_path))
    assert tables(url) == {"schema_migrations"}


def test_bookkeeping_that_fails_undoes_the_file(new_database: NewDatabase, tmp_path: Path) -> None:
    """A file that takes away the right to record it is not applied, and the message says so."""
    url = new_database()
    write(tmp_path, {"1000_a.sql": "CREATE TABLE a (id int); ALTER TABLE schema_migrations ADD CHECK (version < 0);"})
    with pytest.raises(MigrationError, match=r"1000_a\.sql: cannot be recorded in public\.schema_migrations"):
        migrate(url, directories=[tmp_path], bundled=False)
    assert tables(url) == {"schema_migrations"}


def test_a_failed_no_transaction_file_is_recorded_and_retried(new_database: NewDatabase, tmp_path: Path) -> None:
    """A failure is recorded with its error; the corrected file is applied by the next run, the broken index gone."""
    url = new_database()
    rows(url, "CREATE TABLE a AS SELECT 1 AS id FROM generate_series(1, 2)")
    write(tmp_path, {"1000_i.sql": "-- migrate: no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY a_id ON a (id)"})
    assert "could not create unique index" in str(failure(url, tmp_path))
    assert history(url) == [(1000, "failed")]
    ((error,),) = rows(url, "SELECT error FROM schema_migrations")
    assert error.startswith(f"{tmp_path}/1000_i.sql:2:1: could not create unique index")
    assert rows(url, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'a_id'::regclass") == [(False,)]
    write(tmp_path, {"1000_i.sql": "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY a_id ON a (id)"})
    migrate(url, directories=[tmp_path], bundled=False)
    assert history(url) == [(1000, "applied")]
    assert rows(url, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'a_id'::regclass") == [(True,)]


def test_an_invalid_index_that_is_not_ours_is_left(new_database: NewDatabase, tmp_path: Path) -> None:
    """The first run of a file drops nothing: an invalid index of that name was made by somebody else."""
    url = new_database()
    rows(url, "CREATE TABLE a AS SELECT 1 AS id FROM generate_series(1, 2)")
    with pytest.raises(Exception, match="could not create unique index"):
        rows(url, "CREATE UNIQUE INDEX CONCURRENTLY a_id ON a (id)")
    write(tmp_path, {"1000_i.sql": "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY a_id ON a (id)"})
    assert 'relation "a_id" already exists' in str(failure(url, tmp_path))
    assert rows(url, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'a_id'::regclass") == [(False,)]


def closed_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_an_unreachable_server_is_named_without_the_password() -> None:
    """A server that is not there is named by host, port, database and user; the password is nowhere."""
    port = closed_port()
    with pytest.raises(ServerError) as caught:
        migrate(f"postgresql://me:{SECRET}@127.0.0.1:{port}/db")
    message = str(caught.value)
    assert f"Cannot connect to Postgres at 127.0.0.1:{port}, database db, user me." in message
    assert "pg_isready" in message
    assert SECRET not in message
    assert caught.value.__cause__ is None


def test_a_wrong_password_and_a_missing_database_have_remedies(new_database: NewDatabase) -> None:
    """A refused password and a database that does not exist are told apart, each with what to do."""
    url = new_database()
    user_and_password, there = url.removeprefix("postgresql://").split("@")
    wrong = f"postgresql://{user_and_password.split(':')[0]}:{SECRET}@{there}"
    with pytest.raises(ServerError, match="Check the user and the password") as caught:
        migrate(wrong)
    assert SECRET not in str(caught.value)
    with pytest.raises(ServerError, match=r"database \"no_such\" does not exist\nCreate the database first"):
        migrate(url.replace(there.split("/")[1].split("?")[0], "no_such"))


MALFORMED = [
    f"postgresql://u:{SECRET}/x@127.0.0.1/db",
    f"postgresql://u:x@{SECRET}@127.0.0.1/db",
    f"postgresql://u:%zz{SECRET}@127.0.0.1/db",
    f"postgresql://u:{SECRET} x@127.0.0.1/db",
    f"http://u:{SECRET}@127.0.0.1/db",
    f"{SECRET}",
    f"postgresql://u:{SECRET}@127.0.0.1/db?no_such_option=1",
]


@pytest.mark.parametrize("url", MALFORMED)
def test_a_malformed_url_is_explained_without_repeating_it(url: str) -> None:
    """A URL that libpq would misread is refused with how to write it, and not shown, since it holds a password."""
    with pytest.raises(ConfigError, match="percent-encoded") as caught:
        migrate(url)
    assert SECRET not in str(caught.value)


def test_an_excerpt_hides_passwords_and_cuts_long_lines() -> None:
    """The line shown has no password of CREATE ROLE, no more of a long line than needed, and the caret in its place."""
    text = f"CREATE ROLE r PASSWORD '{SECRET}' {'x' * 200} LOGGIN;"
    wide = Place("f.sql", "日e\u0301\tx y", 5).excerpt().splitlines()[1]
    assert wide == "      |    \t ^"
    shown, caret = Place("f.sql", text, text.index("LOGGIN")).excerpt().splitlines()
    assert shown[caret.index("^") :].startswith("LOGGIN;")
    assert len(shown) < 130
    assert SECRET not in Place("f.sql", text, 0).excerpt()
