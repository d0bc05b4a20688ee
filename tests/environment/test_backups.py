"""Backups and what restores them: the same again, nothing lost when it fails, files that are none."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import stat
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import psycopg
import pytest
import redis

from support.migrations import database_name, login, rows
from support.sites import Heard, content, keys, left_over, victims
from swe_db.environment import backup_file, copying, redis_keys, restoring
from swe_db.environment.backup import make_backup, read_backup
from swe_db.environment.restoring import restore_backup
from swe_db.environment.site import Site, unheard
from swe_db.errors import (
    BackupFileError,
    DatabaseBusyError,
    NoRoomError,
    ProtectedDatabaseError,
    ServerError,
    SnapshotError,
)
from swe_db.migrations import is_marked, migrate, seed
from swe_db.servers import programs


@pytest.fixture
def full(site: Site) -> Site:
    """A site with the whole schema, the seeds, a month of audit rows and keys of every type."""
    rows(site.postgres_url, "DROP TABLE t")
    migrate(site.postgres_url)
    seed(site.postgres_url)
    rows(site.postgres_url, "SELECT swe_create_audit_partitions(date '2025-01-01', 2)")
    rows(
        site.postgres_url,
        "INSERT INTO audit_logs (event_type, resource_type, resource_id, created_at)"
        " SELECT 'user.login', 'user', g, '2025-01-15' FROM generate_series(1, 50) AS g",
    )
    with redis.Redis.from_url(str(site.redis_url)) as client:
        client.hset("h", mapping={"a": 1, "b": b"\x00\xff"})
        client.zadd("z", {"x": 1.5})
        client.xadd("stream", {"f": "v"}, id="5-1")
        client.xgroup_create("stream", "group", id="0")
        client.set(b"\xff\x00name", b"x" * 5000)
    return site


@pytest.fixture
def file(site: Site, tmp_path: Path) -> Path:
    """A backup of a small site."""
    return make_backup(site, tmp_path / "b.tar", unheard()).path


def test_what_is_restored_equals_the_original(full: Site, new_site: object, tmp_path: Path) -> None:
    """Every row, sequence, object and key is the same again in another database and another Redis."""
    report = make_backup(full, tmp_path / "b.tar", unheard())
    other = new_site()  # type: ignore[operator]
    restored = restore_backup(other, report.path, unheard())
    before, after = content(full.postgres_url), content(other.postgres_url)
    assert {name for name in before | after if before.get(name) != after.get(name)} == set()
    assert keys(other.redis_url) == keys(full.redis_url)
    assert (report.redis_keys, restored.redis_keys) == (6, 6)
    assert [(report.migration,)] == rows(full.postgres_url, "SELECT max(version) FROM schema_migrations")
    assert restored.verification.ok
    assert restored.verification.drift_unchecked is None
    with psycopg.connect(other.postgres_url, autocommit=True) as connection:
        assert is_marked(connection)
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
            connection.execute("UPDATE audit_logs SET resource_id = 'forged'")
        new = connection.execute(
            "INSERT INTO users (username, email, display_name) VALUES ('n', 'n@x.y', 'N') RETURNING id"
        )
        assert new.fetchall() == [(6,)]
    assert left_over(full.postgres_url) == []


def test_the_file_is_private_complete_and_readable(site: Site, tmp_path: Path) -> None:
    """It is a tar of a dump, keys and a manifest with versions, checksums and roles, and only its owner may read it."""
    report = make_backup(site, tmp_path, unheard())
    assert stat.S_IMODE(report.path.stat().st_mode) == 0o600
    assert report.path.name.startswith(f"{database_name(site.postgres_url)}-20")
    with tarfile.open(report.path) as archive:
        assert archive.getnames() == ["database.dump", "redis.jsonl", "manifest.json"]
        manifest = json.load(archive.extractfile("manifest.json"))  # type: ignore[arg-type]
    assert manifest["postgres"].startswith("1")
    assert (manifest["format_version"], manifest["redis_keys"], manifest["migration"]) == (1, 2, None)
    assert sorted(manifest["members"]) == ["database.dump", "redis.jsonl"]
    assert read_backup(report.path, unheard()) == report
    assert [path.name for path in tmp_path.iterdir()] == [report.path.name]
    with pytest.raises(SnapshotError, match=r"is there already.*--replace"):
        make_backup(site, report.path, unheard())
    make_backup(site, report.path, unheard(), replace=True)


def test_a_backup_may_be_made_while_others_work(site: Site, tmp_path: Path) -> None:
    """Sessions of others stay; what they have not committed is not in the backup."""
    with psycopg.connect(site.postgres_url) as other:
        other.execute("UPDATE t SET v = 5")
        path = make_backup(site, tmp_path / "b.tar", unheard()).path
        other.commit()
    restore_backup(site, path, unheard())
    assert rows(site.postgres_url, "SELECT v FROM t") == [(1,)]


BROKEN: Final[dict[str, tuple[Callable[[bytes], bytes], str]]] = {
    "cut off": (lambda text: text[: len(text) // 2], "is cut off"),
    "without its end": (lambda text: text[:-2048], "is cut off"),
    "changed": (lambda text: text[:700] + bytes([text[700] ^ 1]) + text[701:], "database.dump is not what it was"),
    "empty": (lambda _: b"", "no tar archive, or empty"),
    "something else": (lambda _: b"hello " * 1000, "no tar archive, or empty"),
    "a dump": (lambda text: text[512:], "is a dump of pg_dump"),
    "another tar": (lambda _: _tar({"x": b"1"}), "it has no manifest.json"),
    "of the future": (
        lambda _: _tar({"manifest.json": b'{"format_version": 2}'}),
        "newer swe-db .*pip install --upgrade",
    ),
    "nonsense": (lambda _: _tar({"manifest.json": b'{"format_version": 1}'}), "its manifest makes no sense"),
    "no JSON": (lambda _: _tar({"manifest.json": b"[1"}), "its manifest makes no sense"),
}


def _tar(files: dict[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
    return archive.getvalue()


@pytest.mark.parametrize("how", BROKEN)
def test_a_file_that_is_no_backup_changes_nothing(file: Path, how: str) -> None:
    """A file that is damaged or foreign is refused before any server is asked, with what is wrong with it."""
    spoil, message = BROKEN[how]
    file.write_bytes(spoil(file.read_bytes()))
    nowhere = Site(postgres_url="postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(BackupFileError, match=message):
        restore_backup(nowhere, file, unheard())


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    """Neither a missing file nor a directory is a traceback."""
    nowhere = Site(postgres_url="postgresql://nobody@127.0.0.1:1/none")
    for path in (tmp_path / "none.tar", tmp_path):
        with pytest.raises(BackupFileError, match=f"{path} cannot be read: "):
            restore_backup(nowhere, path, unheard())


def test_a_restore_that_fails_leaves_everything(site: Site, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When pg_restore fails, or what it made is not what was backed up, database and Redis are as they were."""
    rows(site.postgres_url, "UPDATE t SET v = 2")
    before = keys(site.redis_url)
    with monkeypatch.context() as patch:
        patch.setattr(restoring, "OPTIONS", ("--no-owner", "--exit-on-error", "--role=no_such_role"))
        with pytest.raises(SnapshotError, match=r"pg_restore cannot restore into .*as it was: .*no_such_role"):
            restore_backup(site, file, unheard())
    with monkeypatch.context() as patch:
        patch.setattr(
            restoring, "OPTIONS", ("--no-owner", "--exit-on-error", "--schema-only", "--section=pre-data", "-T", "t")
        )
        patch.setattr(restoring, "require_sequences", lambda _: None)
        restored = dataclasses.replace(_manifest_of(file), catalogue={"trigger": "0"})
        patch.setattr(backup_file, "_manifest", lambda *_: restored)
        with pytest.raises(SnapshotError, match=r"is not what was backed up; these differ: .*trigger"):
            restore_backup(site, file, unheard())
    assert rows(site.postgres_url, "SELECT v FROM t") == [(2,)]
    assert keys(site.redis_url) == before
    assert left_over(site.postgres_url) == []


def _manifest_of(file: Path) -> backup_file.Manifest:
    with backup_file.opened_backup(file, lambda *_: None) as backup:
        return backup.manifest


def test_a_sequence_behind_its_rows_is_found(site: Site, tmp_path: Path) -> None:
    """A backup in which a sequence would give a number twice is not put in anybody's place."""
    rows(site.postgres_url, "CREATE TABLE s (id int GENERATED BY DEFAULT AS IDENTITY); INSERT INTO s VALUES (7)")
    path = make_backup(site, tmp_path / "b.tar", unheard()).path
    with pytest.raises(SnapshotError, match=r"sequence of public\.s\.id would give 1, and the rows go up to 7"):
        restore_backup(site, path, unheard())


def test_roles_that_are_missing_are_made(site: Site, tmp_path: Path) -> None:
    """Roles of a backup are made without a right to log in; without CREATEROLE the statements are named."""
    role = f"{database_name(site.postgres_url)}-Rôle"
    rows(site.postgres_url, f'CREATE ROLE "{role}" LOGIN; GRANT SELECT ON t TO "{role}"')
    path = make_backup(site, tmp_path / "b.tar", unheard()).path
    rows(site.postgres_url, f'REVOKE SELECT ON t FROM "{role}"; DROP ROLE "{role}"')
    with login(site.postgres_url, "CREATEDB") as (user, url):
        rows(site.postgres_url, f"ALTER DATABASE {database_name(site.postgres_url)} OWNER TO {user}")
        with pytest.raises(SnapshotError, match=rf'may not make them.*\n  CREATE ROLE "{role}" NOLOGIN;'):
            restore_backup(dataclasses.replace(site, postgres_url=url), path, unheard())
        rows(site.postgres_url, f"ALTER DATABASE {database_name(site.postgres_url)} OWNER TO CURRENT_USER")
    assert restore_backup(site, path, unheard()).roles == (role,)
    assert rows(
        site.postgres_url,
        f"SELECT rolcanlogin, has_table_privilege('{role}', 't', 'SELECT') FROM pg_roles WHERE rolname = '{role}'",
    ) == [(False, True)]
    rows(site.postgres_url, f'REVOKE SELECT ON t FROM "{role}"; DROP ROLE "{role}"')


def test_a_database_is_replaced_only_if_it_is_ours_empty_or_named(
    site: Site, file: Path, new_database: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty database is filled; one that is neither empty nor marked needs its name; others who use it stop it."""
    foreign = Site(postgres_url=new_database())  # type: ignore[operator]
    heard = Heard()
    restore_backup(foreign, file, heard.told)
    assert rows(foreign.postgres_url, "SELECT v FROM t") == [(1,)]
    assert "it holds keys of Redis (2)" in heard.notes[0]
    name = database_name(foreign.postgres_url)
    with pytest.raises(ProtectedDatabaseError, match=f"--yes-destroy {name}"):
        restore_backup(foreign, file, unheard())
    with psycopg.connect(foreign.postgres_url), monkeypatch.context() as patch:
        patch.setattr(copying, "LEAVING", 0.0)
        with pytest.raises(DatabaseBusyError, match="--force"):
            restore_backup(foreign, file, unheard(), yes_destroy=name)
    restore_backup(foreign, file, unheard(), yes_destroy=name)


def test_a_new_database_is_made_and_redis_left_alone(site: Site, file: Path) -> None:
    """With another name the backup goes into a database that is made for it, marked, and Redis stays as it is."""
    with redis.Redis.from_url(str(site.redis_url)) as client:
        client.set("t", 2)
    new = site.with_database(f"{database_name(site.postgres_url)}_new")
    restore_backup(new, file, unheard())
    with psycopg.connect(new.postgres_url) as connection:
        assert is_marked(connection)
        assert connection.execute("SELECT v FROM t").fetchall() == [(1,)]
    with redis.Redis.from_url(str(site.redis_url)) as client:
        assert client.get("t") == b"2"
    rows(site.postgres_url, f"DROP DATABASE {new.database}")


def test_programs_of_another_version_are_refused(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no pg_dump of the server's version, what was found and what to install is said."""
    monkeypatch.setattr(programs, "_candidates", lambda _: [(tmp_path, "14.2"), (tmp_path, "99.1")])
    with pytest.raises(
        ServerError, match=r"needs pg_dump and pg_restore of version 1\d: .*Found .*14\.2 in .*99\.1 in .*apt-get"
    ):
        make_backup(site, tmp_path / "b.tar", unheard())
    assert list(tmp_path.iterdir()) == []


def test_a_backup_of_a_newer_server_is_refused(site: Site, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's version is compared before anything is touched."""
    newer = dataclasses.replace(_manifest_of(file), postgres="99.1", pg_dump="99.1")
    monkeypatch.setattr(backup_file, "_manifest", lambda *_: newer)
    with pytest.raises(BackupFileError, match=r"is of PostgreSQL 99\.1, .* which is older"):
        restore_backup(site, file, unheard())


def test_what_a_killed_backup_has_left_goes_with_the_next(site: Site, tmp_path: Path) -> None:
    """An unfinished file that nobody writes any more is removed by the next backup into its directory."""
    unfinished = tmp_path / f"{backup_file.UNFINISHED}abc"
    unfinished.write_bytes(b"half")
    with backup_file.written_backup(tmp_path / "other.tar"):
        (living,) = tmp_path.iterdir()
        make_backup(site, tmp_path / "b.tar", unheard())
        assert living.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.tar", "other.tar"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    if os.geteuid() != 0:
        pytest.skip("only root mounts")
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(place)], check=True)
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)  # somebody may look into it


def test_a_full_disk_is_said_and_nothing_is_left(site: Site, small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backup that will not fit is refused before it is begun; one that fills the disk leaves nothing behind."""
    rows(
        site.postgres_url,
        "CREATE TABLE big AS SELECT gen_random_uuid()::text || gen_random_uuid() FROM generate_series(1, 150000)",
    )
    with pytest.raises(NoRoomError, match=rf"{small_disk} has .* left, and the file will have about"):
        make_backup(site, small_disk, unheard())
    monkeypatch.setattr("swe_db.environment.backup.SMALLEST_PART", 10_000)
    with pytest.raises(SnapshotError, match="cannot be written: No space left on device"):
        make_backup(site, small_disk, unheard())
    assert list(small_disk.iterdir()) == []


def test_killed_anywhere_a_restore_loses_nothing(site: Site, file: Path) -> None:
    """Killed after any change, the database is wholly the old or wholly the new one; the next command mends it."""
    from swe_db.environment.snapshots import list_snapshots, restore_snapshot, save_snapshot  # noqa: PLC0415

    rows(site.postgres_url, "UPDATE t SET v = 2")
    with redis.Redis.from_url(str(site.redis_url)) as client:
        client.set("t", 2)
    save_snapshot(site, "two", unheard())
    with victims(site, file) as victim:
        for point in range(2, 100, 2):  # each second one, since the points are those of a snapshot's restore
            was_killed = victim.killed("backup", point)
            list_snapshots(site, unheard())
            [(value,)] = rows(site.postgres_url, "SELECT v FROM t")
            assert value in {1, 2}
            with redis.Redis.from_url(str(site.redis_url)) as client:
                assert client.get("t") == str(value).encode()
            assert left_over(site.postgres_url) == []
            if not was_killed:
                break
            if value == 1:
                restore_snapshot(site, "two", unheard())
    assert point > 8
    assert value == 1


def test_a_key_that_the_server_names_twice_is_saved_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """SCAN may do that while keys come and go; the number of keys is that of distinct ones."""
    with redis_keys.client_of(site) as client:
        client.set("twice", 1)
        monkeypatch.setattr(client, "scan_iter", lambda **_: iter([b"twice", b"twice"]))
        assert [key.name for key in redis_keys.keys_of(client)] == [b"twice"]
