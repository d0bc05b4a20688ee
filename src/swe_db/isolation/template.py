"""The template database: migrated and seeded once, then cloned."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from swe_db.config import Config
from swe_db.isolation import names
from swe_db.isolation.cluster import Cluster
from swe_db.servers.connect import without_libpq_variables

__all__ = ["content_facts", "ensure_template", "fill"]

FORMAT: Final = 3  # raise it when templates are built in another way


def ensure_template(cluster: Cluster, config: Config) -> str:
    """Return the name of the template with the migrations and seeds of `config`, built if there is none yet.

    The name carries a hash of all that the content depends on; a database gets the name only when it is complete, so
    that a run which dies in between leaves nothing that another one could take for a template.

    Raises:
        MigrationError: A migration or a seed fails.
        IsolationError: Another run holds the lock for too long.
    """
    template = names.template_name(_key(cluster, config))
    with cluster.lock(template):
        if not cluster.use(template):
            _build(cluster, config, template)
    return template


def _build(cluster: Cluster, config: Config, template: str) -> None:
    scratch = names.scratch_name(cluster.run)
    cluster.create(scratch)
    try:
        fill(cluster.server.admin.database(scratch).url, config)
        cluster.vacuum(scratch)
    except BaseException:
        cluster.drop(scratch)
        raise
    cluster.publish(scratch, template)


def fill(url: str, config: Config) -> None:
    """Apply the migrations and seeds of `config` that a database does not have yet.

    Args:
        url: The database.
        config: The settings.

    Raises:
        MigrationError: A migration or a seed fails.
    """
    from swe_db.migrations import migrate, seed  # noqa: PLC0415 - imports psycopg

    with without_libpq_variables():
        migrate(url, directories=_directories(config.migrations))
        seed(url, directories=_directories(config.seeds))


def content_facts(config: Config) -> tuple[object, ...]:
    """Return what a template depends on, besides its server.

    Args:
        config: The settings.

    Raises:
        MigrationFileError: A directory or a file is not acceptable.
    """
    from swe_db.migrations import content_key  # noqa: PLC0415

    return (FORMAT, content_key(directories=_directories(config.migrations), seeds=_directories(config.seeds)))


def _key(cluster: Cluster, config: Config) -> str:
    server = cluster.server
    facts = (*content_facts(config), server.version, server.admin.user, cluster.locale, cluster.timezone)
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _directories(paths: tuple[Path, ...]) -> list[Path]:
    return [path.resolve() for path in paths]
