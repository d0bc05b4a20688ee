"""The roles of the platform: what they are, and how 001 makes them beside other migrators and with few privileges."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import psycopg
import pytest
from psycopg import Connection, sql

from support.backends import POSTGRES, own_backend
from support.sql import ROLES, run_file, scalar, wait_until_blocked
from swe_db.config import Config
from swe_db.servers.server import PostgresServer

MIGRATION: Final = "migrations/001_initial_schema.sql"
PASSWORD: Final = "throw-away"

# What a role may do with whole tables: S, I, U, D. Lower case: with some columns only.
GRANTS: Final = {
    "users": {"swe_admin": "SIUD", "swe_manager": "S", "swe_user": "Su", "swe_service": "S"},
    "projects": {"swe_admin": "SIUD", "swe_manager": "SIU", "swe_user": "SIu", "swe_service": "Su"},
    "agents": {"swe_admin": "SIUD", "swe_manager": "SIU", "swe_user": "S", "swe_service": "Su"},
    "agent_executions": {"swe_admin": "SIUD", "swe_manager": "SIu", "swe_user": "Siu", "swe_service": "SIU"},
    "tasks": {"swe_admin": "SIUD", "swe_manager": "SIU", "swe_user": "SIu", "swe_service": "SIU"},
    "task_comments": {"swe_admin": "SIUD", "swe_manager": "SIuD", "swe_user": "SIuD", "swe_service": "SIu"},
    "task_attachments": {"swe_admin": "SIUD", "swe_manager": "SID", "swe_user": "SID", "swe_service": "SI"},
    "schema_migrations": dict.fromkeys(ROLES, ""),
}
GRANTED: Final = """
SELECT string_agg(
  CASE WHEN has_table_privilege(asked.role, asked.table_name, word) THEN left(word, 1)
    WHEN word <> 'DELETE' AND has_any_column_privilege(asked.role, asked.table_name, word) THEN lower(left(word, 1))
    ELSE '' END, '' ORDER BY position)
FROM (SELECT %s::text AS role, 'public.' || %s AS table_name) AS asked,
  unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) WITH ORDINALITY AS privilege (word, position)
"""


@pytest.fixture
def bare_server() -> Iterator[PostgresServer]:
    """A server on which nobody has made a role yet."""
    server = POSTGRES[own_backend()](Config()).start()
    yield server
    server.stop()


@pytest.fixture
def owned_database(bare_server: PostgresServer) -> Callable[[str], str]:
    """Makes a login role with the given attributes and a database that it owns, and returns its URL."""

    def make(attributes: str) -> str:
        with psycopg.connect(bare_server.url, autocommit=True) as connection:
            connection.execute(f"CREATE ROLE owner LOGIN PASSWORD '{PASSWORD}' {attributes}")
        owner = dataclasses.replace(bare_server.address, user="owner", password=PASSWORD)
        with psycopg.connect(owner.url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE owned")
        return owner.database("owned").url

    return make


def databases(server: PostgresServer, count: int) -> list[str]:
    """Make empty databases and return their URLs."""
    names = [f"tenant_{number}" for number in range(count)]
    with psycopg.connect(server.url, autocommit=True) as connection:
        for name in names:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return [server.address.database(name).url for name in names]


def migrate(url: str) -> list[str]:
    """Run 001 and return the notices that are no more than information."""
    notices: list[str] = []
    with psycopg.connect(url) as connection:
        connection.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
        run_file(connection, MIGRATION)
    return [notice for notice in notices if not re.search("skipping$|has already been granted", notice)]


def existing_roles(url: str) -> set[str]:
    """Return which of the roles the cluster has."""
    query = "SELECT rolname FROM pg_catalog.pg_roles WHERE rolname = ANY (%s)"
    with psycopg.connect(url) as connection:
        return {row[0] for row in connection.execute(query, [list(ROLES)])}


def objects(url: str) -> set[tuple[str, str]]:
    """Return kind and name of what schema public holds, policies left out."""
    query = """
    SELECT relkind::text, relname FROM pg_catalog.pg_class WHERE relnamespace = 'public'::regnamespace
    UNION SELECT 'constraint', conname FROM pg_catalog.pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION SELECT 'function', proname FROM pg_catalog.pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION SELECT 'trigger', tgrelid::regclass || ' ' || tgname FROM pg_catalog.pg_trigger WHERE NOT tgisinternal
    """
    with psycopg.connect(url) as connection:
        return set(connection.execute(query))


def policies(url: str) -> set[tuple[str, str]]:
    """Return table and name of every policy."""
    with psycopg.connect(url) as connection:
        return set(connection.execute("SELECT tablename, policyname FROM pg_catalog.pg_policies"))


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_only_a_bundle_of_grants(connection: Connection[Any], role: str) -> None:
    """No role may log in, make roles or databases, or pass by row-level security."""
    query = "SELECT rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolreplication FROM pg_roles"
    assert connection.execute(f"{query} WHERE rolname = %s", [role]).fetchone() == (False,) * 6


@pytest.mark.parametrize(("table", "role"), [(table, role) for table in GRANTS for role in ROLES])
def test_grants(connection: Connection[Any], table: str, role: str) -> None:
    """Each role has the grants on each table that the table's file says, and no others."""
    assert scalar(connection, GRANTED, role, table) == GRANTS[table][role]


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_another_migrator_is_making_the_roles(bare_server: PostgresServer, end: str) -> None:
    """001 waits for a migrator of another database that is making a role, then goes on, whatever became of it."""
    [url] = databases(bare_server, 1)
    with psycopg.connect(bare_server.url) as other, ThreadPoolExecutor() as pool:
        other.execute("CREATE ROLE swe_admin NOLOGIN")
        run = pool.submit(migrate, url)
        wait_until_blocked(other, run)
        getattr(other, end)()
        assert run.result() == []
    assert existing_roles(url) == set(ROLES)


def test_another_migrator_is_granting_the_roles(owned_database: Callable[[str], str]) -> None:
    """001 waits for a migrator of the same user that is granting a role to itself, and goes on."""
    url = owned_database("CREATEDB CREATEROLE")
    with psycopg.connect(url) as other, ThreadPoolExecutor() as pool:
        run_file(other, "schema/functions.sql")
        other.execute("CREATE ROLE swe_admin NOLOGIN")
        other.commit()
        other.execute("GRANT swe_admin TO CURRENT_USER")
        run = pool.submit(migrate, url)
        wait_until_blocked(other, run)
        other.commit()
        assert run.result() == []


def test_many_migrators_at_once(bare_server: PostgresServer) -> None:
    """Migrators of several databases of one server, all at once, end with everything in each."""
    urls = databases(bare_server, 4)
    with ThreadPoolExecutor(len(urls)) as pool:
        notices = list(pool.map(migrate, urls))
    assert notices == [[]] * len(urls)
    assert existing_roles(urls[0]) == set(ROLES)
    assert all(policies(url) == policies(urls[0]) != set() for url in urls)


def test_an_owner_without_createrole(bare_server: PostgresServer, owned_database: Callable[[str], str]) -> None:
    """An owner with no more than CREATEDB gets all but roles and policies, with a notice for each role."""
    url = owned_database("CREATEDB NOCREATEROLE")
    notices = migrate(url)
    [complete] = databases(bare_server, 1)
    assert existing_roles(url) == set()
    assert [notice.split()[1] for notice in notices if "may not create roles" in notice] == list(ROLES)
    migrate(complete)
    assert objects(url) == objects(complete)
    assert policies(url) == set()


def test_the_roles_come_later(bare_server: PostgresServer, owned_database: Callable[[str], str]) -> None:
    """Once an administrator has made the roles, running 001 again adds the policies, though the owner is no member."""
    url = owned_database("CREATEDB NOCREATEROLE")
    migrate(url)
    [complete] = databases(bare_server, 1)
    migrate(complete)
    notices = migrate(url)
    assert [notice.partition(" and ")[0] for notice in notices] == [f"owner is not a member of {r}" for r in ROLES]
    assert policies(url) == policies(complete)


@pytest.mark.parametrize("role", ROLES)
def test_an_owner_with_createrole(owned_database: Callable[[str], str], role: str) -> None:
    """An owner that may create roles may act as each of them, and sees with it what that role sees."""
    url = owned_database("CREATEDB CREATEROLE")
    assert migrate(url) == []
    assert migrate(url) == []
    with psycopg.connect(url) as connection:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        assert scalar(connection, "SELECT count(*) FROM public.users") == 0
