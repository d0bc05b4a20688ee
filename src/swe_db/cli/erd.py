"""`swe-db erd`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from swe_db.cli import options

if TYPE_CHECKING:
    from swe_db.schema.areas import Area
    from swe_db.schema.catalogue import Catalogue, Table

__all__ = ["command"]


def _complete_area(_ctx: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    from swe_db.schema.areas import ORDER, OTHERS  # noqa: PLC0415 - imports psycopg

    return [name for name in (*ORDER, OTHERS) if name.startswith(begun) and name != "functions"]


@click.command("erd")
@click.argument("tables", nargs=-1, metavar="[TABLE]...")
@options.target_options
@click.option(
    "--area",
    "areas",
    multiple=True,
    metavar="AREA",
    shell_complete=_complete_area,
    help="Only the tables of an area (repeatable).",
)
@click.option("--tables", "without_columns", is_flag=True, help="Only tables and their relations, without columns.")
@click.option("--markdown", is_flag=True, help="Print a page about the schema: diagrams, and all about each table.")
@options.json_option
@options.debug_option
def command(  # noqa: PLR0913 - one for each option
    tables: tuple[str, ...],
    target: options.Target,
    areas: tuple[str, ...],
    *,
    without_columns: bool,
    markdown: bool,
    as_json: bool,
) -> None:
    """Draw the schema of a database: Mermaid's erDiagram, from the catalogue.

    Without TABLE and --area all tables of schema public are drawn. The areas are users, projects, agents, issues,
    evidence, audit_logs and schema_migrations; what your own migrations make is in the area others. Partitions are part
    of their table.
    """
    if markdown and (tables or areas or without_columns or as_json):
        raise click.UsageError("--markdown prints the whole page: it goes with no other choice.")
    from swe_db.schema.areas import areas_of  # noqa: PLC0415 - imports psycopg
    from swe_db.schema.catalogue import read_catalogue  # noqa: PLC0415
    from swe_db.schema.page import schema_page  # noqa: PLC0415

    catalogue = read_catalogue(target.postgres_url)
    if markdown:
        click.echo(schema_page(catalogue), nl=False)
        return
    chosen = _chosen(areas_of(catalogue), areas, tables)
    if as_json:
        options.print_json(_as_object(catalogue, chosen))
    else:
        _print(chosen, columns=not without_columns)


def _chosen(found: Sequence[Area], areas: Sequence[str], tables: Sequence[str]) -> tuple[Area, ...]:
    """Return the areas with the tables that are asked for: those of the areas named, and those named themselves."""
    drawn = [area for area in found if area.tables]
    _check("area", areas, [area.name for area in drawn])
    _check("table", tables, [table.name for area in drawn for table in area.tables])
    if not areas and not tables:
        return tuple(drawn)
    narrowed = (
        area if area.name in areas else dataclasses.replace(area, tables=_named(area.tables, tables)) for area in drawn
    )
    return tuple(area for area in narrowed if area.tables)


def _named(tables: Sequence[Table], names: Sequence[str]) -> tuple[Table, ...]:
    return tuple(table for table in tables if table.name in names)


def _check(kind: str, asked: Sequence[str], known: Sequence[str]) -> None:
    unknown = [name for name in asked if name not in known]
    if unknown:
        raise click.UsageError(f"There is no {kind} {', '.join(unknown)} here. There are {', '.join(known)}.")


def _as_object(catalogue: Catalogue, areas: Sequence[Area]) -> dict[str, object]:
    return {
        "database": catalogue.database,
        "version": catalogue.version,
        "areas": [{"name": area.name, "tables": area.tables} for area in areas],
        "relations": [relation for area in areas for table in area.tables for relation in table.relations],
    }


def _print(areas: Sequence[Area], *, columns: bool) -> None:
    from swe_db.schema.mermaid import er_diagram  # noqa: PLC0415

    headings = {area.tables[0].name: area.name for area in areas}
    tables = [table for area in areas for table in area.tables]
    click.echo(er_diagram(tables, columns=columns, headings=headings), nl=False)
