"""What is to be done: the files against the history of the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from swe_db.errors import ChecksumError, MigrationError, MigrationOrderError
from swe_db.migrations.files import FIRST_OWN_VERSION, MigrationFile
from swe_db.migrations.history import HistoryRow

__all__ = ["Plan", "is_edited", "make_plan", "problems"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a migration would do.

    Attributes:
        pending: The files to apply, in order; among them those that were interrupted or failed.
        applied: What was applied before, by version.
        unfinished: The rows of no-transaction files that were interrupted or failed.
    """

    pending: tuple[MigrationFile, ...]
    applied: tuple[HistoryRow, ...]
    unfinished: Mapping[int, HistoryRow]


def make_plan(
    files: Sequence[MigrationFile], history: Sequence[HistoryRow], *, allow_out_of_order: bool = False
) -> Plan:
    """Compare files and history.

    Raises:
        ChecksumError: An applied file was edited, renamed or is missing.
        MigrationOrderError: The database is newer than the files, or a file comes too late.
    """
    for problem in problems(files, history, allow_out_of_order=allow_out_of_order):
        raise problem
    applied = tuple(row for row in history if row.status == "applied")
    known = {row.version for row in applied}
    return Plan(
        pending=tuple(file for file in files if file.version not in known),
        applied=applied,
        unfinished={row.version: row for row in history if row.status != "applied"},
    )


def problems(
    files: Sequence[MigrationFile], history: Sequence[HistoryRow], *, allow_out_of_order: bool = False
) -> list[MigrationError]:
    """Return what stands between files and history, as the errors that `make_plan` would raise, the gravest first."""
    by_version = {file.version: file for file in files}
    applied = [row for row in history if row.status == "applied"]
    found: list[MigrationError] = [
        _missing(row, files) for row in history if row.version not in by_version and row.status != "failed"
    ]
    found += [_edited(row, by_version[row.version]) for row in applied if is_edited(row, by_version.get(row.version))]
    if not allow_out_of_order:
        found += _late(files, {row.version for row in applied})
    return found


def is_edited(row: HistoryRow, file: MigrationFile | None) -> bool:
    """Tell whether the file is there and is not what the row says was applied."""
    return file is not None and (row.checksum, row.name) != (file.checksum, file.name)


def _edited(row: HistoryRow, file: MigrationFile) -> ChecksumError:
    when = f"version {row.version} was applied at {row.applied_at:%Y-%m-%d %H:%M %Z} by {row.applied_by}"
    if row.checksum == file.checksum:
        return ChecksumError(f"{file.path} was renamed: {when} as {row.name}. Give it that name again.")
    return ChecksumError(
        f"{file.path} was edited after it was applied: {when} as {row.name} with SHA-256 {row.checksum[:12]}..., "
        f"the file now has {file.checksum[:12]}.... Restore the file, and put the change into a new migration."
    )


def _missing(row: HistoryRow, files: Sequence[MigrationFile]) -> MigrationError:
    """Tell a database that is ahead of the files from a file that is gone; own and bundled numbers are apart."""
    own = row.version >= FIRST_OWN_VERSION
    alike = [file.version for file in files if (file.version >= FIRST_OWN_VERSION) == own]
    where = ", ".join(sorted({file.source for file in files})) or "no directory"
    if row.version > max(alike, default=0):
        remedy = "Add its directory (--migrations)" if own else "Update swe-db"
        return MigrationOrderError(
            f"The database is newer than the files: {row.name} was applied at {row.applied_at:%Y-%m-%d %H:%M %Z}, and "
            f"no file has version {row.version} or later (looked in {where}). {remedy}, or get the newer files."
        )
    return ChecksumError(f"{row.name} was applied, but its file is gone (looked in {where}). Restore it.")


def _late(files: Sequence[MigrationFile], applied: set[int]) -> list[MigrationError]:
    """Find files that come before an applied one of their own directory."""
    newest: dict[str, MigrationFile] = {}
    for file in files:
        if file.version in applied:
            newest[file.source] = file
    return [
        MigrationOrderError(
            f"{file.path} comes too late: {newest[file.source].name} of the same directory has been applied already. "
            "Give it a higher number, or allow files out of order (--allow-out-of-order)."
        )
        for file in files
        if file.version not in applied and file.source in newest and file.version < newest[file.source].version
    ]
