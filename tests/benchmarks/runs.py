"""Projects like those of users, and whole pytest processes that are timed on them."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

__all__ = ["Project", "Run", "run"]

TESTS: Final = Path(__file__).parents[1]
PROJECTS: Final = Path(__file__).parent / "projects"
# What the developer's own shell may hold must not steer the runs that are measured.
STEERING: Final = ("SWE_DB", "DATABASE_URL", "REDIS_URL", "PG", "PYTEST", "PYTHONDONTWRITEBYTECODE")
BODIES: Final = {
    "empty": "pass",
    "read": '{fixture}.execute("SELECT count(*) FROM users").fetchall()',
    "commit": (
        """{fixture}.execute("INSERT INTO users (username, email, display_name) VALUES ('a', 'a@b.de', 'A')")\n"""
        """    {fixture}.execute("INSERT INTO tasks (project_id, title) SELECT min(id), 'a' FROM projects")\n"""
        """    {fixture}.commit()"""
    ),
}


@dataclasses.dataclass(frozen=True)
class Project:
    """A project and how pytest is called on it.

    Attributes:
        name: What it stands for.
        arguments: Of pytest.
        fixture: The connection that its tests ask for.
        conftest: The file in `projects/` that is its conftest.py, if it has one.
        autoload: Whether pytest loads all plugins that are installed, and not only those that `arguments` names.
    """

    name: str
    arguments: tuple[str, ...] = ()
    fixture: str = "database"
    conftest: str | None = None
    autoload: bool = False


@dataclasses.dataclass(frozen=True)
class Run:
    """What a pytest process took, in seconds.

    Attributes:
        whole: From its start to its end.
        first: From its start to the first test's first line.
        times: Set-up plus tear-down of each test, by the name of its function.
    """

    whole: float
    first: float
    times: dict[str, list[float]]


def run(project: Project, counts: dict[str, int], variables: dict[str, str]) -> Run:
    """Run pytest on a project, with its files in a temporary directory.

    Args:
        project: The project.
        counts: How many tests there are, by name: `empty`, `read`, `commit`.
        variables: The environment's further variables.

    Raises:
        subprocess.CalledProcessError: A test failed.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        directory = Path(name)
        _write(project, counts, directory)
        environment = _environment(directory, variables, autoload=project.autoload)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "benchmarks.timing"]
        begun, began = time.time(), time.perf_counter()
        _check([*command, *project.arguments], directory, environment)
        whole = time.perf_counter() - began
        return _read(directory, whole, begun)


def _write(project: Project, counts: dict[str, int], directory: Path) -> None:
    (directory / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    if project.conftest is not None:
        (directory / "conftest.py").write_text((PROJECTS / project.conftest).read_text(encoding="utf-8"))
    (directory / "test_all.py").write_text(_tests(project.fixture, counts), encoding="utf-8")


def _tests(fixture: str, counts: dict[str, int]) -> str:
    parts = ["import pytest\n"]
    for name, count in counts.items():
        argument = "" if name == "empty" else f", {fixture}"
        body = BODIES[name].format(fixture=fixture)
        parts.append(
            f'@pytest.mark.parametrize("number", range({count}))\ndef test_{name}(number{argument}):\n    {body}\n'
        )
    return "\n\n".join(parts)


def _environment(directory: Path, variables: dict[str, str], *, autoload: bool) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(STEERING)}
    own |= {"PYTHONPATH": str(TESTS), "BENCHMARK_TIMES": str(directory), "DOCKER_HOST": "unix:///nowhere"}
    if not autoload:
        own["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    return own | variables


def _check(command: Sequence[str], directory: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        done.check_returncode()


def _read(directory: Path, whole: float, begun: float) -> Run:
    found = [json.loads(path.read_text(encoding="utf-8")) for path in directory.glob("*.json")]
    times: dict[str, list[float]] = {}
    for each in found:
        for name, values in each["times"].items():
            times.setdefault(name.removeprefix("test_"), []).extend(values)
    return Run(whole, min(each["begun"] for each in found) - begun, times)
