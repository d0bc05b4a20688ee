"""Migration and seed files: their names, their numbers, their content."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files as resource_files
from importlib.resources.abc import Traversable
from os import PathLike
from pathlib import Path
from typing import Final, TypeAlias

from swe_db.errors import MigrationFileError, MigrationOrderError

__all__ = [
    "FIRST_OWN_VERSION",
    "Directory",
    "MigrationFile",
    "SqlFile",
    "bundled_sql",
    "content_key",
    "read_migrations",
    "read_seeds",
    "seed_sets",
]

Directory: TypeAlias = str | PathLike[str]

FIRST_OWN_VERSION: Final = 1000
"""The lowest version of a file that swe-db does not bring itself."""

_MIGRATION_NAME = re.compile(r"(?P<version>[0-9]{3,9}|[0-9]{14})_[a-z0-9][a-z0-9_]*\.sql")
_SEED_NAME = re.compile(r"[0-9]{2,}_[a-z0-9][a-z0-9_]*\.sql")
_TIMESTAMP_DIGITS: Final = 14


@dataclass(frozen=True, slots=True)
class SqlFile:
    """A file of SQL.

    Attributes:
        name: Its name, without the directory.
        path: Its name with the directory, as messages give it.
        text: Its content, without a byte order mark, with LF at the line ends.
    """

    name: str
    path: str
    text: str

    @property
    def checksum(self) -> str:
        """The SHA-256 of the text, 64 hexadecimal digits."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class MigrationFile(SqlFile):
    """A migration.

    Attributes:
        version: The number that its name begins with.
        source: The directory that it comes from; versions ascend within one.
    """

    version: int
    source: str

    @property
    def is_timestamp(self) -> bool:
        """Whether the version is a time stamp, `YYYYMMDDhhmmss`."""
        return len(str(self.version)) == _TIMESTAMP_DIGITS


def bundled_sql() -> Traversable:
    """Return the directory of the SQL that swe-db brings."""
    return resource_files("swe_db") / "sql"


def read_migrations(
    directories: Sequence[Directory] = (), *, bundled: bool = True, allow_gaps: bool = False
) -> tuple[MigrationFile, ...]:
    """Read all migration files, in the order of their versions.

    Args:
        directories: Directories of migrations beyond those that swe-db brings.
        bundled: Whether to read those that swe-db brings.
        allow_gaps: Whether a number may be left out.

    Raises:
        MigrationFileError: A directory or a file is not acceptable, or two files have one version.
        MigrationOrderError: A number is left out.
    """
    sources = [_bundled_migrations()] if bundled else []
    sources += [_own_migrations(directory) for directory in _distinct(directories)]
    if not allow_gaps:
        for source in sources:
            _refuse_gaps(source)
    migrations = sorted(itertools.chain.from_iterable(sources), key=lambda file: file.version)
    _refuse_duplicates(migrations)
    return tuple(migrations)


def read_seeds(directories: Sequence[Directory] = (), *, bundled: bool = True) -> tuple[SqlFile, ...]:
    """Read all seed files in the order in which they are applied: by directory, then by name.

    Args:
        directories: Directories of seeds beyond those that swe-db brings, which come first.
        bundled: Whether to read those that swe-db brings.

    Raises:
        MigrationFileError: A directory or a file is not acceptable.
    """
    sources: list[Traversable] = [bundled_sql() / "seeds"] if bundled else []
    sources += [_existing(directory, "seeds") for directory in _distinct(directories)]
    return tuple(_read_seed(entry) for source in sources for entry in _seed_entries(source))


def seed_sets(directories: Sequence[Directory]) -> dict[str, tuple[Path, ...]]:
    """Find the sub-directories of seeds, which are applied only where they are asked for by name.

    Args:
        directories: Directories of seeds.

    Returns:
        By name, the sub-directories of that name that hold SQL, in the order of `directories`.

    Raises:
        MigrationFileError: A directory is not acceptable.
    """
    found: dict[str, tuple[Path, ...]] = {}
    for directory in _distinct(directories):
        for path in sorted(_existing(directory, "seeds").iterdir()):
            if path.is_dir() and not path.name.startswith(".") and any(map(_is_sql, path.iterdir())):
                found[path.name] = (*found.get(path.name, ()), path)
    return found


def content_key(directories: Sequence[Directory] = (), seeds: Sequence[Directory] = (), *, bundled: bool = True) -> str:
    """Return a key of what the migrations and seeds build: equal for equal names and contents, in order.

    Line ends and byte order marks make no difference; where a directory lies makes none either.

    Args:
        directories: Directories of migrations beyond those that swe-db brings.
        seeds: Directories of seeds beyond those that swe-db brings.
        bundled: Whether what swe-db brings belongs to it.

    Returns:
        A SHA-256, 64 hexadecimal digits.

    Raises:
        MigrationFileError: A directory or a file is not acceptable, or two migrations have one version.
    """
    digest = hashlib.sha256()
    migrations = read_migrations(directories, bundled=bundled, allow_gaps=True)
    for kind, files in (("migration", migrations), ("seed", read_seeds(seeds, bundled=bundled))):
        for file in files:
            digest.update(f"{kind} {file.name} {file.checksum}\n".encode())
    return digest.hexdigest()


def _bundled_migrations() -> list[MigrationFile]:
    directory = bundled_sql() / "migrations"
    migrations = [_read_migration(entry, str(directory)) for entry in _sql_entries(directory)]
    for file in migrations:
        if file.version >= FIRST_OWN_VERSION:
            raise MigrationFileError(f"{file.path}: the migrations that swe-db brings have versions 1 to 999")
    return migrations


def _own_migrations(directory: Directory) -> list[MigrationFile]:
    migrations = [_read_migration(entry, str(directory)) for entry in _sql_entries(_existing(directory, "migrations"))]
    for file in migrations:
        if file.version < FIRST_OWN_VERSION:
            raise MigrationFileError(
                f"{file.path}: version {file.version} is reserved: 1 to 999 belong to the migrations that "
                f"swe-db brings. Begin at {FIRST_OWN_VERSION}, or use time stamps (YYYYMMDDhhmmss)."
            )
    return migrations


def _distinct(directories: Sequence[Directory]) -> list[Directory]:
    if isinstance(directories, str | PathLike):
        raise MigrationFileError(f"directories is {str(directories)!r}: give a sequence of directories, not one path")
    return list({Path(directory).resolve(): directory for directory in directories}.values())


def _existing(directory: Directory, kind: str) -> Path:
    path = Path(directory)
    if not path.is_dir():
        found = "is not a directory" if path.exists() else "does not exist"
        raise MigrationFileError(f"the {kind} directory {path} {found} (looked from {Path.cwd()})")
    return path


def _seed_entries(directory: Traversable) -> list[Traversable]:
    """Return the files that are applied to every database: none where there are only sub-directories of them."""
    if isinstance(directory, Path) and not any(map(_is_sql, directory.iterdir())) and seed_sets([directory]):
        return []
    return _sql_entries(directory)


def _sql_entries(directory: Traversable) -> list[Traversable]:
    entries = [entry for entry in directory.iterdir() if _is_sql(entry)]
    if not entries:
        raise MigrationFileError(f"{directory} has no .sql file: is it the right directory?")
    return sorted(entries, key=lambda entry: entry.name)


def _is_sql(entry: Traversable) -> bool:
    """Tell SQL files from editors' left-overs; a link to nothing counts, so that it is not passed over in silence."""
    return entry.name.lower().endswith(".sql") and not entry.name.startswith(".") and not entry.is_dir()


def _read_migration(entry: Traversable, source: str) -> MigrationFile:
    match = _MIGRATION_NAME.fullmatch(entry.name)
    if match is None:
        raise MigrationFileError(
            f"{entry}: not a migration's name. It must be a number of 3 to 9 digits or a time stamp of 14, an "
            "underscore, lower-case letters, digits and underscores, and .sql: "
            "1000_add_labels.sql, 20250131120000_add_labels.sql"
        )
    version = _version(match["version"], entry)
    return MigrationFile(entry.name, str(entry), _read_text(entry), version, source)


def _version(digits: str, entry: Traversable) -> int:
    if int(digits) == 0:
        raise MigrationFileError(f"{entry}: versions begin at 1")
    if len(digits) == _TIMESTAMP_DIGITS:
        try:
            datetime.strptime(digits, "%Y%m%d%H%M%S")  # noqa: DTZ007 - only whether it is one
        except ValueError:
            raise MigrationFileError(f"{entry}: {digits} is not a time stamp of the form YYYYMMDDhhmmss") from None
    return int(digits)


def _read_seed(entry: Traversable) -> SqlFile:
    if _SEED_NAME.fullmatch(entry.name) is None:
        raise MigrationFileError(
            f"{entry}: not a seed's name. It must be a number of 2 digits or more, an underscore, "
            "lower-case letters, digits and underscores, and .sql: 10_teams.sql"
        )
    return SqlFile(entry.name, str(entry), _read_text(entry))


def _read_text(entry: Traversable) -> str:
    try:
        content = entry.read_bytes()
    except OSError as error:
        raise MigrationFileError(f"{entry}: cannot be read: {error.strerror}") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise MigrationFileError(
            f"{entry}:{line}: not UTF-8: byte 0x{error.object[error.start]:02x}. Save the file as UTF-8."
        ) from None
    if "\0" in text:
        raise MigrationFileError(f"{entry}:{text.count(chr(10), 0, text.index(chr(0))) + 1}: holds a NUL character")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _refuse_gaps(source: Sequence[MigrationFile]) -> None:
    numbered = sorted((file for file in source if not file.is_timestamp), key=lambda file: file.version)
    if numbered and numbered[0].version < FIRST_OWN_VERSION and numbered[0].version != 1:
        raise MigrationOrderError(f"{numbered[0].path}: the first migration must have version 1")
    for before, after in itertools.pairwise(numbered):
        if after.version > before.version + 1:
            raise MigrationOrderError(
                f"version {before.version + 1} is missing: {after.path} follows {before.name}. "
                "Add the file, renumber, or allow gaps."
            )


def _refuse_duplicates(migrations: Iterable[MigrationFile]) -> None:
    for one, other in itertools.pairwise(migrations):
        if one.version == other.version:
            raise MigrationFileError(
                f"two migrations have version {one.version}: {one.path} and {other.path}. "
                "Give one of them another number."
            )
