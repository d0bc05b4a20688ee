"""Files that are there as a whole or not at all, and what may go wrong with a disk."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from swe_db.errors import GenerateError

__all__ = ["TEMPORARY", "disk_errors", "is_temporary", "replace_file", "sha256_of"]

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
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}{TEMPORARY}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    """Let the name of a new file survive a failure of the machine, where directories can be opened for that."""
    with contextlib.suppress(PermissionError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


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
