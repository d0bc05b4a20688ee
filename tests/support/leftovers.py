"""Servers of a process that can be killed, in a directory of the test's own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from support.backends import own_backend
from support.containers import PATIENCE, eventually
from support.ending import end
from swe_db.servers.leftovers import _remove_shared_memory
from swe_db.servers.liveness import has_readers

STARTER: Final = """
import sys
from pathlib import Path
from swe_db.config import Config
from swe_db.servers import process
from swe_db.servers.ladder import start_postgres_server, start_redis_server

process.runtime_places = lambda: (Path(sys.argv[2]),)
config = Config(backend=sys.argv[1])
servers = [start_postgres_server(config), start_redis_server(config)]
print("started", flush=True)
sys.stdin.read()
"""


class Session:
    """A process with a Postgres and a Redis, and the directories of these.

    Args:
        folder: Where the directories are made.
    """

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-W", "ignore", "-c", STARTER, own_backend(), str(folder)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "started\n"
        self.directories = sorted(folder.glob(f"swe-db-*-{self.process.pid}-*"))
        assert len(self.directories) == 2

    @property
    def guards(self) -> list[int]:
        """The guards of both servers, without what they forked."""
        return [each for folder in self.directories for each in guards_of(folder)]

    @property
    def members(self) -> list[int]:
        """All processes that work in the directories."""
        return [each for folder in self.directories for each in members_of(folder)]

    def kill_guards(self) -> None:
        """Kill the guards, then the process that started them; the servers live on."""
        end(self.guards)
        self.kill()
        assert eventually(lambda: not any(has_readers(each / ".guard") for each in self.directories))

    def kill_everything(self) -> None:
        """Kill the guards, the servers with all their processes, and the process that started them."""
        members = self.members
        send(signal.SIGSTOP, members)  # so that nobody tidies up
        send(signal.SIGKILL, members)
        self.kill()
        assert eventually(lambda: not self.members)

    def kill(self) -> None:
        """Kill the process itself."""
        self.process.kill()
        self.process.communicate()


@contextlib.contextmanager
def session(folder: Path) -> Iterator[Session]:
    """Start a session; in the end nothing of it lives."""
    begun = Session(folder)
    try:
        yield begun
    finally:
        begun.kill()
        for wanted in (signal.SIGTERM, signal.SIGKILL):
            if not eventually(lambda: not begun.members, PATIENCE if begun.guards else 0):
                send(wanted, begun.members)
                eventually(lambda: not begun.members)
        for directory in begun.directories:
            _remove_shared_memory(directory)


def send(wanted: signal.Signals, numbers: list[int]) -> None:
    """Signal processes, some of which may have gone."""
    for number in numbers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, wanted)


def guards_of(directory: Path) -> list[int]:
    """Return the guards of a directory, without what they forked."""
    return [each for each in processes_of(directory) if _leads_its_group(each)]


def processes_of(directory: Path) -> list[int]:
    """Return the processes whose command line has a directory as an argument: its guard and what the guard forked."""
    return [number for number in _numbers() if str(directory).encode() in _arguments(number)]


def members_of(directory: Path) -> list[int]:
    """Return the processes that work in a directory, or below it."""
    return [number for number in _numbers() if f"{_link(number, 'cwd')}/".startswith(f"{directory}/")]


def _numbers() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def _leads_its_group(number: int) -> bool:
    try:
        return os.getpgid(number) == number
    except ProcessLookupError:  # it has just ended
        return False


def _arguments(number: int) -> list[bytes]:
    try:
        return Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def _link(number: int, name: str) -> str:
    try:
        return str(Path(f"/proc/{number}/{name}").readlink())
    except OSError:
        return ""
