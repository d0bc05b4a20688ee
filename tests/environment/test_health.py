"""What doctor tells of local environments."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from support.environments import data_home
from swe_db.environment import environment, health
from swe_db.environment.record import new_record, write


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """Where environments are kept: an empty place."""
    with data_home(tmp_path) as place:
        yield place


def make(home: Path, name: str, ports: tuple[int, int]) -> None:
    """Make an environment that has never run."""
    (home / name).mkdir(parents=True)
    write(home / name, new_record(name, "identity", home / name / "data", ports))


def test_none_is_no_trouble(home: Path) -> None:
    """Without environments it is said what makes one, and how much room there is for it."""
    disk, none = health.survey_environments()
    assert disk.text.endswith(f" at {home}")
    assert (none.text, none.meaning, none.advice) == ("none", "`swe-db up` makes one", "")


def test_ports_are_looked_at(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port of an environment that rests is free, or somebody else has it, who is named with what that means."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        taken = listening.getsockname()[1]
        monkeypatch.setattr(health, "is_free", lambda port: port != taken)  # whatever other tests take meanwhile
        make(home, "mine", (1, taken))
        _, postgres, redis = health.survey_environments()
    assert (postgres.name, postgres.text) == ("mine postgres", "stopped; its port 1 is free")
    assert redis.text.startswith(f"stopped; its port {taken} is taken by ")
    assert redis.meaning.startswith("`swe-db up` takes another port")
    assert redis.advice == "end that, then `swe-db up`"


def test_one_that_runs_is_told_with_its_version(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs has its port by right."""
    make(home, "mine", (1, 2))
    monkeypatch.setattr(environment.Environment, "lives", lambda *_: True)
    assert [fact.advice for fact in health.survey_environments()] == ["", "", ""]


def test_a_file_that_makes_no_sense_is_a_line(home: Path) -> None:
    """An environment that cannot be read does not hide the others."""
    make(home, "a", (1, 2))
    (home / "a" / "environment.json").write_text("{}")
    make(home, "b", (1, 2))
    names = [fact.name for fact in health.survey_environments()]
    assert names == ["disk", "a", "b postgres", "b redis"]


def test_a_full_disk_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Little room where the data lie is told with what it means."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=1 << 40, free=1 << 20))
    disk, _ = health.survey_environments()
    assert disk.text == f"1.0 MiB free of 1.0 TiB at {home}"
    assert disk.advice


def test_a_home_that_cannot_be_written_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no environment can be made, that is said with what to do."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    disk, _ = health.survey_environments()
    assert (disk.meaning, disk.advice) == ("no environment can be made", "set XDG_DATA_HOME to another directory")
