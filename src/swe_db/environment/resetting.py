"""Making a database anew: migrated and seeded beside the present one, whose place it then takes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from swe_db.environment import redis_keys
from swe_db.environment.copying import replace_database, require_alone
from swe_db.environment.locales import locale_of, make_empty
from swe_db.environment.maintenance import Maintenance, maintenance
from swe_db.environment.mending import finish_redis, mend
from swe_db.environment.site import Site, Told
from swe_db.migrations.files import Directory
from swe_db.migrations.marker import require_destroyable
from swe_db.migrations.report import MigrationReport, OnStep, SeedReport
from swe_db.migrations.runner import migrate
from swe_db.migrations.seeds import seed as apply_seeds

__all__ = ["ResetReport", "reset_database"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ResetReport:
    """What was made.

    Attributes:
        database: The database and its server.
        migrations: What was migrated.
        seeds: What was seeded, None if it was not to be.
        redis_emptied: Whether the keys of Redis were removed.
    """

    database: str
    migrations: MigrationReport
    seeds: SeedReport | None
    redis_emptied: bool


def reset_database(  # noqa: PLR0913 - one for each option
    site: Site,
    told: Told,
    *,
    migrations: Sequence[Directory] = (),
    seeds: Sequence[Directory] = (),
    seed: bool = True,
    force: bool = False,
    yes_destroy: str | None = None,
    yes_destroy_redis: str | None = None,
    on_step: OnStep | None = None,
) -> ResetReport:
    """Put a database that was just migrated and seeded in the place of the present one, and empty its Redis.

    The present database stays until the other one is ready, then that one takes its name at once.

    Args:
        site: The database, which is made if there is none, and its Redis if that is to be emptied.
        told: Whom to tell what goes on.
        migrations: Directories of migrations beyond those that swe-db brings.
        seeds: Directories of seeds beyond those that swe-db brings.
        seed: Whether to apply the seeds.
        force: Whether to end the sessions of others with the database.
        yes_destroy: The database's name, typed by the user, if it is not ours.
        yes_destroy_redis: The same for Redis.
        on_step: Called for each thing that migrating and seeding does.

    Raises:
        ConfigError: A URL is malformed.
        ProtectedDatabaseError: The database or Redis is not ours, and its name was not typed.
        MigrationError: A migration or a seed is not acceptable, or the server refuses it.
        SnapshotError: Others use the database, or a server refuses.
        ServerError: A server cannot be reached.
    """
    with maintenance(site, told) as work:
        mend(work, site, whole=False)
        if work.exists(work.database):
            require_destroyable(work.connection, yes_destroy, work.database)
            require_alone(work, work.database, force=force)
        if site.redis_url is not None:
            with redis_keys.client_of(site) as client:
                redis_keys.require_replaceable(site, client, yes_destroy_redis)
        with work.scratch("new") as new:
            make_empty(work, new, locale_of(work, work.database))
            migrated = migrate(work.conninfo(new), directories=migrations, on_step=on_step)
            seeded = apply_seeds(work.conninfo(new), directories=seeds, on_step=on_step) if seed else None
            _empty_redis_later(work, site, new)
            replace_database(work, new, force=force)
        emptied = finish_redis(work, site) is not None
        shown = work.shown
    return ResetReport(database=shown, migrations=migrated, seeds=seeded, redis_emptied=emptied)


def _empty_redis_later(work: Maintenance, site: Site, new: str) -> None:
    """Let the new database say that Redis is to hold no keys, so that this happens even if we are killed."""
    if site.redis_url is not None:
        with work.inside(new) as connection, redis_keys.client_of(site) as client:
            redis_keys.keep(connection, ())
            redis_keys.destine(connection, redis_keys.shown(client))
