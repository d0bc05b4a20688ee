"""The settings of the project in this directory: those that a run of pytest would have here."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import shlex
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from swe_db.config import Option, Settings, resolve
from swe_db.errors import ConfigError

if TYPE_CHECKING:
    import pytest

__all__ = ["Project", "Source", "read_project"]

Kind: TypeAlias = Literal["flag", "env", "ini", "default"]

NAMES: Final = ("swe_db", "swe_db.plugin")  # the plugin's, as an entry point and after -p


class _Enough(Exception):  # noqa: N818 - no error: it ends pytest's start where all is known
    pass


@dataclasses.dataclass(frozen=True)
class Source:
    """Where a value came from: what kind of place, and which: a flag and its origin, a variable, an ini file."""

    kind: Kind
    place: str


@dataclasses.dataclass(frozen=True)
class Project:
    """What pytest finds in this directory.

    Attributes:
        settings: The settings of swe-db.
        rootdir: pytest's root directory.
        ini_file: The file that its settings are in, None without one.
        loads_plugin: Whether pytest loads the plugin; where it does not, only the environment was looked at.
        arguments: What it was called with.
        overrides: The ini settings that the command line gives, with `-o name=value`.
    """

    settings: Settings
    rootdir: Path
    ini_file: Path | None
    loads_plugin: bool
    arguments: Sequence[str]
    overrides: Sequence[str]

    def source(self, option: Option) -> Source:
        """Return where the value of a setting came from."""
        said = self.settings.source(option.name)
        if said == "default":
            return Source("default", "")
        if said == option.env:
            return Source("env", option.env)
        if said == option.flag:
            return Source("flag", self._origin_of_flag(option))
        return Source("ini", "-o on the command line" if option.ini in self.overrides else str(self.ini_file))

    def _origin_of_flag(self, option: Option) -> str:
        names = (option.flag, f"--no-{option.flag.removeprefix('--')}")
        if _has_flag(self.arguments, names):
            return option.flag
        given = _has_flag(shlex.split(os.environ.get("PYTEST_ADDOPTS", "")), names)
        return f"{option.flag} in {'PYTEST_ADDOPTS' if given else f'addopts of {self.ini_file}'}"


def read_project(arguments: Sequence[str] = ()) -> Project:
    """Let pytest read its configuration as a run would, up to where it would import something of the project.

    Args:
        arguments: pytest's command line.

    Raises:
        ConfigError: pytest cannot read it, or a value is not acceptable.
    """
    import pytest  # noqa: PLC0415 - 150 ms that only those pay who ask

    found: list[Project] = []

    class Probe:
        @pytest.hookimpl(wrapper=True, tryfirst=True)
        def pytest_load_initial_conftests(self, early_config: pytest.Config) -> Generator[None, object, object]:
            found.append(_project(early_config, arguments))
            _stop()
            return (yield)

    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            # Nothing is to be rewritten: what is imported already would be warned of.
            pytest.main(["--assert=plain", *arguments], plugins=[Probe()])
    except _Enough:
        return found[0]
    except Exception as error:
        raise ConfigError(f"pytest cannot start here: {type(error).__name__}: {error}") from error
    reason = said.getvalue().strip().removeprefix("ERROR: ") or "it says nothing"
    raise ConfigError(f"pytest cannot read its configuration here: {reason}")


def _stop() -> None:
    raise _Enough


def _project(config: pytest.Config, arguments: Sequence[str]) -> Project:
    namespace: Any = config.known_args_namespace
    plugin: Any = next(filter(None, map(config.pluginmanager.get_plugin, NAMES)), None)
    settings = (
        plugin.read_settings(config, namespace)
        if plugin is not None
        else resolve(command_line=lambda _: None, environ=os.environ, ini=lambda _: None)
    )
    overrides = [each.partition("=")[0] for each in getattr(namespace, "override_ini", None) or ()]
    return Project(settings, config.rootpath, config.inipath, plugin is not None, tuple(arguments), overrides)


def _has_flag(arguments: Sequence[str], names: Sequence[str]) -> bool:
    return any(argument.partition("=")[0] in names for argument in arguments)
