"""`swe-db snapshot`."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING

import click

from swe_db.cli import options
from swe_db.cli.ages import shown_age
from swe_db.cli.site import (
    command_line,
    counted_keys,
    force_option,
    replace_option,
    site_options,
    telling,
    yes_destroy_redis_option,
)
from swe_db.servers.room import shown_size

if TYPE_CHECKING:
    from swe_db.environment.site import Site
    from swe_db.environment.snapshots import Snapshot

__all__ = ["command"]


@click.group("snapshot", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Copies of the database on its own server, with the keys of Redis, from which it comes back at once."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(2)


@command.command("save")
@click.argument("snapshot")
@site_options
@click.option("--comment", default="", metavar="TEXT", help="What `snapshot list` is to say of it.")
@replace_option
@force_option
@options.json_option
@options.debug_option
def save(  # noqa: PLR0913 - one for each option
    site: Site, snapshot: str, *, comment: str, replace: bool, force: bool, as_json: bool
) -> None:
    """Save the database and the keys of Redis under the name SNAPSHOT.

    Nobody else may be connected to the database in this moment; the message says who is.
    """
    from swe_db.environment.snapshots import save_snapshot  # noqa: PLC0415 - imports psycopg

    saved = save_snapshot(site, snapshot, telling(), comment=comment, replace=replace, force=force)
    if as_json:
        options.print_json(as_object(saved))
        return
    click.echo(f"saved {saved.name}: {_content(saved)}")
    click.echo(f"bring it back: {command_line(site, f'snapshot restore {saved.name}')}")


@command.command("restore")
@click.argument("snapshot")
@site_options
@force_option
@options.yes_destroy_option
@yes_destroy_redis_option
@options.json_option
@options.debug_option
def restore(  # noqa: PLR0913 - one for each option
    site: Site, snapshot: str, *, force: bool, yes_destroy: str | None, yes_destroy_redis: str | None, as_json: bool
) -> None:
    """Put a copy of SNAPSHOT in the place of the database, and its keys in that of those of Redis.

    What the database holds now is lost, unless it was saved. It stays as it is until the copy is ready.
    """
    from swe_db.environment.snapshots import restore_snapshot  # noqa: PLC0415 - imports psycopg

    restored = restore_snapshot(
        site, snapshot, telling(), force=force, yes_destroy=yes_destroy, yes_destroy_redis=yes_destroy_redis
    )
    if as_json:
        options.print_json(as_object(restored))
    else:
        click.echo(f"restored {restored.name}: database {restored.database} is what it was {_age(restored.made)} ago")


@command.command("list")
@site_options
@options.json_option
@options.debug_option
def show(site: Site, *, as_json: bool) -> None:
    """List the snapshots of the database, the oldest first."""
    from swe_db.environment.snapshots import list_snapshots  # noqa: PLC0415 - imports psycopg

    snapshots = list_snapshots(site, telling())
    if as_json:
        options.print_json({"snapshots": [as_object(snapshot) for snapshot in snapshots]})
    elif snapshots:
        _print_table(snapshots)
    else:
        click.echo(f"no snapshots yet; this makes one: {command_line(site, 'snapshot save NAME')}")


@command.command("rm")
@click.argument("snapshot")
@site_options
@options.json_option
@options.debug_option
def remove(site: Site, snapshot: str, *, as_json: bool) -> None:
    """Remove a SNAPSHOT for ever."""
    from swe_db.environment.snapshots import remove_snapshot  # noqa: PLC0415 - imports psycopg

    removed = remove_snapshot(site, snapshot, telling())
    if as_json:
        options.print_json(as_object(removed))
    else:
        click.echo(f"removed {removed.name}: {_content(removed)}")


def as_object(snapshot: Snapshot) -> dict[str, object]:
    """Return a snapshot as a JSON object."""
    return dataclasses.asdict(snapshot) | {"made": snapshot.made.isoformat()}


def _content(snapshot: Snapshot) -> str:
    """Return what a snapshot holds, in words."""
    return ", ".join([f"database {snapshot.database}", _size(snapshot), counted_keys(snapshot.redis_keys)])


def _size(snapshot: Snapshot) -> str:

    return "size not known" if snapshot.bytes is None else shown_size(snapshot.bytes)


def _print_table(snapshots: list[Snapshot]) -> None:
    rows = [("NAME", "SIZE", "AGE", "MIGRATION", "REDIS", "COMMENT")]
    rows += [
        (
            each.name,
            _size(each),
            _age(each.made),
            "none" if each.migration is None else f"{each.migration:03}",
            counted_keys(each.redis_keys).removesuffix(" of Redis"),
            each.comment,
        )
        for each in snapshots
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def _age(made: dt.datetime) -> str:
    return shown_age((dt.datetime.now(dt.UTC) - made).total_seconds())
