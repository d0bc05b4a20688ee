"""`swe-db config`."""

from __future__ import annotations

from typing import Any, Final

import click

from swe_db.cli import options
from swe_db.cli.project import Project, read_project
from swe_db.config import OPTIONS, Option
from swe_db.errors import redact

__all__ = ["command"]

DEFAULT: Final = "default"
NOT_LOADED: Final = (
    "pytest does not load the plugin swe_db here, so that only the environment counts; see `pytest --trace-config`"
)


@click.command("config")
@click.argument("pytest_arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- PYTEST_ARGUMENT...]")
@options.json_option
@options.debug_option
def command(pytest_arguments: tuple[str, ...], *, as_json: bool) -> None:
    """Show every setting, its value, and where it came from: a flag, the environment, the ini file, or the default.

    pytest itself is asked, so that pyproject.toml, pytest.ini, tox.ini, setup.cfg, addopts and PYTEST_ADDOPTS count as
    they do in a run in this directory; nothing of the project is imported and no server is started. Each
    PYTEST_ARGUMENT is what a run would be called with: `swe-db config -- -c ci.ini --swe-db-backend docker tests/unit`.
    """
    project = read_project(pytest_arguments)
    if as_json:
        options.print_json(_as_object(project))
    else:
        _print(project)


def _as_object(project: Project) -> dict[str, object]:
    return {
        "rootdir": project.rootdir,
        "ini_file": project.ini_file,
        "loads_plugin": project.loads_plugin,
        "settings": [_setting(project, option) for option in OPTIONS],
    }


def _setting(project: Project, option: Option) -> dict[str, Any]:
    source = project.source(option)
    return {
        "name": option.name,
        "value": _plain(getattr(project.settings.config, option.name)),
        "source": source.kind,
        "place": source.place,
        "flag": option.flag,
        "ini": option.ini,
        "env": option.env,
        "default": _plain(option.default),
        "help": option.help,
    }


def _plain(value: object) -> object:
    """Return a value as JSON has it, without a password."""
    if isinstance(value, tuple):
        return [str(part) for part in value]
    return redact(value) if isinstance(value, str) else value


def _print(project: Project) -> None:
    click.echo(f"rootdir {project.rootdir}, ini file {project.ini_file or 'none'}")
    if not project.loads_plugin:
        click.echo(click.style(NOT_LOADED, fg="yellow"))
    click.echo()
    rows = [("setting", "value", "from")]
    rows += [(option.ini, _shown(project, option), project.source(option).place or DEFAULT) for option in OPTIONS]
    widths = [max(len(row[place]) for row in rows) for place in (0, 1)]
    for number, (name, value, origin) in enumerate(rows):
        line = f"{name:<{widths[0]}}  {value:<{widths[1]}}  {origin}"
        click.echo(click.style(line, bold=number == 0, dim=origin == DEFAULT))


def _shown(project: Project, option: Option) -> str:
    value = getattr(project.settings.config, option.name)
    if value is None or value == ():
        return "-"
    return str(value).lower() if isinstance(value, bool) else option.shown(value)
