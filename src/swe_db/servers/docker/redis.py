"""Redis in a container."""

from __future__ import annotations

import dataclasses
import secrets
from functools import partial
from typing import Final

from swe_db.config import Config
from swe_db.errors import BackendUnavailable
from swe_db.servers.address import RedisAddress
from swe_db.servers.binaries import OLDEST_REDIS, numbers
from swe_db.servers.candidate import Candidate
from swe_db.servers.docker.container import obituary, place_of, serve, serves_one, shortage, users_of
from swe_db.servers.docker.daemon import daemon
from swe_db.servers.docker.images import present_version, tagged_version
from swe_db.servers.docker.plan import Plan
from swe_db.servers.docker.share import Facts, Labels
from swe_db.servers.lease import RedisLease, lease_database
from swe_db.servers.redis import ADMIN
from swe_db.servers.server import RedisServer

__all__ = ["docker_redis"]

PORT: Final = 6379
DATABASES: Final = 16  # Redis' default
SETTINGS: Final = """
requirepass {password}
user {admin} on >{password} ~* &* +@all
save ""
appendonly no
databases {databases}
"""


def docker_redis(config: Config) -> Candidate[RedisServer]:
    """Find a Docker daemon for the Redis image; the rest is as in `docker_postgres`."""
    name = config.redis_image
    version = present_version(name, ("REDIS_VERSION", "VALKEY_VERSION"), "redis-server")
    if version is not None:
        _check(name, version)
    return Candidate("docker", version or tagged_version(name), partial(_start, config))


def _check(image: str, version: str) -> None:
    if numbers(version) < OLDEST_REDIS:
        raise BackendUnavailable(
            f"the image {image} carries Redis {version}, not 6.2 or newer",
            "name another image: --swe-db-redis-image redis:7-alpine",
        )


def _start(config: Config) -> RedisServer:
    place = place_of(config, config.redis_image, ("redis", ADMIN), _obstacle)
    try:
        facts = place.facts(partial(_make, config))
        _check(config.redis_image, facts["version"])
        whole = RedisServer(
            address=_address(facts),
            admin=dataclasses.replace(_address(facts), username=ADMIN),
            version=facts["version"],
            backend="docker",
            owned=True,
            container=facts["container"],
            stop=place.leave,
            obituary=partial(obituary, facts),
            shortage=partial(shortage, facts),
        )
        return whole if serves_one(config) else _leased(whole, _lease(facts))
    except BaseException:
        place.leave()
        raise


def _leased(whole: RedisServer, lease: RedisLease) -> RedisServer:
    """Return the part of a server that one worker has."""

    def stop() -> None:
        lease.release()
        whole.stop()

    return dataclasses.replace(whole, address=lease.address, admin=None, owned=False, stop=stop, claim=lease.claim)


def _lease(facts: Facts) -> RedisLease:
    try:
        return lease_database(_address(facts), exclusive=True)
    except BackendUnavailable:
        end = obituary(facts) if _obstacle(facts) else None
        if end is None:
            raise
        raise BackendUnavailable(f"Redis ended while starting: {end}", "see its last words") from None


def _address(facts: Facts) -> RedisAddress:
    return RedisAddress(host=facts["host"], port=facts["port"], password=facts["password"])


def _make(config: Config, labels: Labels) -> Facts:
    with daemon() as docker:
        image = docker.image(config.redis_image) or docker.pull(config.redis_image)
        password = secrets.token_urlsafe(18)
        plan = Plan(
            image=image,
            command=["redis-server", "/swe-db.conf"],
            environment={},
            port=PORT,
            data="/data",
            labels=labels,
        )
        # In a file, since the arguments of a process can be read by everybody.
        settings = SETTINGS.format(password=password, admin=ADMIN, databases=DATABASES + 2 * users_of(config))
        return serve(docker, plan, _obstacle, password=password, files={"swe-db.conf": settings})


def _obstacle(facts: Facts) -> str | None:
    import redis  # noqa: PLC0415 - 47 ms that a run without a server need not pay

    if facts["port"] is None:
        return "its port is not published"
    client = redis.Redis.from_url(_address(facts).url, socket_connect_timeout=5, socket_timeout=5)
    try:
        info = client.info("server")
    except redis.exceptions.RedisError as error:
        return str(error)
    finally:
        client.close()
    facts["version"] = str(info.get("valkey_version") or info["redis_version"])
    return None
