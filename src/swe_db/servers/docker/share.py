"""What the workers of one run hold together: the first one makes it, the last one removes it, however they end.

They meet in a directory that only this user can enter. It holds `members`, which every worker has a shared lock on as
long as it lives, `mutex`, which one at a time takes to make or to leave, `label`, the mark of all that is made, and
`facts`, what was made or why it failed.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

from swe_db.errors import BackendUnavailable
from swe_db.servers.docker.daemon import HOST, PLACE, RUN, SPACE
from swe_db.servers.liveness import is_same, process_space
from swe_db.servers.orphan import end_when_orphaned

__all__ = [
    "FACTS",
    "MEMBERS",
    "MUTEX",
    "Facts",
    "Labels",
    "Share",
    "locked",
    "private_directory",
    "remove_directory",
    "room_needed",
    "start_guard",
]

Facts: TypeAlias = dict[str, Any]
Labels: TypeAlias = dict[str, str]

MEMBERS: Final = "members"
MUTEX: Final = "mutex"
FACTS: Final = "facts"
LABEL: Final = "label"
GUARD_TIMEOUT: Final = 30.0  # seconds
LEAVING: Final = 10.0  # seconds
POLL: Final = 0.01  # seconds


@contextlib.contextmanager
def room_needed() -> Iterator[None]:
    """Explain it when the file system is full on which the workers of a run meet."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        place = tempfile.gettempdir()
        raise BackendUnavailable(
            f"the file system of {place}, where the workers of a run meet, is full",
            f"free 1 MiB of it (df {place}), or set TMPDIR to another directory",
        ) from None


class Share:
    """The place where the workers of one run meet.

    Args:
        key: What those who meet have in common.
        remove: Removes everything with the mark that it is given.

    Raises:
        BackendUnavailable: The system has no such locks, or somebody else made the directory.
    """

    def __init__(self, key: str, remove: Callable[[str], object]) -> None:
        end_when_orphaned()
        self._key = key
        self._remove_made = remove
        while not self._join():
            pass  # the last worker of before was just removing it
        # A forked child that outlives this process must not keep the containers alive.
        os.register_at_fork(after_in_child=self._members.close)

    @room_needed()
    def _join(self) -> bool:
        import fcntl  # noqa: PLC0415

        try:
            self.directory = private_directory(self._key)
            self._members = (self.directory / MEMBERS).open("a")
        except FileNotFoundError:
            return False
        fcntl.flock(self._members, fcntl.LOCK_SH)
        if is_same(self._members.fileno(), self.directory / MEMBERS):
            return True
        self._members.close()
        return False

    @room_needed()
    def facts(self, make: Callable[[Labels], Facts]) -> Facts:
        """Return what the first worker made, which is this one if there is nothing yet.

        Args:
            make: Makes it, with the labels that it is given, and returns what others need to know.

        Raises:
            BackendUnavailable: It could not be made, now or by the first worker.
        """
        with locked(self.directory / MUTEX):
            path = self.directory / FACTS
            if not path.exists():
                self._write(FACTS, json.dumps(self._made(make)))
            facts: Facts = json.loads(path.read_text(encoding="utf-8"))
        if "reason" in facts:
            raise BackendUnavailable(facts["reason"], facts["remedy"])
        return facts

    def _made(self, make: Callable[[Labels], Facts]) -> Facts:
        # One label for all that is made here: a worker may have died while it made something.
        if not (self.directory / LABEL).exists():
            self._write(LABEL, secrets.token_hex(8))
        label = (self.directory / LABEL).read_text(encoding="utf-8")
        try:
            start_guard("guard", str(self.directory), label)
            marks = {RUN: label, PLACE: str(self.directory), HOST: socket.gethostname(), SPACE: process_space()}
            return make(marks)
        except BackendUnavailable as error:
            return {"reason": error.reason, "remedy": error.remedy}

    def _write(self, name: str, text: str) -> None:
        """Write a file that is there as a whole or not at all."""
        scratch = self.directory / f"{name}.new"
        scratch.write_text(text, encoding="utf-8")
        scratch.rename(self.directory / name)

    def leave(self) -> None:
        """Let go; the last worker removes what was made. Done twice, it does nothing."""
        if self._members.closed:
            return
        try:
            with locked(self.directory / MUTEX):
                self._members.close()
                self._clear()
        except FileNotFoundError:  # somebody has swept the directory away; the guard removes the rest
            self._members.close()

    def _clear(self) -> None:
        """Remove everything if nobody is left; if the guard is already at it, wait for it."""
        deadline = time.monotonic() + LEAVING
        while time.monotonic() < deadline:
            try:
                members = (self.directory / MEMBERS).open("r+")
            except FileNotFoundError:
                return
            with members:
                if _locked(members.fileno(), exclusively=True):
                    self._remove()
                    return
                if _locked(members.fileno(), exclusively=False):
                    return
            time.sleep(POLL)

    def _remove(self) -> None:
        label = self.directory / LABEL
        try:
            if label.exists():  # else nothing was made
                self._remove_made(label.read_text(encoding="utf-8"))
        except BackendUnavailable:
            return  # the guard tries once more
        remove_directory(self.directory)


def start_guard(module: str, *arguments: str) -> None:
    """Start a process that waits until it is needed, and return when it waits.

    Args:
        module: What it runs, a module of this package.
        arguments: Its arguments.

    Raises:
        BackendUnavailable: It does not start.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", f"swe_db.servers.docker.{module}", *arguments],
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=GUARD_TIMEOUT,
            start_new_session=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise BackendUnavailable(f"the guard of the containers does not start: {error}", "see above") from None
    if done.returncode:
        raise BackendUnavailable(f"the guard of the containers does not start:\n{done.stderr}", "see above")


def private_directory(key: str) -> Path:
    """Return a directory for this key that only this user can enter, made if there is none.

    Raises:
        BackendUnavailable: Somebody else made it.
    """
    directory = Path(tempfile.gettempdir(), f"swe-db-docker-{os.geteuid()}-{key}")
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=0o700)
    state = directory.lstat()
    if state.st_uid != os.geteuid() or not stat.S_ISDIR(state.st_mode) or state.st_mode & 0o077:
        raise BackendUnavailable(
            f"{directory} was not made by this user, or is open to others", f"remove it: rm -r {directory}"
        )
    return directory


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file, which the kernel takes from us however we die."""
    import fcntl  # noqa: PLC0415

    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def remove_directory(directory: Path) -> None:
    """Remove a directory at one blow for those who look at its name."""
    gone = directory.with_name(f"{directory.name}-{secrets.token_hex(4)}")
    directory.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def _locked(file: int, *, exclusively: bool) -> bool:
    import fcntl  # noqa: PLC0415

    try:
        fcntl.flock(file, (fcntl.LOCK_EX if exclusively else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
