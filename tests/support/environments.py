"""Local environments for the tests."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest

from swe_db import environment
from swe_db.environment import Environment

__all__ = ["called", "called_for_json", "data_home", "new_name", "query", "removed_in_the_end"]


@contextlib.contextmanager
def data_home(directory: Path) -> Iterator[Path]:
    """Keep environments below a directory, and let no setting of the developer's shell steer them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("SWE_DB_", "PG")) and "IMAGE" not in name]:
            patch.delenv(name)
        patch.setenv("XDG_DATA_HOME", str(directory))
        yield directory / "swe-db" / "environments"


def new_name() -> str:
    """Return a name of its own, by which ports are its own too."""
    return f"t{secrets.token_hex(4)}"


@contextlib.contextmanager
def removed_in_the_end(name: str) -> Iterator[str]:
    """Remove an environment, if there is one, however the test ends."""
    try:
        yield name
    finally:
        called("down", "--volumes", "--name", name)


def called(*arguments: str, variables: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-c", "from swe_db.cli import main; main()", *arguments]
    given = {**os.environ, **(variables or {})}
    return subprocess.run(command, env=given, capture_output=True, text=True, timeout=120, check=False)


def called_for_json(*arguments: str) -> Any:
    """Run the command line and return the object that it prints; it must not fail."""
    done = called(*arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def query(name: str, statement: str) -> list[tuple[Any, ...]]:
    """Return the rows of a statement in an environment's database."""
    found: Environment = environment.find(name)
    with psycopg.connect(found.postgres_url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []
