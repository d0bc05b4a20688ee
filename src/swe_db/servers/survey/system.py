"""The account, the limits and the locale that servers run under."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from swe_db.config import Config
from swe_db.errors import BackendUnavailable
from swe_db.servers.account import server_account
from swe_db.servers.process import ROOM
from swe_db.servers.room import shown_size
from swe_db.servers.survey.facts import Fact

__all__ = ["survey_system"]

MEMORY: Final = Path("/proc/meminfo")
LIMIT: Final = Path("/sys/fs/cgroup/memory.max")
FILES: Final = 1024  # what a server with a hundred sessions needs, and Linux gives
BUILT_IN: Final = ("C", "POSIX")


def survey_system(config: Config) -> Iterator[Fact]:
    """Tell who runs servers, how many files they may open, how much memory there is, and the locale.

    Args:
        config: The settings, for the locale of the databases.
    """
    yield _account()
    yield _files()
    yield from _memory()
    yield _locale(config.postgres_locale)


def _account() -> Fact:
    try:
        account = server_account()
    except BackendUnavailable as error:
        return Fact("account", error.reason, "no server can be started here", error.remedy)
    if account.uid is None:
        return Fact("account", f"servers run as this user, {account.name}")
    return Fact("account", f"this is root; servers run as {account.name}", "PostgreSQL refuses to run as root")


def _files() -> Fact:
    try:
        import resource  # noqa: PLC0415 - not there on Windows
    except ImportError:
        return Fact("open files", "no limit that is known")
    soft, hard = (
        "no limit" if each == resource.RLIM_INFINITY else each for each in resource.getrlimit(resource.RLIMIT_NOFILE)
    )
    text = f"{soft} for each process" + (f", {hard} on request" if hard != soft else "")
    if isinstance(soft, str) or soft >= FILES:
        return Fact("open files", text)
    meaning = "few for a server: Redis takes fewer clients, and a Postgres with many sessions or a busy pool fails"
    return Fact("open files", text, meaning, f"ulimit -n {FILES if isinstance(hard, str) else min(4 * FILES, hard)}")


def _memory() -> Iterator[Fact]:
    """Yield how much memory is left; what servers keep in memory counts as a container's own."""
    free = _available()
    limit = _limit()
    if free is None and limit is None:
        return
    told = [f"{shown_size(free)} available"] if free is not None else []
    told += [f"this container may take {shown_size(limit)}"] if limit is not None else []
    if min(each for each in (free, limit) if each is not None) >= ROOM:
        yield Fact("memory", ", ".join(told))
        return
    meaning = "little: servers' data in memory count too, and what takes more is killed"
    yield Fact("memory", ", ".join(told), meaning, "give it more, or run fewer workers (pytest -n)")


def _available() -> int | None:
    try:
        lines = MEMORY.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return None
    found = dict(line.split(":", 1) for line in lines if ":" in line)
    return int(found["MemAvailable"].split()[0]) << 10 if "MemAvailable" in found else None


def _limit() -> int | None:
    try:
        text = LIMIT.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    return int(text) if text.isdigit() else None


def _locale(wanted: str) -> Fact:
    shell = os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG") or "none"
    text = f"{wanted} for databases, with UTF8; this shell has {shell}"
    if wanted in BUILT_IN:
        return Fact("locale", text, "text is ordered by its bytes: the same everywhere, and the fastest")
    known = _known_locales()
    if known is None or _plain(wanted) in known:
        return Fact("locale", text, "text is ordered as that language does, as this system's libraries have it")
    meaning = "the backend local cannot make a database: this system does not know that locale"
    return Fact("locale", text, meaning, f"locale-gen {wanted}, or --swe-db-postgres-locale C")


def _known_locales() -> set[str] | None:
    try:
        done = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return {_plain(line) for line in done.stdout.splitlines()} if done.returncode == 0 else None


def _plain(locale: str) -> str:
    """Return a locale's name as `locale -a` writes it: `en_US.UTF-8` is `en_us.utf8` there."""
    return locale.strip().lower().replace("-", "")
