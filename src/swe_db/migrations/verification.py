"""Verifying a database: is it what the migration files say?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from swe_db.errors import VerificationError
from swe_db.migrations.connections import Target, connection_name, session
from swe_db.migrations.drift import Difference, DriftNotCheckedError, find_drift
from swe_db.migrations.files import Directory, MigrationFile, read_migrations
from swe_db.migrations.history import HistoryRow, read_history
from swe_db.migrations.planning import problems

__all__ = ["VerificationReport", "verify"]


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """What a verification found.

    Attributes:
        database: The database and its server.
        applied: How many migrations are applied.
        problems: What stands between the files and the history, a sentence each: files that were edited or are gone,
            a database newer than the files, files that are pending or failed.
        drift: The objects of the files that the database lacks or has otherwise, and what is attached to them besides.
        extra: Objects that no file makes, such as an application's own tables. They are no fault.
        drift_unchecked: Why the catalogue was not compared; None if it was.
    """

    database: str
    applied: int
    problems: tuple[str, ...]
    drift: tuple[Difference, ...] = ()
    extra: tuple[Difference, ...] = ()
    drift_unchecked: str | None = None

    @property
    def ok(self) -> bool:
        """Whether there is neither a problem nor drift."""
        return not self.problems and not self.drift

    def raise_for_problems(self) -> None:
        """Raise an error that lists what was found.

        Raises:
            VerificationError: There is a problem or drift.
        """
        if not self.ok:
            found = [*self.problems, *(f"drift: {difference}" for difference in self.drift)]
            raise VerificationError(f"{self.database} is not what the migrations say:\n  " + "\n  ".join(found))


def verify(
    target: Target,
    *,
    directories: Sequence[Directory] = (),
    bundled: bool = True,
    allow_out_of_order: bool = False,
    drift: bool = True,
) -> VerificationReport:
    """Compare a database with the migration files: checksums, nothing pending, and the catalogue.

    The catalogue is compared with that of a scratch database, `swe_db_verify_...`, which the files build on the same
    server and which is dropped again. Where the user may not create one, the report says so.

    Args:
        target: A libpq URL that names host and database, or an open connection outside a transaction, which is given
            back as it was.
        directories: Directories of migrations beyond those that swe-db brings.
        bundled: Whether those that swe-db brings belong to it.
        allow_out_of_order: Accept a pending file that precedes an applied one of its directory.
        drift: Whether to compare the catalogue.

    Raises:
        ConfigError: The URL is malformed, or names no host or no database.
        ServerError: The server cannot be reached, or the connection was lost.
        MigrationError: A directory or a file is not acceptable, or the history cannot be read.
    """
    files = read_migrations(directories, bundled=bundled, allow_gaps=True)
    with session(target, writes=False) as opened:
        history = read_history(opened.connection)
        found = [str(problem) for problem in problems(files, history, allow_out_of_order=allow_out_of_order)]
        found += _unfinished(files, history)
        database = connection_name(opened.connection)
        applied = sum(row.status == "applied" for row in history)
        reason = _reason_not_to_compare(found, wanted=drift)
        if reason is not None:
            return VerificationReport(database, applied, tuple(found), drift_unchecked=reason)
        try:
            differences = find_drift(target, opened, directories=directories, bundled=bundled)
        except DriftNotCheckedError as error:
            return VerificationReport(database, applied, tuple(found), drift_unchecked=str(error))
    ours = tuple(difference for difference in differences if difference.ours)
    others = tuple(difference for difference in differences if not difference.ours)
    return VerificationReport(database, applied, tuple(found), ours, others)


def _reason_not_to_compare(found: Sequence[str], *, wanted: bool) -> str | None:
    if not wanted:
        return "not asked for"
    return "files and history differ" if found else None


def _unfinished(files: Sequence[MigrationFile], history: Sequence[HistoryRow]) -> list[str]:
    rows = {row.version: row for row in history}
    found = []
    for file in files:
        row = rows.get(file.version)
        if row is None:
            found.append(f"{file.path} is pending: run `swe-db migrate`.")
        elif row.status == "running":
            found.append(f"{file.path} was interrupted, or is running now: run `swe-db migrate`.")
        elif row.status == "failed":
            found.append(f"{file.path} failed: {row.error}")
    return found
