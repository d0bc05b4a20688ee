"""A server that ends in the middle of a run: one clear error, and no test runs into the void after it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

RunPytest = Callable[..., pytest.RunResult]

KILLING = """
import os
import select
from pathlib import Path

import pytest

@pytest.mark.parametrize("turn", range(4))
def test_it(swe_db, swe_redis, turn):
    if turn == 1:
        swe_db.execute("INSERT INTO users (username, email, display_name) VALUES ('kim', 'k@example.org', 'Kim')")
        swe_db.commit()
        {kill}
"""
# Its processes end when they see that it has; on a busy machine some still serve the next test.
KILL_POSTGRES = """
        postmaster = int(swe_db.execute("SELECT pg_read_file('postmaster.pid')").fetchone()[0].split()[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        ends = [os.pidfd_open(int(child)) for child in children]
        os.kill(postmaster, 9)
        for end in ends:
            select.select([end], [], [], 60)
"""
KILL_REDIS = "os.kill(swe_redis.info('server')['process_id'], 9)"
REMOVE_CONTAINER = """
        import docker
        label = "swe-db.directory"
        client = docker.from_env()
        for container in client.containers.list(filters={"label": label}, ignore_removed=True):  # others' go meanwhile
            if Path(container.labels[label]).parent == Path(os.environ["TMPDIR"]):
                container.kill()
        client.close()
"""


@pytest.mark.parametrize("workers", [[], ["-n1"]])
@pytest.mark.parametrize(
    ("kill", "gone"),
    [
        (
            KILL_POSTGRES,
            "the Postgres server postgres@127.0.0.1:*/postgres (local) has gone * postgres ended; its last*",
        ),
        (
            KILL_REDIS,
            "the Redis server 127.0.0.1:*/0 (local) has gone in the middle of the run: redis ended; its last*",
        ),
    ],
)
@pytest.mark.needs("local")
def test_a_server_that_is_killed_ends_the_run(
    pytester: pytest.Pytester, run: RunPytest, *, workers: list[str], kill: str, gone: str
) -> None:
    """The test in which it happened has the error with the server's last words; the tests after it do not run."""
    pytester.makepyfile(KILLING.format(kill=kill.strip()))
    result = run("--swe-db", "--swe-db-backend=local", *workers)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines([f"ERROR: {gone}", "*Interrupted: swe-db cannot give the tests their servers*"])
    assert "Traceback" not in result.stdout.str() + result.stderr.str()


@pytest.mark.parametrize(
    ("after", "gone"),
    [
        ("", "its container * ended; its last words:"),
        ('os.environ["DOCKER_HOST"] = "unix:///nowhere/docker.sock"', "there is no Docker daemon: *"),
    ],
)
@pytest.mark.needs("docker")
def test_containers_that_are_killed_end_the_run(
    pytester: pytest.Pytester, run: RunPytest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, after: str, gone: str
) -> None:
    """Also where the daemon itself has ended: both servers are gone at once, and the error is told once."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    pytester.makepyfile(KILLING.format(kill=f"{REMOVE_CONTAINER.strip()}\n        {after}"))
    result = run("--swe-db", "--swe-db-backend=docker")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines([f"ERROR: the * server * (docker) has gone in the middle of the run: {gone}"])
    assert "Traceback" not in result.stdout.str() + result.stderr.str()


@pytest.mark.needs("local")
def test_other_failures_of_a_test_do_not_end_the_run(pytester: pytest.Pytester, run: RunPytest) -> None:
    """A test whose own connection was ended fails alone: the server is there."""
    end = 'swe_db.execute("SELECT pg_terminate_backend(pg_backend_pid())")'
    pytester.makepyfile(KILLING.format(kill=end))
    run("--swe-db", "--swe-db-backend=local").assert_outcomes(passed=3, failed=1)


@pytest.mark.parametrize(
    ("module", "function", "told"),
    [
        ("swe_db.servers.postgres", "_set_password", "*postgres ended while starting; its last words:*"),
        ("swe_db.isolation.worker", "ensure_template", "ERROR: the Postgres server * postgres ended; its last words:*"),
    ],
)
@pytest.mark.needs("local")
def test_a_server_that_is_killed_before_its_first_test_is_told(
    pytester: pytest.Pytester, run: RunPytest, *, module: str, function: str, told: str
) -> None:
    """Between its first sign of life and the first test it may end as well: one message with its last words."""
    pytester.makeconftest(
        f"""
        import os
        from pathlib import Path
        import {module} as module

        real = module.{function}

        def killed(*arguments):
            folder, = Path("/dev/shm").glob(f"swe-db-postgres-{{os.getpid()}}-*")
            os.kill(int((folder / "data/postmaster.pid").read_text().split()[0]), 9)
            while (folder / "running").exists():
                pass
            return real(*arguments)

        module.{function} = killed
        """
    )
    pytester.makepyfile("def test_it(swe_db):\n    pass")
    result = run("--swe-db", "--swe-db-backend=local")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
    result.stderr.fnmatch_lines([told])
