"""Prepared data directories as archives in the cache of the user who runs pytest.

An archive gets its name, which tells its size, when it is complete. It is made under a lock that goes with its holder,
so whatever else lies there under a lock that is free was left by a process that died.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import secrets
import stat
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from swe_db.servers.liveness import is_same, locked_if_free

if TYPE_CHECKING:
    import tarfile

__all__ = ["Archives", "cache_directory"]

ROOM: Final = 256 << 20  # bytes that must be free before one is made
KEPT: Final = 8
UNUSED_AFTER: Final = 14 * 86400.0  # seconds
WAITING: Final = 600.0  # seconds: a big set of migrations may take minutes to build
POLL: Final = 0.01  # seconds
LOCK: Final = ".lock"
PART: Final = ".part"
NAME: Final = re.compile(r"(?P<key>[0-9a-f]{32})(-(?P<size>\d+)\.tar|-[0-9a-f]{8}\.part|\.lock)")
SHUT_DOWN: Final = 1  # DBState DB_SHUTDOWNED
STATE_OFFSET: Final = 16
CHECKPOINT_OFFSET: Final = 32
RECORD: Final = 8192  # bytes: more than a checkpoint's record takes


def cache_directory() -> Path:
    """Return where archives lie, whether it is there or not.

    Raises:
        OSError: This user has no home directory.
    """
    given = os.environ.get("XDG_CACHE_HOME", "")
    if Path(given).is_absolute():
        return Path(given, "swe-db")
    try:
        home = Path.home()
    except RuntimeError as error:
        raise FileNotFoundError(str(error)) from None
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "swe-db"


@dataclasses.dataclass(frozen=True)
class Archives:
    """The archives of one cache directory.

    Attributes:
        directory: The cache directory.
    """

    directory: Path

    def open(self, key: str) -> BinaryIO | None:
        """Return the archive of this key, opened, None if there is none; one that is not whole is removed.

        Args:
            key: 32 hexadecimal digits.

        Raises:
            OSError: It cannot be read, or others may write to the cache directory.
        """
        if not self.directory.is_dir():
            return None
        self._check()
        for path in self._of(key, ".tar"):
            try:
                file = path.open("rb")
            except FileNotFoundError:
                continue  # another run has removed it
            match = NAME.fullmatch(path.name)
            if match and os.fstat(file.fileno()).st_size == int(match["size"] or -1):
                with contextlib.suppress(OSError):
                    os.utime(path)  # when it was last used
                return file
            file.close()
            path.unlink(missing_ok=True)
        return None

    @contextlib.contextmanager
    def building(self, key: str) -> Iterator[None]:
        """Hold the lock of a key; what a dead builder of it has left is removed.

        Raises:
            OSError: There is no room, nothing can be written there, or another process holds the lock for too long.
        """
        above = next(path for path in self.directory.parents if path.exists())
        if os.geteuid() == 0 != above.stat().st_uid:
            raise PermissionError(f"{above} is another user's, and root makes nothing there")
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._check()
        state = os.statvfs(self.directory)
        if state.f_bavail * state.f_frsize < ROOM:
            raise OSError(f"{self.directory} has less than {ROOM >> 20} MiB of room")
        file = self._lock(key)
        try:
            for path in self._of(key, PART):
                path.unlink(missing_ok=True)
            yield
        finally:
            os.close(file)

    def _lock(self, key: str) -> int:
        import fcntl  # noqa: PLC0415 - not there on Windows

        path = self.directory / f"{key}{LOCK}"
        deadline = time.monotonic() + WAITING
        while True:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    os.close(file)
                    raise
            except OSError:
                os.close(file)
                raise
            else:
                if is_same(file, path):  # else a sweep has removed it
                    return file
            os.close(file)
            time.sleep(POLL)

    def store(self, key: str, data: Path) -> None:
        """Pack the data directory of a server that was shut down cleanly; the lock must be held.

        Args:
            key: 32 hexadecimal digits.
            data: The data directory.

        Raises:
            OSError: There is no room, or the server was not shut down cleanly.
        """
        part = self.directory / f"{key}-{secrets.token_hex(4)}{PART}"
        try:
            with part.open("xb") as file:
                part.chmod(0o600)
                _pack(data, file)
                file.flush()
                os.fsync(file.fileno())
                size = file.tell()
            part.rename(self.directory / f"{key}-{size}.tar")
        finally:
            part.unlink(missing_ok=True)

    def remove(self, key: str) -> None:
        """Remove an archive that no server starts from."""
        with contextlib.suppress(OSError):
            for path in self._of(key, ".tar"):
                path.unlink(missing_ok=True)

    def sweep(self) -> list[str]:
        """Remove what dead builders have left, what was not used for two weeks, and more than the eight used last.

        Returns:
            The names of the files removed.
        """
        try:
            paths = [path for path in self.directory.iterdir() if NAME.fullmatch(path.name)]
        except OSError:
            return []
        used = {path.name[:32]: _used(path) for path in paths if path.suffix == ".tar"}
        kept = {key for key in sorted(used, key=used.__getitem__)[-KEPT:] if time.time() - used[key] < UNUSED_AFTER}
        return [name for path in paths if path.suffix == LOCK for name in self._sweep(path, kept)]

    def sizes(self) -> list[int]:
        """Return the sizes of the complete archives, in bytes; of a cache that cannot be read, nothing."""
        try:
            found = [NAME.fullmatch(path.name) for path in self.directory.iterdir()]
        except OSError:
            return []
        return [int(match["size"]) for match in found if match and match["size"]]

    def _sweep(self, lock: Path, kept: set[str]) -> list[str]:
        key, removed = lock.name[:32], []
        with contextlib.suppress(OSError), locked_if_free(lock) as free:
            if not free:
                return []
            # The lock itself goes last: whoever holds it alone may remove the rest.
            for path in [*self._of(key, PART), *([] if key in kept else [*self._of(key, ".tar"), lock])]:
                path.unlink(missing_ok=True)
                removed.append(path.name)
        return removed

    def _of(self, key: str, suffix: str) -> list[Path]:
        return sorted(self.directory.glob(f"{key}-*{suffix}"))

    def _check(self) -> None:
        """See to it that nobody else can have put an archive here."""
        state = self.directory.stat()
        if state.st_uid != os.geteuid() or stat.S_IMODE(state.st_mode) & 0o022:
            raise PermissionError(f"{self.directory} is not this user's, or others may write to it")


def _used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _pack(data: Path, file: BinaryIO) -> None:
    """Write `data` as a tar file, the transaction log as far as the server needs it to start."""
    import tarfile  # noqa: PLC0415 - a run that has an archive need not load it

    log = _needed_log(data)

    def chosen(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
        above, _, name = info.name.rpartition("/")
        if above == "data/pg_wal" and info.isfile() and name not in log:
            return None
        info.uid = info.gid = 0
        info.uname = info.gname = ""
        return info

    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        archive.add(data, "data", filter=chosen)


def _needed_log(data: Path) -> set[str]:
    """Return the names of the log files in which the last checkpoint stands.

    Raises:
        OSError: The server was not shut down cleanly, or the log is not where it is expected.
    """
    control = (data / "global/pg_control").read_bytes()
    (state,) = struct.unpack_from("=I", control, STATE_OFFSET)
    (checkpoint,) = struct.unpack_from("=Q", control, CHECKPOINT_OFFSET)
    if state != SHUT_DOWN:
        raise OSError(f"the server of {data} was not shut down cleanly")
    size = next(path.stat().st_size for path in (data / "pg_wal").iterdir() if path.is_file())
    numbers = {checkpoint // size, (checkpoint + RECORD) // size}
    a_file = (1 << 32) // size
    names = {f"{1:08X}{number // a_file:08X}{number % a_file:08X}" for number in numbers}
    if not (data / "pg_wal" / min(names)).is_file():
        raise FileNotFoundError(f"{data} has no log file {min(names)}")
    return names
