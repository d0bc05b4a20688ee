"""`swe-db generate`."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from swe_db.cli import options, writing
from swe_db.cli.libraries import require_libraries
from swe_db.cli.progress import shown_progress
from swe_db.errors import GenerateError

if TYPE_CHECKING:
    from swe_db.generate.load.loading import Report
    from swe_db.generate.plan import Plan

__all__ = ["SCALES", "command", "fill", "plan_of", "print_report"]

SCALES: Final = ("small", "team", "company", "capacity")
_PLANNING: Final = ("scale", "rows", "seed", "as_of")


def _rows(_ctx: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, int]:
    matches = {value: re.fullmatch(r"([a-z_]+)=([0-9]{1,12})", value) for value in values}
    for value, match in matches.items():
        if match is None:
            raise click.BadParameter(f"{value!r} is not of the form TABLE=NUMBER, for instance tasks=5000")
    return {match[1]: int(match[2]) for match in matches.values() if match}


@click.command("generate")
@options.url_option
@options.local_name_option
@click.option(
    "--scale",
    type=click.Choice(SCALES),
    default="small",
    show_default=True,
    help="How much: 1,000, 10,000, 100,000 or 1,000,000 tasks, with ten times as many audit rows and all the rest.",
)
@click.option(
    "--rows",
    multiple=True,
    callback=_rows,
    metavar="TABLE=NUMBER",
    help="Another number of users, projects, agents, tasks or audit_logs, the seeds included (repeatable).",
)
@click.option("--seed", type=click.IntRange(min=0), default=42, show_default=True, help="The same seed, the same rows.")
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="The day on which the history ends (2026-07-01)."
)
@click.option("--jobs", type=click.IntRange(min=1), help="Processes at once (default: the processors, 8 at most).")
@click.option("--shard", metavar="I/N", help="Only the I-th of N shares, so that several runs divide the work.")
@click.option(
    "--format",
    "file_format",
    type=click.Choice(writing.FORMATS),
    default="copy",
    show_default=True,
    help="Into a database by COPY, or into files.",
)
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="The directory for the files.")
@click.option(
    "--profile",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help=f"Where to write the page about the data set (default: {writing.PROFILE}; for files DIR/profile.html).",
)
@click.option("--no-profile", is_flag=True, help="Do without that page.")
@click.option("--resume", is_flag=True, help="Go on with a run that was broken off; begin if there is none.")
@click.option(
    "--reset",
    is_flag=True,
    help="Empty the database first, your own tables that refer to it too, down to the seeds and those of --seeds; or "
    "remove the files first.",
)
@options.seeds_option
@options.yes_destroy_option
@click.option("--no-space-check", is_flag=True, help="Begin although the disk seems too small.")
@options.lock_timeout_option
@options.json_option
@options.debug_option
def command(
    postgres_url: str | None,
    local_name: str | None,
    *,
    resume: bool,
    reset: bool,
    as_json: bool,
    **choices: Any,  # noqa: ANN401
) -> None:
    """Fill a database that is migrated and seeded with realistic data, the same on every machine; or write it to files.

    What is committed stays if the run is broken off, and --resume goes on from there. Of several runs with --shard, on
    as many machines as you like, the last one finishes; else `swe-db generate --resume` does.
    """
    if resume and reset:
        raise click.UsageError("--resume goes on with what is there, and --reset removes it: give one of them.")
    if options.is_typed("seeds") and not reset:
        raise click.UsageError("--seeds is for --reset, after which they are applied; else `swe-db seed` applies them.")
    writing.check_choices(choices["file_format"], choices["out"])
    plan = (
        None
        if resume and not any(map(options.is_typed, _PLANNING))
        else plan_of(**{choice: choices[choice] for choice in _PLANNING})
    )
    if choices["out"] is not None:
        _write(plan, choices, resume=resume, reset=reset, as_json=as_json)
        return
    target = options.resolve_target(postgres_url, local_name)
    report = fill(
        target.postgres_url,
        plan,
        shard=choices["shard"],
        jobs=choices["jobs"],
        resume=resume,
        reset=reset,
        seeds=choices["seeds"],
        yes_destroy=choices["yes_destroy"],
        check_space=not choices["no_space_check"],
        lock_timeout=choices["lock_timeout"],
    )
    options.print_json(report) if as_json else print_report(report, _flag(target))
    if report.finished and not choices["no_profile"]:
        path = choices["profile"] or Path(writing.PROFILE)
        writing.write_profile(target.postgres_url, path)
        click.echo(f"profile: {path}", err=as_json)


def _flag(target: options.Target) -> str:
    """Return how a further command line names a database, with a space before it and without a password."""
    if target.environment is not None:
        from swe_db import environment  # noqa: PLC0415 - not needed for help texts

        return environment.flag(target.environment.name)
    return " --postgres-url …" if options.is_typed("postgres_url") else ""


def _write(plan: Plan | None, choices: Mapping[str, Any], *, resume: bool, reset: bool, as_json: bool) -> None:
    require_libraries()
    from swe_db.generate.run import Shard  # noqa: PLC0415 - imports numpy and pyarrow

    report = writing.write_files(
        choices["out"],
        choices["file_format"],
        plan,
        shard=Shard.parse(choices["shard"]) if choices["shard"] else None,
        jobs=choices["jobs"],
        resume=resume,
        reset=reset,
        check_space=not choices["no_space_check"],
        profile=choices["profile"],
        with_profile=not choices["no_profile"],
    )
    options.print_json(report) if as_json else writing.print_written(report)


def fill(url: str, plan: Plan | None, *, shard: str | None = None, **wishes: Any) -> Report:  # noqa: ANN401
    """Fill a database and show how far it has come.

    Args:
        url: A libpq URL.
        plan: The data set; None for that which the database holds a part of.
        shard: Which share of it, such as `2/8`; None for all.
        wishes: What else `swe_db.generate.generate` takes.

    Raises:
        ConfigError: Something makes no sense, or a library is missing.
        GenerateError: It was broken off; and whatever `swe_db.generate.generate` raises.
    """
    require_libraries()
    from swe_db.generate.load.loading import generate  # noqa: PLC0415 - imports numpy and pyarrow
    from swe_db.generate.run import Shard  # noqa: PLC0415

    with shown_progress() as show:
        try:
            return generate(url, plan, shard=Shard.parse(shard) if shard else None, on_progress=show, **wishes)
        except KeyboardInterrupt:
            raise GenerateError("Interrupted. What is committed stays: go on with --resume.") from None


def print_report(report: Report, flag: str) -> None:
    """Print what a run did.

    Args:
        report: What it did.
        flag: How a further command line names the database, with a space before it.
    """
    if report.found is not None:
        click.echo(f"loaded on {report.found:%Y-%m-%d}; nothing to do")
        return
    spent = sum(report.seconds.values())
    loading = report.seconds.get("loading", 0.0)
    if report.loaded:
        speed = f", {report.loaded / loading:,.0f} rows/s" if loading else ""
        click.echo(f"loaded {report.loaded:,} rows ({report.size / 1e6:,.1f} MB) in {spent:.1f} s{speed}")
    for table, rows in report.rows.items():
        click.echo(f"  {table:<29}{rows:>13,}")
    if report.finished:
        click.echo(click.style("it holds what was planned", fg="green"))
        return
    shards = ", ".join(f"{count} of shard {shard}" for shard, count in report.missing.items())
    click.echo(f"{sum(report.missing.values())} parts are missing: {shards}")
    click.echo(f"The shard that loads the last of them finishes; to be sure: swe-db generate{flag} --resume")


def plan_of(
    scale: str, *, rows: Mapping[str, int] | None = None, seed: int = 42, as_of: dt.datetime | None = None
) -> Plan:
    """Return the plan of a scale, with what else a user chose.

    Raises:
        ConfigError: It makes no sense, or a library is missing.
    """
    require_libraries()
    from swe_db.generate.plan import DEFAULT_AS_OF, Plan  # noqa: PLC0415 - imports numpy

    return Plan.of(scale, rows=rows, seed=seed, as_of=as_of.date() if as_of else DEFAULT_AS_OF)
