"""The part of `swe-db generate` that writes files: a data set, and the profile of one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from swe_db.cli import options
from swe_db.cli.progress import shown_progress
from swe_db.errors import GenerateError

if TYPE_CHECKING:
    from swe_db.generate.files.formats import Format
    from swe_db.generate.files.writing import Written
    from swe_db.generate.plan import Plan

__all__ = ["FORMATS", "PROFILE", "check_choices", "print_written", "write_files", "write_profile"]

FORMATS: Final = ("copy", "csv", "parquet")
PROFILE: Final = "swe-db-profile.html"
# What has a meaning only for a database.
_OF_DATABASES: Final = {
    "postgres_url": "--postgres-url",
    "local_name": "--name",
    "seeds": "--seeds",
    "yes_destroy": "--yes-destroy",
    "lock_timeout": "--lock-timeout",
}


def check_choices(file_format: str, out: Path | None) -> None:
    """Refuse a call that could mean a database as well as files.

    Raises:
        UsageError: It is such a call.
    """
    if file_format == "copy":
        if out is not None:
            raise click.UsageError("--out is for files: say --format csv or --format parquet as well.")
        return
    if out is None:
        raise click.UsageError(f"--format {file_format} writes files: say where, with --out DIR.")
    for name, flag in _OF_DATABASES.items():
        if options.is_typed(name):
            raise click.UsageError(f"{flag} is about a database, and --format {file_format} writes files.")


def write_files(out: Path, file_format: Format, plan: Plan | None, **wishes: Any) -> Written:  # noqa: ANN401
    """Write a data set into a directory and show how far it has come.

    Args:
        out: The directory.
        file_format: `csv` or `parquet`.
        plan: The data set; None for that which the directory holds a part of.
        wishes: What else `swe_db.generate.files.writing.write` takes.

    Raises:
        ConfigError: Something makes no sense.
        GenerateError: It was broken off; and whatever `swe_db.generate.files.writing.write` raises.
    """
    from swe_db.generate.files.writing import write  # noqa: PLC0415 - imports numpy and pyarrow

    with shown_progress() as show:
        try:
            return write(out, file_format, plan, on_progress=show, **wishes)
        except KeyboardInterrupt:
            raise GenerateError("Interrupted. Parts that are complete stay: go on with --resume.") from None


def print_written(report: Written) -> None:
    """Print what a run did."""
    if report.written:
        click.echo(f"wrote {report.written:,} rows ({report.size / 1e6:,.1f} MB) in {report.seconds:.1f} s")
    for table, rows in report.rows.items():
        click.echo(f"  {table:<29}{rows:>13,}")
    if report.profile:
        click.echo(f"profile: {report.profile}")
    if report.finished:
        click.echo(click.style("the files hold what was planned", fg="green"))
        return
    shards = ", ".join(f"{count} of shard {shard}" for shard, count in report.missing.items())
    click.echo(f"{sum(report.missing.values())} parts are missing: {shards}")
    click.echo("The shard that writes the last of them finishes; to be sure: add --resume")


def write_profile(postgres_url: str, path: Path) -> None:
    """Write the profile of what a database was filled with.

    Raises:
        GenerateError: It cannot be written.
    """
    from swe_db.generate.files.storage import replace_file  # noqa: PLC0415 - not needed for help texts
    from swe_db.generate.load.profile import profile_of_load  # noqa: PLC0415 - imports numpy and pyarrow

    page = profile_of_load(postgres_url)
    try:
        replace_file(path, page.encode())
    except OSError as error:
        raise GenerateError(
            f"The data set is loaded, but its profile cannot be written to {path}: {error.strerror}. Give --profile "
            "another file and --resume, or --no-profile."
        ) from error
