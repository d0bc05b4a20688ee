"""Files that are being written: whoever finds one can tell whether its writer lives."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

from swe_db.servers.liveness import is_same, locked_if_free

__all__ = ["remove_unfinished", "sync_directory", "synchronise", "unfinished_file"]


@contextlib.contextmanager
def unfinished_file(directory: Path, prefix: str, suffix: str = "", *, mode: int = 0o600) -> Iterator[Path]:
    """Make an empty file of a new name, and hold its lock; it is removed at the end unless it was renamed.

    Args:
        directory: Where it lies.
        prefix: What its name begins with.
        suffix: What its name ends with.
        mode: Who may read it; what the process takes away from new files is taken away from it too.

    Raises:
        OSError: It cannot be made.
    """
    path, file = _locked(directory, prefix, suffix, mode)
    try:
        yield path
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        if file is not None:
            os.close(file)


def _locked(directory: Path, prefix: str, suffix: str, mode: int) -> tuple[Path, int | None]:
    """Make a file, and again if somebody took it for a dead writer's before it was locked."""
    while True:
        path = directory / f"{prefix}{secrets.token_hex(8)}{suffix}"
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
        try:
            import fcntl  # noqa: PLC0415 - not there on Windows
        except ImportError:
            os.close(file)  # Windows renames no file that is open
            return path, None
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if is_same(file, path):
            return path, file
        os.close(file)


def remove_unfinished(paths: Iterable[Path]) -> None:
    """Remove those of some files whose writers have ended; where that cannot be told, they stay."""
    for path in paths:
        with contextlib.suppress(ImportError, OSError), locked_if_free(path) as is_free:
            if is_free:
                path.unlink()


def sync_directory(directory: Path) -> None:
    """Let the name of a new file survive a failure of the machine, where directories can be opened for that."""
    with contextlib.suppress(PermissionError):
        synchronise(directory)


def synchronise(path: Path) -> None:
    """Let what was renamed in a directory, or written into a file, stay so after a power cut.

    Raises:
        OSError: It cannot be had.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
