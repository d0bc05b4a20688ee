"""The command line in a process of its own, which finds its servers by the environment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tracker import reports

pytestmark = pytest.mark.swe_db


def tracker(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user would, from the project's folder."""
    command = [sys.executable, "-m", "tracker.cli", *arguments]
    return subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)


def test_add_and_progress() -> None:
    """What one process adds, another one and this one see."""
    added = tracker("add", "moe-router", "Route by load")
    assert (added.returncode, added.stderr) == (0, "")
    assert tracker("progress", "moe-router").stdout == '{"todo": 1}\n'
    assert reports.status_counts("moe-router") == {"todo": 1}


def test_unknown_project() -> None:
    """An error is one line on stderr and the exit code 1."""
    failed = tracker("add", "atlantis", "Rise")
    assert (failed.returncode, failed.stderr) == (1, "tracker: there is no project 'atlantis'\n")
