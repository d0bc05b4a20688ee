"""Finding the binaries of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from swe_db.errors import BackendUnavailable
from swe_db.servers.binaries import PostgresBinaries, find_postgres, find_redis, matches, numbers


def program(path: Path, says: str) -> None:
    """Make a program that answers to --version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing on its PATH."""
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    return tmp_path


def install_postgres(machine: Path, folder: str, version: str) -> Path:
    """Put a Postgres of this version somewhere."""
    for name in ("postgres", "initdb"):
        program(machine / folder / name, f"{name} (PostgreSQL) {version}")
    return machine / folder


@pytest.mark.parametrize(
    ("versions", "best"),
    [
        (["15.1", "15.18", "16.4"], "15.18"),
        (["18.1", "16.4", "17.2"], "16.4"),
        (["14.9", "18.1"], "18.1"),
        (["15.18 (Debian 15.18-0+deb12u1)"], "15.18"),
        (["19beta2"], "19"),
    ],
)
def test_the_newest_15_is_first_then_what_is_newer(machine: Path, versions: list[str], best: str) -> None:
    """The reference version wins over newer ones, and 14 is never taken."""
    for number, version in enumerate(versions):
        install_postgres(machine, f"{number}/bin", version)
    assert find_postgres(None, [f"{machine}/*/bin"]).version == best


def test_the_path_is_searched_too(machine: Path) -> None:
    """A Postgres on the PATH is found, behind the link that leads to it."""
    real = install_postgres(machine, "real", "15.3")
    (machine / "path").mkdir()
    (machine / "path" / "postgres").symlink_to(real / "postgres")
    assert find_postgres(None, []) == PostgresBinaries(real, "15.3")


def test_a_wanted_version_is_respected(machine: Path) -> None:
    """A version is chosen by its major or its full number."""
    for version in ("15.3", "16.1"):
        install_postgres(machine, f"{version}/bin", version)
    layouts = [f"{machine}/*/bin"]
    assert find_postgres("16", layouts).version == "16.1"
    assert find_postgres("15.3", layouts).version == "15.3"
    with pytest.raises(BackendUnavailable, match=r"no PostgreSQL 15\.4 .* found 15\.3 in .*, 16\.1 in "):
        find_postgres("15.4", layouts)


def test_what_does_not_run_is_no_postgres(machine: Path) -> None:
    """A broken program and a folder without initdb are passed over."""
    install_postgres(machine, "1/bin", "15.3")
    (machine / "1/bin/initdb").unlink()
    install_postgres(machine, "2/bin", "15.3")
    (machine / "2/bin/postgres").write_text("no program", encoding="utf-8")
    with pytest.raises(BackendUnavailable, match="found nothing"):
        find_postgres(None, [f"{machine}/*/bin"])


def test_redis_and_valkey_are_found(machine: Path) -> None:
    """A Redis that is too old gives way to a Valkey that is not."""
    program(machine / "path" / "redis-server", "Redis server v=6.0.9 sha=0")
    program(machine / "bin" / "valkey-server", "Valkey server v=8.0.1 sha=0")
    found = find_redis([str(machine / "bin")])
    assert (found.program, found.version) == (machine / "bin" / "valkey-server", "8.0.1")


def test_without_redis_the_remedy_is_named(machine: Path) -> None:
    """The message says what was looked for and how to install it."""
    with pytest.raises(BackendUnavailable, match="redis-server and valkey-server") as caught:
        find_redis([])
    assert "apt-get install redis-server" in caught.value.remedy


@pytest.mark.parametrize(
    ("version", "wanted", "answer"),
    [
        ("15.18", None, True),
        ("15.18", "15", True),
        ("15.18", "15.18", True),
        ("15.18", "15.1", False),
        ("15.1", "1", False),
    ],
)
def test_a_version_matches_whole_numbers(version: str, wanted: str | None, answer: bool) -> None:
    """15.18 is a 15, but not a 15.1."""
    assert matches(version, wanted) is answer


def test_versions_compare_as_numbers() -> None:
    """15.9 is older than 15.18."""
    assert numbers("15.9") < numbers("15.18")
