"""The command config: the settings as a run of pytest would have them, and where each came from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from swe_db.cli import run
from swe_db.config import OPTIONS

SECRET: Final = "hunter2hunter2"
FILES: Final = {
    "pyproject.toml": "[tool.pytest.ini_options]\nswe_db = true\nswe_db_random_seed = '7'\n"
    "swe_db_migrations = ['db/m']\n",
    "pytest.ini": "[pytest]\nswe_db = true\nswe_db_random_seed = 7\nswe_db_migrations = db/m\n",
    "tox.ini": "[pytest]\nswe_db = yes\nswe_db_random_seed = 7\nswe_db_migrations = db/m\n",
    "setup.cfg": "[tool:pytest]\nswe_db = 1\nswe_db_random_seed = 7\nswe_db_migrations =\n  db/m\n",
}
Config = Callable[..., Mapping[str, Mapping[str, Any]]]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory as the current one, and none of the variables that steer."""
    for name in [name for name in os.environ if name.startswith(("SWE_DB", "PYTEST_ADDOPTS", "PYTEST_XDIST"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def config(project: Path, capsys: pytest.CaptureFixture[str]) -> Config:
    """Runs the command with --json and gives its settings by name; nothing may be on stderr."""

    def call(*arguments: str) -> dict[str, dict[str, Any]]:
        code = run(["config", "--json", *(["--", *arguments] if arguments else [])])
        printed = capsys.readouterr()
        assert (code, printed.err) == (0, "")
        return {each["name"]: each for each in json.loads(printed.out)["settings"]}

    return call


@pytest.mark.parametrize("name", FILES)
def test_the_ini_file_is_read_as_pytest_reads_it(project: Path, config: Config, name: str) -> None:
    """Each of the files that pytest takes gives values, types and the place: also from a directory below."""
    (project / name).write_text(FILES[name], encoding="utf-8")
    (project / "below").mkdir()
    os.chdir(project / "below")
    found = config()
    assert [found["enabled"][key] for key in ("value", "source", "place")] == [True, "ini", str(project / name)]
    assert found["random_seed"]["value"] == 7
    assert found["migrations"]["value"] == [str(project / "db/m")]
    assert (found["backend"]["value"], found["backend"]["source"]) == ("auto", "default")
    assert found.keys() == {option.name for option in OPTIONS}


def test_the_first_place_wins(project: Path, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flags win over the environment, that over the ini file; of a flag it is told who gave it."""
    (project / "pytest.ini").write_text(
        "[pytest]\naddopts = --no-swe-db-env\nswe_db_env = 1\nswe_db_backend = local\nswe_db_redis_image = a\n"
    )
    monkeypatch.setenv("SWE_DB_BACKEND", "embedded")
    monkeypatch.setenv("SWE_DB_REDIS_IMAGE", "b")
    monkeypatch.setenv("PYTEST_ADDOPTS", "--swe-db-random-seed=9")
    found = config("--swe-db-backend", "docker", "-o", "swe_db_reuse=true")
    places = {name: (each["value"], each["source"], each["place"]) for name, each in found.items()}
    assert places["backend"] == ("docker", "flag", "--swe-db-backend")
    assert places["redis_image"] == ("b", "env", "SWE_DB_REDIS_IMAGE")
    assert places["random_seed"] == (9, "flag", "--swe-db-random-seed in PYTEST_ADDOPTS")
    assert places["env"] == (False, "flag", f"--swe-db-env in addopts of {project / 'pytest.ini'}")
    assert places["reuse"] == (True, "ini", "-o on the command line")


def test_another_file_can_be_asked_for(project: Path, config: Config) -> None:
    """What a run would be called with may be given: its ini file, its directory."""
    (project / "ci.ini").write_text("[pytest]\nswe_db_backend = url\n")
    assert config("-c", "ci.ini")["backend"]["value"] == "url"


def test_the_table_is_for_people(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each setting has a line with its value and its place, and no password is shown, in neither form."""
    monkeypatch.setenv("SWE_DB_POSTGRES_URL", f"postgresql://me:{SECRET}@h/d?password={SECRET}")
    assert run(["config"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"rootdir {project}, ini file none"
    assert lines[2].split() == ["setting", "value", "from"]
    assert [line.split()[0] for line in lines[3:]] == [option.ini for option in OPTIONS]
    told = next(line.split() for line in lines if line.startswith("swe_db_postgres_url"))
    assert told == ["swe_db_postgres_url", "postgresql://me:***@h/d?password=***", "SWE_DB_POSTGRES_URL"]
    assert run(["config", "--json"]) == 0
    assert SECRET not in "\n".join(lines) + capsys.readouterr().out


def test_nothing_of_the_project_runs(project: Path, config: Config) -> None:
    """A conftest that fails is not imported, and no server is started where the environment of a run would be set."""
    (project / "conftest.py").write_text("raise RuntimeError")
    (project / "pytest.ini").write_text("[pytest]\nswe_db = true\nswe_db_env = true\nfilterwarnings = error\n")
    before = dict(os.environ)
    assert config()["env"]["value"] is True
    assert dict(os.environ) == before
    assert sorted(path.name for path in project.iterdir()) == ["conftest.py", "pytest.ini"]


def test_where_the_plugin_is_not_loaded_it_is_said(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Settings that no run would see are not told as if it did."""
    (project / "pytest.ini").write_text("[pytest]\nswe_db = true\naddopts = -p no:swe_db\n")
    assert run(["config"]) == 0
    printed = capsys.readouterr().out
    assert "pytest does not load the plugin swe_db here" in printed
    assert "true" not in printed


WRONG: Final = {
    "value": ("[pytest]\nswe_db_backend = oracle\n", [], "ini swe_db_backend is 'oracle', which is not a choice"),
    "truth": ("[pytest]\nswe_db = maybe\n", [], "ini swe_db: invalid truth value 'maybe'"),
    "file": ("[pytest]\nswe_db = true\nswe_db = false\n", [], "pytest.ini:3: duplicate name 'swe_db'"),
    "missing": ("", ["-c", "none.ini"], "none.ini"),
    "flag": ("", ["--swe-db-backend=oracle"], "invalid choice: 'oracle'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_makes_no_sense_is_exit_code_2(project: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """What pytest itself would refuse is told in its words, without a traceback."""
    text, arguments, message = WRONG[name]
    (project / "pytest.ini").write_text(text)
    assert run(["config", "--", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert message in printed.err
    assert "Traceback" not in printed.err


def test_it_works_where_warnings_are_errors(project: Path) -> None:
    """In a process of its own, where swe_db is imported before pytest, a strict project is read without a word."""
    (project / "pytest.ini").write_text("[pytest]\nswe_db_backend = local\nfilterwarnings = error\n")
    program = [sys.executable, "-W", "error", "-c", "from swe_db.cli import main; main()", "config", "--json"]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["settings"][1]["value"] == "local"
