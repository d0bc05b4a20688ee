"""`swe-db status`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from swe_db.cli import options
from swe_db.cli.ages import shown_age
from swe_db.errors import redact
from swe_db.servers.room import shown_size

if TYPE_CHECKING:
    from swe_db.environment.overview import ServiceSurvey, Survey

__all__ = ["command"]


@click.command("status")
@options.name_option
@options.migrations_option
@options.json_option
@options.debug_option
def command(name: str | None, migrations: tuple[Path, ...], *, as_json: bool) -> None:
    """Show a local environment, or all of them: what runs, versions, ports, sizes, migrations."""
    from swe_db import environment  # noqa: PLC0415 - not needed for help texts

    wanted = [name] if name else environment.names()
    found = [environment.survey(environment.find(each), migrations) for each in wanted]
    if as_json:
        options.print_json({"environments": found})
    elif found:
        click.echo("\n".join(_lines(each) for each in found))
    else:
        click.echo("There is no local environment; `swe-db up` makes one.")


def _lines(found: Survey) -> str:
    from swe_db import environment  # noqa: PLC0415 - not needed for help texts

    state = "running" if found.running else f"not running; `swe-db up{environment.flag(found.name)}` starts it"
    head = f"{found.name} ({found.backend}): {state}"
    disk = "" if found.disk is None else f", {shown_size(found.disk)} of data on disk"
    rows = [
        ("postgres", f"{_service(found.postgres)}{_postgres(found)}"),
        ("redis", f"{_service(found.redis)}{_redis(found.redis)}"),
        ("migrations", _migrations(found)),
        ("directory", f"{found.directory}{disk}"),
    ]
    return "\n".join([head, *(redact(f"  {name:<12}{text}") for name, text in rows)])


def _service(service: ServiceSurvey) -> str:
    version = service.version or "version not known"
    place = f"{version} ({service.backend or 'no backend yet'}), {service.host}:{service.port}"
    if service.trouble:
        return f"{place}, {service.trouble}"
    return f"{place}, up for {shown_age(service.uptime or 0)}" if service.running else f"{place}, stopped"


def _postgres(found: Survey) -> str:
    if found.postgres.uptime is None:
        return ""
    size = "is not there" if found.postgres.size is None else f"has {shown_size(found.postgres.size)}"
    return f", database {found.database} {size}"


def _redis(service: ServiceSurvey) -> str:
    return "" if service.size is None else f", {service.keys} keys in {shown_size(service.size)} of memory"


def _migrations(found: Survey) -> str:
    if found.migrations is None:
        return "not known"
    return ", ".join(f"{count} {state}" for state, count in sorted(found.migrations.items())) or "none"
