"""The site that a local environment is."""

from __future__ import annotations

from swe_db.config import Config
from swe_db.environment.containers import ContainerKeeper
from swe_db.environment.environment import Environment
from swe_db.environment.site import Site

__all__ = ["local_site"]


def local_site(environment: Environment) -> Site:
    """Return the database and the Redis of an environment, all of which is ours.

    Args:
        environment: The environment, which runs.
    """
    record = environment.record
    in_container = record.postgres.backend == "docker"
    return Site(
        postgres_url=environment.postgres_url,
        redis_url=environment.redis_url,
        owns_redis=True,
        environment=environment.name,
        container=ContainerKeeper("postgres", record, Config()).name if in_container else None,
    )
