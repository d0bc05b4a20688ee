"""Where a file system is full the user reads which one, how much is needed and what to set, and nothing is left."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from support.traces import Machine
from support.victims import Victim, make_suite, victims_home, watch

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="finds what is left by /proc")

ENOUGH: Final = "size=1100m,mode=1777"
SMALL: Final = "size=64m,mode=1777"
MOUNTS: Final = """
mount --make-rprivate / && mount -t tmpfs -o "$1" tmpfs /dev/shm && mount -t tmpfs -o "$2" tmpfs "$TMPDIR" || exit 97
left=$3
shift 3
"$@"
status=$?
turns=0
# Copies of wheels are meant to stay for the next run.
look() {
  ls -d /dev/shm/swe-db-* "$TMPDIR"/swe-db-* 2>/dev/null | grep -v /swe-db-wheel- >"$left"
}
while look && [ "$turns" -lt 300 ]; do
  sleep 0.1
  turns=$((turns + 1))
done
look
exit "$status"
"""
# A tmpfs that is made smaller while it is mounted is full at once, and takes no memory for that.
PLUGIN: Final = """
import os
import subprocess
from pathlib import Path

import pytest

from swe_db.servers import process

how, what, files = [*os.environ["TESTS_FULL"].split(), "", "", ""][:3]
begin = process.GuardedProcess.__init__
process.runtime_places = lambda: (Path("/dev/shm"), Path(os.environ["TMPDIR"]))

def shrink(place, files=None):
    state = os.statvfs(place)
    if files is None:
        Path(place, "ballast").write_bytes(bytes(state.f_frsize))
        size = (state.f_blocks - state.f_bfree + 1) * state.f_frsize
        option = f"size={size}"
    else:
        option = f"nr_inodes={state.f_files - state.f_ffree + files}"
    return subprocess.run(["mount", "-o", f"remount,{option}", place], stderr=subprocess.DEVNULL).returncode == 0

def fill(place, files=None):
    while not shrink(place, files):  # somebody wrote in between, as Postgres does while Redis starts
        pass

def place_of(account, where=process.runtime_directory):
    place = where(account)
    if how == "start" and label == what:
        fill(place)
    if how == "files" and label == what:
        fill(place, int(files))
    return place

def marked(self, name, *arguments, **options):
    global label
    label = name
    begin(self, name, *arguments, **options)

process.runtime_directory = place_of
process.GuardedProcess.__init__ = marked

def pytest_collection_finish():
    if how == "tmp":
        fill(os.environ["TMPDIR"])

@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    if how == "test":
        fill("/dev/shm")
    return (yield)
"""
WRITING: Final = """
def test_it(swe_db, swe_redis):
    swe_db.execute("CREATE TABLE made AS SELECT repeat('x', 1000) || i AS text FROM generate_series(1, 150000) AS i")
    swe_db.commit()

def test_next(swe_db):
    pass
"""
SMALL_CONTAINERS: Final = """
import os
from docker.models.containers import ContainerCollection

create = ContainerCollection.create

def small(self, *arguments, tmpfs, **options):
    return create(self, *arguments, tmpfs=dict.fromkeys(tmpfs, os.environ["TESTS_FULL"]), **options)

ContainerCollection.create = small
"""


@dataclasses.dataclass(frozen=True)
class Case:
    """A file system that is full, and what the user must read.

    Attributes:
        name: Its name in the table.
        full: What the plugin does.
        words: What must be in the output.
        mounts: Options of the tmpfs at /dev/shm and of that at TMPDIR.
    """

    name: str
    full: str
    words: tuple[str, ...]
    mounts: tuple[str, str] = (ENOUGH, SMALL)


FULL: Final = ("the file system of /dev/shm is full: 0 of ", "a server needs 1024")
NO_FILES: Final = "more files, and a server needs 10000"
SET: Final = "set TMPDIR to a directory with 1024 MiB of room"
CASES: Final = (
    Case("no room", "", ("/dev/shm has 64 MiB of room, not 1024", "has 63 MiB of room", SET), (SMALL, "size=63m")),
    Case("no room, closed TMPDIR", "", ("is nothing that the user", SET), (SMALL, "size=1100m,mode=0700")),
    Case("full as Postgres starts", "start postgres", (*FULL, SET)),
    Case("full as Redis starts", "start redis", (*FULL, SET)),
    *(
        Case(f"room for {count} files as {service} starts", f"files {service} {count}", (NO_FILES, SET))
        for service, counts in {"postgres": range(0, 9, 2), "redis": (5, 6)}.items()
        for count in counts
    ),
    Case("full in a test", "test", ("cannot go on: the file system of /dev/shm is full", SET)),
)


def end_of(suite: Path, backend: str, case: Case) -> tuple[list[str], float]:
    """Let a run meet a full file system; it must say so. Return what is left of it."""
    left_file = suite.parent / f"left-{case.name.replace(' ', '-')}"
    wrapper = ("unshare", "--mount", "sh", "-c", MOUNTS, "sh", *case.mounts, str(left_file))
    environment = {"PYTHONPATH": str(suite), "TESTS_FULL": case.full}
    machine = Machine(with_containers=backend == "docker")
    victim = Victim(suite, backend, "-p", "full", environment=environment, wrapper=wrapper)
    try:
        status = victim.finish()
        left, cleaning = watch(machine, victim.owner)
        check_output(case, status, victim.output)
        return left + left_file.read_text(encoding="utf-8").split(), cleaning
    finally:
        victim.clear(machine)


def check_output(case: Case, status: int, output: str) -> None:
    """See to it that a run ended as it should and said why."""
    assert status == pytest.ExitCode.USAGE_ERROR, (case.name, status, output)
    assert "Traceback (most" not in output, (case.name, output)
    assert "could not be used within" not in output, (case.name, output)  # a start that fails is noticed at once
    assert all(word in output for word in case.words), (case.name, output)


def suite_of(home: Path, plugin: str) -> Path:
    """Make a suite whose tests write much."""
    suite = make_suite(home)
    (suite / "full.py").write_text(plugin, encoding="utf-8")
    (suite / "test_suite.py").write_text(WRITING, encoding="utf-8")
    return suite


def show(show_row: Callable[..., None], backend: str, cases: list[Case], ends: list[tuple[list[str], float]]) -> None:
    """Add the cases to the table."""
    for case, (left, cleaning) in zip(cases, ends, strict=True):
        show_row(
            "kill test, full file systems",
            **{"backend": backend, "end": case.name, "left after 5 s": len(left)},
            **{"clean-up, ms": round(1000 * cleaning)},
        )
    assert not [left for left, _ in ends if left]


@pytest.mark.usefixtures("mounts")
@pytest.mark.parametrize("backend", ["local", "embedded"])
def test_a_full_tmpfs_is_told(backend: str, show_row: Callable[..., None]) -> None:
    """Wherever the servers' file system fills up, one message tells which, and no server and no directory stays."""
    cases = [case for case in CASES if backend == "local" or case.full in ("start postgres", "test")]
    with victims_home() as home, ThreadPoolExecutor(2) as pool:
        suite = suite_of(home, PLUGIN)
        ends = list(pool.map(lambda case: end_of(suite, backend, case), cases))
    show(show_row, backend, cases, ends)


@pytest.mark.needs("docker")
@pytest.mark.usefixtures("mounts")
def test_a_full_place_to_meet_is_told(show_row: Callable[..., None]) -> None:
    """Where the workers of a run on containers cannot write what they share, one message tells so."""
    words = ("where the workers of a run meet, is full", "set TMPDIR")
    cases = [Case("full TMPDIR", "tmp", words)]
    with victims_home() as home:
        ends = [end_of(suite_of(home, PLUGIN), "docker", case) for case in cases]
    show(show_row, "docker", cases, ends)


@pytest.mark.needs("docker")
def test_full_memory_of_a_container_is_told(show_row: Callable[..., None]) -> None:
    """Where the memory for a container's data does not suffice, at its start or later, one message tells so."""
    words = ("the memory that holds its data is full", "free memory")
    cases = [
        Case("full as Postgres starts", "size=30m", words),
        Case("full in a test", "size=85m", ("cannot go on: ", *words)),
    ]
    machine = Machine(with_containers=True)
    ends = []
    with victims_home() as home:
        suite = suite_of(home, SMALL_CONTAINERS)
        for case in cases:
            environment = {"PYTHONPATH": str(suite), "TESTS_FULL": case.full}
            victim = Victim(suite, "docker", "-p", "full", environment=environment)
            try:
                status = victim.finish()
                ends.append(watch(machine, victim.owner))
                check_output(case, status, victim.output)
            finally:
                victim.clear(machine)
    show(show_row, "docker", cases, ends)
