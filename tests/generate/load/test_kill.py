"""A load that is killed, at any moment, is finished by the next run as if nothing had happened."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

import psycopg

from support.loads import HURT, KILLED, Steps, catalogue, content, lives, run_script
from support.migrations import rows, sessions, until
from swe_db.generate.load.loading import generate
from swe_db.generate.plan import Plan
from swe_db.migrations import verify

# What was told, how far it had come, and how many statements later the run is killed; each run goes on where the last
# one was broken off.
MOMENTS: Final = (
    ("", 0, 60),  # while indexes are taken away
    ("counting", 0, 6),  # before the first part is committed
    ("loading", 0, 20),  # before the last part is committed
    ("indexing", 0, 3),
    ("indexing", 0.5, 20),
    ("indexing", 1, 50),  # among the statements that attach, which are one transaction
    ("attaching", 1, 8),
    ("analyzing", 0.3, 2),
    ("verifying", 0, 4),
)


def test_a_load_killed_at_any_moment_goes_on(target: str, small_content: Mapping[str, Any]) -> None:
    """Killed again and again, in every phase, the load ends with the same rows and the schema as it was."""
    rows(target, "SELECT swe_create_audit_partitions('2025-01-01', 19)")
    before = catalogue(target)
    for doing, share, statements in MOMENTS:
        run = run_script(KILLED, target, doing, str(share), str(statements))
        assert run.returncode == -signal.SIGKILL, (doing, share, statements, run.stdout, run.stderr)
    steps = Steps()
    report = generate(target, resume=True, jobs=1, on_progress=steps)
    assert report.finished
    assert report.loaded == 0
    assert content(target) == small_content
    assert catalogue(target) == before
    assert verify(target, drift=False).ok
    assert rows(target, "SELECT count(*) FROM swe_load.deferred") == [(0,)]


def test_a_reset_mends_what_a_killed_load_took_away(target: str, small_content: Mapping[str, Any]) -> None:
    """A database whose indexes are away is emptied with everything in its place, guards too, and loads again."""
    rows(target, "SELECT swe_create_audit_partitions('2025-01-01', 19)")
    before = catalogue(target)
    assert run_script(KILLED, target, "indexing", "0.2", "3").returncode == -signal.SIGKILL
    assert catalogue(target) != before
    report = generate(target, Plan.of("small"), reset=True, yes_destroy=target.rpartition("/")[2], jobs=1)
    assert report.finished
    assert content(target) == small_content
    assert catalogue(target) == before


def test_workers_end_with_their_parent(target: str) -> None:
    """Processes of a run that is killed end by themselves, and their transactions; the next run finishes."""
    run = run_script(HURT, target, "parent")
    assert run.returncode == -signal.SIGKILL, run.stderr
    workers = [int(word) for word in run.stdout.split()]
    assert len(workers) == 2
    until(lambda: not any(map(lives, workers)), "the end of the workers")
    until(lambda: not sessions(target, "swe-db generate"), "the end of their sessions")
    report = generate(target, Plan.of("small", rows={"tasks": 2_000}), resume=True, jobs=1)
    assert report.finished
    assert report.rows["audit_logs"] == 20_000


def test_a_worker_that_is_killed_is_told_of(target: str) -> None:
    """The run whose worker is killed ends with a sentence that says what to do, and leaves no process."""
    run = run_script(HURT, target, "worker")
    assert (run.returncode, run.stderr) == (0, "")
    workers, message = run.stdout.split("\n", 1)
    assert "it was killed" in message
    assert "--resume" in message
    assert not any(lives(int(pid)) for pid in workers.split())


@contextlib.contextmanager
def held_up(url: str) -> Iterator[None]:
    """Let no load come to its end: its last parts wait for a table."""
    with psycopg.connect(url) as connection:
        connection.execute("LOCK TABLE activity_feed IN SHARE MODE")
        yield


def test_ctrl_c_is_clean(target: str) -> None:
    """Interrupted, the command says in one line how to go on, with exit code 1; its processes say nothing."""
    command = [sys.executable, "-c", "from swe_db.cli import main; main()", "generate", "--postgres-url", target]
    arguments = ["--rows", "tasks=2000", "--jobs", "2"]
    loaded = "SELECT count(*) FROM pg_tables WHERE schemaname = 'swe_load'"
    with (
        held_up(target),
        subprocess.Popen(
            [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        ) as process,
    ):
        until(lambda: rows(target, loaded) != [(0,)], "the beginning of the load")
        until(lambda: rows(target, "SELECT count(*) FROM swe_load.parts") != [(0,)], "the first part")
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (1, "")
    said = [line for line in errors.splitlines() if not line.startswith(("counting: ", "loading: "))]
    assert said == ["error: Interrupted. What is committed stays: go on with --resume."]
    assert generate(target, resume=True, jobs=1).finished


def test_a_connection_that_is_ended_is_told_of(target: str) -> None:
    """A load whose connection an administrator ends, as a server that stops does, says how to go on."""
    script = (
        "import sys\nfrom swe_db.cli import run\n"
        "sys.exit(run(['generate', '--postgres-url', sys.argv[1], '--jobs', '1']))"
    )
    waiting = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'swe-db generate' AND wait_event_type = 'Lock'
    """
    end = waiting.replace("count(*)", "pg_terminate_backend(pid)")
    with (
        held_up(target),
        subprocess.Popen(
            [sys.executable, "-c", script, target], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process,
    ):
        until(lambda: rows(target, waiting) != [(0,)], "the load to wait for the lock")
        rows(target, end)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "--resume" in errors
    assert "was lost" in errors
    assert generate(target, resume=True, jobs=1).finished
