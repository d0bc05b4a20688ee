"""Writing a data set into files: the parts on all workers, then verifying, then the profile."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from swe_db.errors import ConfigError
from swe_db.generate.files import space
from swe_db.generate.files.dataset import FileSet, plan_in
from swe_db.generate.files.formats import FORMATS, Format
from swe_db.generate.files.layout import PROFILE
from swe_db.generate.files.storage import disk_errors, replace_file
from swe_db.generate.parts import Part, make, parts_of
from swe_db.generate.plan import SEEDED, Plan
from swe_db.generate.profile.observing import observe
from swe_db.generate.profile.page import profile_page
from swe_db.generate.run import Executor, OnProgress, Progress, Shard, ignore, take_census, workers
from swe_db.generate.tables.census import HANGING, Census

__all__ = ["Written", "write"]


@dataclasses.dataclass(frozen=True, slots=True)
class Written:
    """What a run did, and what the directory holds.

    Attributes:
        identity: Tells the data set from others.
        finished: Whether all of it is there and verified.
        rows: How many rows each table has, if it is finished.
        written: How many rows this run has written.
        size: How many bytes it has written.
        parts: How many parts it has written.
        missing: How many parts are missing, by shard.
        profile: Where the profile lies, if it was written.
        seconds: How long it took.
    """

    identity: str
    finished: bool
    rows: Mapping[str, int]
    written: int
    size: int
    parts: int
    missing: Mapping[str, int]
    profile: str | None
    seconds: float


def write(  # noqa: PLR0913 - each is one thing that a caller decides
    directory: Path,
    file_format: Format,
    plan: Plan | None = None,
    *,
    executor: Executor | None = None,
    jobs: int | None = None,
    shard: Shard | None = None,
    resume: bool = False,
    reset: bool = False,
    check_space: bool = True,
    profile: Path | None = None,
    with_profile: bool = True,
    on_progress: OnProgress = ignore,
) -> Written:
    """Write a data set into a directory, with the rows of the bundled seeds, so that it is complete by itself.

    `DIR/TABLE/part-00017.parquet` is one part of one table; `manifest.json` tells what there is, and for CSV
    `load.sql` loads it with psql. Each part is complete or not there, so that a run that is broken off can be
    continued; any number of runs may share the work, if they see the same directory.

    Args:
        directory: Where to; it is made if there is none.
        file_format: `csv` or `parquet`.
        plan: What to make. None with `resume` stands for what the directory holds a part of, else for `small`.
        executor: Makes the parts, as those of concurrent.futures do; without one, processes of its own.
        jobs: How many parts to make at once; None for the number of processors, eight at most.
        shard: Write only the parts of this shard, and finish if all others are there.
        resume: Go on with what the directory holds; begin if it holds nothing.
        reset: Remove the data set that the directory holds first, and nothing else.
        check_space: Whether to refuse what will not fit on the disk.
        profile: Where to write the profile; None for `profile.html` in the directory.
        with_profile: Whether to write it.
        on_progress: Called often with how far the work has come.

    Returns:
        What was done.

    Raises:
        ConfigError: An option makes no sense, or the directory holds something else.
        GenerateError: The disk is too small, a file cannot be written, a process was killed, or a file is not as it was
            written.
    """
    if file_format not in FORMATS:
        raise ConfigError(f"There is no format {file_format!r}: use {' or '.join(FORMATS)}.")
    began = time.monotonic()
    files = FileSet(plan or (plan_in(directory) if resume else None) or Plan.of(), directory, file_format)
    if check_space:
        space.check_space(files, reset=reset)
    files.begin(resume=resume or shard is not None, reset=reset)
    share = shard or Shard()
    done = files.done()
    parts = [part for part in parts_of(files.plan) if part.number not in done and share.has(part)]
    rows, size = _write_parts(files, parts, executor, jobs, on_progress) if parts else (0, 0)
    missing = sorted(set(range(len(parts_of(files.plan)))) - files.done())
    shown = (profile or directory / PROFILE) if with_profile and not missing else None
    return Written(
        identity=files.plan.identity,
        finished=not missing,
        rows={} if missing else _finish(files, shown, on_progress),
        written=rows,
        size=size,
        parts=len(parts),
        missing=dict(Counter(str(Shard(number % share.of + 1, share.of)) for number in missing)),
        profile=None if shown is None else str(shown),
        seconds=round(time.monotonic() - began, 3),
    )


def _finish(files: FileSet, profile: Path | None, tell: OnProgress) -> dict[str, int]:
    """Verify the whole, write what belongs to it, and return how many rows each table has."""
    tell(Progress("verifying"))
    counts = {table: facts["rows"] for table, facts in files.finish()["tables"].items()}
    if profile is not None:
        _write_profile(files, profile)
    return counts


def _write_parts(
    files: FileSet, parts: list[Part], executor: Executor | None, jobs: int | None, tell: OnProgress
) -> tuple[int, int]:
    """Write parts and return how many rows and bytes they have."""
    rows = size = 0
    stories = sum(part.kind == "tasks" for part in parts)
    with workers(executor, jobs, max(stories, 1)) as work:
        census = take_census(files.plan, work, tell)
        total = _planned(files.plan, census)
        for more, length in work.each(_write_part, ((files, census, part) for part in parts)):
            rows, size = rows + more, size + length
            tell(Progress("writing", rows, total, "rows"))
    return rows, size


def _write_part(files: FileSet, census: Census, part: Part) -> tuple[int, int]:
    tables = make(files.plan, census, part)
    receipt = files.write(part.number, tables, observe(files.plan, tables))
    return sum(entry.rows for entry in receipt.files), sum(entry.bytes for entry in receipt.files)


def _planned(plan: Plan, census: Census) -> int:
    return sum(plan.counts.values()) - sum(SEEDED.values()) + sum(census.total(table) for table in HANGING)


def _write_profile(files: FileSet, path: Path) -> None:
    # The seeds have none: the page looks at them itself.
    page = profile_page(files.plan, (receipt.stats for receipt in files.receipts()))
    with disk_errors(path):
        replace_file(path, page.encode())
