"""The commands snapshot, backup, restore and reset: what they print, their options, their exit codes."""

from __future__ import annotations

import json
import math
import os
import pty
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
import redis

from support.migrations import database_name, rows, write
from support.sites import left_over
from swe_db.cli import run, site
from swe_db.cli.site import telling
from swe_db.environment import copying
from swe_db.migrations import create_database
from swe_db.servers.server import PostgresServer, RedisServer

SECRET: Final = "hunter2hunter2"


@pytest.fixture
def place(postgres: PostgresServer, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The options of a database that swe-db has created, and of a Redis with one key; no progress, however slow."""
    monkeypatch.setattr(site, "QUIET", math.inf)
    url = postgres.address.database(f"snapped_{secrets.token_hex(6)}").url
    there = redis_server.address.database(9).url
    create_database(url)
    rows(url, "CREATE TABLE t AS SELECT 1 AS v")
    with redis.Redis.from_url(there) as client:
        client.flushdb()
        client.set("t", 1)
    yield ["--postgres-url", url, "--redis-url", there]
    for (name,) in rows(postgres.url, "SELECT datname FROM pg_database WHERE datname ~ '^(snapped_|swe_db_snapshot)'"):
        rows(postgres.url, f'DROP DATABASE "{name}" WITH (FORCE)')
    with redis.Redis.from_url(there) as client:
        client.flushdb()


def called(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run the command line; return its exit code and what it printed on stdout and stderr."""
    code = run(arguments)
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    return code, printed.out, printed.err


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """Run the command line, which must succeed without a word on stderr, and return its JSON."""
    code, out, err = called(capsys, *arguments, "--json")
    assert (code, err) == (0, "")
    found: dict[str, Any] = json.loads(out)
    return found


def test_a_snapshot_from_save_to_rm(capsys: pytest.CaptureFixture[str], place: list[str]) -> None:
    """Save says how to come back, list has a line for each, restore brings it back, rm removes it."""
    url = place[1]
    assert called(capsys, "snapshot", "list", *place)[1].startswith("no snapshots yet; this makes one: swe-db snapshot")
    code, out, err = called(capsys, "snapshot", "save", "first", "--comment", "as it began", *place)
    assert (code, err) == (0, "")
    assert out.splitlines()[0].startswith(f"saved first: database {database_name(url)}, ")
    assert out.splitlines()[1] == "bring it back: swe-db snapshot restore first --postgres-url ... --redis-url ..."
    rows(url, "UPDATE t SET v = 2")
    head, line = called(capsys, "snapshot", "list", *place)[1].splitlines()
    assert head.split() == ["NAME", "SIZE", "AGE", "MIGRATION", "REDIS", "COMMENT"]
    assert line.startswith("first ")
    assert line.endswith(" none       1 key  as it began")
    place_of_redis = place[3].rpartition("@")[2]
    code, out, _ = called(capsys, "snapshot", "restore", "first", *place, "--yes-destroy-redis", place_of_redis)
    assert (code, rows(url, "SELECT v FROM t")) == (0, [(1,)])
    assert out.startswith("restored first: database ")
    assert called(capsys, "snapshot", "rm", "first", *place)[1].startswith("removed first: ")


def test_with_json_stdout_is_one_document(capsys: pytest.CaptureFixture[str], place: list[str], tmp_path: Path) -> None:
    """Each of the commands prints its result as JSON, and nothing on stderr."""
    url, file = place[:2], str(tmp_path / "b.tar")
    saved = as_json(capsys, "snapshot", "save", "a", *place)
    assert (saved["name"], saved["redis_keys"], saved["migration"]) == ("a", 1, None)
    assert as_json(capsys, "snapshot", "list", *place) == {"snapshots": [saved]}
    yes = ["--yes-destroy-redis", place[3].rpartition("@")[2]]
    assert as_json(capsys, "snapshot", "restore", "a", *place, *yes) == saved
    assert as_json(capsys, "snapshot", "rm", "a", *place) == saved
    reset = as_json(capsys, "reset", *place, *yes)
    assert (reset["redis_emptied"], len(reset["seeds"]["applied"])) == (True, 3)
    assert as_json(capsys, "backup", file, *url)["path"] == file
    restored = as_json(capsys, "restore", file, *url)
    assert (restored["verification"]["ok"], restored["redis_keys"], restored["roles_made"]) == (True, None, [])


def test_a_reset_is_new_and_safe(
    capsys: pytest.CaptureFixture[str], place: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reset leaves what migrations and seeds make, own ones included; when it fails the database is as it was."""
    url = place[1]
    own = write(tmp_path / "own", {"1000_a.sql": "CREATE TABLE a (id int);"})
    broken = write(tmp_path / "broken", {"1000_a.sql": "CREATE TABLE a (id int); SELEC 1;"})
    code, _, err = called(capsys, "reset", *place[:2], "--migrations", str(broken))
    assert (code, rows(url, "SELECT v FROM t")) == (1, [(1,)])
    assert "1000_a.sql:1:26: syntax error" in err
    with psycopg.connect(url) as other:
        with monkeypatch.context() as patch:
            patch.setattr(copying, "LEAVING", 0.0)
            code, _, err = called(capsys, "reset", *place[:2])
        assert (code, f"pid {other.info.backend_pid}: " in err, "--force" in err) == (1, True, True)
        assert called(capsys, "reset", *place[:2], "--migrations", str(own), "--no-seed", "--force")[0] == 0
    assert rows(url, "SELECT to_regclass('t'), to_regclass('a')::text, (SELECT count(*) FROM users)") == [
        (None, "a", 0)
    ]
    with redis.Redis.from_url(place[3]) as client:
        assert client.get("t") == b"1"
    assert left_over(url) == []


def test_what_swe_db_did_not_make_is_not_destroyed(
    capsys: pytest.CaptureFixture[str], place: list[str], postgres: PostgresServer, tmp_path: Path
) -> None:
    """Reset and both ways to restore refuse a foreign database with exit code 2, and name the flag."""
    url = postgres.address.database(f"snapped_{secrets.token_hex(6)}").url
    name = database_name(url)
    rows(postgres.url, f"CREATE DATABASE {name}")
    rows(url, "CREATE TABLE precious ()")
    file = str(tmp_path / "b.tar")
    assert called(capsys, "backup", file, *place[:2])[0] == 0
    assert called(capsys, "snapshot", "save", "a", "--postgres-url", url)[0] == 0
    for words in (["reset"], ["restore", file], ["snapshot", "restore", "a"]):
        code, out, err = called(capsys, *words, "--postgres-url", url)
        assert (code, out) == (2, "")
        assert f"say so by its name: --yes-destroy {name}" in err
        assert called(capsys, *words, "--postgres-url", url, "--yes-destroy", f"{name}x")[0] == 2
    assert rows(url, "SELECT to_regclass('precious')::text") == [("precious",)]
    assert called(capsys, "restore", file, "--postgres-url", url, "--yes-destroy", name)[0] == 0
    assert rows(url, "SELECT to_regclass('precious')::text") == [(None,)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["snapshot", "save", "a", "--redis-url", "redis://h:1"], "no logical database"),
        (["snapshot", "save", "a", "--redis-url", "http://h:1/0"], "does not begin with redis://"),
        (["snapshot", "save", "a/b"], "'a/b' is no name of a snapshot"),
        (["snapshot", "save"], "Missing argument 'SNAPSHOT'"),
        (["restore"], "Missing argument 'FILE'"),
        (["snapshot"], "Usage: swe-db snapshot"),
    ],
)
def test_a_wrong_call_is_exit_code_2(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    """A call that makes no sense is refused before any server is asked."""
    url = [] if arguments == ["snapshot"] else ["--postgres-url", f"postgresql://me:{SECRET}@127.0.0.1:1/db"]
    code, out, err = called(capsys, *arguments, *url)
    assert (code, out) == (2, "")
    assert message in err
    assert SECRET not in err


def test_servers_that_do_not_answer_are_a_sentence(
    capsys: pytest.CaptureFixture[str], place: list[str], tmp_path: Path
) -> None:
    """Neither password is shown, and nothing is left."""
    nowhere = f"postgresql://me:{SECRET}@127.0.0.1:1/db"
    for words in (["snapshot", "list"], ["reset"], ["backup", str(tmp_path / "b")]):
        code, _, err = called(capsys, *words, "--postgres-url", nowhere)
        assert (code, SECRET in err) == (1, False)
        assert "Cannot connect to Postgres at 127.0.0.1:1" in err
    for words in (["snapshot", "save", "a"], ["reset"], ["backup", str(tmp_path / "b")]):
        code, _, err = called(capsys, *words, *place[:2], "--redis-url", f"redis://:{SECRET}@127.0.0.1:1/0")
        assert (code, SECRET in err) == (1, False)
        assert "Redis 127.0.0.1:1/0 does not answer" in err
    assert list(tmp_path.iterdir()) == []
    assert left_over(place[1]) == []


def test_redis_is_named_by_an_option_only(capsys: pytest.CaptureFixture[str], place: list[str]) -> None:
    """SWE_DB_REDIS_URL is for tests, which lease a logical database there; its keys are not ours to replace."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SWE_DB_REDIS_URL", place[3])
        patch.setenv("SWE_DB_POSTGRES_URL", place[1])
        assert as_json(capsys, "snapshot", "save", "a")["redis_keys"] is None


def test_progress_is_shown_of_what_takes_long(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is over soon is not shown; else a line now and then, with part, size and the time that is left."""
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    progress = telling().progress
    for second, done in ((0.0, 0), (0.5, 100 << 20), (6.0, 512 << 20), (7.0, 600 << 20), (12.0, 1 << 30)):
        clock[0] = second
        progress("saving a", done, 1 << 30)
    progress("dumping", 5, None)
    clock[0] = 20.0
    progress("dumping", 3 << 20, None)
    progress("putting back the keys of Redis", 1, 1)
    assert capsys.readouterr().err.splitlines() == [
        "saving a:  50% of 1.0 GiB, 6 s left",
        "saving a: 100% of 1.0 GiB, 0 s left",
        "dumping: 3.0 MiB, 8 s",
    ]


def test_progress_on_a_terminal_is_one_line(place: list[str], tmp_path: Path) -> None:
    """On a terminal the line is rewritten."""
    script = (
        "from swe_db.cli import site; site.QUIET = site.ON_TERMINAL = 0.0\n"
        "show = site.telling().progress\n"
        "for done in range(4): show('saving a', done << 20, 3 << 20)\n"
    )
    master, slave = pty.openpty()
    subprocess.run([sys.executable, "-c", script], stderr=slave, check=True)
    os.close(slave)
    printed = os.read(master, 1000).decode()
    os.close(master)
    assert printed.count("\n") == 1
    assert printed.endswith("\r\x1b[Ksaving a: 100% of 3.0 MiB, 0 s left\r\n")
