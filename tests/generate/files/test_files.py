"""Data sets in files: types, resuming, shards, verification, errors."""

from __future__ import annotations

import errno
import itertools
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from support.data_sets import DataSet
from support.file_sets import contents
from swe_db.cli import run
from swe_db.errors import ConfigError, GenerateError
from swe_db.generate import parts
from swe_db.generate.files.columns import columns_of
from swe_db.generate.files.dataset import FileSet, plan_in
from swe_db.generate.files.formats import Format
from swe_db.generate.files.storage import replace_file
from swe_db.generate.files.writing import write
from swe_db.generate.parts import make
from swe_db.generate.plan import Plan
from swe_db.generate.run import Shard

# In a process of its own, with parts of a thousand tasks each.
SMALL_PARTS = """
import sys
from pathlib import Path
from swe_db.generate import parts
from swe_db.generate.files.writing import write
from swe_db.generate.plan import Plan
parts._SIZES["tasks"] = 1_000
write(Path(sys.argv[1]), "parquet", Plan.of("small", rows={"tasks": 3_000}), jobs=1, with_profile=False)
"""


# Kills the process when five parts are there.
KILLING = """
import os
import signal
from swe_db.generate.files.dataset import FileSet

write_part, left = FileSet._write, [*range(5)]

def counted(*arguments):
    receipt = write_part(*arguments)
    left.pop()
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    return receipt

FileSet._write = counted
"""


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture(scope="module")
def made(small: DataSet) -> Mapping[int, Mapping[str, Any]]:
    """The rows of each part of the scale `small`."""
    return {part.number: make(small.plan, small.census, part) for part in small.parts}


def write_all(files: FileSet, made: Mapping[int, Mapping[str, Any]], *, resume: bool = False) -> None:
    """Write what is missing, and finish."""
    files.begin(resume=resume)
    for number in sorted(made.keys() - files.done()):
        files.write(number, made[number], {})
    files.finish()


@pytest.fixture
def files(small: DataSet, made: Mapping[int, Mapping[str, Any]], tmp_path: Path) -> FileSet:
    """A complete data set as CSV."""
    found = FileSet(small.plan, tmp_path / "out", "csv")
    write_all(found, made)
    return found


def test_duckdb_reads_the_right_types(parquet_files: Path, csv_files: Path) -> None:
    """All files of a table are read by one pattern; Parquet has the types of the database, CSV nearly so."""
    import duckdb  # noqa: PLC0415

    def types(source: str) -> dict[str, str]:
        return {row[0]: row[1] for row in duckdb.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}

    for table in ("users", "tasks", "agents", "evidence", "audit_logs"):
        assert list(types(f"'{parquet_files}/{table}/*.parquet'")) == list(columns_of(table))
    evidence = types(f"'{parquet_files}/evidence/*.parquet'")
    assert [evidence[name] for name in ("id", "title", "credibility_score", "tags", "metadata", "collected_at")] == [
        "BIGINT", "VARCHAR", "DECIMAL(5,4)", "VARCHAR[]", "VARCHAR", "TIMESTAMP WITH TIME ZONE",
    ]  # fmt: skip
    read = types(f"read_csv('{csv_files}/evidence/*.csv')")
    assert [read[name] for name in ("id", "title", "credibility_score", "collected_at")] == [
        "BIGINT", "VARCHAR", "DOUBLE", "TIMESTAMP WITH TIME ZONE",
    ]  # fmt: skip
    query = "SELECT count(*), count(DISTINCT id), max(id), count(description) FROM '{}/tasks/*.{}'"
    found = [
        duckdb.execute(query.format(*place)).fetchall() for place in ((parquet_files, "parquet"), (csv_files, "csv"))
    ]
    assert found == [[(1_000, 1_000, 1_000, 1_000)]] * 2


def test_pandas_reads_the_right_types(parquet_files: Path, csv_files: Path) -> None:
    """A table is a directory that pandas reads at once; a CSV file tells texts from nulls."""
    import pandas as pd  # noqa: PLC0415

    evidence = pd.read_parquet(parquet_files / "evidence")
    assert str(evidence["collected_at"].dtype) == "datetime64[ms, UTC]"
    assert str(evidence["id"].dtype) == "int64"
    assert isinstance(evidence["credibility_score"][0], Decimal)
    assert isinstance(evidence["tags"][0][0], str)
    users = pd.concat(pd.read_csv(path, parse_dates=["created_at"]) for path in sorted((csv_files / "users").iterdir()))
    assert list(users["id"]) == list(range(1, 101))
    assert isinstance(users["created_at"].dtype, pd.DatetimeTZDtype)
    assert users["deleted_at"].isna().any()


def test_the_manifest_tells_what_there_is(csv_files: Path, small: DataSet) -> None:
    """The plan, each table with its rows and types, each file with its rows, length and checksum."""
    manifest = json.loads((csv_files / "manifest.json").read_text())
    assert (manifest["identity"], manifest["rows"], manifest["format"]) == (
        small.plan.identity,
        dict(small.plan.counts),
        "csv",
    )
    users = manifest["tables"]["users"]
    assert (users["rows"], users["columns"]["created_at"]) == (100, "timestamp with time zone")
    assert [file["rows"] for file in users["files"]] == [5, 95]
    sums = contents(csv_files)
    for file in (file for table in manifest["tables"].values() for file in table["files"]):
        assert (sums[file["path"]], (csv_files / file["path"]).stat().st_size) == (file["sha256"], file["bytes"])


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_the_end_at_any_moment(
    small: DataSet,
    made: Mapping[int, Mapping[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    file_format: Format,
) -> None:
    """Wherever a run ends, before or after any file, the next one makes the same files, byte by byte."""
    whole = FileSet(small.plan, tmp_path / "whole", file_format)
    write_all(whole, made)
    expected = contents(whole.directory)
    put = replace_file
    broken = FileSet(small.plan, tmp_path / "broken", file_format)
    for moment in itertools.count():
        left = iter(range(moment))

        def end(path: Path, content: Any, left: Iterator[int] = left) -> None:
            if next(left, None) is None:
                path.parent.mkdir(parents=True, exist_ok=True)
                (path.parent / f".{path.name}.0123.tmp").write_bytes(b"begun")
                raise Killed
            put(path, content)

        monkeypatch.setattr("swe_db.generate.files.dataset.replace_file", end)
        try:
            write_all(broken, made, resume=True)
        except Killed:
            monkeypatch.undo()
            assert moment < 60
        else:
            break
        if moment % 5 == 4:
            write_all(broken, made, resume=True)
            assert contents(broken.directory) == expected
            broken.layout.remove(broken.facts["parts"])
    assert contents(broken.directory) == expected


def test_a_run_that_is_killed_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After kill -9 of the process in the middle, the files are those of a run that was let alone."""
    command = [sys.executable, "-c", KILLING + SMALL_PARTS, str(tmp_path / "killed")]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert len(list((tmp_path / "killed" / ".swe-db").glob("part-*.json"))) == 5
    monkeypatch.setitem(parts._SIZES, "tasks", 1_000)
    plan = Plan.of("small", rows={"tasks": 3_000})
    resumed = write(tmp_path / "killed", "parquet", plan, jobs=1, resume=True, with_profile=False)
    assert 0 < resumed.parts < 4
    write(tmp_path / "whole", "parquet", plan, jobs=1, with_profile=False)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def test_shards_share_a_directory(small: DataSet, csv_files: Path, tmp_path: Path) -> None:
    """Each shard writes its own, twice if it is told to; the one that finds all parts there finishes."""
    first = write(tmp_path / "out", "csv", small.plan, jobs=1, shard=Shard(2, 2), with_profile=False)
    assert (first.finished, sum(first.missing.values()), first.rows) == (len(first.missing) == 0, 0, first.rows)
    again = write(tmp_path / "out", "csv", small.plan, jobs=1, shard=Shard(2, 2), with_profile=False)
    assert again.written == 0
    last = write(tmp_path / "out", "csv", small.plan, jobs=1, shard=Shard(1, 2), with_profile=False)
    assert (last.finished, last.rows["tasks"]) == (True, 1_000)
    names = {name: sums for name, sums in contents(csv_files).items() if not name.startswith(".swe-db")}
    assert {name: sums for name, sums in contents(tmp_path / "out").items() if name in names} == names


def test_resume_knows_the_plan(files: FileSet) -> None:
    """Without a plan, what the directory holds is gone on with."""
    (files.directory / "tasks" / "part-00004.csv").unlink()
    assert plan_in(files.directory) == files.plan
    report = write(files.directory, "csv", jobs=1, resume=True, with_profile=False)
    assert (report.parts, report.finished, report.identity) == (1, True, files.plan.identity)


def test_what_is_not_as_it_was_written_is_found(files: FileSet) -> None:
    """The last step looks at every byte, and at files that do not belong there."""
    path = files.directory / "tasks" / "part-00004.csv"
    content = path.read_bytes()
    path.write_bytes(content.replace(b"1", b"2", 1))
    with pytest.raises(GenerateError, match=r"1 files are not as they were written \(tasks/part-00004\.csv\)"):
        files.finish()
    path.unlink()
    with pytest.raises(GenerateError, match=r"1 of 5 parts are missing \(4\)"):
        files.finish()
    path.write_bytes(content)
    (files.directory / "tasks" / "mine.csv").write_text("id\n")
    with pytest.raises(GenerateError, match=r"do not belong to the data set \(tasks/mine\.csv\)"):
        files.finish()


def test_another_data_set_is_left_alone(files: FileSet) -> None:
    """Neither this data set, nor another one, nor other files are overwritten without being asked."""
    before = contents(files.directory)
    with pytest.raises(ConfigError, match="holds this data set already"):
        files.begin()
    other = FileSet(Plan.of("small", seed=43), files.directory, "csv")
    with pytest.raises(ConfigError, match="holds another data set: seed 42; asked for was seed 43"):
        other.begin(resume=True)
    with pytest.raises(ConfigError, match=r"holds something that is no data set of swe-db \(out\)"):
        FileSet(files.plan, files.directory.parent, "csv").begin(reset=True)
    assert contents(files.directory) == before


def test_reset_removes_nothing_else(files: FileSet) -> None:
    """What the user has put beside the files of a data set survives its end."""
    (files.directory / "notes.txt").write_text("mine")
    (files.directory / "tasks" / "notes.txt").write_text("mine")
    FileSet(Plan.of("small", seed=43), files.directory, "parquet").begin(reset=True)
    left = {name for name in contents(files.directory) if not name.startswith(".swe-db")}
    seeds = {f"{table}/part-00000.parquet" for table in ("users", "projects", "agents")}
    assert left == {"notes.txt", "tasks/notes.txt"} | seeds


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "There is no room for more. The parts that are complete stay as they are"),
        (errno.EROFS, "This user may not write there"),
        (errno.EIO, "Check the disk"),
    ],
)
def test_a_disk_that_refuses(  # noqa: PLR0917 - fixtures and parameters
    small: DataSet,
    made: Mapping[int, Mapping[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    message: str,
) -> None:
    """A full disk and one that cannot be written are errors that say what to do; what is complete stays."""
    found = FileSet(small.plan, tmp_path, "csv")
    found.begin()
    found.write(0, made[0], {})

    def refuse(_descriptor: int) -> None:
        raise OSError(number, "the system says so")

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(GenerateError, match=f"the system says so. {message}"):
        found.write(3, made[3], {})
    assert found.done() == {0}
    assert list(found.layout.temporary()) == []


def test_content_reaches_the_disk_before_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure of the machine leaves a whole file or none: content, name, and then the directory are written out."""
    steps: list[str] = []
    put = Path.replace

    def note(descriptor: int) -> None:
        steps.append("directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "content")

    def rename(path: Path, target: Path) -> Path:
        steps.append("name")
        return put(path, target)

    monkeypatch.setattr("os.fsync", note)
    monkeypatch.setattr(Path, "replace", rename)
    replace_file(tmp_path / "new" / "file", b"content")
    assert steps == ["content", "name", "directory"]


def test_a_directory_that_is_a_file(small: DataSet, tmp_path: Path) -> None:
    """A file in the place of the directory is an error that says so."""
    (tmp_path / "out").write_text("")
    with pytest.raises(GenerateError, match="It is a file: give --out the name of a directory"):
        FileSet(small.plan, tmp_path / "out", "csv").begin()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "csv"], "say where, with --out DIR"),
        (["--out", "x"], "say --format csv or --format parquet as well"),
        (["--format", "csv", "--out", "x", "--postgres-url", "postgresql://h/d"], "--postgres-url is about a database"),
    ],
)
def test_calls_that_make_no_sense(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A call that means neither files nor a database is refused before anything is done."""
    assert run(["generate", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_the_command_writes_files_and_a_profile(
    csv_files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`swe-db generate --format csv` makes the same files, and a page about them."""
    arguments = ["generate", "--format", "csv", "--out", str(tmp_path / "out"), "--jobs", "1"]
    assert run([*arguments, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["finished"], report["profile"]) == (True, str(tmp_path / "out" / "profile.html"))
    made = contents(tmp_path / "out")
    assert {name: made.get(name) for name in contents(csv_files)} == contents(csv_files)
    assert run(arguments) == 2
    assert run([*arguments, "--resume", "--no-profile"]) == 0
