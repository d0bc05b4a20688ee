"""`swe-db backup`."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from swe_db.cli import options
from swe_db.cli.site import command_line, counted_keys, replace_option, site_options, telling
from swe_db.servers.room import shown_size

if TYPE_CHECKING:
    from swe_db.environment.backup import BackupReport
    from swe_db.environment.site import Site

__all__ = ["command"]


@click.command("backup")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@site_options
@replace_option
@options.json_option
@options.debug_option
def command(site: Site, file: Path | None, *, replace: bool, as_json: bool) -> None:
    """Write the database and the keys of Redis into FILE, from which `swe-db restore` brings them back anywhere.

    FILE may be a directory; left out, it is DATABASE-DATE-TIME.tar in the present one. Only its owner may read it.
    Others may use the database meanwhile; what they change from now on is not part of it.
    """
    from swe_db.environment.backup import make_backup  # noqa: PLC0415 - imports psycopg

    report = make_backup(site, file, telling(), replace=replace)
    if as_json:
        options.print_json(_as_object(report))
        return
    click.echo(f"wrote {report.path}: {_content(report)}")
    click.echo(f"bring it back: {command_line(site, f'restore {shlex.quote(str(report.path))}')}")


def _as_object(report: BackupReport) -> dict[str, object]:
    return dataclasses.asdict(report) | {"made": report.made.isoformat()}


def _content(report: BackupReport) -> str:

    content = f"database {report.database} of PostgreSQL {report.postgres}, {counted_keys(report.redis_keys)}"
    return f"{shown_size(report.bytes)}, {content}"
