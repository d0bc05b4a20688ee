"""Snapshots: copies of a database on its own server, with the keys of Redis, from which it is brought back at once."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from typing import Final

from psycopg import sql

from swe_db.environment import redis_keys
from swe_db.environment.copying import copy_database, replace_database, require_alone
from swe_db.environment.maintenance import Maintenance, maintenance
from swe_db.environment.marks import SnapshotMark, written_mark
from swe_db.environment.mending import finish_redis, found, mend
from swe_db.environment.site import Site, Told
from swe_db.errors import ConfigError, MigrationError, SnapshotError
from swe_db.migrations.connections import Connection, execute
from swe_db.migrations.history import read_history
from swe_db.migrations.marker import require_destroyable

__all__ = ["Snapshot", "list_snapshots", "remove_snapshot", "restore_snapshot", "save_snapshot"]

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A snapshot.

    Attributes:
        name: What the user calls it.
        database: The database that it was made of.
        stored_as: The name of the database that it is.
        bytes: Its size, None where this user is not told.
        made: When it was made, in UTC.
        migration: The version of the newest migration, None if none was applied.
        redis_keys: How many keys of Redis it holds, None if they do not belong to it.
        comment: What the user says of it.
    """

    name: str
    database: str
    stored_as: str
    bytes: int | None
    made: dt.datetime
    migration: int | None
    redis_keys: int | None
    comment: str


def save_snapshot(  # noqa: PLR0913 - one for each option
    site: Site, name: str, told: Told, *, comment: str = "", replace: bool = False, force: bool = False
) -> Snapshot:
    """Save a database, and the keys of its Redis, under a name.

    Args:
        site: The database, and its Redis if its keys are to be saved.
        name: The name of the snapshot.
        told: Whom to tell what goes on.
        comment: What `list` is to say of it.
        replace: Whether it may take the place of a snapshot of this name, which stays until it is ready.
        force: Whether to end the sessions of others, who must not use the database meanwhile.

    Raises:
        ConfigError: The name is not acceptable, or a URL is malformed.
        SnapshotError: There is one of this name, others use the database, it does not fit, or a server refuses.
        ServerError: A server cannot be reached.
    """
    _check_name(name)
    with maintenance(site, told) as work:
        require_database(work)
        mend(work, site, whole=True)
        former = _of_name(work, name)
        if former is not None and not replace:
            raise SnapshotError(
                f"There is a snapshot {name} of {work.shown}, made {former.made:%Y-%m-%d %H:%M} UTC. "
                "Take another name, or put this one in its place: --replace."
            )
        require_alone(work, work.database, force=force)
        migration = newest_migration(work)
        with work.scratch("snapshot") as stored:
            drops = former is not None
            copy_database(work, work.database, stored, doing=f"saving {name}", force=force, drops=drops)
            mark = SnapshotMark(
                name=name,
                database=work.database,
                made=dt.datetime.now(dt.UTC),
                migration=migration,
                redis_keys=_keep_keys(work, site, stored),
                comment=comment,
            )
            _publish(work, stored, mark, former)
        return _snapshot(stored, mark, work.size(stored))


def restore_snapshot(  # noqa: PLR0913 - one for each option
    site: Site,
    name: str,
    told: Told,
    *,
    force: bool = False,
    yes_destroy: str | None = None,
    yes_destroy_redis: str | None = None,
) -> Snapshot:
    """Put a copy of a snapshot in the place of its database, and its keys in that of those of Redis.

    The present database stays until the copy is ready, then the copy takes its name at once.

    Args:
        site: The database, and its Redis if its keys are to be put back.
        name: The name of the snapshot.
        told: Whom to tell what goes on.
        force: Whether to end the sessions of others with the database.
        yes_destroy: The database's name, typed by the user, if it is not ours.
        yes_destroy_redis: The same for Redis.

    Raises:
        ConfigError: A URL is malformed.
        ProtectedDatabaseError: The database or Redis is not ours, and its name was not typed.
        SnapshotError: There is no such snapshot, others use the database, it does not fit, or a server refuses.
        ServerError: A server cannot be reached.
    """
    with maintenance(site, told) as work:
        mend(work, site, whole=False)
        snapshot = _required(work, name)
        if work.exists(work.database):
            require_destroyable(work.connection, yes_destroy, work.database)
            require_alone(work, work.database, force=force)
        with_keys = redis_is_replaced(work, site, snapshot.redis_keys, yes_destroy_redis)
        with work.scratch("new") as new:
            copy_database(work, snapshot.stored_as, new, doing=f"restoring {name}", force=force, drops=True)
            _prepare_keys(work, site, new, wanted=with_keys)
            replace_database(work, new, force=force)
        finish_redis(work, site)
    return snapshot


def list_snapshots(site: Site, told: Told) -> list[Snapshot]:
    """Return the snapshots of a database, the oldest first; what killed commands have left is mended.

    Raises:
        ConfigError: A URL is malformed.
        SnapshotError: A server refuses.
        ServerError: A server cannot be reached.
    """
    with maintenance(site, told) as work:
        mend(work, site, whole=False)
        return _all(work)


def remove_snapshot(site: Site, name: str, told: Told) -> Snapshot:
    """Remove a snapshot and return what it was.

    Raises:
        ConfigError: A URL is malformed.
        SnapshotError: There is none of this name, or a server refuses.
        ServerError: A server cannot be reached.
    """
    with maintenance(site, told) as work:
        mend(work, site, whole=False)
        snapshot = _required(work, name)
        work.drop(snapshot.stored_as)
    return snapshot


def require_database(work: Maintenance) -> None:
    """Make sure that the database exists.

    Raises:
        SnapshotError: It does not.
    """
    if not work.exists(work.database):
        there = [name for (name,) in work.rows("SELECT datname FROM pg_database WHERE datallowconn ORDER BY datname")]
        raise SnapshotError(
            f"There is no {work.shown}; there are {', '.join(there)}. Check the URL; `swe-db setup` makes a database."
        )


def redis_is_replaced(work: Maintenance, site: Site, saved: int | None, yes_destroy: str | None) -> bool:
    """Tell whether saved keys are to replace those of the site's Redis, and say if that is not what one would think.

    Args:
        work: The session beside the database.
        site: The database and its Redis.
        saved: How many keys were saved, None if none of Redis were.
        yes_destroy: The place of Redis, typed by the user.

    Raises:
        ProtectedDatabaseError: The present keys are not ours to replace.
        ServerError: Redis does not answer.
    """
    if saved is None:
        if site.redis_url is not None:
            work.told.note("it was saved without keys of Redis, which stays as it is")
        return False
    if site.redis_url is None:
        work.told.note(f"it holds keys of Redis ({saved}), but none is named for this database: they are left out")
        return False
    with redis_keys.client_of(site) as client:
        redis_keys.require_replaceable(site, client, yes_destroy)
    return True


def newest_migration(work: Maintenance) -> int | None:
    """Return the version of the newest migration of the database, None if none was applied, or by another tool."""
    with work.inside(work.database) as connection:
        try:
            return max((row.version for row in read_history(connection) if row.status == "applied"), default=None)
        except MigrationError:
            return None


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} is no name of a snapshot: up to 60 letters, digits, dots, - and _, the first of them a letter "
            "or a digit."
        )


def _keep_keys(work: Maintenance, site: Site, stored: str) -> int | None:
    if site.redis_url is None:
        return None
    with work.inside(stored) as connection, redis_keys.client_of(site) as client:
        return redis_keys.keep(connection, redis_keys.keys_of(client))


def _publish(work: Maintenance, stored: str, mark: SnapshotMark, former: Snapshot | None) -> None:
    """Make a snapshot one, in the place of a former one if there is any, and close it to everybody."""
    work.run("ALTER DATABASE {stored} ALLOW_CONNECTIONS false", stored=stored)
    with work.connection.transaction():
        _comment(work.connection, stored, written_mark(mark))
        if former is not None:
            _comment(work.connection, former.stored_as, None)
    if former is not None:
        work.drop(former.stored_as)


def _comment(connection: Connection, database: str, comment: str | None) -> None:
    statement = sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(database), sql.Literal(comment))
    execute(connection, statement.as_string(connection))


def _prepare_keys(work: Maintenance, site: Site, new: str, *, wanted: bool) -> None:
    """Make sure that the keys of a copy can be put back, or leave them out."""
    with work.inside(new) as connection:
        if not wanted:
            redis_keys.drop_kept(connection)
            return
        with redis_keys.client_of(site) as client:
            redis_keys.require_understood(client, redis_keys.read_kept(connection))
            redis_keys.destine(connection, redis_keys.shown(client))


def _all(work: Maintenance) -> list[Snapshot]:
    snapshots = [_snapshot(stored, mark, size) for stored, mark, size in found(work) if mark is not None]
    return sorted(snapshots, key=lambda snapshot: snapshot.made)


def _of_name(work: Maintenance, name: str) -> Snapshot | None:
    return next((snapshot for snapshot in _all(work) if snapshot.name == name), None)


def _required(work: Maintenance, name: str) -> Snapshot:
    snapshots = _all(work)
    for snapshot in snapshots:
        if snapshot.name == name:
            return snapshot
    names = ", ".join(snapshot.name for snapshot in snapshots)
    known = f"there are {names}" if names else "there is none yet; `swe-db snapshot save NAME` makes one"
    raise SnapshotError(f"There is no snapshot {name} of {work.shown}: {known}.")


def _snapshot(stored: str, mark: SnapshotMark, size: int | None) -> Snapshot:
    return Snapshot(
        name=mark.name,
        database=mark.database,
        stored_as=stored,
        bytes=size,
        made=mark.made,
        migration=mark.migration,
        redis_keys=mark.redis_keys,
        comment=mark.comment,
    )
