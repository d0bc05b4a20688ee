"""The marker of a database that swe-db created, and the refusal to destroy one that does not carry it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest

from support.migrations import database_name, login, rows
from swe_db.errors import ProtectedDatabaseError
from swe_db.migrations import create_database, is_marked, mark, require_destroyable

NewDatabase = Callable[[], str]
COMMENT = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"


@pytest.fixture
def foreign(new_database: NewDatabase) -> Iterator[psycopg.Connection]:
    """A connection to a database that swe-db did not create."""
    with psycopg.connect(new_database(), autocommit=True) as connection:
        yield connection


def test_a_database_that_was_created_is_marked(new_database: NewDatabase) -> None:
    """What an ordinary user lets swe-db create is marked, and what was there before is not."""
    url = new_database()
    with login(url, "CREATEDB") as (_, ordinary):
        there = ordinary.replace(database_name(url), f"{database_name(url)}_made")
        assert (create_database(there), create_database(there), create_database(url)) == (True, False, False)
        with psycopg.connect(url, autocommit=True) as connection:
            assert is_marked(connection, database_name(there))
            assert not is_marked(connection)
            assert not is_marked(connection, "no such database")
        rows(url, f"DROP DATABASE {database_name(there)}")


def test_the_mark_is_a_line_of_the_comment(foreign: psycopg.Connection) -> None:
    """Marking keeps what the comment said and does nothing the second time; the mark follows a renaming, not a copy."""
    name = foreign.info.dbname
    foreign.execute(f"COMMENT ON DATABASE {name} IS 'Of the shop''s team.\n\nAsk first.'".encode())
    mark(foreign)
    mark(foreign)
    (comment,) = foreign.execute(COMMENT).fetchall()[0]
    assert comment.startswith("Of the shop's team.\n\nAsk first.\ncreated by swe-db, ")
    assert comment.count("created by swe-db") == 1
    with psycopg.connect(foreign.info.dsn, dbname="postgres", password=foreign.info.password, autocommit=True) as other:
        foreign.close()
        other.execute(f"CREATE DATABASE {name}_copy TEMPLATE {name}".encode())
        other.execute(f"ALTER DATABASE {name} RENAME TO {name}_new".encode())
        assert (is_marked(other, f"{name}_new"), is_marked(other, f"{name}_copy")) == (True, False)
        other.execute(f"ALTER DATABASE {name}_new RENAME TO {name}".encode())
        other.execute(f"DROP DATABASE {name}_copy".encode())


def test_the_mark_of_another_server_does_not_count(foreign: psycopg.Connection) -> None:
    """A comment that came with a dump from another server marks nothing."""
    mark(foreign)
    (comment,) = foreign.execute(COMMENT).fetchall()[0]
    foreign.execute(f"COMMENT ON DATABASE {foreign.info.dbname} IS '{comment.replace('server ', 'server 1')}'".encode())
    assert not is_marked(foreign)


def test_a_foreign_database_is_destroyed_only_by_name(foreign: psycopg.Connection) -> None:
    """Without the mark the refusal names host, database and flag; the typed name lets it pass."""
    name, info = foreign.info.dbname, foreign.info
    expected = rf"^Database {name} on {info.host}:{info.port} does not carry .* --yes-destroy {name}$"
    with pytest.raises(ProtectedDatabaseError, match=expected):
        require_destroyable(foreign, None)
    require_destroyable(foreign, name)
    require_destroyable(foreign, "Wéird Name", "Wéird Name")
    with pytest.raises(ProtectedDatabaseError, match=r"--yes-destroy 'Wéird Name'$"):
        require_destroyable(foreign, None, "Wéird Name")


def test_a_wrong_name_is_refused_although_marked(foreign: psycopg.Connection) -> None:
    """A marked database needs no name, but a name that is another's stops the call."""
    mark(foreign)
    require_destroyable(foreign, None)
    with pytest.raises(ProtectedDatabaseError, match=f"names production, but .* database {foreign.info.dbname} on "):
        require_destroyable(foreign, "production")
