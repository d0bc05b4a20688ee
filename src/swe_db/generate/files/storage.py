"""Files that are there as a whole or not at all, and what may go wrong with a disk."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from swe_db.errors import GenerateError
from swe_db.servers.unfinished import sync_directory, unfinished_file

__all__ = ["TEMPORARY", "disk_errors", "exclusive", "is_temporary", "replace_file", "sha256_of"]

TEMPORARY: Final = ".tmp"
_FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED: Final = {errno.EACCES, errno.EPERM, errno.EROFS}
_BLOCK: Final = 1 << 20


def replace_file(path: Path, content: bytes | memoryview) -> None:
    """Put a file in its place, after all of it has reached the disk.

    Raises:
        OSError: It cannot be written; what was there before is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with unfinished_file(path.parent, f".{path.name}.", TEMPORARY, mode=0o666) as temporary:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    sync_directory(path.parent)


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Wait until no other process is in such a block for this file, which is made if there is none.

    Raises:
        OSError: The file cannot be made or opened.
    """
    try:
        import fcntl  # noqa: PLC0415 - not there on Windows
    except ImportError:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)  # a lock on NFS needs the right to write
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def is_temporary(path: Path) -> bool:
    """Tell whether a file is one that `replace_file` has begun and not put in its place."""
    return path.name.startswith(".") and path.name.endswith(TEMPORARY)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, as hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


@contextlib.contextmanager
def disk_errors(directory: Path) -> Iterator[None]:
    """Turn what the system says of files into errors that say what to do.

    Raises:
        GenerateError: A file or directory cannot be read or written.
    """
    try:
        yield
    except OSError as error:
        where = error.filename or directory
        raise GenerateError(f"{where}: {error.strerror or error}. {_remedy(error, directory)}") from error


def _remedy(error: OSError, directory: Path) -> str:
    if error.errno in _FULL:
        return (
            "There is no room for more. The parts that are complete stay as they are: make room, or give --out a "
            f"place with more of it, then go on with --resume; --reset removes what {directory} holds."
        )
    if error.errno in _REFUSED:
        return f"This user may not write there: give --out another directory, or let this user write to {directory}."
    if isinstance(error, NotADirectoryError | FileExistsError):
        return "It is a file: give --out the name of a directory, which is made if there is none."
    return "Check the disk and the name given to --out, then go on with --resume."
