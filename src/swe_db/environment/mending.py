"""What commands that were killed have left: it is dropped, or brought to its end."""

from __future__ import annotations

import psycopg

from swe_db.environment import redis_keys
from swe_db.environment.maintenance import Maintenance, query
from swe_db.environment.marks import SnapshotMark, read_mark
from swe_db.environment.site import Site
from swe_db.errors import SnapshotError
from swe_db.migrations.connections import execute

__all__ = ["finish_redis", "found", "mend"]

COUNT = "SELECT count(*) FROM swe_db_redis.keys"


def found(work: Maintenance) -> list[tuple[str, SnapshotMark | None, int | None]]:
    """Return what was made beside a database: name, what it says of itself if it is finished, size."""
    prefixes = {kind: work.prefix(kind) for kind in ("snapshot", "new", "old")}
    rows = work.rows(query("beside"), **prefixes)
    return [
        (name, read_mark(comment) if name.startswith(prefixes["snapshot"]) else None, size)
        for name, comment, size in rows
    ]


def mend(work: Maintenance, site: Site, *, whole: bool) -> None:
    """Drop what is unfinished, and put back the keys of Redis that still wait for it.

    Args:
        work: The session beside the database, whose lock says that nobody is still at it.
        site: The database and its Redis.
        whole: Whether the work to come needs the keys to have been put back.

    Raises:
        SnapshotError: They cannot be, and have to.
    """
    for name, mark, _ in found(work):
        if mark is None:
            _remove(work, name)
    if work.exists(work.database):
        _finish(work, site, whole=whole)


def _remove(work: Maintenance, name: str) -> None:
    try:
        work.drop(name)
    except psycopg.errors.InsufficientPrivilege as error:
        work.told.note(f"a command that was killed has left {name}, which stays: {error.diag.message_primary}")
    else:
        work.told.note(f"removed {name}, which a command that was killed has left")


def _finish(work: Maintenance, site: Site, *, whole: bool) -> None:
    with work.inside(work.database) as connection:
        place = redis_keys.destination(connection)
    if place is None:
        return
    if _is_there(site, place):
        work.told.note("a command that was killed had not put back all keys of Redis; they are put back now")
        finish_redis(work, site)
        return
    waits = (
        f"{work.shown[0].upper()}{work.shown[1:]} was restored by a command that was killed before it had put back the "
        f"keys of Redis {place}. Name it, so that this can be finished: --redis-url redis://:PASSWORD@{place}; or give "
        "them up: DROP SCHEMA swe_db_redis CASCADE"
    )
    if whole:
        raise SnapshotError(f"{waits}. Nothing was changed.")
    work.told.note(waits)


def _is_there(site: Site, place: str) -> bool:
    """Tell whether a site's Redis is the one into which the user has agreed to put keys."""
    if site.redis_url is None or site.owns_redis:
        return site.owns_redis
    with redis_keys.client_of(site) as client:
        return redis_keys.shown(client) == place


def finish_redis(work: Maintenance, site: Site) -> int | None:
    """Put back the keys that the database holds for Redis, and drop them there.

    Returns:
        How many there were, None if the database holds none to put back.
    """
    with work.inside(work.database) as connection:
        if redis_keys.destination(connection) is None:
            return None
        total = int(execute(connection, COUNT).fetchall()[0][0])
        with redis_keys.client_of(site) as client:
            count = redis_keys.put_back(client, redis_keys.read_kept(connection), total, work.told.progress)
        redis_keys.drop_kept(connection)
    return count
