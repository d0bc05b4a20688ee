"""Directories that several processes write a data set into, and that must have room for it."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support.data_sets import DataSet
from swe_db.cli import run
from swe_db.generate.files.dataset import FileSet
from swe_db.generate.files.formats import Format
from swe_db.generate.files.space import estimate
from swe_db.generate.files.storage import exclusive, replace_file
from swe_db.generate.plan import Plan
from swe_db.servers.liveness import locked_if_free
from swe_db.servers.unfinished import unfinished_file

# A shard, which begins when it is told to.
SHARD = """
import sys
from pathlib import Path
from swe_db.generate import parts
from swe_db.generate.files.writing import write
from swe_db.generate.plan import Plan
from swe_db.generate.run import Shard
parts._SIZES["tasks"] = 1_000
plan = Plan.of("small", rows={"tasks": 3_000})
print("ready", flush=True)
sys.stdin.readline()
write(Path(sys.argv[1]), "parquet", plan, jobs=1, shard=Shard.parse(sys.argv[2]), with_profile=False)
"""


@pytest.fixture
def files(small: DataSet, csv_files: Path, tmp_path: Path) -> FileSet:
    """A complete data set as CSV."""
    return FileSet(small.plan, shutil.copytree(csv_files, tmp_path / "out"), "csv")


def test_shards_begin_and_end_at_the_same_time(tmp_path: Path) -> None:
    """Processes that share a directory take nothing from each other, and the files are complete."""
    command = [sys.executable, "-c", SHARD, str(tmp_path / "out")]
    shards = [
        subprocess.Popen(
            [*command, f"{number}/3"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for number in (1, 2, 3)
    ]
    for shard in shards:
        assert shard.stdout is not None
        assert shard.stdout.readline() == b"ready\n"
    for shard in shards:
        assert shard.stdin is not None
        shard.stdin.write(b"go\n")
        shard.stdin.flush()
    told = [shard.communicate()[1].decode() for shard in shards]
    assert [shard.returncode for shard in shards] == [0, 0, 0], told
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["tables"]["tasks"]["rows"] == 3_000
    assert not list((tmp_path / "out").rglob("*.tmp"))


def test_files_that_others_are_writing_stay(files: FileSet) -> None:
    """What a living process has begun is not removed by another that finishes; what a dead one has left is."""
    left = files.layout.own / ".left.0123.tmp"
    left.write_bytes(b"begun")
    with unfinished_file(files.directory / "tasks", ".part.", ".tmp") as begun:
        files.finish()
        assert begun.exists()
        begun.unlink()
    assert not left.exists()


def test_a_file_taken_for_a_dead_writers_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever removes a new file before its writer has locked it does no harm."""
    lock, removed = fcntl.flock, list[Path]()

    def late(file: int, operation: int) -> None:
        if not removed:
            removed.extend(tmp_path.iterdir())
            removed[0].unlink()
        lock(file, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    with unfinished_file(tmp_path, ".") as path:
        assert removed
        assert path not in removed
        with locked_if_free(path) as is_free:
            assert not is_free


def test_a_shard_waits_for_another_that_begins(files: FileSet, tmp_path: Path) -> None:
    """What another process is about to begin is no strange directory."""
    other = dataclasses.replace(files, directory=tmp_path / "new")
    with ThreadPoolExecutor(1) as pool, exclusive(other.layout.lock):
        (other.directory / "users").mkdir()
        begun = pool.submit(other.begin, resume=True)
        with pytest.raises(TimeoutError):
            begun.result(0.2)
        replace_file(other.layout.plan, files.layout.plan.read_bytes())
    begun.result(60)


def test_the_second_that_finishes_finds_it_done(files: FileSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two that find all parts there, one looks at every byte, and the other one waits for it."""
    manifest = files.directory / "manifest.json"
    before = manifest.stat().st_mtime_ns - 1
    monkeypatch.setattr(FileSet, "_require_unchanged", lambda *_: pytest.fail("it was looked at again"))
    assert files._finish(before) == json.loads(manifest.read_text())


@pytest.mark.parametrize(("file_format", "size"), [("csv", "643 MB"), ("parquet", "120 MB")])
def test_the_estimate_is_what_was_measured(file_format: Format, size: str) -> None:
    """For the scale `company` it is what that takes: 644 and 119 MB."""
    assert f"{estimate(Plan.of('company'), file_format) / 1e6:.0f} MB" == size


def test_files_that_will_not_fit_are_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is written the estimate is compared with the room there is; one may begin all the same."""
    room = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr("swe_db.generate.files.space.shutil.disk_usage", lambda _: room)
    arguments = ["generate", "--format", "csv", "--out", str(tmp_path / "out"), "--jobs", "1", "--no-profile"]
    assert run(arguments) == 1
    message = f"The disk of {tmp_path / 'out'} has 977 KiB left, and this needs about 6.8 MiB. Nothing was changed."
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert run([*arguments, "--no-space-check"]) == 0
    assert run([*arguments, "--resume"]) == 0  # nothing is missing
