"""Prepared data directories: made once, used by every run, never an error for the user."""

from __future__ import annotations

import dataclasses
import os
import re
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from support.backends import POSTGRES, own_backend
from support.dying import dying
from swe_db.config import Config
from swe_db.errors import StatementError
from swe_db.isolation import prepared
from swe_db.isolation.prepared import StartUp
from swe_db.isolation.worker import Worker
from swe_db.servers.account import server_account
from swe_db.servers.archives import Archives
from swe_db.servers.postgres import Installation

# It begins when it is told to, and notes in the file `packed` when it packs an archive.
RUN = """
import os
import sys
from pathlib import Path
from swe_db.config import Config
from swe_db.isolation.worker import Worker
from swe_db.servers import archives

pack = archives._pack

def noted(*arguments):
    with Path(os.environ["XDG_CACHE_HOME"], "packed").open("a") as file:
        file.write(".")
    return pack(*arguments)

archives._pack = noted
print("ready", flush=True)
sys.stdin.readline()
worker = Worker(Config(backend=sys.argv[1], migrations=tuple(map(Path, sys.argv[2:]))), "main")
try:
    with worker.database() as database, database.connect() as connection:
        print(worker.start_up.cache, *connection.execute("SELECT count(*) > 0 FROM users").fetchone())
finally:
    worker.close()
"""
VERIFIER = re.compile(rb"SCRAM-SHA-256\$\d+:")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "swe-db"


def config(**settings: object) -> Config:
    """Return settings with the backend of the tests."""
    return Config(backend=own_backend(), **settings)  # type: ignore[arg-type]


def start(**settings: object) -> StartUp:
    """Start a worker, see that its database is whole, and return how it was started."""
    worker = Worker(config(**settings), "main")
    try:
        with worker.database() as database, database.connect() as connection:
            assert connection.execute("SELECT count(*) > 0 FROM users").fetchone() == (True,)
        with psycopg.connect(worker.url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert worker.start_up is not None
        return worker.start_up
    finally:
        worker.close()


def runner(directory: Path, script: str = RUN) -> subprocess.Popen[str]:
    """A process that is about to start a worker."""
    command = [sys.executable, "-W", "ignore", "-c", script, own_backend(), str(directory)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def installation() -> Installation:
    """The Postgres of the tests."""
    found = POSTGRES[own_backend()](Config()).installation
    assert found is not None
    return found


def archives(cache: Path) -> list[Path]:
    """The complete archives."""
    return sorted(cache.glob("*.tar"))


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A directory with a migration that takes a while."""
    directory = tmp_path / "slow"
    directory.mkdir()
    (directory / "1000_slow.sql").write_text("SELECT pg_sleep(1);", encoding="utf-8")
    return directory


def test_the_second_run_uses_what_the_first_has_made(cache: Path) -> None:
    """A miss makes an archive that only this user may read; the next run is a hit and makes none."""
    assert start().cache == "miss"
    made = archives(cache)
    assert len(made) == 1
    assert (cache.stat().st_mode & 0o777, made[0].stat().st_mode & 0o777) == (0o700, 0o600)
    hit = start()
    assert (hit.cache, hit.reason) == ("hit", "")
    assert hit.milliseconds > 0
    assert archives(cache) == made


def test_nothing_but_the_password_lets_anybody_in(cache: Path) -> None:
    """A server from an archive refuses TCP without its password, and its directory is closed to others."""
    start()
    worker = Worker(config(), "main")
    server = worker.postgres
    try:
        with pytest.raises(psycopg.OperationalError, match="no password supplied"):
            psycopg.connect(**{**server.address.parameters, "password": None})
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(**{**server.address.parameters, "password": "guessed"})
        assert Path(server.admin.host).stat().st_mode & 0o777 == 0o700
        assert Path(server.admin.host, "data").stat().st_mode & 0o777 == 0o700
    finally:
        worker.close()


def test_there_is_no_password_in_an_archive(cache: Path, postgres: object) -> None:
    """No byte of an archive is part of a verifier, and two servers from it have two passwords."""
    start()
    with tarfile.open(archives(cache)[0]) as archive:
        members = {info.name: archive.extractfile(info) for info in archive if info.isfile()}
        assert "data/PG_VERSION" in members
        assert [name for name, file in members.items() if file and VERIFIER.search(file.read())] == []
    workers = [Worker(config(), "main") for _ in range(2)]
    try:
        assert len({each.postgres.address.password for each in workers}) == 2
        with psycopg.connect(workers[0].url) as connection:
            query = "SELECT rolpassword FROM pg_authid WHERE rolname = 'postgres'"
            (verifier,) = connection.execute(query).fetchone() or ("",)
            assert VERIFIER.match(verifier.encode())  # so that is what to look for
    finally:
        for each in workers:
            each.close()


def test_other_content_and_settings_are_another_archive(tmp_path: Path) -> None:
    """An edited migration or seed, locale, time zone, version and binaries each change the key, nothing else does."""
    seed = tmp_path / "01_more.sql"
    own = installation()
    keys: list[str] = []

    def note(own: Installation, config: Config) -> None:
        keys.append(prepared._Start(own, config)._key)

    seed.write_text("SELECT 1;", encoding="utf-8")
    note(own, Config())
    note(own, Config(seeds=(tmp_path,)))
    seed.write_text("SELECT 2;", encoding="utf-8")
    note(own, Config(seeds=(tmp_path,)))
    note(dataclasses.replace(own, locale="C.UTF-8"), Config())
    note(dataclasses.replace(own, timezone="Asia/Tokyo"), Config())
    note(dataclasses.replace(own, binaries=dataclasses.replace(own.binaries, version="15.0")), Config())
    (tmp_path / "postgres").write_text("", encoding="utf-8")
    note(dataclasses.replace(own, binaries=dataclasses.replace(own.binaries, directory=tmp_path)), Config())
    assert len(set(keys)) == len(keys) == 7
    assert prepared._Start(own, Config(backend="local"))._key == keys[0]


def test_an_archive_that_lost_its_end_is_made_again(cache: Path) -> None:
    """A truncated archive is noticed before anything is unpacked, and the run makes it anew."""
    start()
    (archive,) = archives(cache)
    size = archive.stat().st_size
    os.truncate(archive, size // 2)
    assert Archives(cache).open(archive.name[:32]) is None
    assert archives(cache) == []
    assert start().cache == "miss"
    assert [path.stat().st_size for path in archives(cache)] == [size]
    assert start().cache == "hit"


def test_an_archive_of_the_right_size_but_of_nonsense_is_made_again(cache: Path) -> None:
    """An archive that cannot be unpacked, or from which no server starts, is removed and made anew in the same run."""
    start()
    (archive,) = archives(cache)
    archive.write_bytes(bytes(archive.stat().st_size))
    up = start()
    assert (up.cache, up.reason) == ("miss", "")
    assert start().cache == "hit"


def test_a_kill_in_the_middle_of_a_build_leaves_nothing(cache: Path, slow: Path) -> None:
    """After SIGKILL while the archive is built there is none; the next run makes it and waits for no lock."""
    process = runner(slow, dying(RUN, "pg_sleep(1)"))
    process.communicate("go\n")
    assert process.returncode == -signal.SIGKILL
    assert list(cache.glob("*.lock"))
    assert archives(cache) == []
    assert start(migrations=(slow,)).cache == "miss"
    assert len(archives(cache)) == 1


def test_a_kill_while_it_is_packed_leaves_nothing(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A half-written archive is no archive; it is removed by the next builder."""
    start()
    (archive,) = archives(cache)
    half = cache / f"{archive.name[:32]}-01234567.part"
    archive.rename(half)
    assert start().cache == "miss"
    assert [path.name for path in cache.iterdir() if path.suffix == ".part"] == []


def test_several_at_once_build_it_once(cache: Path, slow: Path) -> None:
    """Processes that begin together all get a whole server, and one archive has been made, by one of them."""
    processes = [runner(slow) for _ in range(3)]
    for process in processes:
        print("go", file=process.stdin, flush=True)
    said = [process.communicate()[0] for process in processes]
    assert "miss True\n" in said
    assert set(said) <= {"miss True\n", "hit True\n"}  # one may come when it is there
    assert len(archives(cache)) == 1
    assert (cache.parent / "packed").read_text() == "."


def test_a_failing_migration_is_told_and_not_kept(cache: Path, tmp_path: Path) -> None:
    """Where a migration fails, the error says where, as without a cache, and there is no archive."""
    directory = tmp_path / "wrong"
    directory.mkdir()
    (directory / "1000_wrong.sql").write_text("CREATE TABEL wrong ();", encoding="utf-8")
    with pytest.raises(StatementError, match=r"1000_wrong\.sql:1:8"):
        start(migrations=(directory,))
    assert archives(cache) == []


def unusable_file(cache: Path) -> None:
    """A file where the cache should be."""
    cache.write_text("", encoding="utf-8")


def unusable_parent(cache: Path) -> None:
    """A file where the cache's parent should be."""
    cache.parent.rmdir()
    cache.parent.write_text("", encoding="utf-8")


def open_to_all(cache: Path) -> None:
    """A cache into which others may put what they like."""
    cache.mkdir()
    cache.chmod(0o777)


@pytest.mark.parametrize("spoil", [unusable_file, unusable_parent, open_to_all])
def test_without_a_usable_cache_it_is_as_if_there_were_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], None]
) -> None:
    """A cache that cannot be written, or that others may write to, is not used, and the reason is kept."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    spoil(tmp_path / "home/swe-db")
    up = start()
    assert up.cache == "none"
    assert up.reason


def test_a_full_cache_is_not_used(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where packing fails for want of room, the run goes on without, and nothing half is left."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("swe_db.servers.archives._pack", full)
    up = start()
    assert (up.cache, up.reason) == ("none", "[Errno 28] No space left on device")
    assert [path.suffix for path in cache.iterdir()] == [".lock"]


def test_the_sweep_takes_what_is_old_dead_or_too_much(cache: Path) -> None:
    """Removed are archives unused for two weeks, all but the eight used last, and parts; a lock protects its key."""
    cache.mkdir(mode=0o700)
    now = time.time()
    for number in range(12):
        (cache / f"{number:032x}.lock").touch()
        archive = cache / f"{number:032x}-0.tar"
        archive.touch()
        os.utime(archive, (now - number, now - (number if number != 3 else 15 * 86400)))
    (cache / f"{0:032x}-01234567.part").touch()
    (cache / "somebody's").touch()
    store = Archives(cache)
    with store.building(f"{11:032x}"):
        store.sweep()
    kept = {int(path.name[:32], 16) for path in archives(cache)}
    assert kept == {0, 1, 2, 4, 5, 6, 7, 8, 11}
    assert list(cache.glob("*.part")) == []
    assert (cache / "somebody's").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="about what root does")
def test_roots_cache_is_closed_to_the_servers_account(cache: Path) -> None:
    """As root the server's account, which cannot read the cache, unpacks from it all the same."""
    start()
    account = server_account()
    read = subprocess.run(["cat", archives(cache)[0]], capture_output=True, check=False, **account.process_options)  # type: ignore[call-overload]
    assert read.returncode != 0
    assert start().cache == "hit"


@pytest.mark.skipif(os.geteuid() != 0, reason="about what root does")
def test_root_makes_nothing_in_another_users_home(tmp_path: Path) -> None:
    """Where HOME is still that of the user who became root, no directory of root's appears in it."""
    os.chown(tmp_path, 12345, 12345)
    with (
        pytest.raises(PermissionError, match="another user's"),
        Archives(tmp_path / ".cache/swe-db").building("0" * 32),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_guard_keeps_no_archive_open(cache: Path) -> None:
    """A removed archive gives its room back while a server that was unpacked from it runs."""
    start()
    worker = Worker(config(), "main")
    try:
        assert worker.postgres.owned
        (archive,) = archives(cache)
        assert list(holders(archive)) == []
    finally:
        worker.close()


def holders(path: Path) -> Iterator[str]:
    """The descriptors of processes that have a file open."""
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if link.readlink() == path:
                yield str(link)
        except OSError:
            continue
