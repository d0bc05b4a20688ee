"""`swe-db fingerprint`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from swe_db.cli import options
from swe_db.cli.libraries import require_libraries
from swe_db.errors import GenerateError

if TYPE_CHECKING:
    from swe_db.generate.verify.fingerprint import Fingerprint, TableFingerprint

__all__ = ["command"]


@click.command("fingerprint")
@options.url_option
@options.local_name_option
@click.option(
    "--files",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="The data set in a directory that `swe-db generate --out` has written.",
)
@options.json_option
@options.debug_option
def command(postgres_url: str | None, local_name: str | None, files: Path | None, *, as_json: bool) -> None:
    """Print a checksum of each table's rows; their order does not matter.

    All tables with data are read, at one moment, but schema_migrations and the ledger of `swe-db generate`; generated
    columns are left out. Databases with the same rows have the same checksums, and so have the files of a data set.
    With --files and a database that is named on the command line, the two are compared: exit code 1 if they differ.
    """
    tell = None if as_json else _print_table
    if files is None:
        _print_whole(_of_database(options.resolve_target(postgres_url, local_name), tell), as_json=as_json)
    elif not options.is_typed("postgres_url") and not options.is_typed("local_name"):
        _print_whole(_of_files(files, tell), as_json=as_json)
    else:
        in_database = _of_database(options.resolve_target(postgres_url, local_name), tell)
        _print_whole(in_database, as_json=as_json)
        _compare(in_database, files)


def _compare(in_database: Fingerprint, directory: Path) -> None:
    if differences := in_database.differences(_of_files(directory, None)):
        raise GenerateError(f"The database and the files in {directory} differ in {', '.join(differences)}.")
    click.echo("the files hold the same rows", err=True)


def _of_database(target: options.Target, tell: Callable[[str, TableFingerprint], None] | None) -> Fingerprint:
    from swe_db.generate.verify.fingerprint import fingerprint_of_database  # noqa: PLC0415 - imports psycopg

    return fingerprint_of_database(target.postgres_url, on_table=tell)


def _of_files(directory: Path, tell: Callable[[str, TableFingerprint], None] | None) -> Fingerprint:
    require_libraries()
    from swe_db.generate.files.fingerprint import fingerprint_of_files  # noqa: PLC0415 - imports PyArrow

    return fingerprint_of_files(directory, on_table=tell)


def _print_table(name: str, table: TableFingerprint) -> None:
    click.echo(f"{table.checksum}  {table.rows:>12,}  {name}")


def _print_whole(fingerprint: Fingerprint, *, as_json: bool) -> None:
    if as_json:
        options.print_json({"fingerprint": fingerprint.whole, "tables": fingerprint.tables})
    else:
        rows = sum(table.rows for table in fingerprint.tables.values())
        click.echo(f"{fingerprint.whole}  {rows:>12,}  all tables")
