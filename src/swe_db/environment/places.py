"""Where environments keep what they are: a directory of the user for each, and a lock for whoever changes it."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Final

from swe_db.errors import ConfigError, LocalEnvironmentError
from swe_db.servers.account import Account
from swe_db.servers.liveness import is_same

__all__ = [
    "data_directory",
    "directory_of",
    "existing_names",
    "explained",
    "locked",
    "place_of_environments",
    "private",
]

NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
LOCK: Final = ".lock"
# For servers that root starts as another account, which may not enter root's home.
SHARED_PLACES: Final = (Path("/var/lib/swe-db"), Path("/var/tmp/swe-db"))  # noqa: S108 - made by root, never by others


def place_of_environments() -> Path:
    """Return where the environments of this user are kept, whether it is there or not.

    Raises:
        ConfigError: This user has no home.
    """
    given = os.environ.get("XDG_DATA_HOME", "")
    if Path(given).is_absolute():
        return Path(given, "swe-db", "environments")
    try:
        home = Path.home()
    except RuntimeError as error:
        raise ConfigError(f"There is no place for a local environment: {error}. Set HOME or XDG_DATA_HOME.") from None
    data = "Library/Application Support" if sys.platform == "darwin" else ".local/share"
    return home / data / "swe-db" / "environments"


def directory_of(name: str) -> Path:
    """Return the directory of an environment, whether it is there or not.

    Raises:
        ConfigError: The name is not acceptable, or this user has no home.
    """
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} is no name of an environment: up to 40 lower-case letters, digits, - and _, the first of them a "
            "letter or a digit."
        )
    return place_of_environments() / name


def existing_names() -> list[str]:
    """Return the names of all environments of this user.

    Raises:
        LocalEnvironmentError: We may not look.
    """
    with explained(place_of_environments()):
        try:
            return sorted(
                path.name for path in place_of_environments().iterdir() if path.is_dir() and NAME.fullmatch(path.name)
            )
        except FileNotFoundError:
            return []


@contextlib.contextmanager
def explained(place: Path) -> Iterator[None]:
    """Turn what the system says of a place into a sentence."""
    try:
        yield
    except OSError as error:
        raise LocalEnvironmentError(
            f"Local environments are kept in {place}, which cannot be used: {error.strerror or error}"
            f"{f' ({error.filename})' if error.filename else ''}. Mend that, or set XDG_DATA_HOME to another directory."
        ) from error


def private(directory: Path) -> Path:
    """Make a directory that only this user may enter, and what it lies in, unless it is there.

    Raises:
        LocalEnvironmentError: It cannot be made, or belongs to somebody else.
    """
    with explained(directory):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = directory.lstat()
        if state.st_uid != os.geteuid() or not stat.S_ISDIR(state.st_mode):
            raise LocalEnvironmentError(
                f"{directory} is not a directory of this user. Remove it, or set XDG_DATA_HOME to another directory."
            )
        if state.st_mode & 0o077:
            directory.chmod(0o700)
    return directory


def data_directory(directory: Path, identity: str, account: Account) -> Path:
    """Return where the data of servers of our own belong; nothing is made.

    Args:
        directory: The environment's directory.
        identity: What tells the environment from others of its name.
        account: Who runs the servers.
    """
    if account.uid is None:
        return directory / "data"
    place = next((place for place in SHARED_PLACES if os.access(place.parent, os.W_OK)), SHARED_PLACES[-1])
    return place / f"{directory.name}-{identity}"


@contextlib.contextmanager
def locked(name: str, tell: Callable[[str], None]) -> Iterator[Path]:
    """Be the only one who starts, stops or removes an environment; the kernel ends that however we die.

    Args:
        name: The environment.
        tell: Called with a sentence if somebody else is at it.

    Yields:
        The environment's directory, which may have been removed in the end.

    Raises:
        LocalEnvironmentError: The directory cannot be used.
    """
    directory = directory_of(name)
    while (file := _taken(directory, tell)) is None:
        pass  # it was removed while we waited
    with file:
        yield directory


def _taken(directory: Path, tell: Callable[[str], None]) -> IO[str] | None:
    import fcntl  # noqa: PLC0415 - not there on Windows

    private(directory)
    with explained(directory):
        try:
            file = (directory / LOCK).open("a", encoding="utf-8")
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell(f"another swe-db is at work on environment {directory.name}; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        if is_same(file.fileno(), directory / LOCK):
            return file
    file.close()
    return None
