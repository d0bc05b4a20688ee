"""The command doctor: what it prints, what it removes, its exit codes."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.backends import DOCKER_HOST, IMAGES
from support.containers import daemon_client, eventually
from support.ending import end
from support.inner import PYTEST
from support.leftovers import Session, guards_of, session
from support.short import short_directory
from swe_db.cli import run
from swe_db.servers import ladder, leftovers, process
from swe_db.servers.docker import leftovers as docker_leftovers
from swe_db.servers.docker.daemon import HOST, KEPT
from swe_db.servers.leftovers import find_servers
from swe_db.servers.survey import backends, places

SECRET = "hunter2hunter2"
NO_DAEMON = "unix:///nowhere/docker.sock"
SUITE = """
import sys, time

def test_it(swe_db, swe_redis):
    print("begun", file=sys.__stdout__, flush=True)
    time.sleep(600)
"""
CONFTEST = """
from pathlib import Path
from swe_db.servers import process

process.runtime_places = lambda: (Path({folder!r}),)
"""


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The one place where servers, copies and places of runs are made, and looked for; no daemon."""
    for name in [name for name in os.environ if name.startswith("SWE_DB")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DOCKER_HOST", NO_DAEMON)
    monkeypatch.setenv("XDG_DATA_HOME", "/nowhere")
    with short_directory() as directory:
        directory.chmod(0o1777)  # the servers' account makes its directories itself
        monkeypatch.setenv("TMPDIR", str(directory))
        monkeypatch.setattr(tempfile, "tempdir", str(directory))
        for module in (leftovers, process, places):
            monkeypatch.setattr(module, "runtime_places", lambda: (directory,))
        yield directory


@pytest.fixture
def living(folder: Path) -> Iterator[Session]:
    """A session that lives."""
    with session(folder) as begun:
        yield begun


@pytest.fixture
def dead(folder: Path) -> Iterator[Session]:
    """A session whose guards were killed, then its process; its servers still run."""
    with session(folder) as begun:
        begun.kill_guards()
        yield begun


def doctor(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Run the command; return its exit code and what it printed. Nothing may be on stderr."""
    code = run(["doctor", *arguments])
    printed = capsys.readouterr()
    assert printed.err == ""
    return code, printed.out


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    """The same as an object."""
    code, text = doctor(capsys, "--json", *arguments)
    found: dict[str, Any] = json.loads(text)
    return code, found


def test_a_healthy_machine_is_exit_code_0(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every backend is listed with its version or with what it needs, and what auto takes is said."""
    code, text = doctor(capsys)
    assert code == 0
    lines = text.splitlines()
    assert lines[0].startswith("swe-db 0.")
    assert any(line.startswith(("Postgres: auto takes local", "Postgres: auto takes embedded")) for line in lines)
    assert any(line.startswith(("Redis: auto takes local", "Redis: auto takes embedded")) for line in lines)
    assert "  url       no URL is given" in lines
    assert "            to fix it: install Docker and start it, or set DOCKER_HOST" in lines
    assert "  fake      7, by name only" in lines
    assert f"  containers  not looked for: there is no Docker daemon: no socket {NO_DAEMON[7:]}, which" in text
    assert lines[-3] == "Leftovers of dead runs: none"
    assert re.match(r"A run can work, with Postgres from (local|embedded) and Redis from (local|embedded)", lines[-1])
    assert "  daemon    there is no Docker daemon: no socket" in re.sub(" +daemon +", "  daemon    ", text)
    assert [
        title
        for title in ("Docker", "Programs", "Memory and disk", "System", "Local environments")
        if title not in lines
    ] == []
    assert "\x1b" not in text
    assert max(len(line) - len(line.rstrip()) for line in lines) == 0


def test_where_nothing_works_the_exit_code_is_1(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a backend for Redis the command fails, although fake would work by name."""
    monkeypatch.setattr(backends, "REDIS", {name: ladder.REDIS[name] for name in ("url", "docker", "fake")})
    code, text = doctor(capsys)
    assert code == 1
    assert "Redis: no backend works" in text
    assert text.splitlines()[-1].startswith("No run can work: there is no Redis (auto).")
    code, found = as_json(capsys)
    assert (code, found["ok"], found["backends"]["redis"]["auto"]) == (1, False, None)
    assert found["backends"]["postgres"]["auto"]


def test_leftovers_are_listed_then_removed(dead: Session, living: Session, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --fix leftovers stay, and hinder no run; with it they go, and once more there are none."""
    code, text = doctor(capsys)
    assert code == 0
    assert "Leftovers of dead runs: 2, which `swe-db doctor --fix` removes; 2 things of living runs are left" in text
    assert all(str(directory) in text for directory in dead.directories)
    assert text.count("--fix ends the processes and removes it") == 2
    assert dead.members
    code, text = doctor(capsys, "--fix")
    assert (code, text.count("    removed\n")) == (0, 2)
    assert "Leftovers of dead runs: 2 of 2 removed" in text
    assert eventually(lambda: not dead.members)
    assert not any(directory.exists() for directory in dead.directories)
    code, text = doctor(capsys, "--fix")
    assert code == 0
    assert "\nLeftovers of dead runs: none; 2 things of living runs are left alone\n" in text
    assert len(living.guards) == 2


def test_json_has_the_same_facts(dead: Session, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json stdout is one object: backends, machine, leftovers and what became of them."""
    code, found = as_json(capsys)
    assert (code, found["ok"], found["living"], found["kept"]) == (0, True, 0, [])
    assert [rung["backend"] for rung in found["backends"]["postgres"]["rungs"]] == [
        "url",
        "docker",
        "local",
        "embedded",
    ]
    assert found["backends"]["redis"]["rungs"][0]["reason"] == "no URL is given"
    facts = {(fact["section"], fact["name"]): fact for fact in found["machine"]}
    assert facts["System", "account"].keys() == {"section", "name", "text", "meaning", "advice"}
    assert ("System", "open files") in facts
    assert {each["name"] for each in found["leftovers"]} == {str(directory) for directory in dead.directories}
    assert {(each["kind"], each["state"]) for each in found["leftovers"]} == {("server", "left")}
    # Other tests may have environments, whose records lie elsewhere.
    (note,) = (each for each in found["left_alone"] if each["name"] == "containers")
    assert note["about"].endswith("which DOCKER_HOST names")
    code, found = as_json(capsys, "--fix")
    assert (code, found["ok"], {each["state"] for each in found["leftovers"]}) == (0, True, {"removed"})


def test_what_cannot_be_removed_is_exit_code_1(
    dead: Session, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A leftover that stays is named with the reason, and the others are removed all the same."""

    def fail(directory: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(directory))

    broken, other = dead.directories
    whole = leftovers._remove_tree
    monkeypatch.setattr(
        leftovers, "_remove_tree", lambda path: fail(path) if path.name.startswith(broken.name) else whole(path)
    )
    code, text = doctor(capsys, "--fix")
    assert code == 1
    assert "1 of 2 removed" in text
    assert "not removed: [Errno 13] Permission denied" in text
    assert not other.exists()


def test_a_run_of_pytest_that_was_killed_with_its_guards_is_cleared_away(
    folder: Path, pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    """As long as a run of pytest lives it is left alone; killed together with its guards it is a leftover."""
    pytester.makeconftest(CONFTEST.format(folder=str(folder)))
    pytester.makepyfile(SUITE)
    command = [*PYTEST, "-s", "--swe-db", "--basetemp=base"]
    pytest_run = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert pytest_run.stdout is not None
    while "begun" not in (line := pytest_run.stdout.readline()):
        assert line, "pytest has ended"
    assert "none; 2 things of living runs are left alone\n" in doctor(capsys, "--fix")[1]
    end([each for path in folder.iterdir() for each in guards_of(path)])
    pytest_run.kill()
    pytest_run.communicate()
    assert doctor(capsys, "--fix")[0] == 0
    assert find_servers().leftovers == ()
    assert [path for path in folder.iterdir() if path.name.startswith("swe-db-postgres")] == []


def test_a_machine_without_proc_or_room_is_described(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be found out is a line of the report, never a traceback."""
    monkeypatch.setattr(places, "MOUNTS", folder / "nowhere")
    monkeypatch.setattr(places, "runtime_places", lambda: (folder / "gone",))
    monkeypatch.setattr(process, "ROOM", 1 << 62)
    monkeypatch.setattr(leftovers, "runtime_places", lambda: (Path(__file__),))
    _, text = doctor(capsys)
    assert "servers' data  no directory for a server: " in text
    assert f"  {folder / 'gone'}\n" in text
    assert "cannot be used: No such file or directory" in text
    assert "cannot be looked at: Not a directory" in text


def test_the_cache_is_described(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Place, number and size of the prepared data directories are told; what else lies there does not count."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert f"{tmp_path}/swe-db, nothing prepared yet" in doctor(capsys)[1]
    (tmp_path / "swe-db").mkdir()
    for name in (f"{1:032x}-1048576.tar", f"{2:032x}-2097152.tar", f"{2:032x}.lock", "other-7.tar"):
        (tmp_path / "swe-db" / name).touch()
    assert f"{tmp_path}/swe-db, 2 prepared data directories, 3.0 MiB" in doctor(capsys)[1]


def test_the_settings_of_the_environment_count(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A URL that does not answer is a reason, without its password; one that is none is a line too."""
    monkeypatch.setenv("SWE_DB_BACKEND", "url")
    monkeypatch.setenv("SWE_DB_POSTGRES_URL", f"postgresql://me:{SECRET}@127.0.0.1:1/db")
    monkeypatch.setenv("SWE_DB_REDIS_URL", f"redis:me:{SECRET}")
    code, text = doctor(capsys)
    assert code == 1
    assert "; the settings ask for url" in text
    assert "No run can work: there is no Postgres (url) and no Redis (url)." in text
    assert "me@127.0.0.1:1/db refused the connection" in text
    assert "to fix it: mend the setting" in text
    assert SECRET not in text + doctor(capsys, "--json")[1]


def test_the_settings_of_the_project_count(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the ini file asks for is what is examined: a backend that cannot be had is exit code 1, another one 0."""
    monkeypatch.chdir(tmp_path)
    for backend, code in {"docker": 1, "embedded": 0}.items():
        (tmp_path / "pytest.ini").write_text(f"[pytest]\nswe_db_backend = {backend}\n", encoding="utf-8")
        found, text = doctor(capsys)
        assert (found, f"; the settings ask for {backend}" in text) == (code, True)


@pytest.mark.parametrize("arguments", [["--fixx"], ["now"]])
def test_a_wrong_call_is_exit_code_2(folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """An option or argument that does not exist is a wrong call, and nothing is looked at."""
    assert run(["doctor", *arguments]) == 2
    assert "Usage: swe-db doctor" in capsys.readouterr().err


def test_a_setting_that_makes_no_sense_is_exit_code_2(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable with a value that is no choice ends the call, naming it."""
    monkeypatch.setenv("SWE_DB_BACKEND", "oracle")
    assert run(["doctor"]) == 2
    assert "SWE_DB_BACKEND is 'oracle'" in capsys.readouterr().err


@pytest.mark.needs("docker")
def test_kept_containers_are_listed_and_stay(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What --swe-db-reuse has kept is shown with image, age and what removes it, and --fix leaves it alone."""
    monkeypatch.setattr(docker_leftovers, "RUN", "swe-db.none")  # what other tests make is theirs
    monkeypatch.setenv("DOCKER_HOST", DOCKER_HOST)
    host = f"elsewhere-{secrets.token_hex(4)}"
    with daemon_client() as client:
        made = client.containers.create(IMAGES["redis_image"], ["true"], labels={KEPT: "key", HOST: host})
        try:
            code, text = doctor(capsys, "--fix")
            (line,) = (line for line in text.splitlines() if line.endswith(f" for runs on {host}"))
            assert code == 0
            assert f"{IMAGES['redis_image']}, created, made " in line
            assert re.search(r"made \d+ (second|minute)s? ago for runs on", line)
            assert f"docker rm -fv {made.name}" in text
            made.reload()
        finally:
            made.remove(v=True, force=True)
