"""Seeds: all of them or none, as often as one likes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from support.migrations import rows, write
from swe_db.errors import MigrationFileError, StatementError
from swe_db.migrations import migrate, seed

NewDatabase = Callable[[], str]


def test_the_bundled_seeds_can_be_repeated(new_database: NewDatabase) -> None:
    """The bundled seeds apply to the bundled schema, and a second time change nothing."""
    url = new_database()
    migrate(url)
    seed(url)
    users = rows(url, "SELECT * FROM users ORDER BY id")
    assert users
    seed(url)
    assert rows(url, "SELECT * FROM users ORDER BY id") == users


def test_seeds_run_in_order_in_one_transaction(new_database: NewDatabase, tmp_path: Path) -> None:
    """Later seeds see the rows of earlier ones; an error in the last leaves none, and has its place."""
    url = new_database()
    rows(url, "CREATE TABLE a (id int PRIMARY KEY)")
    write(tmp_path, {"01_a.sql": "INSERT INTO a VALUES (1);", "02_b.sql": "INSERT INTO a SELECT id + 1 FROM a;"})
    report = seed(url, directories=[tmp_path], bundled=False)
    assert [file.name for file in report.applied] == ["01_a.sql", "02_b.sql"]
    assert rows(url, "SELECT id FROM a ORDER BY id") == [(1,), (2,)]
    write(tmp_path, {"01_a.sql": "INSERT INTO a VALUES (9);", "02_b.sql": "\nINSERT INTO a VALUES (1);"})
    with pytest.raises(StatementError, match=r"02_b\.sql:2:1: duplicate key"):
        seed(url, directories=[tmp_path], bundled=False)
    assert rows(url, "SELECT id FROM a ORDER BY id") == [(1,), (2,)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("INSERT INTO a VALUES (1); COMMIT", "COMMIT begins or ends a transaction"),
        ("-- migrate: no-transaction\nVACUUM", "all seeds run in one transaction"),
        ("-- nothing", "holds no statement"),
        ("SELECT 1;\n /* open", "01_a.sql:2:2: a comment that begins with /\\* is never closed"),
        ("/* open", "01_a.sql:1:1: a comment that begins with /\\* is never closed"),
    ],
)
def test_a_seed_cannot_leave_the_transaction(tmp_path: Path, content: str, message: str) -> None:
    """A seed that would end its transaction is refused before the server is asked."""
    write(tmp_path, {"01_a.sql": content})
    with pytest.raises(MigrationFileError, match=message):
        seed("postgresql://nobody@127.0.0.1:1/none", directories=[tmp_path], bundled=False)


def test_a_deferred_constraint_undoes_all_seeds(new_database: NewDatabase, tmp_path: Path) -> None:
    """What COMMIT refuses leaves no row of any seed."""
    url = new_database()
    rows(url, "CREATE TABLE a (id int PRIMARY KEY, up int REFERENCES a DEFERRABLE INITIALLY DEFERRED)")
    write(tmp_path, {"01_a.sql": "INSERT INTO a VALUES (1, 2)"})
    with pytest.raises(StatementError, match=r"01_a\.sql: at the end of its transaction"):
        seed(url, directories=[tmp_path], bundled=False)
    assert rows(url, "SELECT count(*) FROM a") == [(0,)]


def test_seeds_take_an_open_connection(new_database: NewDatabase, tmp_path: Path) -> None:
    """An open connection is seeded, stays open, and keeps its transaction mode."""
    url = new_database()
    rows(url, "CREATE TABLE a (id int)")
    write(tmp_path, {"01_a.sql": "INSERT INTO a VALUES (1)"})
    with psycopg.connect(url) as connection:
        seed(connection, directories=[tmp_path], bundled=False)
        assert not connection.autocommit
        connection.rollback()
        assert connection.execute("SELECT count(*) FROM a").fetchone() == (1,)
