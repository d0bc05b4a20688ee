"""What the workers of a run hold together; none of this needs a daemon."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.containers import eventually
from swe_db.errors import BackendUnavailable
from swe_db.servers.docker.daemon import RUN
from swe_db.servers.docker.share import Facts, Labels, Share

JOINING = """
import sys, time
from pathlib import Path
from swe_db.servers.docker.share import Share

def make(labels):
    label = labels["swe-db.run"]
    with open("made", "a") as file:
        file.write(f"{label}\\n")
    time.sleep(0.3)
    return {"label": label}

def remove(label):
    with open("removed", "a") as file:
        file.write(f"{label}\\n")

share = Share("key", remove)
assert share.facts(make)["label"] == Path("made").read_text().strip()
print("joined", flush=True)
sys.stdin.read()
share.leave()
"""


@pytest.fixture(autouse=True)
def no_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A place to meet of the test's own, and no daemon that its guards could find."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    yield
    assert eventually(lambda: not guards(tmp_path))


def guards(folder: Path) -> list[str]:
    """The guards of a folder."""
    output = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in output.splitlines() if "docker.guard" in line and str(folder) in line]


@pytest.fixture
def removed() -> list[str]:
    """The labels of what was removed."""
    return []


@pytest.fixture
def share(removed: list[str]) -> Iterator[Callable[[], Share]]:
    """Joins the workers that meet; all leave after the test."""
    joined: list[Share] = []

    def join() -> Share:
        joined.append(Share("key", removed.append))
        return joined[-1]

    yield join
    for each in joined:
        each.leave()


def test_the_first_makes_and_the_last_removes(share: Callable[[], Share], removed: list[str]) -> None:
    """What one worker made, others get; it is removed once, when the last has left; then nothing is left."""
    first, second = share(), share()
    made = first.facts(lambda labels: {"port": 1, "label": labels[RUN]})
    assert second.facts(lambda labels: {"port": 2, "label": labels[RUN]}) == made
    first.leave()
    first.leave()
    assert removed == []
    second.leave()
    assert removed == [made["label"]]
    assert not second.directory.exists()


def test_what_was_made_before_is_not_given_to_those_who_come_after(share: Callable[[], Share]) -> None:
    """A worker that comes when all others have left makes anew."""
    first = share()
    made = first.facts(lambda labels: {"label": labels[RUN]})
    first.leave()
    assert share().facts(lambda labels: {"label": labels[RUN]}) != made


def test_a_failure_is_told_to_all(share: Callable[[], Share]) -> None:
    """What one worker could not make no other tries again, and each is told the reason and the remedy."""

    def fail(labels: Labels) -> Facts:
        raise BackendUnavailable("no image", "pull it")

    attempts: tuple[Callable[[Labels], Facts], ...] = (fail, lambda _: {})
    for make in attempts:
        with pytest.raises(BackendUnavailable, match="no image") as caught:
            share().facts(make)
        assert caught.value.remedy == "pull it"


def test_only_this_user_can_enter(share: Callable[[], Share]) -> None:
    """The directory, where the password lies, is closed to others."""
    assert share().directory.stat().st_mode & 0o077 == 0


def test_a_directory_of_somebody_else_is_refused(share: Callable[[], Share], removed: list[str]) -> None:
    """A directory of that name that others may write to is not used."""
    first = share()
    first.directory.chmod(0o777)
    with pytest.raises(BackendUnavailable, match="is open to others") as caught:
        Share("key", removed.append)
    assert caught.value.remedy.startswith("remove it: rm -r ")
    first.directory.chmod(0o700)


def test_a_link_of_somebody_else_is_refused(tmp_path: Path, removed: list[str]) -> None:
    """A link of that name, which could lead anywhere, is not followed."""
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    Path(tempfile.gettempdir(), f"swe-db-docker-{os.geteuid()}-key").symlink_to("elsewhere")
    with pytest.raises(BackendUnavailable, match="was not made by this user"):
        Share("key", removed.append)


def test_a_directory_that_was_swept_away_is_no_error(share: Callable[[], Share], removed: list[str]) -> None:
    """A worker can leave although somebody has emptied the place where temporary files are."""
    first = share()
    first.directory.rename(first.directory.with_name("elsewhere"))
    first.leave()
    assert removed == []


def test_processes_that_come_at_once_make_one(tmp_path: Path) -> None:
    """Eight processes at once make one thing, and remove it once."""
    processes = [
        subprocess.Popen([sys.executable, "-c", JOINING], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(8)
    ]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == b"joined\n"
    made = tmp_path / "made"
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0] * 8
    assert made.read_text() == (tmp_path / "removed").read_text()
    assert len(made.read_text().splitlines()) == 1
    assert not list(tmp_path.glob("swe-db-docker-*"))


def test_a_guard_that_cannot_start_is_a_reason(share: Callable[[], Share], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a guard nothing is made, since nobody would remove it."""
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(BackendUnavailable, match="the guard of the containers does not start"):
        share().facts(lambda labels: {})
