"""The file of a backup: a tar archive of a dump of pg_dump, the keys of Redis, and a manifest at its end.

The manifest comes last, so that a file that was cut off has none. It holds the checksums of the others.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import datetime as dt
import hashlib
import json
import os
import tarfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Final

from swe_db.environment.redis_keys import Key
from swe_db.environment.site import Progress
from swe_db.errors import BackupFileError, SnapshotError
from swe_db.servers.unfinished import remove_unfinished, sync_directory, unfinished_file

__all__ = ["DUMP", "KEYS", "BackupReader", "BackupWriter", "Manifest", "Member", "opened_backup", "written_backup"]

DUMP: Final = "database.dump"
KEYS: Final = "redis.jsonl"
MANIFEST: Final = "manifest.json"
FORMAT: Final = "swe-db backup"
FORMAT_VERSION: Final = 1
BLOCK: Final = 512
CHUNK: Final = 1 << 20
UNFINISHED: Final = ".swe-db-unfinished-"
DUMP_BEGINS: Final = b"PGDMP"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Member:
    """A file in the archive: its size in bytes and the SHA-256 of its content."""

    bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a backup says of itself.

    Attributes:
        made: When it was made, in UTC.
        swe_db: The version of swe-db that made it.
        database: The name of the database.
        database_bytes: Its size on the server.
        postgres: The server's version.
        pg_dump: The version of pg_dump.
        locale: Encoding, order, classes, provider and locale of the texts.
        migration: The version of the newest migration, None if none was applied.
        migrations: The checksum of each applied migration, by the name of its file.
        roles: The roles that own something in it or may do something there.
        catalogue: A digest of the objects of each kind.
        redis: The version of Redis, None if its keys do not belong to it.
        redis_keys: How many keys there are, None likewise.
        members: The files, by name.
        format: What it is.
        format_version: The version of this form.
    """

    made: dt.datetime
    swe_db: str
    database: str
    database_bytes: int
    postgres: str
    pg_dump: str
    locale: tuple[str, str, str, str, str]
    migration: int | None
    migrations: dict[str, str]
    roles: tuple[str, ...]
    catalogue: dict[str, str]
    redis: str | None
    redis_keys: int | None
    members: dict[str, Member]
    format: str = FORMAT
    format_version: int = FORMAT_VERSION


class BackupWriter:
    """A backup that is being written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.members: dict[str, Member] = {}

    @contextlib.contextmanager
    def member(self, name: str) -> Iterator[_Sink]:
        """Give what takes the content of a file, whose size need not be known before."""
        start = self._file.tell()
        self._file.write(bytes(BLOCK))
        sink = _Sink(self._file)
        yield sink
        self._file.write(bytes(-sink.size % BLOCK))
        end = self._file.tell()
        entry = tarfile.TarInfo(name)
        entry.size, entry.mtime, entry.mode = sink.size, int(time.time()), 0o600
        self._file.seek(start)
        self._file.write(entry.tobuf(tarfile.GNU_FORMAT))
        self._file.seek(end)
        self.members[name] = Member(bytes=sink.size, sha256=sink.digest.hexdigest())

    def write_keys(self, keys: Iterable[Key]) -> int:
        """Write the keys of Redis, a JSON object on a line for each, and return how many there are."""
        count = 0
        with self.member(KEYS) as sink:
            for key in keys:
                line = {"key": _text(key.name), "remaining_ms": key.remaining, "payload": _text(key.payload)}
                sink.write(json.dumps(line).encode() + b"\n")
                count += 1
        return count

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest, which makes the file complete."""
        import msgspec  # noqa: PLC0415 - not needed for help texts

        with self.member(MANIFEST) as sink:
            sink.write(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
        self._file.write(bytes(2 * BLOCK))


class _Sink:
    """Takes the content of a file, and knows its size and its digest."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = 0
        self.digest = hashlib.sha256()

    def write(self, part: bytes) -> None:
        self._file.write(part)
        self.digest.update(part)
        self.size += len(part)


@contextlib.contextmanager
def written_backup(path: Path) -> Iterator[BackupWriter]:
    """Write a file that only this user may read; it is there completely or not at all.

    Raises:
        SnapshotError: It cannot be written.
    """
    try:
        remove_unfinished(path.parent.glob(f"{UNFINISHED}*"))
        with unfinished_file(path.parent, UNFINISHED) as unfinished:
            with unfinished.open("wb") as file:
                yield BackupWriter(file)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        raise SnapshotError(
            f"{path} cannot be written: {error.strerror or error}. Nothing of it is left. "
            "Free room, or name another place."
        ) from None


@dataclasses.dataclass(frozen=True)
class BackupReader:
    """A backup whose manifest and checksums are right.

    Attributes:
        manifest: What it says of itself.
    """

    manifest: Manifest
    _archive: tarfile.TarFile = dataclasses.field(repr=False)

    def parts(self, name: str) -> Iterator[bytes]:
        """Yield the content of a file."""
        file = self._archive.extractfile(name)
        while file is not None and (part := file.read(CHUNK)):
            yield part

    def keys(self) -> Iterator[Key]:
        """Yield the keys of Redis."""
        file = self._archive.extractfile(KEYS)
        for line in file or ():
            entry = json.loads(line)
            yield Key(base64.b64decode(entry["key"]), entry["remaining_ms"], base64.b64decode(entry["payload"]))


@contextlib.contextmanager
def opened_backup(path: Path, progress: Progress) -> Iterator[BackupReader]:
    """Open a backup after everything in it was found to be what it was when it was made.

    Raises:
        BackupFileError: It is no backup, it is damaged, or it is of a newer form.
    """
    with _opened(path) as archive:
        manifest = _manifest(path, archive)
        _check_members(path, archive, manifest.members, progress)
        yield BackupReader(manifest, archive)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with path.open("rb") as file:
            begin = file.read(len(DUMP_BEGINS))
        if begin == DUMP_BEGINS:
            raise BackupFileError(
                f"{path} is a dump of pg_dump and no backup of swe-db, which holds one among others. "
                "Restore it with pg_restore."
            )
        archive = tarfile.open(path, "r:")  # noqa: SIM115 - closed below
    except (tarfile.TarError, EOFError):
        raise BackupFileError(
            f"{path} is no backup of swe-db: it is no tar archive, or empty. Nothing was changed."
        ) from None
    except OSError as error:
        raise BackupFileError(f"{path} cannot be read: {error.strerror or error}.") from None
    with archive:
        yield archive


def _manifest(path: Path, archive: tarfile.TarFile) -> Manifest:
    """Read the manifest.

    Raises:
        BackupFileError: There is none, or it is not one that this version understands.
    """
    import msgspec  # noqa: PLC0415 - not needed for help texts

    try:
        names = archive.getnames()
        file = archive.extractfile(MANIFEST) if MANIFEST in names else None
        text = file.read() if file else b""
    except tarfile.TarError as error:
        raise _damaged(path, f"it is cut off ({error})") from None
    if not text:
        if DUMP in names:
            raise _damaged(path, "it is cut off: the manifest at its end is missing")
        raise BackupFileError(
            f"{path} is an archive, but no backup of swe-db: it has no {MANIFEST}. Nothing was changed."
        )
    try:
        version = msgspec.json.decode(text).get("format_version")
        if isinstance(version, int) and version > FORMAT_VERSION:
            raise BackupFileError(
                f"{path} was made by a newer swe-db (form {version}, this one reads {FORMAT_VERSION}). "
                "Nothing was changed. Upgrade: pip install --upgrade swe-db."
            )
        manifest = msgspec.json.decode(text, type=Manifest)
    except (msgspec.MsgspecError, AttributeError) as error:
        raise _damaged(path, f"its manifest makes no sense: {error}") from None
    if DUMP not in manifest.members or (manifest.redis_keys is not None) != (KEYS in manifest.members):
        raise _damaged(path, f"its manifest does not name {DUMP}, or not what Redis held")
    return manifest


def _check_members(path: Path, archive: tarfile.TarFile, members: Mapping[str, Member], progress: Progress) -> None:
    total = sum(member.bytes for member in members.values())
    done = 0
    for name, member in members.items():
        try:
            file = archive.extractfile(name)
            digest = hashlib.sha256()
            while file is not None and (part := file.read(CHUNK)):
                digest.update(part)
                done += len(part)
                progress("checking the backup", done, total)
        except (KeyError, tarfile.TarError, OSError) as error:
            raise _damaged(path, f"{name} cannot be read: {error}") from None
        if digest.hexdigest() != member.sha256:
            raise _damaged(path, f"{name} is not what it was when the backup was made")


def _damaged(path: Path, how: str) -> BackupFileError:
    return BackupFileError(
        f"{path} is damaged: {how}. Nothing was changed. Take another copy of it, or another backup."
    )


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
