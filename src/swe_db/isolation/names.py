"""The names of the databases that we make on a server, which may be everybody's."""

from __future__ import annotations

import re
import secrets
import time
from typing import Final

__all__ = ["age_and_run", "failed_name", "is_template", "scratch_name", "template_name", "worker_name"]

PREFIX: Final = "swe_db"
TEMPLATE: Final = re.compile(r"^swe_db_t_[0-9a-f]{24}$")
TEMPORARY: Final = re.compile(r"^swe_db_[wb]_(?P<made>[0-9a-f]{8})_(?P<run>[0-9a-f]{8})_\w+$")


def template_name(key: str) -> str:
    """Return the name of the template with this content key, the same on every machine and in every run."""
    return f"{PREFIX}_t_{key[:24]}"


def scratch_name(run: int) -> str:
    """Return a name for a database that is being built; no other process ever gets the same."""
    return f"{PREFIX}_b_{_now()}_{run:08x}_{secrets.token_hex(4)}"


def worker_name(run: int, worker: str) -> str:
    """Return a name for the database of a worker, `gw0` or `main`; no other process ever gets the same."""
    return f"{PREFIX}_w_{_now()}_{run:08x}_{worker}"


def failed_name() -> str:
    """Return a name for the database of a test that failed, which is nobody's to drop but the user's."""
    return f"{PREFIX}_failed_{_now()}_{secrets.token_hex(4)}"


def is_template(name: str) -> bool:
    """Tell whether a name is that of a template."""
    return TEMPLATE.match(name) is not None


def age_and_run(name: str) -> tuple[float, int] | None:
    """Return age in seconds and run of a database that a run made for itself, None if the name is not one of ours."""
    match = TEMPORARY.match(name)
    return (time.time() - int(match["made"], 16), int(match["run"], 16)) if match else None


def _now() -> str:
    return f"{int(time.time()):08x}"
