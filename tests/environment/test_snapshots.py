"""Snapshots: what they hold, what restoring gives back, who may be connected, what is refused."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import psycopg
import pytest
import redis

from support.fingerprint import fingerprint
from support.migrations import database_name, login, rows
from support.sites import Heard, content, keys, left_over, properties, victims
from swe_db.cli.site import command_line
from swe_db.environment import copying
from swe_db.environment.redis_keys import client_of
from swe_db.environment.site import Site, unheard
from swe_db.environment.snapshots import list_snapshots, remove_snapshot, restore_snapshot, save_snapshot
from swe_db.errors import ConfigError, DatabaseBusyError, ProtectedDatabaseError, SnapshotError
from swe_db.migrations import create_database, is_marked, migrate, seed


def value(site: Site) -> int:
    """What the database says."""
    return int(rows(site.postgres_url, "SELECT v FROM t")[0][0])


def redis_value(site: Site) -> bytes | None:
    """What Redis says."""
    with redis.Redis.from_url(str(site.redis_url)) as client:
        found: bytes | None = client.get("t")
        return found


def become(site: Site, number: int) -> None:
    """Let database and Redis say another number."""
    rows(site.postgres_url, f"UPDATE t SET v = {number}")
    with redis.Redis.from_url(str(site.redis_url)) as client:
        client.set("t", number)
        client.delete("ends")
        client.rpush("added", number)


def test_a_snapshot_brings_everything_back(site: Site, postgres: object) -> None:
    """After restoring, every table, catalogue and sequence is what it was, and so is every key of Redis."""
    migrate(site.postgres_url)
    seed(site.postgres_url)
    with psycopg.connect(site.postgres_url) as connection:
        before = fingerprint(connection)
    keys_before = keys(site.redis_url)
    saved = save_snapshot(site, "first", unheard(), comment="as it began")
    become(site, 2)
    rows(
        site.postgres_url,
        "DROP TABLE audit_logs CASCADE; INSERT INTO users (username, email, display_name) VALUES ('a','a@b.c','A')",
    )
    assert restore_snapshot(site, "first", unheard()) == saved
    with psycopg.connect(site.postgres_url) as connection:
        after = fingerprint(connection)
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    assert changed == {"pg_shdescription"}  # the comments of databases, by their numbers
    assert keys(site.redis_url) == keys_before
    assert (saved.redis_keys, saved.comment) == (2, "as it began")
    assert [(saved.migration,)] == rows(site.postgres_url, "SELECT max(version) FROM schema_migrations")
    assert left_over(site.postgres_url) == []


def test_snapshots_are_listed_and_removed(site: Site) -> None:
    """The list has name, size, time, migration and comment, the oldest first; rm removes the database."""
    for name in ("one", "two"):
        save_snapshot(site, name, unheard(), comment=f"of {name}")
    listed = list_snapshots(site, unheard())
    assert [(each.name, each.comment, each.migration, each.redis_keys) for each in listed] == [
        ("one", "of one", None, 2),
        ("two", "of two", None, 2),
    ]
    assert min(each.bytes or 0 for each in listed) > 1 << 20
    assert remove_snapshot(site, "one", unheard()) == listed[0]
    assert list_snapshots(site, unheard()) == listed[1:]
    assert rows(site.postgres_url, f"SELECT FROM pg_database WHERE datname = '{listed[0].stored_as}'") == []


def test_snapshots_of_two_databases_never_meet(site: Site, new_site: object) -> None:
    """The same name may be used for each database of a server, and each lists its own."""
    other = new_site()  # type: ignore[operator]
    become(other, 7)
    save_snapshot(site, "same", unheard())
    save_snapshot(other, "same", unheard())
    become(site, 2)
    become(other, 8)
    restore_snapshot(site, "same", unheard())
    assert (value(site), redis_value(site), value(other), redis_value(other)) == (1, b"1", 8, b"8")
    assert len(list_snapshots(other, unheard())) == 1


def test_a_name_is_given_once_unless_replaced(site: Site) -> None:
    """A second snapshot of a name is refused; --replace puts it in the place of the first."""
    save_snapshot(site, "a", unheard())
    become(site, 2)
    with pytest.raises(SnapshotError, match=r"There is a snapshot a of database .*--replace"):
        save_snapshot(site, "a", unheard())
    save_snapshot(site, "a", unheard(), replace=True)
    become(site, 3)
    restore_snapshot(site, "a", unheard())
    assert (value(site), redis_value(site), len(list_snapshots(site, unheard()))) == (2, b"2", 1)


@pytest.mark.parametrize("name", ["", "-x", "a b", "a/b", "ü", "x" * 61, "a\n"])
def test_names_are_plain(name: str) -> None:
    """A name that a shell or a listing would stumble over is a wrong call."""
    with pytest.raises(ConfigError, match="is no name of a snapshot: up to 60 letters"):
        save_snapshot(Site(postgres_url="postgresql://nobody@127.0.0.1:1/none"), name, unheard())


def test_what_is_missing_is_named_with_what_there_is(site: Site) -> None:
    """A snapshot or a database that is not there is an error that lists the others."""
    with pytest.raises(SnapshotError, match=r"no snapshot x of database .*there is none yet; `swe-db snapshot save"):
        restore_snapshot(site, "x", unheard())
    save_snapshot(site, "here", unheard())
    with pytest.raises(SnapshotError, match=r"no snapshot x of database .*: there are here\."):
        remove_snapshot(site, "x", unheard())
    with pytest.raises(SnapshotError, match=f"There is no database no_such on .*{database_name(site.postgres_url)}"):
        save_snapshot(site.with_database("no_such"), "x", unheard())


def test_others_are_named_and_ended_only_by_force(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is connected stops saving and restoring, is named, and stays connected; --force ends the session."""
    save_snapshot(site, "a", unheard())
    monkeypatch.setattr(copying, "LEAVING", 0.0)
    name = database_name(site.postgres_url)
    with psycopg.connect(site.postgres_url, application_name="shop", autocommit=True) as other:
        pid = other.info.backend_pid
        for work in (save_snapshot, restore_snapshot):
            with pytest.raises(
                DatabaseBusyError, match=rf"Database {name} .*\n  pid {pid}: shop, role .*idle .*\n.*--force"
            ):
                work(site, "b" if work is save_snapshot else "a", unheard())
        assert other.execute("SELECT 1").fetchone() == (1,)
        monkeypatch.undo()
        save_snapshot(site, "b", unheard(), force=True)
        with pytest.raises(psycopg.OperationalError):
            other.execute("SELECT 1")
    with psycopg.connect(site.postgres_url):
        restore_snapshot(site, "b", unheard(), force=True)
    assert left_over(site.postgres_url) == []


def test_a_prepared_transaction_is_never_ended(site: Site) -> None:
    """A transaction that waits for its commit stops the work even with --force, and is named."""
    with psycopg.connect(site.postgres_url) as connection:
        connection.execute("UPDATE t SET v = 9")
        connection.execute("PREPARE TRANSACTION 'payment'")
    with pytest.raises(DatabaseBusyError, match=r"prepared transactions.*'payment'.*--force does not"):
        save_snapshot(site, "a", unheard(), force=True)
    rows(site.postgres_url, "COMMIT PREPARED 'payment'")
    assert save_snapshot(site, "a", unheard()).name == "a"


def test_restoring_keeps_what_the_database_is(site: Site) -> None:
    """Owner, grants, settings, connection limit, comment and marker are those of the database, not of the copy."""
    name = database_name(site.postgres_url)
    rows(site.postgres_url, "CREATE SCHEMA more")
    save_snapshot(site, "a", unheard())
    with login(site.postgres_url) as (role, _), login(site.postgres_url) as (owner, _):
        for statement in (
            f'ALTER DATABASE {name} SET search_path TO "$user", public, more',
            f"ALTER DATABASE {name} SET work_mem TO '5MB'",
            f"ALTER DATABASE {name} SET swe.user_id TO '7'",
            f"ALTER ROLE {role} IN DATABASE {name} SET timezone TO 'Asia/Tokyo'",
            f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC",
            f"GRANT CREATE ON DATABASE {name} TO {role} WITH GRANT OPTION",
            f"ALTER DATABASE {name} CONNECTION LIMIT 55",
            f"ALTER DATABASE {name} OWNER TO {owner}",
            f"REVOKE TEMPORARY ON DATABASE {name} FROM {owner}",
        ):
            rows(site.postgres_url, statement)
        before = properties(site.postgres_url)
        restore_snapshot(site, "a", unheard())
        assert properties(site.postgres_url) == before
        with psycopg.connect(site.postgres_url) as connection:
            assert is_marked(connection)
            assert connection.execute("SHOW search_path").fetchone() == ('"$user", public, more',)
        rows(site.postgres_url, f"ALTER DATABASE {name} OWNER TO CURRENT_USER")
        rows(site.postgres_url, f"ALTER ROLE {role} IN DATABASE {name} RESET ALL")


def test_a_foreign_database_is_restored_only_by_its_name(site: Site, new_database: object) -> None:
    """What swe-db did not create may be saved, but is replaced only if its name was typed; then it stays foreign."""
    foreign = Site(postgres_url=new_database())  # type: ignore[operator]
    rows(foreign.postgres_url, "CREATE TABLE t AS SELECT 1 AS v")
    save_snapshot(foreign, "a", unheard())
    rows(foreign.postgres_url, "UPDATE t SET v = 2")
    name = database_name(foreign.postgres_url)
    with pytest.raises(ProtectedDatabaseError, match=f"--yes-destroy {name}"):
        restore_snapshot(foreign, "a", unheard())
    assert value(foreign) == 2
    restore_snapshot(foreign, "a", unheard(), yes_destroy=name)
    assert value(foreign) == 1
    with psycopg.connect(foreign.postgres_url) as connection:
        assert not is_marked(connection)
    remove_snapshot(foreign, "a", unheard())


def test_a_database_that_was_dropped_comes_back(site: Site) -> None:
    """A snapshot outlives its database, which it brings back, marked."""
    save_snapshot(site, "a", unheard())
    there = site.postgres_url.replace(database_name(site.postgres_url), "postgres")
    rows(there, f"DROP DATABASE {database_name(site.postgres_url)}")
    restore_snapshot(site, "a", unheard())
    assert value(site) == 1
    with psycopg.connect(site.postgres_url) as connection:
        assert is_marked(connection)


def test_without_redis_redis_is_left_alone(site: Site) -> None:
    """A snapshot with keys, restored without Redis, leaves Redis as it is and says so; nothing of them stays behind."""
    save_snapshot(site, "with", unheard())
    become(site, 2)
    heard = Heard()
    restore_snapshot(dataclasses.replace(site, redis_url=None), "with", heard.told)
    assert (value(site), redis_value(site)) == (1, b"2")
    assert heard.notes == ["it holds keys of Redis (2), but none is named for this database: they are left out"]
    assert rows(site.postgres_url, "SELECT to_regnamespace('swe_db_redis')") == [(None,)]
    save_snapshot(dataclasses.replace(site, redis_url=None), "without", unheard())
    restore_snapshot(site, "without", heard.told)
    assert redis_value(site) == b"2"
    assert heard.notes[1:] == ["it was saved without keys of Redis, which stays as it is"]


def test_keys_of_somebody_elses_redis_are_replaced_only_by_name(site: Site) -> None:
    """Keys of a Redis that is not ours are refused before anything is touched, unless its place was typed."""
    theirs = dataclasses.replace(site, owns_redis=False)
    save_snapshot(theirs, "a", unheard())
    become(site, 2)
    with pytest.raises(
        ProtectedDatabaseError, match=r"holds 2 keys.*--yes-destroy-redis 127\.0\.0\.1:\d+/\d+\."
    ) as caught:
        restore_snapshot(theirs, "a", unheard())
    assert (value(site), redis_value(site)) == (2, b"2")
    place = str(caught.value).split("--yes-destroy-redis ")[1].split()[0].rstrip(".")
    with pytest.raises(ProtectedDatabaseError, match=r"names elsewhere:1/0, but the keys"):
        restore_snapshot(theirs, "a", unheard(), yes_destroy_redis="elsewhere:1/0")
    restore_snapshot(theirs, "a", unheard(), yes_destroy_redis=place)
    assert (value(site), redis_value(site)) == (1, b"1")


def test_keys_of_a_newer_redis_are_refused_before_anything_is_lost(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Payloads that this server does not take leave the database and all keys as they are."""
    save_snapshot(site, "a", unheard())
    become(site, 2)
    monkeypatch.setattr("swe_db.environment.redis_keys.read_kept", lambda _: iter([_broken()]))
    with pytest.raises(SnapshotError, match=r"does not take the keys that were saved.*nothing was changed"):
        restore_snapshot(site, "a", unheard())
    assert (value(site), redis_value(site)) == (2, b"2")
    assert left_over(site.postgres_url) == []


def _broken() -> object:
    from swe_db.environment.redis_keys import Key  # noqa: PLC0415 - beside what is patched

    return Key(b"k", None, b"\x00\x01a" + (9999).to_bytes(2, "little") + bytes(8))


def test_an_ordinary_user_saves_and_restores(site: Site) -> None:
    """The owner of a database needs no more than CREATEDB, and cannot see sizes of what is not his own."""
    with login(site.postgres_url, "CREATEDB") as (_, url):
        theirs = Site(postgres_url=url.replace(database_name(url), "test_of_ordinary"))
        create_database(theirs.postgres_url)
        rows(theirs.postgres_url, "CREATE TABLE t AS SELECT 1 AS v")
        save_snapshot(theirs, "a", unheard())
        rows(theirs.postgres_url, "UPDATE t SET v = 2")
        with psycopg.connect(theirs.postgres_url):
            restore_snapshot(theirs, "a", unheard(), force=True)
        assert value(theirs) == 1
        assert [each.name for each in list_snapshots(theirs, unheard())] == ["a"]
        left = f"swe_db_new_{hashlib.sha256(b'test_of_ordinary').hexdigest()[:12]}_of_others"
        rows(site.postgres_url, f"CREATE DATABASE {left}")
        heard = Heard()
        remove_snapshot(theirs, "a", heard.told)
        assert heard.notes == [
            f"a command that was killed has left {left}, which stays: must be owner of database {left}"
        ]
        rows(site.postgres_url, f"DROP DATABASE {left}")
        rows(site.postgres_url, "DROP DATABASE test_of_ordinary")


def test_big_databases_show_how_far_they_are(site: Site) -> None:
    """While a big database is copied, its size so far is told again and again."""
    rows(
        site.postgres_url, "CREATE TABLE big AS SELECT g, repeat(md5(g::text), 30) FROM generate_series(1, 60000) AS g"
    )
    heard = Heard()
    size = save_snapshot(site, "a", heard.told).bytes
    told = [step for step in heard.steps if step[0] == "saving a"]
    assert size is not None
    assert size > 60 << 20
    assert all(0 <= done <= size and total is not None and total > 60 << 20 for _, done, total in told)


@pytest.mark.parametrize("command", ["save", "restore"])
def test_killed_anywhere_the_database_is_whole(site: Site, tmp_path: Path, command: str) -> None:
    """Killed after any change, database and Redis are wholly the old or wholly the new ones, at last after a list."""
    become(site, 2)
    save_snapshot(site, "b", unheard())
    become(site, 1)
    save_snapshot(site, "a", unheard())
    with victims(site, tmp_path) as victim:
        for point in range(1, 100):
            was_killed = victim.killed(command, point)
            assert value(site) in {1, 2}
            heard = Heard()
            listed = list_snapshots(site, heard.told)
            assert [each.name for each in sorted(listed, key=lambda each: each.name)] == ["a", "b"]
            assert redis_value(site) == str(value(site)).encode()
            assert left_over(site.postgres_url) == []
            assert rows(site.postgres_url, "SELECT to_regnamespace('swe_db_redis')") == [(None,)]
            if not was_killed:
                break
            if value(site) == 2:
                restore_snapshot(site, "a", unheard())
    assert point > 8
    assert value(site) == (2 if command == "restore" else 1)


def test_a_reset_that_is_killed_changes_nothing(site: Site, tmp_path: Path) -> None:
    """Killed while it migrates, a reset leaves database and Redis as they were, and the next one succeeds."""
    before = content(site.postgres_url), keys(site.redis_url)
    with victims(site, tmp_path) as victim:
        assert victim.killed("reset", 40)
    heard = Heard()
    assert list_snapshots(site, heard.told) == []
    assert (content(site.postgres_url), keys(site.redis_url)) == before
    assert left_over(site.postgres_url) == []
    assert [note.partition(" swe_db_new_")[0] for note in heard.notes] == ["removed"]


def test_another_command_waits_then_says_who_is_at_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two commands never work on one database at a time; the second one names the session of the first."""
    from swe_db.environment import maintenance  # noqa: PLC0415 - beside what is patched

    patience = maintenance.PATIENCE
    monkeypatch.setattr(maintenance, "PATIENCE", 0.1)
    with maintenance.maintenance(site, unheard()) as work:
        pid = work.connection.info.backend_pid
        with pytest.raises(DatabaseBusyError, match=rf"Another swe-db has been at work .*: pid {pid} of role"):
            list_snapshots(site, unheard())
    monkeypatch.setattr(maintenance, "PATIENCE", patience)  # the server may be slow to notice its end
    assert list_snapshots(site, unheard()) == []


@pytest.mark.parametrize("url", ["redis://:secret@h:abc/0", "redis://h/0?socket_timeout=x", "redis://h/0?unknown=1"])
def test_a_redis_url_that_makes_no_sense_is_a_wrong_call(url: str) -> None:
    """The message does not repeat it, since what seems to be a port may be a part of a password."""
    with (
        pytest.raises(ConfigError, match="The Redis URL cannot be understood") as caught,
        client_of(Site(postgres_url="", redis_url=url)),
    ):
        pass
    assert not {"secret", "abc"} & {*str(caught.value).replace(":", " ").split()}


@pytest.mark.parametrize(("redis_url", "end"), [(None, "--postgres-url ..."), ("redis://h/0", " ... --redis-url ...")])
def test_the_way_back_names_the_same_servers(redis_url: str | None, end: str) -> None:
    """A command line that is to be copied has the options for both servers, without what would be secret."""
    assert command_line(Site(postgres_url="", redis_url=redis_url), "restore a").endswith(end)
