"""Telling for certain who lives, by what the kernel takes from a process however it dies.

A named pipe that somebody reads from and a lock are also seen from another container that shares the directory; the
numbers of processes are not. The processes themselves are found where there is a /proc.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from swe_db.errors import ServerError

__all__ = ["end_readers", "has_readers", "is_mentioned", "is_same", "locked_if_free", "process_space", "readers"]

PROCESSES: Final = Path("/proc")
POLL: Final = 0.05  # seconds
QUITTING: Final = 0.5  # seconds, after which a Postgres no longer waits for its clients
KILLING: Final = 4.0  # seconds
ENDING: Final = 15.0  # seconds


def has_readers(pipe: Path) -> bool:
    """Tell whether a process has a named pipe open for reading; what is no named pipe, or not there, has none.

    Raises:
        OSError: We may not look.
    """
    try:
        if not stat.S_ISFIFO(pipe.lstat().st_mode):
            return False
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW))
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno == errno.ENXIO:
            return False
        raise
    return True


def readers(pipe: Path) -> list[int]:
    """Return the processes that have a named pipe open for reading, as far as they can be seen from here."""
    return [int(folder.name) for folder in _processes() if _reads(folder, pipe)]


def _processes() -> Iterator[Path]:
    return (folder for folder in _entries(PROCESSES) if folder.name.isdecimal())


def _entries(folder: Path) -> list[Path]:
    """Return what lies in a directory; of one that is gone, or not ours to look at, nothing."""
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _reads(process: Path, pipe: Path) -> bool:
    for link in _entries(process / "fd"):
        with contextlib.suppress(OSError):
            if os.path.samestat(link.stat(), pipe.stat()) and link.lstat().st_mode & stat.S_IRUSR:
                return True
    return False


def end_readers(pipe: Path) -> None:
    """End the processes that read from a named pipe, which an orphaned server and all that it started do.

    They are asked at first, so that Postgres takes its shared memory along.

    Raises:
        ServerError: They cannot be found from here, or do not end.
    """
    begin = time.monotonic()
    while has_readers(pipe):
        elapsed = time.monotonic() - begin
        found = readers(pipe)
        if elapsed > ENDING or not (found or (PROCESSES / "self").exists()):
            raise ServerError(
                f"processes that read from {pipe} live and cannot be ended from here"
                f"{': ' + ' '.join(map(str, found)) if found else ''}; where they can be seen: kill $(lsof -t {pipe})"
            )
        wanted = signal.SIGTERM if elapsed < QUITTING else signal.SIGQUIT if elapsed < KILLING else signal.SIGKILL
        for process in found:
            _send(process, pipe, wanted)
        time.sleep(POLL)


def _send(process: int, pipe: Path, wanted: signal.Signals) -> None:
    """Signal a process, unless its number has come to another one that does not read from the pipe."""
    with contextlib.suppress(OSError):
        handle = os.pidfd_open(process)
        try:
            if _reads(PROCESSES / str(process), pipe):
                signal.pidfd_send_signal(handle, signal.SIGCONT)
                signal.pidfd_send_signal(handle, wanted)
        finally:
            os.close(handle)


def is_mentioned(path: Path) -> bool:
    """Tell whether a process that can be seen from here has a path, or what lies below it, as argument or open file."""
    return any(_mentions(process, str(path)) for process in _processes())


def _mentions(process: Path, path: str) -> bool:
    with contextlib.suppress(OSError):
        if path.encode() in (process / "cmdline").read_bytes().split(b"\0"):
            return True
    for link in _entries(process / "fd"):
        with contextlib.suppress(OSError):
            if str(link.readlink()).startswith(f"{path}/"):
                return True
    return False


def process_space() -> str:
    """Return a name of all processes that can be seen from here: this boot and this container; empty if unknown."""
    try:
        boot = (PROCESSES / "sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        return f"{boot} {(PROCESSES / 'self/ns/pid').readlink()}"
    except OSError:
        return ""


def is_same(file: int, path: Path) -> bool:
    """Tell whether an open file is the one that a path leads to now."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def locked_if_free(*paths: Path) -> Iterator[bool]:
    """Hold the locks of files or directories, as long as nobody else holds one of them; says whether that is so.

    Raises:
        OSError: One cannot be opened, or this file system has no locks.
    """
    import fcntl  # noqa: PLC0415 - not there on Windows

    with contextlib.ExitStack() as opened:
        for path in paths:
            file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
            opened.callback(os.close, file)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            if not is_same(file, path):
                yield False
                return
        yield True
