"""A PostgreSQL of the benchmark's own, set up as one in production is."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import Connection, sql

from swe_db.servers.account import server_account
from swe_db.servers.binaries import find_postgres
from swe_db.servers.process import PortReservation

__all__ = ["SETTINGS", "Served", "served"]

# A quarter and a half of the memory are what is usually given to Postgres on a machine of its own; the rest is for
# disks without arms, and for checkpoints that a long load does not force. All that is about durability stays on.
SETTINGS: Final = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
max_connections = 50
shared_buffers = {quarter}MB
effective_cache_size = {half}MB
maintenance_work_mem = 1GB
work_mem = 32MB
max_wal_size = 16GB
checkpoint_timeout = 15min
wal_compression = on
random_page_cost = 1.1
effective_io_concurrency = 200
timezone = 'UTC'
"""
LARGEST: Final = 4096  # MiB of shared_buffers: more is of no use to 15 GB of data
START: Final = 60.0  # seconds
END: Final = 300.0  # seconds: a last checkpoint may write gigabytes
# Ends the server when this process has ended, however it does: its end of the pipe is closed then.
GUARD: Final = '"$1" -D "$2" </dev/null >"$3" 2>&1 & read -r _; kill -INT $!; wait $!'


@dataclasses.dataclass(frozen=True)
class Served:
    """The server.

    Attributes:
        port: Of TCP, on 127.0.0.1.
        password: Of the superuser postgres.
        binaries: The directory of psql.
        version: Its version.
        settings: What was set.
        data: Its data directory.
        process: The shell that guards it; the server's processes are below.
    """

    port: int
    password: str = dataclasses.field(repr=False)
    binaries: Path
    version: str
    settings: str
    data: Path
    process: int

    def url(self, database: str) -> str:
        """Return the URL of a database."""
        return f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str) -> Connection[Any]:
        """Connect to a database; each statement is a transaction."""
        return psycopg.connect(self.url(database), autocommit=True)

    def create(self, database: str) -> None:
        """Make an empty database."""
        with self.connect("postgres") as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))

    def drop(self, database: str) -> None:
        """Drop a database, if it is there."""
        with self.connect("postgres") as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))

    def settled(self) -> None:
        """Write out what the server holds back, so that the next one who is timed does not pay for it."""
        with self.connect("postgres") as connection:
            connection.execute("CHECKPOINT")


@contextlib.contextmanager
def served(place: Path, *, keep: bool) -> Iterator[Served]:
    """Start a server with a new data directory, and end it.

    Args:
        place: Where the directory is made.
        keep: Leave it there.
    """
    directory = Path(tempfile.mkdtemp(prefix="swe-db-capacity-", dir=place))
    account, binaries = server_account(), find_postgres("15")
    if account.uid is not None and account.gid is not None:
        os.chown(directory, account.uid, account.gid)
    options: dict[str, Any] = {"cwd": directory, "stdin": subprocess.PIPE, **account.process_options}
    reservation = PortReservation()
    password, settings = secrets.token_urlsafe(18), _settings(reservation.port)
    _initialise(binaries.directory, directory, f"{password}\n", settings, options)
    program = [str(binaries.directory / "postgres"), str(directory / "data"), str(directory / "log")]
    process = subprocess.Popen(["/bin/sh", "-c", GUARD, "sh", *program], start_new_session=True, **options)
    try:
        result = Served(
            reservation.port, password, binaries.directory, binaries.version, settings, directory / "data", process.pid
        )
        _wait(result, directory)
        reservation.release()
        yield result
    finally:
        _end(process)
        if not keep:
            shutil.rmtree(directory)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(END)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _settings(port: int) -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    return SETTINGS.format(port=port, quarter=min(memory // 4, LARGEST), half=memory // 2).strip()


def _initialise(binaries: Path, directory: Path, password: str, settings: str, options: dict[str, Any]) -> None:
    initdb = [str(binaries / "initdb"), "-D", "data", "-U", "postgres", "-A", "scram-sha-256", "-E", "UTF8"]
    write = 'umask 077; cat >password && "$@" --locale=C --pwfile=password && rm password'
    _run(["/bin/sh", "-c", write, "sh", *initdb], password, options)
    _run(["/bin/sh", "-c", "cat >>data/postgresql.conf"], f"{settings}\n", options)


def _run(command: list[str], text: str, options: dict[str, Any]) -> None:
    """Run a command in the server's directory, as its account, which must be able to get there."""
    piped = {"input": text, "text": True, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run(command, check=False, **{**options, "stdin": None, **piped})
    if done.returncode:
        raise RuntimeError(f"Postgres cannot be set up in {options['cwd']}: {done.stdout}")


def _wait(server: Served, directory: Path) -> None:
    deadline = time.monotonic() + START
    while True:
        try:
            server.connect("postgres").close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise RuntimeError(f"Postgres does not start: {(directory / 'log').read_text()}") from None
            time.sleep(0.1)
        else:
            return
