"""Local environments for the tests."""

from __future__ import annotations

import contextlib
import io
import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg
import pytest

from support.backends import why_missing
from swe_db import environment
from swe_db.cli import run
from swe_db.environment import Environment
from swe_db.servers.liveness import readers

__all__ = [
    "NO_DOCKER",
    "Call",
    "call",
    "data_home",
    "new_name",
    "object_of",
    "own_binaries",
    "processes_of",
    "query",
    "removed_in_the_end",
    "send",
    "spawn",
]

PROGRAM: Final = (sys.executable, "-c", "from swe_db.cli import main; main()")
NO_DOCKER: Final = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}


class Call(NamedTuple):
    """What became of a call of the command line."""

    code: int
    out: str
    err: str


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


def own_binaries() -> str:
    """Return the backend with binaries that this machine has."""
    return "embedded" if why_missing("local") else "local"


@contextlib.contextmanager
def removed_in_the_end(name: str) -> Iterator[str]:
    """Remove an environment, if there is one, however the test ends."""
    try:
        yield name
    finally:
        call("down", "--volumes", "--name", name)


def call(*arguments: str) -> Call:
    """Run the command line in this process."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        code = run(arguments)
    return Call(code, out.getvalue(), err.getvalue())


def object_of(*arguments: str) -> Any:
    """Run the command line in this process and return the object that it prints; it must not fail."""
    done = call(*arguments)
    assert done.code == 0, done.err
    return json.loads(done.out)


def spawn(*arguments: str, variables: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Run the command line in a process of its own."""
    given = {**os.environ, **(variables or {})}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [*PROGRAM, *arguments], env=given, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True
    )


def query(name: str, statement: str) -> list[tuple[Any, ...]]:
    """Return the rows of a statement in an environment's database."""
    found: Environment = environment.find(name)
    with psycopg.connect(found.postgres_url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def processes_of(name: str) -> list[int]:
    """Return the processes of an environment's servers."""
    directory = environment.find(name).directory
    return [process for kind in ("postgres", "redis") for process in readers(directory / f"{kind}.alive")]


def send(wanted: signal.Signals, name: str) -> None:
    """Send a signal to all processes of an environment's servers; some may end by themselves meanwhile."""
    for process in processes_of(name):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, wanted)
