"""Room on the disk of a server: refused before anything is written, and nothing lost where it runs out."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.backends import POSTGRES, own_backend
from support.migrations import rows
from support.short import short_directory
from support.sites import left_over
from swe_db.config import Config
from swe_db.environment import copying
from swe_db.environment.site import Site, unheard
from swe_db.environment.snapshots import list_snapshots, restore_snapshot, save_snapshot
from swe_db.errors import NoRoomError, SnapshotError
from swe_db.migrations import create_database
from swe_db.servers import process
from swe_db.servers.room import shown_size


@pytest.fixture
def disk() -> Iterator[Path]:
    """A file system of 256 MiB."""
    if os.geteuid() != 0:
        pytest.skip("only root mounts")
    with short_directory() as place:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256m,mode=1777", "none", str(place)], check=True)
        try:
            yield place
        finally:
            subprocess.run(["umount", "--lazy", str(place)], check=True)  # somebody may look into it


@pytest.fixture
def site(disk: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A database of 45 MiB on a server with a small disk."""
    monkeypatch.setattr(process, "runtime_places", lambda: (disk,))
    monkeypatch.setattr(process, "ROOM", 0)
    server = POSTGRES[own_backend()](Config()).start()
    try:
        url = server.address.database("app").url
        create_database(url)
        rows(url, "CREATE UNLOGGED TABLE t AS SELECT g AS v, repeat('x', 1000) FROM generate_series(1, 36000) AS g")
        yield Site(postgres_url=url)
    finally:
        server.stop()


def test_what_does_not_fit_is_refused_or_leaves_nothing(
    site: Site, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy that will not fit is refused; one that fills the disk is removed, and the database stays."""
    size = save_snapshot(site, "a", unheard()).bytes
    assert size is not None
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(shutil.disk_usage(disk).free - size // 2))
    with pytest.raises(NoRoomError, match=r"has .* MiB left .*this needs .* MiB\. Nothing was written\..*snapshot rm"):
        save_snapshot(site, "b", unheard())
    monkeypatch.setattr(copying, "require_room", lambda *_, **__: None)
    for work, name in ((save_snapshot, "b"), (restore_snapshot, "a")):
        with pytest.raises(SnapshotError, match=r"The disk of the server is full: .*No space left on device"):
            work(site, name, unheard())
        assert rows(site.postgres_url, "SELECT count(*) FROM t") == [(36000,)]
        assert left_over(site.postgres_url) == []
    ballast.unlink()
    restore_snapshot(site, "a", unheard())
    assert [each.name for each in list_snapshots(site, unheard())] == ["a"]


def test_sizes_are_shown_as_people_read_them() -> None:
    """Bytes are shown in the unit in which they are a small number, with a decimal where it is very small."""
    assert [shown_size(size) for size in (0, 1023, 1536, 5 << 30, 3 << 50)] == [
        "0 bytes",
        "1023 bytes",
        "1.5 KiB",
        "5.0 GiB",
        "3072 TiB",
    ]
