"""Helpers of the tests of the SQL: building a schema from the files, and rows that the schema refuses or takes."""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final

import psycopg
from psycopg import Connection, sql

__all__ = [
    "ROLES",
    "SCHEMA_ORDER",
    "Case",
    "apply_migrations",
    "apply_schema",
    "apply_seeds",
    "become",
    "insert_base_rows",
    "refusal",
    "run_file",
    "run_sql",
    "scalar",
    "sql_directory",
    "wait_until_blocked",
]

SCHEMA_ORDER: Final = (
    "functions",
    "roles",
    "schema_migrations",
    "users",
    "projects",
    "agents",
    "issues",
    "evidence",
    "audit_logs",
)
# How many sessions wait for one. pg_stat_activity would stand still inside a transaction.
BLOCKED: Final = "SELECT count(*) FROM pg_catalog.pg_locks WHERE NOT granted AND %s = ANY (pg_blocking_pids(pid))"
ROLES: Final = ("swe_admin", "swe_manager", "swe_user", "swe_service")


@dataclass(frozen=True)
class Case:
    """A rule of the schema, statements that break it and statements that keep it.

    Both run in a transaction of their own, which is rolled back, in a database that holds the base rows
    (`insert_base_rows`).

    Attributes:
        table: Table that has the rule, without its schema.
        rule: Name of the constraint, the unique index or the trigger.
        refused: SQL whose last statement breaks the rule.
        accepted: SQL that is like it and keeps the rule.
        sqlstate: The error's SQLSTATE, for rules that are not constraints; None if the error names `rule`.
    """

    table: str
    rule: str
    refused: str
    accepted: str
    sqlstate: str | None = None

    @property
    def id(self) -> str:
        """Name of the case among the parameters of a test."""
        return self.rule if self.rule.startswith(self.table) else f"{self.table}-{self.rule}"


def sql_directory() -> Traversable:
    """Return the directory of the bundled SQL."""
    return files("swe_db") / "sql"


def run_sql(connection: Connection[Any], text: str) -> None:
    """Run statements that a test composed; several are one implicit transaction if none is open."""
    connection.execute(text)


def run_file(connection: Connection[Any], path: str) -> None:
    """Run a bundled file, `path` being relative to sql/, such as `schema/users.sql`."""
    run_sql(connection, sql_directory().joinpath(*path.split("/")).read_text(encoding="utf-8"))


def apply_schema(url: str) -> None:
    """Build the schema from the files of sql/schema, in one transaction."""
    _apply(url, (f"schema/{name}.sql" for name in SCHEMA_ORDER))


def apply_migrations(url: str) -> None:
    """Build the schema from the files of sql/migrations, in one transaction and without their bookkeeping."""
    _apply(url, (f"migrations/{name}" for name in _names("migrations")))


def apply_seeds(url: str) -> None:
    """Run the files of sql/seeds in one transaction."""
    _apply(url, (f"seeds/{name}" for name in _names("seeds")))


def insert_base_rows(connection: Connection[Any]) -> None:
    """Insert the rows that cases build on, into a database without any; their ids are 1, 2, … in each table.

    Users 1 and 2, projects 1 and 2 of user 1, agents 1 and 2, tasks 1 and 2 in project 1, execution 1 of agent 1 for
    task 1, evidence 1 to 3 in project 1.
    """
    base = """
    INSERT INTO public.users (username, email, display_name) VALUES
      ('ada', 'ada@swe.example', 'Ada'), ('bob', 'bob@swe.example', 'Bob');
    INSERT INTO public.projects (owner_id, name, slug) VALUES (1, 'One', 'one'), (1, 'Two', 'two');
    INSERT INTO public.agents (name, slug, agent_type) VALUES
      ('Coder', 'coder', 'codegen'), ('Tester', 'tester', 'tester');
    INSERT INTO public.tasks (project_id, title) VALUES (1, 'First'), (1, 'Second');
    INSERT INTO public.agent_executions (agent_id, task_id, project_id) VALUES (1, 1, 1);
    INSERT INTO public.evidence (project_id, source_type, title) VALUES
      (1, 'code', 'First'), (1, 'test_result', 'Second'), (1, 'web_page', 'Third');
    """
    run_sql(connection, base)


def refusal(connection: Connection[Any], text: str) -> psycopg.Error | None:
    """Run statements in a savepoint that is undone, and return the error that PostgreSQL answers, if any."""
    try:
        with connection.transaction(force_rollback=True):
            run_sql(connection, text)
    except psycopg.Error as error:
        return error
    return None


def scalar(connection: Connection[Any], query: str, *arguments: object) -> Any:
    """Return the first column of the first row."""
    row = connection.execute(query, arguments).fetchone()
    assert row is not None, query
    return row[0]


def become(connection: Connection[Any], role: str, user_id: int | None = None) -> None:
    """Act as `role` for the user `user_id` from now on, until the end of the transaction."""
    connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
    connection.execute("SELECT set_config('swe.user_id', %s, true)", ["" if user_id is None else str(user_id)])


def wait_until_blocked(holder: Connection[Any], run: Future[Any]) -> None:
    """Wait until another session waits for a lock of `holder`, and fail if the run ends without."""
    deadline = time.monotonic() + 60
    while scalar(holder, BLOCKED, holder.info.backend_pid) == 0:
        assert not run.done(), run.exception()
        assert time.monotonic() < deadline, "nobody waits"
        time.sleep(0.005)


def _names(folder: str) -> list[str]:
    return sorted(entry.name for entry in (sql_directory() / folder).iterdir() if entry.name.endswith(".sql"))


def _apply(url: str, paths: Iterable[str]) -> None:
    with psycopg.connect(url) as connection:
        for path in paths:
            run_file(connection, path)
