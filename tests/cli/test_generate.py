"""The command generate: what it prints, its exit codes, how it shows how far it has come."""

from __future__ import annotations

import io
import json
import math
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from support.loads import prepared_database
from support.migrations import database_name
from swe_db.cli import generate as generate_command
from swe_db.cli import progress, run
from swe_db.generate.plan import COUNTED, SCALES
from swe_db.generate.run import Progress
from swe_db.servers.server import PostgresServer

WITHOUT = "import sys; sys.modules[{!r}] = None\nfrom swe_db.cli import main; main()"


@pytest.fixture
def target(postgres: PostgresServer) -> Iterator[str]:
    """The URL of a migrated and seeded database."""
    with prepared_database(postgres) as name:
        yield postgres.address.database(name).url


def test_the_scales_are_those_of_the_generator() -> None:
    """The command line, which loads no library for its help, knows all scales."""
    assert tuple(SCALES) == generate_command.SCALES


def test_a_load_is_told_and_found_again(
    target: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows of each table are printed; with --json stdout is one document; another load needs --reset."""
    monkeypatch.setattr(progress, "PERIOD", math.inf)
    arguments = ["generate", "--postgres-url", target, "--no-profile"]
    assert run([*arguments, "--rows", "tasks=900", "--seed", "7"]) == 0
    output, errors = capsys.readouterr()
    assert errors == ""
    lines = [" ".join(line.split()) for line in output.splitlines()]
    assert {"tasks 900", "users 100"} <= set(lines)
    assert output.endswith("it holds what was planned\n")
    assert run([*arguments, "--resume", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["finished"], report["loaded"], report["rows"]["tasks"]) == (True, 0, 900)
    assert run([*arguments, "--resume"]) == 0
    assert re.fullmatch(r"loaded on \d{4}-\d\d-\d\d; nothing to do\n", capsys.readouterr().out)
    assert run(arguments) == 1
    assert "holds another load" in capsys.readouterr().err
    assert run([*arguments, "--reset"]) == 2
    assert f"--yes-destroy {database_name(target)}" in capsys.readouterr().err


def test_a_share_says_what_is_missing(target: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Of three shares, one that is loaded alone says which others have parts that are missing."""
    arguments = ["generate", "--postgres-url", target, "--rows", "tasks=2000", "--shard", "3/3"]
    assert run(arguments) == 0
    output = capsys.readouterr().out
    assert "2 parts are missing: 1 of shard 1/3, 1 of shard 2/3\n" in output
    assert output.endswith("to be sure: swe-db generate --postgres-url … --resume\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--rows", "tasks"], "is not of the form TABLE=NUMBER"),
        (["--rows", "evidence=5"], "--rows takes users, projects, agents, tasks, audit_logs"),
        (["--rows", "tasks=0"], "tasks=0 cannot be made"),
        (["--shard", "3/2"], "there is no such shard"),
        (["--shard", "a"], "the second is 2/8"),
        (["--as-of", "2024-01-01"], "the history begins in January 2025"),
        (["--resume", "--reset"], "give one of them"),
        (["--jobs", "0"], "--jobs"),
        (["--seeds", "."], "--seeds is for --reset"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is 2, and nothing was connected to."""
    assert run(["generate", "--postgres-url", "postgresql://u@127.0.0.1:1/d", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert len(COUNTED) == 5


@pytest.mark.parametrize(
    ("library", "arguments"),
    [
        ("numpy", ["generate", "--postgres-url", "postgresql://u@h/d"]),
        ("rich", ["generate", "--format", "csv", "--out", "none"]),
        ("pyarrow", ["up", "--scale", "team", "--name", "none"]),
        ("pyarrow", ["fingerprint", "--files", "."]),
    ],
)
def test_a_missing_library_is_named(library: str, arguments: list[str]) -> None:
    """Without the extra, the error says at once which library is missing and what to install, in one sentence."""
    command = [sys.executable, "-c", WITHOUT.format(library), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr == (
        f"error: This needs {library}, which is not installed. The libraries of the generator come with an extra: "
        "pip install 'swe-db[generate]'\n"
    )


def test_a_log_gets_lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal there is a line every few seconds, with speed and what is left, and each note at once."""
    times = iter([0.0, 1.0, 2.0, 12.0, 13.0, 1012.0])
    monkeypatch.setattr("swe_db.cli.progress.time.monotonic", lambda: next(times))
    with progress.shown_progress() as show:
        show(Progress("estimating", note="much"))
        show(Progress("loading", 1_000, 20_000, "rows"))
        show(Progress("loading", 6_000, 20_000, "rows"))
        show(Progress("loading", 6_500, 20_000, "rows"))
        show(Progress("loading", 10_000, 20_000, "rows"))
    assert capsys.readouterr().err == (
        "note: much\n"
        "loading: 6,000 of 20,000 rows (30 %), 500 rows/s, 28 s left\n"
        "loading: 10,000 of 20,000 rows (50 %), 9 rows/s, 19 min left\n"
    )


class Terminal(io.StringIO):
    """What is printed on a terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def test_a_terminal_gets_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal there is a bar for each phase, with what is done."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with progress.shown_progress() as show:
        show(Progress("estimating", note="[much]"))
        show(Progress("counting", 1_000, 1_000, "tasks"))
        show(Progress("loading", 5_000, 20_000, "rows"))
    printed = terminal.getvalue()
    wanted = ("note", "[much]", "1,000 tasks", "loading", "25 %", "5,000 rows")
    assert [words for words in wanted if words not in printed] == []
