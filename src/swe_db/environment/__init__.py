"""Local environments: a Postgres and a Redis that outlive the command, one pair for each name.

Unlike the servers of tests they are durable, and their data stay when they are stopped. The names below load what they
need when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from swe_db.lazy import loader

if TYPE_CHECKING:
    from swe_db.environment.environment import Environment, find, find_running, flag, names
    from swe_db.environment.lifecycle import Wish, start, stop
    from swe_db.environment.overview import Survey, survey

__all__ = ["Environment", "Survey", "Wish", "find", "find_running", "flag", "names", "start", "stop", "survey"]

HOMES: Final = {
    "environment": ("Environment", "find", "find_running", "flag", "names"),
    "lifecycle": ("Wish", "start", "stop"),
    "overview": ("Survey", "survey"),
}


if not TYPE_CHECKING:  # so that type checkers refuse a name that is not there
    __getattr__ = loader(__name__, HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
