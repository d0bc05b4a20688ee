"""A server and its directory end with the process that started it, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.backends import own_backend
from support.containers import eventually
from swe_db.errors import BackendUnavailable, ServerError
from swe_db.servers.account import Account
from swe_db.servers.process import GuardedProcess, PortReservation

STARTER = """
import os, signal, sys, time
from swe_db.config import Config
from swe_db.servers.ladder import start_postgres_server, start_redis_server

config = Config(backend=sys.argv[1])
servers = [start_postgres_server(config), start_redis_server(config)]
print(servers[0].admin.host, os.path.dirname(servers[1].address.socket), flush=True)
{end}
"""


def processes_of(directory: str) -> list[str]:
    """The command lines that name a directory."""
    output = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in output.splitlines() if directory in line]


@pytest.mark.parametrize(
    "end",
    [
        "os.kill(os.getpid(), signal.SIGKILL)",
        "os._exit(3)",
        "sys.exit()",
        "os.kill(os.getpid(), signal.SIGTERM)",
        "1 / 0",
    ],
)
def test_nothing_outlives_its_starter(end: str) -> None:
    """After SIGKILL, SIGTERM, an exit of any kind or an exception there is no process and no directory left."""
    command = [sys.executable, "-W", "ignore", "-c", STARTER.format(end=end), own_backend()]
    output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    directories = output.split()
    assert len(directories) == 2
    for directory in directories:
        assert eventually(lambda directory=directory: not Path(directory).exists() and not processes_of(directory))  # type: ignore[misc]


def test_a_forked_child_does_not_keep_the_servers() -> None:
    """A child by fork that lives on does not hold the servers of its dead parent."""
    end = "pid = os.fork()\nif pid == 0: os.close(1); os.close(2); time.sleep(300)\nprint(pid, flush=True)\nos._exit(0)"
    command = [sys.executable, "-W", "ignore", "-c", STARTER.format(end=end), own_backend()]
    *directories, child = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
    assert len(directories) == 2
    assert all(eventually(lambda directory=directory: not Path(directory).exists()) for directory in directories)  # type: ignore[misc]
    os.kill(int(child), signal.SIGKILL)  # which lived until now


# A guard's children begin with their signals ignored; servers listen to them.
LISTENS = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_DFL); time.sleep(60)"


def guarded(*command: str, settings: str = "") -> GuardedProcess:
    """A guarded command."""
    return GuardedProcess("thing", command, settings=lambda _: settings, account=Account(str(os.geteuid())))


def test_what_a_server_said_before_it_died_is_in_the_message() -> None:
    """A server that ends while starting is reported at once, with its last words, and its directory is gone."""
    process = guarded("/bin/sh", "-c", "echo the disk is on fire; exit 7")
    with pytest.raises(ServerError, match=r"thing ended while starting.*\n.*the disk is on fire"):
        process.wait_for(lambda: "no answer", 30)
    assert not process.directory.exists()


def test_a_guard_that_cannot_begin_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is room, it is not said that there is none: the guard's own words are told."""
    monkeypatch.setenv("PATH", "/nowhere")
    process = guarded("/bin/true")
    with pytest.raises(
        ServerError, match=r"thing ended while starting; its last words:\n(.*\n)*.*mkdir.*not found"
    ) as caught:
        process.wait_for(lambda: "no answer", 30)
    assert not isinstance(caught.value, BackendUnavailable)


def test_no_space_for_something_else_is_no_full_disk() -> None:
    """Postgres says it of semaphores too."""
    process = guarded("/bin/sh", "-c", "echo could not create semaphores: No space left on device")
    with pytest.raises(ServerError, match="could not create semaphores") as caught:
        process.wait_for(lambda: "no answer", 30)
    assert "is full" not in str(caught.value)


def test_room_that_was_made_since_does_not_hide_that_there_was_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was told is believed where little room is left; where nothing was told, some room is enough."""
    process = guarded("/bin/sleep", "60")
    try:
        facts = list(os.statvfs(process.directory.parent))
        facts[5], facts[7] = 1_000_000, 3  # files in all, and those that an ordinary user may still make
        monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(facts))
        assert "takes 3 more files" in str(process.shortage("could not create directory: No space left on device"))
        assert process.shortage("somebody ended the session") is None
    finally:
        monkeypatch.undo()
        process.stop()


def test_a_server_that_never_answers_is_given_up() -> None:
    """A server that does not answer in time is ended, and the message says what stood in the way."""
    process = guarded(sys.executable, "-c", LISTENS)
    with pytest.raises(ServerError, match=r"could not be used within 0\.2 seconds \(no answer\)"):
        process.wait_for(lambda: "no answer", 0.2)
    assert not process.directory.exists()


def test_settings_reach_the_server_in_a_private_directory() -> None:
    """Settings go through a pipe into a file that nobody else may read."""
    process = guarded(sys.executable, "-c", LISTENS, settings="secret = 1\nback\\slash")
    file = process.directory / "settings"
    process.wait_for(lambda: None if file.exists() and file.read_text() == "secret = 1\nback\\slash\n" else "no", 60)
    assert process.directory.stat().st_mode & 0o777 == 0o700
    assert file.stat().st_mode & 0o777 == 0o600
    process.stop()
    process.stop()
    assert not process.directory.exists()


def test_a_reserved_port_is_given_to_nobody_else() -> None:
    """Two reservations never have the same port."""
    reservations = [PortReservation() for _ in range(50)]
    assert len({each.port for each in reservations}) == 50
    for each in reservations:
        each.release()


def test_a_server_that_does_not_listen_is_killed() -> None:
    """A command that ignores every signal is killed in the end, and its directory is gone."""
    command = f"sleep 3600.{os.getpid()}"
    process = guarded("/bin/sh", "-c", command)
    file = process.directory / "serving"
    process.wait_for(lambda: None if file.exists() else "not yet", 60)
    process.stop()
    assert not process.directory.exists()
    assert eventually(lambda: not processes_of(command))
