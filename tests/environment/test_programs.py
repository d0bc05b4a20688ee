"""pg_dump and pg_restore where they are: in the container of the server, or on this machine."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.backends import POSTGRES, docker_config
from support.migrations import rows
from support.sites import left_over
from swe_db.environment.backup import make_backup
from swe_db.environment.restoring import restore_backup
from swe_db.environment.site import Site, unheard
from swe_db.environment.snapshots import save_snapshot
from swe_db.errors import NoRoomError, ServerError, SnapshotError
from swe_db.migrations import create_database, migrate, seed
from swe_db.servers.docker.programs import ContainerPrograms
from swe_db.servers.programs import LocalPrograms, find_programs


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A database with the whole schema on a server in a container, which other workers of xdist do not share."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTEST_XDIST_TESTRUNUID", raising=False)
        server = POSTGRES["docker"](docker_config()).start()
    try:
        url = server.address.database("app").url
        create_database(url)
        migrate(url)
        seed(url)
        yield Site(postgres_url=url, container=server.container)
    finally:
        server.stop()


@pytest.mark.needs("docker")
def test_a_container_has_programs_of_its_own(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server in a container is dumped and restored by its own programs, whose failures are told."""
    monkeypatch.setenv("PATH", "")  # none of this machine is used
    path = make_backup(site, tmp_path / "b.tar", unheard()).path
    rows(site.postgres_url, "TRUNCATE activity_feed, evidence CASCADE; DELETE FROM agents")
    assert restore_backup(site, path, unheard()).verification.ok
    assert rows(site.postgres_url, "SELECT count(*) FROM agents") == [(10,)]
    wrong = dataclasses.replace(site, container="no-such-container")
    with pytest.raises(SnapshotError, match="somebody has removed the server's container no-such-container"):
        make_backup(wrong, tmp_path / "c.tar", unheard())
    with pytest.raises(SnapshotError, match=r"somebody has removed"):
        restore_backup(wrong, path, unheard())
    assert left_over(site.postgres_url) == []


@pytest.mark.needs("docker")
def test_the_room_in_a_container_is_known(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy that does not fit where the container has its data is refused before it is begun."""
    assert save_snapshot(site, "a", unheard()).bytes
    monkeypatch.setattr("swe_db.environment.space.RESERVE", 1 << 60)
    with pytest.raises(NoRoomError, match=r"has [\d.]+ [MG]iB left \(/var/lib/postgresql"):
        save_snapshot(site, "b", unheard())


@pytest.mark.needs("docker")
def test_what_a_program_in_a_container_says_is_the_error(site: Site) -> None:
    """A program that fails early, while it is still being fed, is reported with its own words."""
    programs = ContainerPrograms(str(site.container), "15")
    with pytest.raises(ServerError, match="does not appear to be a valid archive"):
        programs.restore("dbname=app user=postgres", "", (), (secrets.token_bytes(1 << 20) for _ in range(64)))


def test_programs_of_the_servers_own_directory_come_first(tmp_path: Path) -> None:
    """The directory that is given is looked in before all others, if its version is right."""
    for name in ("pg_dump", "pg_restore"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 15.99'\n")
        (tmp_path / name).chmod(0o755)
    assert find_programs("15.3", tmp_path) == LocalPrograms(tmp_path, "15.99")
