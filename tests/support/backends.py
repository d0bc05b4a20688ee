"""Which backends this machine has. Outside CI a test of one that is missing is skipped; in CI it fails."""

from __future__ import annotations

import os

import pytest

from swe_db.config import Config
from swe_db.errors import BackendUnavailable
from swe_db.servers.embedded import embedded_postgres, embedded_redis
from swe_db.servers.local import local_postgres, local_redis

POSTGRES = {"local": local_postgres, "embedded": embedded_postgres}
REDIS = {"local": local_redis, "embedded": embedded_redis}


def why_missing(backend: str) -> str | None:
    """Return why a backend cannot be used here, None if it can."""
    try:
        POSTGRES[backend](Config())
        REDIS[backend](Config())
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
