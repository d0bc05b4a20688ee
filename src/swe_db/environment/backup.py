"""Backups: a database and the keys of Redis in one file, for another server or another day."""

from __future__ import annotations

import dataclasses
import datetime as dt
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from swe_db.environment import redis_keys
from swe_db.environment.backup_file import DUMP, BackupWriter, Manifest, opened_backup, written_backup
from swe_db.environment.clients import programs_of, server_version, without_password
from swe_db.environment.content import catalogue_of, roles_of
from swe_db.environment.locales import locale_of
from swe_db.environment.maintenance import Maintenance, maintenance
from swe_db.environment.mending import mend
from swe_db.environment.site import Site, Told
from swe_db.environment.snapshots import require_database
from swe_db.environment.space import require_file_room
from swe_db.errors import MigrationError, ServerError, SnapshotError
from swe_db.migrations.connections import Connection
from swe_db.migrations.history import HistoryRow, read_history
from swe_db.servers.programs import ClientPrograms

__all__ = ["BackupReport", "make_backup", "read_backup"]

# Somebody may hold a table for an ALTER, and never give it back.
OPTIONS: Final = ("--format=custom", "--lock-wait-timeout=30s")
# A dump has no indexes and is compressed: of generated rows 22 % of the tables, of rows that are much alike less.
SMALLEST_PART: Final = 8
TABLES: Final = (
    "SELECT coalesce(sum(pg_table_size(oid)), 0)::bigint FROM pg_class WHERE relkind IN ('r', 'm') AND oid >= 16384"
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class BackupReport:
    """What a backup holds.

    Attributes:
        path: The file.
        bytes: Its size.
        database: The name of the database.
        made: When it was made, in UTC.
        postgres: The version of Postgres that it was made of, and into which it can be restored.
        migration: The version of the newest migration, None if none was applied.
        redis_keys: How many keys of Redis it holds, None if they do not belong to it.
    """

    path: Path
    bytes: int
    database: str
    made: dt.datetime
    postgres: str
    migration: int | None
    redis_keys: int | None


def make_backup(site: Site, path: Path | None, told: Told, *, replace: bool = False) -> BackupReport:
    """Write a database, and the keys of its Redis, into a file that only this user may read.

    Others may use the database meanwhile: what they write from now on is not part of it.

    Args:
        site: The database, and its Redis if its keys are to be saved.
        path: The file, or a directory for it; None takes the present one.
        told: Whom to tell what goes on.
        replace: Whether the file may take the place of one that is there.

    Raises:
        ConfigError: A URL is malformed.
        SnapshotError: The file is there already, does not fit or cannot be written, or a server refuses.
        ServerError: A server cannot be reached, or there is no pg_dump of its version.
    """
    made = dt.datetime.now(dt.UTC).replace(microsecond=0)
    file = _file(site, path, made)
    if file.exists() and not replace:
        raise SnapshotError(f"{file} is there already. Name another file, or put this one in its place: --replace.")
    with maintenance(site, told) as work:
        require_database(work)
        mend(work, site, whole=True)
        programs = programs_of(site, work)
        with work.inside(work.database) as connection:
            tables = int(connection.execute(TABLES).fetchall()[0][0])
            _require_room(file, tables // SMALLEST_PART)
            manifest = _manifest(work, connection, programs, made)
        with written_backup(file) as backup:
            _dump(work, programs, backup)
            manifest = _with_keys(site, manifest, backup)
            backup.finish(dataclasses.replace(manifest, members=backup.members))
    return _report(file, manifest)


def read_backup(path: Path, told: Told) -> BackupReport:
    """Return what a backup holds, after everything in it was checked.

    Raises:
        BackupFileError: It is no backup, or it is damaged.
    """
    with opened_backup(path, told.progress) as backup:
        return _report(path, backup.manifest)


def _file(site: Site, path: Path | None, made: dt.datetime) -> Path:
    name = f"{site.database.replace('/', '_')}-{made:%Y%m%d-%H%M%S}.tar"
    if path is None:
        return Path(name)
    return path / name if path.is_dir() else path


def _require_room(file: Path, size: int) -> None:
    try:
        require_file_room(file.parent, size)
    except OSError as error:
        raise SnapshotError(f"{file} cannot be written: {error.strerror or error}. Name another place.") from None


def _manifest(work: Maintenance, connection: Connection, programs: ClientPrograms, made: dt.datetime) -> Manifest:
    history = _history(connection)
    return Manifest(
        made=made,
        swe_db=_own_version(),
        database=work.database,
        database_bytes=work.size(work.database),
        postgres=server_version(work),
        pg_dump=programs.version,
        locale=dataclasses.astuple(locale_of(work, work.database)),
        migration=max((row.version for row in history), default=None),
        migrations={row.name: row.checksum for row in history},
        roles=roles_of(connection),
        catalogue=catalogue_of(connection),
        redis=None,
        redis_keys=None,
        members={},
    )


def _history(connection: Connection) -> list[HistoryRow]:
    try:
        return [row for row in read_history(connection) if row.status == "applied"]
    except MigrationError:
        return []  # of another tool


def _own_version() -> str:
    try:
        return version("swe-db")
    except PackageNotFoundError:
        return "unknown"


def _dump(work: Maintenance, programs: ClientPrograms, backup: BackupWriter) -> None:
    place, password = without_password(work.conninfo(work.database))
    with backup.member(DUMP) as sink:

        def take(part: bytes) -> None:
            sink.write(part)
            work.told.progress(f"dumping {work.database}", sink.size, None)

        try:
            programs.dump(place, password, OPTIONS, take)
        except ServerError as error:
            raise SnapshotError(f"pg_dump cannot dump {work.shown}: {error}\nNo backup was made.") from None


def _with_keys(site: Site, manifest: Manifest, backup: BackupWriter) -> Manifest:
    if site.redis_url is None:
        return manifest
    with redis_keys.client_of(site) as client:
        count = backup.write_keys(redis_keys.keys_of(client))
        return dataclasses.replace(manifest, redis=redis_keys.redis_version(client), redis_keys=count)


def _report(path: Path, manifest: Manifest) -> BackupReport:
    return BackupReport(
        path=path,
        bytes=path.stat().st_size,
        database=manifest.database,
        made=manifest.made,
        postgres=manifest.postgres,
        migration=manifest.migration,
        redis_keys=manifest.redis_keys,
    )
