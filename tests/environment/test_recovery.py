"""What an environment survives: servers that are killed, files of the dead, commands that are killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from support.containers import STARTING, eventually
from support.environments import (
    NO_DOCKER,
    call,
    new_name,
    object_of,
    own_binaries,
    processes_of,
    query,
    removed_in_the_end,
    send,
    spawn,
)
from swe_db import environment
from swe_db.config import Config
from swe_db.environment import Wish, native
from swe_db.environment.places import locked
from swe_db.servers.account import server_account
from swe_db.servers.liveness import readers


@pytest.fixture
def victim(name: str) -> str:
    """An environment with one row and one key that were committed, and a row that was not."""
    call("up", "--name", name)
    query(name, "CREATE TABLE IF NOT EXISTS kept (number int); TRUNCATE kept; INSERT INTO kept VALUES (1)")
    with redis.Redis.from_url(environment.find(name).redis_url) as client:
        client.set("kept", "1")
    with psycopg.connect(environment.find(name).postgres_url) as connection:
        connection.execute("INSERT INTO kept VALUES (2)")
        send(signal.SIGKILL, name)
        connection.close()
    assert eventually(lambda: not processes_of(name), STARTING)
    return name


def kept(name: str) -> tuple[list[tuple[int, ...]], object]:
    """Return the rows and the key."""
    with redis.Redis.from_url(environment.find(name).redis_url) as client:
        return query(name, "TABLE kept"), client.get("kept")


def test_what_was_committed_survives_a_power_cut(victim: str) -> None:
    """After the processes were killed, status says so, and up brings back what was committed and nothing else."""
    (told,) = object_of("status", "--json", "--name", victim)["environments"]
    assert (told["running"], told["postgres"]["running"], told["redis"]["running"]) == (False, False, False)
    assert call("up", "--name", victim).code == 0
    assert kept(victim) == ([(1,)], b"1")


def test_a_number_that_has_come_to_another_process_deceives_nobody(victim: str) -> None:
    """After a reboot the number in Postgres' lock file may be another process's of the same user: up starts."""
    lock = Path(environment.find(victim).record.data, "postgres", "postmaster.pid")
    with subprocess.Popen(["sleep", "60"], **server_account().process_options) as stranger:  # type: ignore[call-overload]
        try:
            lines = lock.read_text().splitlines()
            lock.write_text("\n".join([str(stranger.pid), *lines[1:], ""]))
            assert call("up", "--name", victim).code == 0
            assert stranger.poll() is None
        finally:
            stranger.kill()
    assert kept(victim) == ([(1,)], b"1")


def test_a_zombie_with_the_number_deceives_nobody(victim: str) -> None:
    """A process that has ended and that nobody has asked for has its number still."""
    lock = Path(environment.find(victim).record.data, "postgres", "postmaster.pid")
    zombie = subprocess.Popen(["true"], **server_account().process_options)  # type: ignore[call-overload]
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    lines = lock.read_text().splitlines()
    lock.write_text("\n".join([str(zombie.pid), *lines[1:], ""]))
    done = call("up", "--name", victim)
    zombie.wait()
    assert (done.code, kept(victim)) == (0, ([(1,)], b"1"))


def test_half_a_command_at_the_end_of_redis_log_is_cut_off(victim: str) -> None:
    """A write that a power cut has interrupted goes, whatever was acknowledged stays."""
    (log,) = Path(environment.find(victim).record.data, "redis").glob("**/*.incr.aof")
    with log.open("ab") as file:
        file.write(b"*3\r\n$3\r\nSET\r\n$4\r\nkept\r\n$1")
    assert call("up", "--name", victim).code == 0
    assert kept(victim) == ([(1,)], b"1")


def test_down_ends_what_has_stopped_answering(name: str) -> None:
    """Servers that hang are ended, and the next up finds their data."""
    call("up", "--name", name)
    send(signal.SIGSTOP, name)
    assert call("down", "--name", name).code == 0
    assert processes_of(name) == []
    assert call("up", "--name", name).code == 0


def postgres_processes(name: str, title: bytes = b"") -> list[int]:
    """Return the processes of an environment's Postgres whose title holds some words."""
    found = readers(environment.find(name).directory / "postgres.alive")
    return [process for process in found if title in title_of(process)]


def title_of(process: int) -> bytes:
    """Return the title of a process, which may have ended meanwhile."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def postmaster(name: str) -> int:
    """Return the number of an environment's postmaster."""
    return int(Path(environment.find(name).record.data, "postgres", "postmaster.pid").read_text().split()[0])


def says(name: str, words: str) -> bool:
    """Tell whether Postgres refuses a client with some words."""
    try:
        psycopg.connect(environment.find(name).postgres_url).close()
    except psycopg.OperationalError as error:
        return words in str(error)
    return False


def test_up_waits_for_a_postgres_that_is_shutting_down(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A down that was interrupted has left one in its last checkpoint, which listens still; it is started again."""
    call("up", "--name", name)
    (checkpointer,) = postgres_processes(name, b"checkpointer")
    ending = postmaster(name)
    monkeypatch.setattr(native, "PATIENCE", 0)
    os.kill(checkpointer, signal.SIGSTOP)
    told: list[str] = []

    def tell(sentence: str) -> None:
        told.append(sentence)
        with contextlib.suppress(ProcessLookupError):
            os.kill(checkpointer, signal.SIGCONT)

    try:
        os.kill(ending, signal.SIGINT)
        assert eventually(lambda: says(name, "shutting down"), STARTING)
        environment.start(name, Wish(), Config(), tell)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(checkpointer, signal.SIGCONT)
    assert told[:1] == ["postgres is being shut down; waiting for its end to start it again"]
    assert postmaster(name) != ending
    assert query(name, "SELECT 1") == [(1,)]


def test_down_ends_a_backend_whose_postmaster_was_killed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is busy does not notice; it is ended at once, and not when patience is over."""
    call("up", "--name", name)
    with psycopg.connect(environment.find(name).postgres_url, autocommit=True) as connection:
        backend = connection.info.backend_pid
        connection.pgconn.send_query(b"DO $$ BEGIN LOOP END LOOP; END $$")
        busy = f"SELECT state FROM pg_stat_activity WHERE pid = {backend}"
        assert eventually(lambda: query(name, busy) == [("active",)], STARTING)
        os.kill(postmaster(name), signal.SIGKILL)
        assert eventually(lambda: postgres_processes(name) == [backend], STARTING)
        monkeypatch.setattr(native, "ENDING", 60)
        monkeypatch.setattr(native, "end_readers", lambda _: pytest.fail("it was waited for"))
        assert call("down", "--name", name).code == 0
        connection.close()
    assert processes_of(name) == []
    monkeypatch.undo()
    assert call("up", "--name", name).code == 0


def test_data_that_have_gone_are_not_made_anew(name: str) -> None:
    """Where a data directory has been lost, up says so instead of beginning with an empty one."""
    call("down", "--name", name)
    data = Path(environment.find(name).record.data, "postgres")
    data.rename(data.with_name("elsewhere"))
    done = call("up", "--name", name)
    data.with_name("elsewhere").rename(data)
    assert done.code == 1
    assert f"The {data} with the postgres data of environment {name} is gone." in done.err
    assert call("up", "--name", name).code == 0


@pytest.fixture
def fresh(home: Path) -> Iterator[str]:
    """A name of an environment that is not there yet."""
    with removed_in_the_end(new_name()) as name:
        yield name


@pytest.mark.parametrize("sign", ["environment.json", "postgres.log", "redis.log"])
def test_up_goes_on_where_one_that_was_killed_stopped(home: Path, fresh: str, sign: str) -> None:
    """Up is killed at its beginning, while Postgres starts, or while Redis does; the next one completes it."""
    with spawn("up", "--name", fresh, "--backend", own_binaries(), variables=NO_DOCKER) as first:
        assert eventually((home / fresh / sign).exists, STARTING)
        first.kill()
    found = environment.start(fresh, Wish(backend=own_binaries()), Config(), print)
    with psycopg.connect(found.postgres.database("postgres").url), redis.Redis.from_url(found.redis_url) as client:
        assert client.ping()
    data = Path(found.record.data)
    assert call("down", "--volumes", "--name", fresh).code == 0
    assert not (home / fresh).exists()
    assert not data.exists()


def test_two_at_once_make_one(fresh: str) -> None:
    """Two up at the same time: one makes the environment, the other waits and finds it."""
    arguments = ("up", "--json", "--name", fresh, "--backend", own_binaries())
    with spawn(*arguments) as one, spawn(*arguments) as other:
        with locked(fresh, print):  # as a third one, until both have come
            told = [process.stderr.readline() for process in (one, other) if process.stderr]
        said = [process.communicate() for process in (one, other)]
    assert ["another swe-db is at work" in line for line in told] == [True, True], told
    assert [one.returncode, other.returncode] == [0, 0], said
    assert sorted(json.loads(out)["created"] for out, _ in said) == [False, True]
