"""A server process that cannot outlive this one, with a directory that cannot either."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import BinaryIO, Final

from swe_db.errors import BackendUnavailable, ServerError
from swe_db.servers.account import Account
from swe_db.servers.orphan import end_when_orphaned

__all__ = ["GuardedProcess", "PortReservation", "server_environment", "shell_script"]

ROOM: Final = 1 << 30  # bytes: a smaller tmpfs (64 MB in many containers) fills up in the middle of a run
FILES: Final = 10_000  # a database has a thousand
FULL: Final = 64  # MiB: an empty Postgres takes nearly that much
UNWRITABLE: Final = 28  # the guard's status where it could not make its files
LONGEST_DIRECTORY: Final = 70  # bytes: a socket's path ends at 104 on macOS
POLL: Final = 0.002  # seconds
ENDING: Final = 10.0  # seconds
NOTICING: Final = 5.0  # seconds until a busy machine's guard has noticed the end of its server
LOG_LINES: Final = 15
LONGEST_WORDS: Final = 8192  # bytes
ENDED: Final = "ended while starting"


def shell_script(name: str) -> str:
    """Return the text of a script beside this module."""
    return (files("swe_db.servers") / name).read_text(encoding="utf-8")


def runtime_places() -> tuple[Path, ...]:
    """Return where the directories of servers may be made, the best place first."""
    places = (Path("/dev/shm"), Path(tempfile.gettempdir()), Path("/tmp"))  # noqa: S108 - names below are random, 0700
    return tuple(dict.fromkeys(places))


def runtime_directory(account: Account) -> Path:
    """Return where the directories of an account's servers are made: in memory if there is room, else on disk.

    Raises:
        BackendUnavailable: There is no room anywhere; the reason tells of each place what is wrong with it.
    """
    obstacles: list[str] = []
    for place in runtime_places():
        obstacle = _obstacle(place, account)
        if obstacle is None:
            return place
        obstacles.append(f"{place} {obstacle}")
    raise BackendUnavailable(
        f"no directory for a server: {', '.join(obstacles)}",
        f"set TMPDIR to a directory with {ROOM >> 20} MiB of room and a short path, which the user "
        f"{account.name} may write to",
    )


def _obstacle(place: Path, account: Account) -> str | None:
    if not account.can_write(place):
        return f"is nothing that the user {account.name} may write to"
    if len(str(place)) >= LONGEST_DIRECTORY:
        return "is too long for the path of a socket"
    state = os.statvfs(place)
    free = state.f_bavail * state.f_frsize
    if state.f_files and state.f_favail < FILES:
        return f"takes {state.f_favail} more files, not {FILES}"
    return None if free >= ROOM else f"has {free >> 20} MiB of room, not {ROOM >> 20}"


def _shortage(place: Path, words: str, guard_status: int | None) -> str | None:
    """Return what is known of a file system that is full, None if it is not."""
    state = os.statvfs(place)
    free, size = state.f_bavail * state.f_frsize >> 20, state.f_blocks * state.f_frsize >> 20
    files = state.f_favail if state.f_files else FILES  # some file systems do not count
    was_told = "No space left on device" in words or guard_status == UNWRITABLE
    # What was told may have made room since; and it is said of semaphores too, or of a guard that finds no mkfifo.
    needed, needed_files = (ROOM >> 20, FILES) if was_told else (FULL, 1)
    if free >= needed and files >= needed_files:
        return None
    if free >= FULL and files < FILES:
        return f"the file system of {place} takes {files} more files, and a server needs {FILES}"
    return f"the file system of {place} is full: {free} of {size} MiB are free, and a server needs {ROOM >> 20}"


def _remedy(place: Path) -> str:
    return (
        f"free some of it (df {place}; df -i {place}), or set TMPDIR to a directory with {ROOM >> 20} MiB of room, "
        f"which is taken where {place} has less"
    )


class PortReservation:
    """A TCP port of 127.0.0.1 that nobody else is given until the server listens on it.

    A bound socket that does not listen keeps the kernel from handing the port out; on Linux a server that sets
    SO_REUSEADDR, as Postgres and Redis do, may bind it all the same.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]

    def release(self) -> None:
        """Give the port up."""
        self._socket.close()


def _words_of_guard() -> BinaryIO:
    """Return a file for what a guard says: in memory where there is such a thing, since disks may be full."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("swe-db-guard"), "w+b", buffering=0)
    return tempfile.TemporaryFile(buffering=0)


class GuardedProcess:
    """A server that a small shell process watches over; see `guard.sh`.

    Args:
        label: What is started, for messages: `postgres`, `redis`.
        command: The server's command line; it runs in the new directory.
        settings: Text for the file `settings` there, given through a pipe so that no secret shows in `ps`.
        account: Who runs it.
        preparation: Shell text to run there first; the server starts only if it succeeds.
        source: What the preparation reads as descriptor 7.
    """

    def __init__(  # noqa: PLR0913 - what a server is started with
        self,
        label: str,
        command: Sequence[str],
        *,
        settings: Callable[[Path], str],
        account: Account,
        preparation: str = ":",
        source: BinaryIO | None = None,
    ) -> None:
        end_when_orphaned()
        self.label = label
        self.directory = runtime_directory(account) / f"swe-db-{label}-{os.getpid()}-{secrets.token_hex(4)}"
        # Not a file, which another account may not be able to read; not an argument, which would fill the process list.
        texts = {"GUARD": shell_script("guard.sh"), "PREPARATION": preparation}
        self._words = _words_of_guard()
        self._guard = subprocess.Popen(  # type: ignore[call-overload]
            ["/bin/sh", "-c", 'eval "$GUARD"', "swe-db-guard", str(self.directory), *command],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL if source is None else source,
            stderr=self._words,
            cwd="/",
            env={**server_environment(), **texts},
            start_new_session=True,  # Ctrl-C is for pytest
            **account.process_options,
        )
        # A forked child that outlives this process must not keep the server alive.
        os.register_at_fork(after_in_child=self._guard.stdin.close)
        with contextlib.suppress(BrokenPipeError):  # a guard that cannot make its directory has gone
            self._guard.stdin.write(f"{settings(self.directory)}\n.\n".encode())

    def wait_for(self, obstacle: Callable[[], str | None], timeout: float) -> None:
        """Wait until nothing stands in the way of using the server.

        Args:
            obstacle: Asks the server, every few milliseconds, and returns why it cannot be used yet, None when it can.
            timeout: Seconds.

        Raises:
            ServerError: The server ended or was not ready in time; the message has the end of its log. It is a
                BackendUnavailable where the file system is full.
        """
        deadline = time.monotonic() + timeout
        while (reason := obstacle()) is not None:
            if self.has_ended or self._guard.poll() is not None:
                raise self._failure(ENDED)
            if time.monotonic() > deadline:
                raise self._failure(f"could not be used within {timeout:g} seconds ({reason})")
            time.sleep(POLL)

    def restart(self, end: Callable[[], object], obstacle: Callable[[], str | None], timeout: float) -> None:
        """End the server in an orderly way, start it again in its directory and wait until it can be used.

        Args:
            end: Tells the server to end.
            obstacle: As for `wait_for`.
            timeout: Seconds.

        Raises:
            ServerError: As in `wait_for`.
        """
        wanted, begun = self.directory / "restart", self.directory / "restarted"
        wanted.touch()
        try:
            end()
            self.wait_for(lambda: obstacle() if begun.exists() else "it has not ended yet", timeout)
        finally:
            wanted.unlink(missing_ok=True)
            begun.unlink(missing_ok=True)

    def refusal(self, reason: str) -> ServerError:
        """End a server that had seemed ready, and return the error that tells why; see `wait_for`.

        Args:
            reason: What it, or the library that was to reach it, said.
        """
        has_ended = self.obituary() is not None
        return self._failure(ENDED if has_ended else f"refused what every start begins with ({reason})")

    @property
    def log(self) -> Path:
        """The file with all that the preparation and the server say."""
        return self.directory / "log"

    @property
    def has_ended(self) -> bool:
        """Whether the server itself is gone."""
        return (self.directory / "settings").exists() and not (self.directory / "running").exists()

    def obituary(self) -> str | None:
        """Return what is known of the end of a server that does not answer any more, None if it seems to run."""
        deadline = time.monotonic() + NOTICING
        while not self.has_ended and time.monotonic() < deadline:
            if self._guard.poll() is not None:
                return f"the process that guards {self.label} was killed"
            time.sleep(POLL)
        return f"{self.label} ended; its last words:\n{self.log_tail()}" if self.has_ended else None

    def shortage(self, words: str) -> str | None:
        """Return which file system is full, and what to do, None if there is room.

        Args:
            words: What was said of a failure.
        """
        place = self.directory.parent
        shortage = _shortage(place, words, None)
        return None if shortage is None else f"{shortage}\n  to fix it: {_remedy(place)}"

    def _failure(self, what: str) -> ServerError:
        log, place = self.log_tail(), self.directory.parent
        shortage = _shortage(place, log, self._guard.poll())
        self.stop()
        if shortage is None:
            return ServerError(f"{self.label} {what}; its last words:\n{log}")
        return BackendUnavailable(f"{self.label} {what}: {shortage}; its last words:\n{log}", _remedy(place))

    def log_tail(self) -> str:
        """Return the last lines that the server wrote, indented."""
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            text = ""
        text = text.strip() or self._words_before()
        lines = text.strip().splitlines()[-LOG_LINES:] or ["(nothing)"]
        return "\n".join(f"    {line}" for line in lines)

    def _words_before(self) -> str:
        """Return what the guard said, which is all there is where it could not make the files."""
        if self._words.closed:
            return ""
        return os.pread(self._words.fileno(), LONGEST_WORDS, 0).decode(errors="replace")

    def stop(self) -> None:
        """End the server and remove its directory; done twice, it does nothing."""
        if self._guard.stdin and not self._guard.stdin.closed:
            self._guard.stdin.close()
        self._words.close()
        try:
            self._guard.wait(ENDING)
        except subprocess.TimeoutExpired:
            os.killpg(self._guard.pid, signal.SIGKILL)
            self._guard.wait()
            shutil.rmtree(self.directory, ignore_errors=True)


def server_environment() -> dict[str, str]:
    """Return the environment without what would steer a server, e.g. PGDATA, PGPORT and LC_ALL."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_", "LANG", "TZ"))}
