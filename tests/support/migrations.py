"""Helpers of the tests of migrations: files to apply, processes that apply them, what is in a database then."""

from __future__ import annotations

import contextlib
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from swe_db.migrations import Step

MIGRATE = """
import dataclasses, json, sys
from swe_db import migrate
url, directory = sys.argv[1:]
print(json.dumps(dataclasses.asdict(migrate(url, directories=[directory], bundled=False))))
"""


def write(directory: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files into a directory, which is made, and return it."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (directory / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return directory


def rows(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Run one statement in autocommit and return its rows."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def database_name(url: str) -> str:
    """Return the name of the database of a URL."""
    return urlsplit(url).path.removeprefix("/")


def tables(url: str) -> set[str]:
    """Return the names of the tables of schema public."""
    return {name for (name,) in rows(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


def history(url: str) -> list[tuple[int, str]]:
    """Return version and status of each row of schema_migrations."""
    return [(row[0], row[1]) for row in rows(url, "SELECT version, status FROM schema_migrations ORDER BY version")]


def until(condition: Callable[[], object], what: str, seconds: float = 30.0) -> None:
    """Wait for a condition; fail with what was waited for."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for: {what}"
        time.sleep(0.01)


def is_active(url: str, fragment: str) -> bool:
    """Tell whether another session of the database runs a statement that holds `fragment`."""
    statement = """
        SELECT query FROM pg_stat_activity
        WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()
    """
    return any(fragment in query for (query,) in rows(url, statement))


def sessions(url: str, pattern: str) -> int:
    """Count the sessions of the database whose application_name is like `pattern`."""
    with psycopg.connect(url) as connection:
        statement = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE %s"
        )
        row = connection.execute(statement, [pattern]).fetchone()
    assert row is not None
    return int(row[0])


@contextlib.contextmanager
def migrator(url: str, directory: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a process that migrates a database; it does not outlive the block."""
    command = [sys.executable, "-c", MIGRATE, url, str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def finished(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for a migrating process, which must succeed, and return its report."""
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    report = json.loads(output)
    assert isinstance(report, dict)
    return report


@dataclass(slots=True)
class Steps:
    """What a runner has said; it is called as `on_step`."""

    said: list[Step]

    def __call__(self, step: Step) -> None:
        """Keep the step."""
        self.said.append(step)

    def messages(self, event: str) -> list[str]:
        """Return the messages of one kind of step."""
        return [step.message for step in self.said if step.event == event]


@contextlib.contextmanager
def login(url: str, attributes: str = "") -> Iterator[tuple[str, str]]:
    """Make a role that may log in, give its name and the URL as which it does, and drop it with what it owns."""
    parts = urlsplit(url)
    name, password = f"test_{secrets.token_hex(6)}", secrets.token_hex(12)
    create = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} " + attributes)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(create.format(sql.Identifier(name), password))
    try:
        yield name, urlunsplit(parts._replace(netloc=f"{name}:{password}@{parts.netloc.rpartition('@')[2]}"))
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql.SQL("REASSIGN OWNED BY {} TO CURRENT_USER").format(sql.Identifier(name)))
            connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))
