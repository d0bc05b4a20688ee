"""Postgres from binaries, with data that stay."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import secrets
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Final

from swe_db.environment.answers import obstacle_of, version_of
from swe_db.environment.keeper import Tell, data_gone
from swe_db.environment.native import Program, make_directory, remove_directory, write_private
from swe_db.environment.record import SUPERUSER, Service
from swe_db.errors import LocalEnvironmentError, ServerError
from swe_db.servers.liveness import end_readers, readers
from swe_db.servers.postgres import Installation
from swe_db.servers.process import server_environment
from swe_db.servers.unfinished import synchronise

__all__ = ["NativePostgres"]

LOCK_FILE: Final = "postmaster.pid"
UNFINISHED: Final = "postgres.unfinished-"
PROCESSES: Final = Path("/proc")

# Beside Postgres' defaults, which are durable: fsync, full_page_writes and synchronous_commit are on.
SETTINGS: Final = """
# Written by swe-db when it made this directory. ALTER SYSTEM changes anything but the address and the port.
max_connections = 100
max_prepared_transactions = 20
timezone = '{timezone}'
log_timezone = 'UTC'
lc_messages = 'C'
{preload}
"""


@dataclasses.dataclass(frozen=True)
class NativePostgres:
    """A Postgres of our own.

    Attributes:
        program: How it is started.
        installation: Its binaries, None where it need not be started.
    """

    program: Program
    installation: Installation | None

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.program.home / "postgres"

    def lives(self) -> bool:
        """Tell whether it, or one of its processes, is there."""
        return self.program.lives()

    def start(self, service: Service, tell: Tell) -> Service:
        """Start it, unless it runs; the data directory is made if there is none. See `Keeper`."""
        obstacle = obstacle_of("postgres")
        if not self.program.settle(service, obstacle, tell):
            if service.ready and not self.data.exists():
                raise data_gone("postgres", str(self.data), self.program.directory.name)
            make_directory(self.program.home, self.program.account)
            self._initialise(service.password)
            self._forget_the_dead()
            begin = self.program.launch(self._command(service.port), service.port)
            self.program.wait(service, obstacle, begin, tell)
        return dataclasses.replace(service, version=version_of("postgres", service), ready=True)

    def _command(self, port: int) -> list[str]:
        fixed = {"port": str(port), "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        settings = [word for name, value in fixed.items() for word in ("-c", f"{name}={value}")]
        return [str(self._binaries() / "postgres"), "-D", str(self.data), *settings]

    def _binaries(self) -> Path:
        if self.installation is None:
            raise LocalEnvironmentError("there is no Postgres to start")
        return self.installation.binaries.directory

    def _initialise(self, password: str) -> None:
        """Make the data directory; it is there as a whole or not at all."""
        if self.data.exists() or self.installation is None:
            return
        for abandoned in self.program.home.glob(f"{UNFINISHED}*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        # A name of its own: the initdb of a command that was killed may still be at work.
        unfinished = self.program.home / f"{UNFINISHED}{secrets.token_hex(4)}"
        secret = self.program.home / "password"
        write_private(secret, f"{password}\n", self.program.account)
        try:
            self._run("initdb", *self._initdb(unfinished, secret))
        finally:
            secret.unlink(missing_ok=True)
        preload = "shared_preload_libraries = 'pg_stat_statements'" if self.installation.binaries.has_statements else ""
        settings = SETTINGS.format(timezone=self.installation.timezone, preload=preload)
        configuration = unfinished / "postgresql.conf"
        self._run("the shell", "/bin/sh", "-c", 'printf %s "$2" >>"$1"', "sh", str(configuration), settings)
        synchronise(configuration)  # initdb has seen to all else
        unfinished.rename(self.data)
        synchronise(self.program.home)

    def _initdb(self, directory: Path, secret: Path) -> list[str]:
        return [
            str(self._binaries() / "initdb"),
            f"--pgdata={directory}",
            f"--username={SUPERUSER}",
            f"--pwfile={secret}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            f"--locale={self.installation.locale if self.installation else 'C'}",
        ]

    def _run(self, what: str, *command: str) -> None:
        done = subprocess.run(  # type: ignore[call-overload]
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=self.program.home,
            env=server_environment(),
            umask=0o077,
            check=False,
            **self.program.account.process_options,
        )
        if done.returncode:
            raise ServerError(f"{what} failed in {self.program.home}:\n{(done.stdout + done.stderr).strip()}")

    def _forget_the_dead(self) -> None:
        """Remove the lock file of a server that has gone, where its number has come to another process or a zombie.

        Postgres itself sees only that some process has the number, and refuses to start.
        """
        number = self._postmaster()
        if number is not None and not _works_in(number, self.data):
            (self.data / LOCK_FILE).unlink(missing_ok=True)

    def _postmaster(self) -> int | None:
        """Return the number in the lock file, None if there is none."""
        try:
            return int((self.data / LOCK_FILE).read_text(encoding="utf-8").split()[0])
        except (OSError, ValueError, IndexError):
            return None

    def stop(self) -> None:
        """End it as `pg_ctl stop -m fast` does: what is open is rolled back, what is committed is written."""
        if not self.program.lives():
            return
        number, living = self._postmaster(), readers(self.program.pipe)
        for process in living:  # one that was stopped would not hear
            _send(process, signal.SIGCONT)
        if number is not None and (number in living or not PROCESSES.is_dir()):
            _send(number, signal.SIGINT)
        else:  # nobody is there who would tell the processes that are left to end
            end_readers(self.program.pipe)
        self.program.wait_for_end()

    def discard(self) -> None:
        """End it, and remove its data."""
        self.stop()
        remove_directory(self.data)


def _send(process: int, wanted: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has gone meanwhile
        os.kill(process, wanted)


def _works_in(process: int, directory: Path) -> bool:
    """Tell whether a process may be a Postgres of a data directory: such a one works there."""
    if not (PROCESSES / "self").exists():
        command = ["ps", "-o", "args=", "-p", str(process)]
        return str(directory) in subprocess.run(command, capture_output=True, text=True, check=False).stdout
    try:
        return (PROCESSES / str(process) / "cwd").samefile(directory)
    except OSError:  # it has gone, is a zombie, or belongs to somebody else
        return False
