"""Runs of pytest that are made to end badly, and what is left of them."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from support.backends import DOCKER_HOST, IMAGE_FLAGS
from support.containers import PATIENCE, eventually
from support.traces import Machine, Owner

PHASES: Final = ("import", "postgres", "template", "redis", "tests", "teardown")
END: Final = "end"
FINISHING: Final = 60.0  # seconds
POLL: Final = 0.1  # seconds
STEERING: Final = ("SWE_DB", "PYTEST", "PG", "DATABASE_URL", "REDIS_URL")
TOKEN: Final = "TESTS_KILL_VICTIM"
MARKS: Final = "TESTS_KILL_MARKS"

SUITE: Final = """
import time

import pytest

@pytest.mark.parametrize("turn", range(4))
def test_it(swe_db, swe_redis, turn):
    swe_db.execute("CREATE TABLE made ()")
    swe_db.commit()
    assert swe_redis.set("made", 1, nx=True)
    time.sleep(0.05)
"""
CONFTEST: Final = """
import atexit
import os
import sys
import time

from swe_db.isolation import worker

controls = any(each.startswith("-n") for each in sys.argv[1:])

def mark(phase):
    with open(os.environ["TESTS_KILL_MARKS"], "a") as file:
        file.write(f"{time.monotonic()} {os.getpid()} {phase}\\n")

def marking(phase, function):
    def marked(*arguments):
        mark(phase)
        return function(*arguments)
    return marked

mark("controller" if controls else "import")
worker.start_postgres_server = marking("postgres", worker.start_postgres_server)
worker.ensure_template = marking("template", worker.ensure_template)
worker.start_redis_server = marking("redis", worker.start_redis_server)

def pytest_runtest_setup(item):
    mark("tests")

def pytest_sessionfinish():
    if not controls:
        mark("teardown")
        atexit.register(mark, "end")
"""


def make_suite(folder: Path) -> Path:
    """Write a small suite that tells its phases, and return where it is."""
    suite = folder / "suite"
    suite.mkdir()
    (suite / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (suite / "test_suite.py").write_text(SUITE, encoding="utf-8")
    (suite / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    return suite


@dataclasses.dataclass(frozen=True)
class Mark:
    """When a process of a run entered a phase."""

    time: float
    process: int
    phase: str


class Victim:
    """A run of pytest with a TMPDIR of its own.

    Args:
        suite: What it runs, see `make_suite`.
        backend: Where its servers come from.
        arguments: More arguments of pytest.
        environment: More variables; a PYTHONPATH comes before the one that there is.
        wrapper: A command that starts it.
    """

    def __init__(
        self,
        suite: Path,
        backend: str,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        wrapper: Sequence[str] = (),
    ) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="k", dir=suite.parent))
        self.folder = self.root / "t"
        self.folder.mkdir()
        for path in (suite.parent, self.root, self.folder):
            path.chmod(0o755)
        self.folder.chmod(0o1777)
        self.token = secrets.token_hex(8)
        self._marks = self.root / "marks"
        self.workers = any(each.startswith("-n") for each in arguments)
        images = IMAGE_FLAGS if backend == "docker" else ()
        plugins = ("-p", "swe_db.plugin", *(("-p", "xdist") if self.workers else ()))
        pytest = (
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            *plugins,
            f"--basetemp={self.root / 'b'}",
        )
        base = self.root / "base"
        self.begin = time.monotonic()
        with (self.root / "output").open("w") as output:
            self.process = subprocess.Popen(
                [
                    "env",
                    "--default-signal=HUP",  # a shell's nohup would go down to here
                    *wrapper,
                    *pytest,
                    "--swe-db",
                    f"--swe-db-backend={backend}",
                    *images,
                    *arguments,
                    f"--basetemp={base}",
                ],
                cwd=suite,
                env=self._environment(suite, environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _environment(self, suite: Path, more: Mapping[str, str]) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(STEERING)}
        kept.pop("PYTHONDONTWRITEBYTECODE", None)
        return {
            **kept,
            "DOCKER_HOST": DOCKER_HOST,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONPYCACHEPREFIX": str(suite.parent / "bytecode"),
            "TMPDIR": str(self.folder),
            TOKEN: self.token,
            MARKS: str(self._marks),
            **more,
            "PYTHONPATH": os.pathsep.join(filter(None, (more.get("PYTHONPATH"), os.environ.get("PYTHONPATH")))),
        }

    @property
    def output(self) -> str:
        """What it has written."""
        return (self.root / "output").read_text(encoding="utf-8", errors="replace")

    def marks(self) -> list[Mark]:
        """Return the phases that its processes have entered so far."""
        try:
            lines = self._marks.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        parts = [line.split() for line in lines]
        return [Mark(float(time), int(process), phase) for time, process, phase in parts]

    def wait_for(self, phase: str) -> Mark | None:
        """Wait until one of its processes enters a phase; None if it has ended."""
        while True:
            ended = self.process.poll() is not None
            for mark in self.marks():
                if mark.phase == phase:
                    return mark
            if ended:
                return None
            time.sleep(0.005)

    def lengths(self) -> dict[str, float]:
        """Return the seconds that each phase took which has been left for the next; some go on side by side."""
        first = {mark.phase: mark.time for mark in reversed(self.marks())} | {"import": self.begin}
        pairs = zip(PHASES, [*PHASES[1:], END], strict=True)
        return {
            phase: max(0.0, first[after] - first[phase]) for phase, after in pairs if {phase, after} <= first.keys()
        }

    def phase(self) -> str:
        """Return the last phase that one of its processes has entered."""
        return max((mark.phase for mark in self.marks() if mark.phase in PHASES), key=PHASES.index, default=PHASES[0])

    def owner(self) -> Owner:
        """Return by what its traces are known."""
        processes = {mark.process for mark in self.marks()} | {self.process.pid}
        return Owner(self.token, self.folder, frozenset(processes))

    def send(self, number: signal.Signals, *, group: bool = False) -> None:
        """Send a signal to pytest, or to its workers too as a terminal does."""
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if group else os.kill)(self.process.pid, number)

    def finish(self) -> int:
        """Wait for its end and return its exit code."""
        return self.process.wait(FINISHING)

    def clear(self, machine: Machine) -> None:
        """Remove it, and what it should not have left."""
        self.send(signal.SIGKILL, group=True)
        self.process.wait()
        # What is late must not be killed in its turn: initdb would leave shared memory for ever.
        eventually(lambda: not machine.look().of(self.owner()), FINISHING)
        for text in machine.look().of(self.owner()):
            kind, what = text.split()[:2]
            if kind == "process":
                with contextlib.suppress(OSError):
                    os.kill(int(what.rstrip(":")), signal.SIGKILL)
            elif kind == "directory":
                shutil.rmtree(what, ignore_errors=True)
            elif kind == "container":
                machine.remove_container(what)
        shutil.rmtree(self.root, ignore_errors=True)


@dataclasses.dataclass(frozen=True)
class End:
    """How a run ended.

    Attributes:
        way: The way.
        phase: The phase that it was in.
        moment: Seconds since its begin.
        left: What was there five seconds later.
        cleaning: Seconds until nothing was left.
        output: What it wrote.
    """

    way: str
    phase: str
    moment: float
    left: list[str]
    cleaning: float
    output: str


def watch(machine: Machine, owner: Callable[[], Owner]) -> tuple[list[str], float]:
    """Wait until nothing is left of a run; return what is left after five seconds, and the seconds that it took."""
    begin = time.monotonic()
    while True:
        sight = machine.look()
        left = sight.of(owner())
        elapsed = time.monotonic() - begin
        if not left or elapsed > PATIENCE:
            return left, elapsed
        time.sleep(POLL)


@contextlib.contextmanager
def victims_home() -> Iterator[Path]:
    """Make a directory with a short name for the runs of a test."""
    with tempfile.TemporaryDirectory(prefix="k", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
