"""Where servers keep their data, how much room there is, and what lies in caches."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from swe_db.errors import BackendUnavailable
from swe_db.servers.account import server_account
from swe_db.servers.archives import Archives, cache_directory
from swe_db.servers.embedded import COPY
from swe_db.servers.process import ROOM, runtime_directory, runtime_places
from swe_db.servers.room import shown_size
from swe_db.servers.survey.facts import Fact

__all__ = ["kind_of_file_system", "survey_places"]

MOUNTS: Final = Path("/proc/self/mounts")
SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - looked at, not written to
IN_MEMORY: Final = ("tmpfs", "ramfs")
LARGER: Final = "in a container: docker run --shm-size 2g; else: mount -o remount,size=2g /dev/shm"
CACHE: Final = "set XDG_CACHE_HOME to a directory that this user can write to"
UNPREPARED: Final = "every run begins with initdb, migrations and seeds: a second or more"
WRITABLE: Final = "set TMPDIR to a directory that this user can write to"


def survey_places() -> Iterator[Fact]:
    """Tell where data go, and the room there."""
    yield _data()
    yield _shared_memory()
    yield from _places()
    yield _temporary_files()
    yield from _copies()
    yield from _prepared()


def _data() -> Fact:
    try:
        place = runtime_directory(server_account())
    except BackendUnavailable as error:
        return Fact("servers' data", error.reason, "no server can be started here", error.remedy)
    except OSError as error:
        return Fact("servers' data", f"nowhere: {error}", "no server can be started here", WRITABLE)
    kind = kind_of_file_system(place)
    if kind in IN_MEMORY:
        return Fact("servers' data", f"in memory, {place}", "a server starts in about 50 ms; writing waits for no disk")
    if kind is None:
        return Fact("servers' data", f"in {place}")
    meaning = "starting a server and making a database wait for the disk: several times slower than in memory"
    return Fact("servers' data", f"on disk, {place}, {kind}", meaning, f"give /dev/shm 1 GiB or more; {LARGER}")


def _shared_memory() -> Fact:
    try:
        usage = shutil.disk_usage(SHARED_MEMORY)
    except OSError:
        meaning = "servers keep their data where temporary files go"
        return Fact(str(SHARED_MEMORY), "not on this system", meaning)
    text = f"{kind_of_file_system(SHARED_MEMORY) or 'there'}, {_room(usage.free, usage.total)}"
    if usage.total < ROOM:
        meaning = f"too small for servers, which want {shown_size(ROOM)}: their data go to disk"
        return Fact(str(SHARED_MEMORY), text, meaning, LARGER)
    if usage.free < ROOM:
        meaning = f"too full for servers, which want {shown_size(ROOM)}: their data go to disk"
        return Fact(str(SHARED_MEMORY), text, meaning, f"see what fills it: du -sh {SHARED_MEMORY}/*")
    return Fact(str(SHARED_MEMORY), text)


def _places() -> Iterator[Fact]:
    try:
        places = runtime_places()
    except OSError as error:
        yield Fact("TMPDIR", f"cannot be used: {error}", "", WRITABLE)
        return
    for place in places:
        if place != SHARED_MEMORY:
            yield _place(place)


def _place(place: Path) -> Fact:
    try:
        usage = shutil.disk_usage(place)
    except OSError as error:
        return Fact(str(place), f"cannot be used: {error.strerror}")
    text = f"{kind_of_file_system(place) or 'there'}, {_room(usage.free, usage.total)}"
    if usage.free >= ROOM:
        return Fact(str(place), text)
    meaning = f"too full for the data of a server, which wants {shown_size(ROOM)}"
    return Fact(str(place), text, meaning, f"free some of it (df {place}), or set TMPDIR to another directory")


def _room(free: int, total: int) -> str:
    return f"{shown_size(free)} free of {shown_size(total)}"


def _temporary_files() -> Fact:
    given = os.environ.get("TMPDIR")
    try:
        used = tempfile.gettempdir()
    except OSError as error:
        return Fact("TMPDIR", str(error), "", WRITABLE)
    if not given:
        return Fact("TMPDIR", f"not set; temporary files go to {used}")
    advice = "" if Path(used) == Path(given) else f"{given} cannot be written to; set TMPDIR to another directory"
    return Fact("TMPDIR", f"{given}; temporary files go to {used}", "", advice)


def _copies() -> Iterator[Fact]:
    try:
        copies = sorted(Path(tempfile.gettempdir()).glob(f"{COPY}*-*"))
    except OSError:
        return
    if copies:
        text = "\n".join(f"{copy}, {shown_size(_size(copy))}" for copy in copies)
        yield Fact(
            "cached wheels", text, "copies that the servers' account can enter; made once, and you may remove them"
        )


def _prepared() -> Iterator[Fact]:
    try:
        place = cache_directory()
    except OSError as error:
        yield Fact("cache", f"nowhere: {error}", UNPREPARED, CACHE)
        return
    there = next(folder for folder in (place, *place.parents) if folder.exists())
    if not os.access(there, os.W_OK):
        yield Fact("cache", f"{place}, which this user cannot make or write to", UNPREPARED, CACHE)
        return
    sizes = Archives(place).sizes()
    if sizes:
        text, meaning = f"{len(sizes)} prepared data directories, {shown_size(sum(sizes))}", "runs unpack one of them"
    else:
        text, meaning = (
            "nothing prepared yet",
            "the next run makes initdb, migrations and seeds once and keeps the result",
        )
    yield Fact("cache", f"{place}, {text}", meaning)


def _size(folder: Path) -> int:
    """Return how many bytes the files below a directory take, as far as we may look."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(parent, name).lstat().st_size
            except OSError:
                continue
    return total


def kind_of_file_system(directory: Path) -> str | None:
    """Return the kind of file system that a directory lies on, None where that cannot be told."""
    try:
        lines = [line.split() for line in MOUNTS.read_text(encoding="utf-8").splitlines()]
    except OSError:
        return None
    mounted = {Path(fields[1]): fields[2] for fields in lines if len(fields) > 2}
    above = (directory.resolve(), *directory.resolve().parents)
    return next((mounted[folder] for folder in above if folder in mounted), None)
