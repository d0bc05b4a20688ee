"""Which backends this machine has. Outside CI a test of one that is missing is skipped; in CI it fails."""

from __future__ import annotations

import os
from typing import Final

import pytest

from swe_db.config import OPTIONS, Config, from_environment
from swe_db.errors import BackendUnavailable
from swe_db.servers.docker import docker_postgres, docker_redis
from swe_db.servers.embedded import embedded_postgres, embedded_redis
from swe_db.servers.local import local_postgres, local_redis

POSTGRES = {"docker": docker_postgres, "local": local_postgres, "embedded": embedded_postgres}
REDIS = {"docker": docker_redis, "local": local_redis, "embedded": embedded_redis}

# SWE_DB_POSTGRES_IMAGE and SWE_DB_REDIS_IMAGE name stand-ins where the official images cannot be had.
IMAGES: Final[dict[str, str]] = {
    option.name: str(from_environment(option, os.environ) or option.default)
    for option in OPTIONS
    if option.name in ("postgres_image", "redis_image")
}
IMAGE_FLAGS: Final = tuple(f"{option.flag}={IMAGES[option.name]}" for option in OPTIONS if option.name in IMAGES)
DOCKER_HOST: Final = os.environ.get("DOCKER_HOST", "")


def docker_config(**settings: object) -> Config:
    """Return settings with the images of the tests."""
    return Config(**{**IMAGES, **settings})  # type: ignore[arg-type]


def why_missing(backend: str) -> str | None:
    """Return why a backend cannot be used here, None if it can."""
    try:
        POSTGRES[backend](docker_config())
        REDIS[backend](docker_config())
    except BackendUnavailable as error:
        return str(error)
    return None


def own_backend() -> str:
    """Return the backend that the tests themselves use: the one of TESTS_BACKEND, else `local` where there is one."""
    return os.environ.get("TESTS_BACKEND") or ("embedded" if why_missing("local") else "local")


def require(backend: str) -> None:
    """Skip or fail the running test if the machine does not have a backend."""
    reason = why_missing(backend)
    if reason and os.environ.get("CI"):
        pytest.fail(f"CI must have the backend {backend}: {reason}", pytrace=False)
    if reason:
        pytest.skip(f"this machine lacks the backend {backend}: {reason}")
