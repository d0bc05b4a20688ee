"""Whole runs of pytest on containers: one of each kind for all workers, and none is left, however a run ends."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.backends import DOCKER_HOST, IMAGE_FLAGS, IMAGES
from support.containers import STARTING, containers, daemon_client, derived_image, eventually, labels
from support.inner import PYTEST
from support.short import short_directory

pytestmark = pytest.mark.needs("docker")

RunPytest = Callable[..., pytest.RunResult]
Begin = Callable[..., subprocess.Popen[str]]

DOCKER = "--swe-db-backend=docker"
SUITE = """
import os
from pathlib import Path

import pytest

@pytest.mark.parametrize("turn", range(8))
def test_it(swe_db, swe_redis, swe_postgres, swe_redis_server, request, turn):
    where = Path("seen") / f"{os.getpid()}-{turn}"
    where.parent.mkdir(exist_ok=True)
    where.write_text(f"{swe_postgres.url} {swe_redis_server.url}")
    swe_db.execute("CREATE TABLE made ()")
    swe_db.execute("INSERT INTO users (username, email, display_name) VALUES ('kim', 'k@example.org', 'Kim')")
    swe_db.commit()
    assert swe_redis.set("made", 1, nx=True)
    assert swe_redis.keys() == [b"made"]
"""
# Tests do not end before both runs have their servers.
TOGETHER = """
import time
from pathlib import Path

import pytest

@pytest.fixture(autouse=True)
def both_have_servers(swe_db, swe_redis):
    while not Path("both").exists():
        time.sleep(0.02)
"""
WAITING = """
import time
import pytest

@pytest.mark.parametrize("turn", range(2))
def test_it(swe_db, swe_redis, turn):
    time.sleep(120)
"""
DYING = """
import os
import signal
import pytest

@pytest.mark.parametrize("turn", range(12))
def test_it(swe_db, swe_redis, turn):
    assert swe_redis.set("made", 1, nx=True)
    if turn == 3:
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the workers of this test's runs meet; nothing of them may be there five seconds after the end."""
    with short_directory() as directory:
        monkeypatch.setenv("TMPDIR", str(directory))
        yield directory
        assert eventually(lambda: not list(directory.glob("swe-db-docker-*")))
        assert eventually(lambda: not guards(directory))


def guards(folder: Path) -> list[str]:
    """The guards of a folder."""
    output = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in output.splitlines() if "docker.guard" in line and str(folder) in line]


@pytest.fixture
def begin(pytester: pytest.Pytester, run: RunPytest, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[Begin]:
    """Starts pytest in the background on the files that the test has made."""
    monkeypatch.setenv("DOCKER_HOST", DOCKER_HOST)
    processes: list[subprocess.Popen[str]] = []

    def begin(*arguments: str) -> subprocess.Popen[str]:
        command = [*PYTEST, "--swe-db", DOCKER, *IMAGE_FLAGS]
        processes.append(
            subprocess.Popen(
                [*command, *arguments],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        )
        return processes[-1]

    yield begin
    for process in processes:
        kill_session(process)


@pytest.mark.parametrize("workers", [[], ["-n2"]])
def test_a_suite_has_one_container_of_each_kind(
    pytester: pytest.Pytester, run: RunPytest, folder: Path, workers: list[str]
) -> None:
    """All workers use one Postgres and one Redis, each its own databases; afterwards there is no container."""
    pytester.makeconftest(
        f"""
        import sys
        from pathlib import Path
        sys.path.append({str(Path(__file__).parents[2])!r})
        from support.containers import containers, labels

        def pytest_runtest_teardown(item):
            names = [each["Id"] for each in containers(labels(Path({str(folder)!r})))]
            Path("containers").write_text(" ".join(names))
        """
    )
    pytester.makepyfile(SUITE)
    result = run("--swe-db", DOCKER, *workers)
    result.assert_outcomes(passed=8)
    result.stdout.fnmatch_lines(["swe-db: postgres 15.* (docker), redis * (docker); *"])
    made = Path("containers").read_text().split()
    assert len(made) == 2
    with daemon_client() as client:
        assert not {each["Id"] for each in client.api.containers(all=True)} & set(made)
    seen = [path.read_text().split() for path in Path("seen").iterdir()]
    assert len({postgres for postgres, _ in seen}) == 1
    assert len({path.name.partition("-")[0] for path in Path("seen").iterdir()}) == len({redis for _, redis in seen})


def test_two_runs_at_once_do_not_meet(pytester: pytest.Pytester, begin: Begin, folder: Path) -> None:
    """Two runs on one machine, each with two workers, have servers of their own and pass side by side."""
    pytester.makeconftest(TOGETHER)
    pytester.makepyfile(SUITE)
    runs = [begin("-n2", f"--basetemp={name}") for name in ("a", "b")]
    assert eventually(lambda: len(labels(folder)) == 4, STARTING)
    Path("both").touch()
    outputs = [each.communicate()[0] for each in runs]
    assert [each.returncode for each in runs] == [0, 0], outputs
    seen = [path.read_text().split() for path in Path("seen").iterdir()]
    assert len({postgres for postgres, _ in seen}) == 2


def test_whoever_sweeps_the_directory_does_not_save_the_containers(
    pytester: pytest.Pytester, begin: Begin, folder: Path
) -> None:
    """Where temporary files are removed while a run lives, its containers still go with it."""
    pytester.makepyfile(WAITING)
    process = begin()
    assert eventually(lambda: len(containers(labels(folder))) == 2, STARTING)
    marks = labels(folder)
    for directory in folder.glob("swe-db-docker-*"):
        shutil.rmtree(directory)
    kill_session(process)
    assert eventually(lambda: not containers(marks))


def kill_session(process: subprocess.Popen[str]) -> None:
    """Kill pytest and its workers at once, but not the guards, which have sessions of their own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert process.stdout
    process.stdout.close()


def test_a_killed_worker_takes_nothing_from_the_others(pytester: pytest.Pytester, run: RunPytest, folder: Path) -> None:
    """A worker that is killed fails its test; the others and its successor go on with the same servers."""
    pytester.makepyfile(DYING)
    run("--swe-db", DOCKER, "-n2").assert_outcomes(passed=11, failed=1)


def test_a_container_that_ends_at_once_ends_the_run(pytester: pytest.Pytester, run: RunPytest, folder: Path) -> None:
    """One message with the last words, exit code 4, no traceback."""
    pytester.makepyfile(SUITE)
    with derived_image(IMAGES["postgres_image"], 'ENTRYPOINT echo "the last straw"; exit 3') as image:
        result = run("--swe-db", DOCKER, f"--swe-db-postgres-image={image}", "-n2")
    text = result.stdout.str() + result.stderr.str()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert text.count("the last straw") == 1
    assert "Traceback" not in text
