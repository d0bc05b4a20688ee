"""The backend `docker`: servers in containers, one of each kind for all xdist workers of a run.

Since a server serves several workers, it is to the rest of swe-db what one given by URL is: a worker makes databases of
its own and leases a logical database of Redis.
"""

from __future__ import annotations

from swe_db.servers.docker.postgres import docker_postgres
from swe_db.servers.docker.redis import docker_redis

__all__ = ["docker_postgres", "docker_redis"]
