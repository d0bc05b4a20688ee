"""One model of the settings, from which every name derives."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from swe_db.config import OPTIONS, Config, Lookup, Option, resolve
from swe_db.errors import ConfigError


def nothing(_: Option) -> object:
    """A place where no option is set."""
    return None


def only(name: str, value: object) -> Lookup:
    """A place where one option is set."""
    return lambda option: value if option.name == name else None


def test_every_field_has_its_three_names() -> None:
    """Flag, ini name and environment variable differ only in their spelling."""
    for option in OPTIONS:
        assert option.ini == option.flag.removeprefix("--").replace("-", "_")
        assert option.env == option.ini.upper()
    assert [option.name for option in OPTIONS] == [field.name for field in dataclasses.fields(Config)]


def test_the_names_of_the_contract() -> None:
    """These names are promised."""
    flags = {option.flag for option in OPTIONS}
    promised = [
        "backend",
        "redis-backend",
        "postgres-url",
        "redis-url",
        "postgres-version",
        "migrations",
        "seeds",
        "env",
    ]
    assert {"--swe-db", *(f"--swe-db-{name}" for name in promised)} <= flags


def test_nobody_says_anything() -> None:
    """Without any source all is as the dataclass has it."""
    settings = resolve(command_line=nothing, environ={}, ini=nothing)
    assert settings.config == Config()
    assert {settings.source(option.name) for option in OPTIONS} == {"default"}


@pytest.mark.parametrize(
    ("command_line", "environ", "ini", "value", "source"),
    [
        ("local", "url", "auto", "local", "--swe-db-backend"),
        (None, "url", "auto", "url", "SWE_DB_BACKEND"),
        (None, "", "embedded", "embedded", "ini swe_db_backend"),
        (None, None, "embedded", "embedded", "ini swe_db_backend"),
    ],
)
def test_the_nearer_place_wins(
    command_line: str | None, environ: str | None, ini: str, value: str, source: str
) -> None:
    """Command line, environment, ini file, default: in this order; an empty variable counts as not set."""
    settings = resolve(
        command_line=only("backend", command_line),
        environ={} if environ is None else {"SWE_DB_BACKEND": environ},
        ini=only("backend", ini),
    )
    assert (settings.config.backend, settings.source("backend")) == (value, source)


def test_false_can_override_true() -> None:
    """A false from a nearer place is a value, not the absence of one."""
    settings = resolve(command_line=nothing, environ={"SWE_DB": "off"}, ini=only("enabled", value=True))
    assert settings.config.enabled is False


def test_paths_are_separated_as_the_system_does() -> None:
    """Several directories stand in one variable."""
    settings = resolve(command_line=nothing, environ={"SWE_DB_SEEDS": f"a{os.pathsep}b"}, ini=nothing)
    assert settings.config.seeds == (Path("a"), Path("b"))


@pytest.mark.parametrize(("name", "text"), [("SWE_DB", "perhaps"), ("SWE_DB_BACKEND", "moon")])
def test_a_wrong_value_names_its_place(name: str, text: str) -> None:
    """The error says which variable has what value, and what it may be."""
    with pytest.raises(ConfigError, match=f"{name} is '{text}'.*use "):
        resolve(command_line=nothing, environ={name: text}, ini=nothing)


def test_a_shown_url_has_no_password() -> None:
    """What is printed of a URL hides its password."""
    [option] = [option for option in OPTIONS if option.name == "postgres_url"]
    assert option.shown("postgresql://me:geheim@h/x") == "postgresql://me:***@h/x"


def test_numbers() -> None:
    """A number is read from every place, and what is none is quoted."""
    settings = resolve(command_line=nothing, environ={"SWE_DB_RANDOM_SEED": "-7"}, ini=nothing)
    assert settings.config.random_seed == -7
    with pytest.raises(ConfigError, match=r"SWE_DB_RANDOM_SEED is 'seven', which is no whole number"):
        resolve(command_line=nothing, environ={"SWE_DB_RANDOM_SEED": "seven"}, ini=nothing)
