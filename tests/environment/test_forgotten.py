"""What doctor finds of environments whose records are gone."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from support.environments import data_home
from swe_db.environment import forgotten
from swe_db.environment.containers import IDENTITY, NAME
from swe_db.environment.record import new_record, write
from swe_db.servers.docker.daemon import HOST


@pytest.fixture(autouse=True)
def home(tmp_path: Path) -> Iterator[Path]:
    """A place of environments with one of them, `mine`."""
    with data_home(tmp_path) as place:
        (place / "mine").mkdir(parents=True)
        write(place / "mine", new_record("mine", "0123", place / "mine" / "data", (1, 2)))
        yield place


def test_data_without_a_record_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of an environment that is there are not; whether a process uses them is said."""
    monkeypatch.setattr(forgotten, "SHARED_PLACES", (tmp_path / "shared", tmp_path / "none"))
    for name in ("mine-0123", "mine-4567", "used-89ab"):
        (tmp_path / "shared" / name).mkdir(parents=True)
    with (tmp_path / "shared" / "used-89ab" / "file").open("w"):
        unused, used = forgotten.find_data().notes
    assert (unused.name, unused.command) == (f"{tmp_path}/shared/mine-4567", f"rm -rf {tmp_path}/shared/mine-4567")
    assert unused.about.endswith("; no process that can be seen from here uses them")
    assert (used.about.endswith("; a process uses them"), used.command) == (True, "")


def test_containers_without_a_record_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of an environment that is there, or of another machine, are not."""

    def container(name: str, identity: str, host: str) -> SimpleNamespace:
        return SimpleNamespace(name=name, labels={NAME: "mine", IDENTITY: identity, HOST: host})

    here = socket.gethostname()
    found = [container("a", "0123", here), container("b", "4567", here), container("c", "4567", f"not-{here}")]
    docker = SimpleNamespace(find=lambda _: found)
    monkeypatch.setattr(forgotten, "daemon", lambda: contextlib.nullcontext(docker))
    (note,) = forgotten.find_containers_of_environments().notes
    assert (note.name, note.command) == ("b", "docker rm -f b && docker volume rm b")
