"""The way back from a backup: into a database of its own first, which then takes the place of the present one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from swe_db.environment import redis_keys
from swe_db.environment.backup_file import DUMP, BackupReader, Manifest, opened_backup
from swe_db.environment.clients import programs_of, server_version, without_password
from swe_db.environment.content import is_empty, require_catalogue, require_sequences
from swe_db.environment.copying import replace_database, require_alone
from swe_db.environment.locales import Locale, make_empty
from swe_db.environment.maintenance import Maintenance, maintenance
from swe_db.environment.mending import finish_redis, mend
from swe_db.environment.site import Site, Told
from swe_db.environment.snapshots import redis_is_replaced
from swe_db.environment.space import require_room
from swe_db.errors import BackupFileError, ServerError, SnapshotError
from swe_db.migrations.connections import execute
from swe_db.migrations.files import Directory, read_migrations
from swe_db.migrations.marker import is_marked, require_destroyable
from swe_db.migrations.verification import VerificationReport, verify
from swe_db.servers.binaries import numbers

__all__ = ["RestoreReport", "restore_backup"]

OPTIONS: Final = ("--no-owner", "--exit-on-error")
MISSING: Final = "SELECT name FROM unnest(%(names)s::text[]) AS name WHERE to_regrole(quote_ident(name)) IS NULL"
MAY_MAKE_ROLES: Final = "SELECT rolsuper, rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"


@dataclasses.dataclass(frozen=True, kw_only=True)
class RestoreReport:
    """What was restored.

    Attributes:
        database: The database and its server.
        manifest: What the backup says of itself.
        roles: The roles that were made for it.
        redis_keys: How many keys of Redis were put back, None if Redis was left alone.
        verification: What comparing it with the migration files has found.
    """

    database: str
    manifest: Manifest
    roles: tuple[str, ...]
    redis_keys: int | None
    verification: VerificationReport


def restore_backup(  # noqa: PLR0913 - one for each option
    site: Site,
    path: Path,
    told: Told,
    *,
    migrations: Sequence[Directory] = (),
    force: bool = False,
    yes_destroy: str | None = None,
    yes_destroy_redis: str | None = None,
) -> RestoreReport:
    """Put what a backup holds in the place of a database, and its keys in that of those of Redis.

    Everything in the file is checked before anything is touched. The present database stays until the other one is
    ready and was compared with what the backup says of it, then that one takes its name at once.

    Args:
        site: The database, which is made if there is none, and its Redis if its keys are to be put back.
        path: The file.
        told: Whom to tell what goes on.
        migrations: Directories of migrations beyond those that swe-db brings, for the verification at the end.
        force: Whether to end the sessions of others with the database.
        yes_destroy: The database's name, typed by the user, if it is neither ours nor empty.
        yes_destroy_redis: The same for Redis.

    Raises:
        ConfigError: A URL is malformed.
        MigrationFileError: A directory of migrations is not acceptable.
        BackupFileError: The file is no backup, is damaged, or cannot be restored into this server.
        ProtectedDatabaseError: The database or Redis is not ours, and its name was not typed.
        SnapshotError: Others use the database, it does not fit, or a server refuses.
        ServerError: A server cannot be reached, or there is no pg_restore of its version.
    """
    read_migrations(migrations, allow_gaps=True)  # what is wrong there is better known now than in the end
    with opened_backup(path, told.progress) as backup:
        with maintenance(site, told) as work:
            mend(work, site, whole=False)
            _require_usable(work, path, backup.manifest)
            _require_replaceable(work, yes_destroy, force=force)
            with_keys = redis_is_replaced(work, site, backup.manifest.redis_keys, yes_destroy_redis)
            require_room(work, backup.manifest.database_bytes, logged=True)
            with work.scratch("new") as new:
                roles = _make_roles(work, backup.manifest.roles)
                _fill(work, site, backup, new)
                if with_keys:
                    _keep_keys(work, site, backup, new)
                replace_database(work, new, force=force)
            keys = finish_redis(work, site)
            shown = work.shown
        verification = verify(site.postgres_url, directories=migrations)
        return RestoreReport(
            database=shown, manifest=backup.manifest, roles=roles, redis_keys=keys, verification=verification
        )


def _require_usable(work: Maintenance, path: Path, manifest: Manifest) -> None:
    """Refuse a backup of a newer Postgres."""
    server, made_by = numbers(server_version(work))[0], numbers(manifest.pg_dump)[0]
    if server < made_by:
        raise BackupFileError(
            f"{path} is of PostgreSQL {manifest.postgres}, and the server of {work.shown} is {server_version(work)}, "
            f"which is older. Nothing was changed. Restore it into PostgreSQL {made_by} or newer."
        )


def _require_replaceable(work: Maintenance, yes_destroy: str | None, *, force: bool) -> None:
    """Refuse a database that is neither ours nor empty, and one that others use."""
    if not work.exists(work.database):
        return
    if yes_destroy is not None or not is_marked(work.connection, work.database):
        with work.inside(work.database) as connection:
            empty = is_empty(connection)
        if not empty:
            require_destroyable(work.connection, yes_destroy, work.database)
    require_alone(work, work.database, force=force)


def _make_roles(work: Maintenance, names: Sequence[str]) -> tuple[str, ...]:
    """Make the roles that are missing, without the right to log in: passwords are in no backup.

    Raises:
        SnapshotError: This user may not make roles.
    """
    missing = tuple(name for (name,) in work.rows(MISSING, names=list(names)))
    if not missing:
        return ()
    superuser, may = work.rows(MAY_MAKE_ROLES)[0]
    if not may:
        statements = "\n".join(f"  {work.composed('CREATE ROLE {name} NOLOGIN;', name=name)}" for name in missing)
        raise SnapshotError(
            f"Roles of the backup are missing on the server of {work.shown}, and {work.connection.info.user} may not "
            f"make them. Nothing was changed. Let somebody with CREATEROLE do so:\n{statements}"
        )
    for name in missing:
        work.run("CREATE ROLE {name} NOLOGIN", name=name)
        if not superuser:
            work.run("GRANT {name} TO CURRENT_USER", name=name)
    return missing


def _fill(work: Maintenance, site: Site, backup: BackupReader, new: str) -> None:
    """Restore into a new database, and make sure that it is what was backed up."""
    manifest = backup.manifest
    programs = programs_of(site, work)
    make_empty(work, new, Locale(*manifest.locale))
    place, password = without_password(work.conninfo(new))
    total = manifest.members[DUMP].bytes
    done = 0

    def told_parts() -> Iterator[bytes]:
        nonlocal done
        for part in backup.parts(DUMP):
            yield part
            done += len(part)
            work.told.progress(f"restoring the rows of {work.database}, before its indexes", done, total)

    try:
        programs.restore(place, password, OPTIONS, told_parts())
    except ServerError as error:
        raise SnapshotError(f"pg_restore cannot restore into {work.shown}, which is as it was: {error}") from None
    with work.inside(new) as connection:
        execute(connection, "ANALYZE")
        if numbers(manifest.postgres)[0] == numbers(server_version(work))[0]:
            require_catalogue(connection, manifest.catalogue)
        require_sequences(connection)


def _keep_keys(work: Maintenance, site: Site, backup: BackupReader, new: str) -> None:
    """Let the new database hold the keys of Redis until they are put back."""
    with work.inside(new) as connection, redis_keys.client_of(site) as client:
        redis_keys.keep(connection, backup.keys())
        redis_keys.require_understood(client, redis_keys.read_kept(connection))
        redis_keys.destine(connection, redis_keys.shown(client))
