"""How much room the files of a data set will take, from what others took; and whether the disk has it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from swe_db.errors import GenerateError
from swe_db.generate.files.dataset import FileSet
from swe_db.generate.files.formats import Format
from swe_db.generate.files.storage import disk_errors
from swe_db.generate.parts import parts_of
from swe_db.generate.plan import Plan
from swe_db.servers.room import shown_size

__all__ = ["check_space", "estimate"]

# Measured at the scales `team` and `company`, in bytes for each row that the plan sets; the rows that hang on tasks
# count as theirs.
_BYTES: Final[Mapping[Format, Mapping[str, int]]] = {
    "csv": {"users": 520, "projects": 570, "agents": 580, "tasks": 2_250, "audit_logs": 412},
    "parquet": {"users": 115, "projects": 630, "agents": 400, "tasks": 480, "audit_logs": 70},
}
_SPARE: Final = 1.1  # a part lies beside its place until all of it is on the disk


def estimate(plan: Plan, file_format: Format) -> int:
    """Return about how many bytes the files of a data set have."""
    return sum(plan.counts[table] * size for table, size in _BYTES[file_format].items())


def check_space(files: FileSet, *, reset: bool) -> None:
    """Refuse to write what will not fit on the disk.

    Args:
        files: What is to be there; what is complete is not written again.
        reset: Whether what the directory holds is removed first.

    Raises:
        GenerateError: The disk is too small, or the directory cannot be read.
    """
    needed = int(estimate(files.plan, files.file_format) * _SPARE * (1.0 if reset else _missing(files)))
    with disk_errors(files.directory):
        free = shutil.disk_usage(_existing(files.directory)).free
        removed = files.size_there() if reset else 0
    if free + removed < needed:
        after = f", and {shown_size(removed)} more after --reset" if removed else ""
        raise GenerateError(
            f"The disk of {files.directory} has {shown_size(free)} left{after}, and this needs about "
            f"{shown_size(needed)}. Nothing was changed. Free some room, give --out a place with more of it, make less "
            "with --scale or --rows, or try it all the same with --no-space-check."
        )


def _missing(files: FileSet) -> float:
    """Return which share of the tasks, on which nearly all rows hang, is not there."""
    done = files.done() if files.is_there() else set()
    missing = sum(
        part.stop - part.start for part in parts_of(files.plan) if part.kind == "tasks" and part.number not in done
    )
    return missing / files.plan.counts["tasks"]


def _existing(directory: Path) -> Path:
    return next(place for place in (directory.absolute(), *directory.absolute().parents) if place.is_dir())
