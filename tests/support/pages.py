"""The code blocks of README.md and docs/*.md, and what is wrong with one.

Every page's blocks are tested by tests/test_docs.py, those of a new page too, without a word in a test:

- `python` with a `def test_` in it is a file of tests, which passes as it stands with `--swe-db`. Other `python` is a
  program that runs where DATABASE_URL, PG* and REDIS_URL are set, as by the fixture `swe_env`; our examples' URLs
  (`URLS` below) mean the same servers.
- `sh` and `console` (what follows `$ `): the shell takes it; of each `swe-db …` the command, its options and its
  choices exist, and so do the `--swe-db-…` of each `pytest …`. Nothing is run.
- `sql` runs in a transaction on a seeded database, which is rolled back; where it has parameters it is only prepared.
- `ini` and `toml` can be read, and each name in them that begins with swe_db is a setting; `json` can be read.

A block that cannot be so is left out by a line above it: `<!-- not run: why -->`.
"""

from __future__ import annotations

import configparser
import dataclasses
import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import click
from psycopg import Connection

from swe_db.cli import cli
from swe_db.config import OPTIONS
from swe_db.migrations.scanner import scan

__all__ = ["Block", "blocks_of", "call_problem", "settings_problems", "shell_problems", "sql_problem", "test_file"]

URLS: Final = {
    "postgresql://user:PASSWORD@localhost:5432/app": "DATABASE_URL",
    "redis://localhost:6379/0": "REDIS_URL",
}
FENCE: Final = re.compile(r"^( *)```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
NOT_RUN: Final = re.compile(r"<!-- not run: \S.*-->\s*$")
PROGRAM: Final = """
def test_program(swe_env):
    import os
    source = {source!r}
    for url, name in {urls!r}.items():
        source = source.replace(url, os.environ[name])
    exec(compile(source, {name!r}, "exec"), {{"__name__": "__main__"}})
"""
PARAMETER: Final = r"%\((\w+)\)s"
FLAGS: Final = frozenset(name for option in OPTIONS for name in (option.flag, f"--no-{option.flag.removeprefix('--')}"))
NAMES: Final = frozenset(option.ini for option in OPTIONS)
ENDS: Final = re.compile(r"&&|\|\|?|;|\n|>|<|\$\(|\)|`")


@dataclasses.dataclass(frozen=True)
class Block:
    """A code block.

    Attributes:
        page: The file.
        line: The number of its first line of code.
        language: What stands behind its fence.
        text: Its code, without the indentation of the fence.
        left_out: Whether the line above says that it is not run.
    """

    page: Path
    line: int
    language: str
    text: str
    left_out: bool

    @property
    def name(self) -> str:
        """How it is shown: `redis.md:26`."""
        return f"{self.page.name}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    """Return the code blocks of a page, in their order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            page,
            text.count("\n", 0, found.start()) + 2,
            found[2],
            re.sub(rf"^{found[1]}", "", found[3], flags=re.MULTILINE),
            bool(NOT_RUN.search(text[: found.start()])),
        )
        for found in FENCE.finditer(text)
    ]


def test_file(block: Block) -> tuple[str, int]:
    """Return a file of tests that shows of a block of Python that it is true, and how many tests there are in it."""
    count = block.text.count("def test_")
    if count:
        return block.text, count
    source = "\n" * (block.line - 1) + block.text  # so that a traceback has the page's lines
    return PROGRAM.format(source=source, urls=URLS, name=str(block.page)), 1


def shell_problems(block: Block) -> list[str]:
    """Return what is wrong with a block of commands."""
    script = _script(block)
    done = subprocess.run(["/bin/sh", "-n"], input=script, capture_output=True, text=True, check=False)
    problems = [done.stderr.strip()] if done.returncode else []
    for words in _calls(script):
        if words[0] == "swe-db":
            problems += [call_problem(words[1:])]
        elif "pytest" in words[0]:
            problems += [f"there is no {flag}" for flag in _flags(words) if flag not in FLAGS]
    return [problem for problem in problems if problem]


def _script(block: Block) -> str:
    if block.language == "sh":
        return block.text
    return "\n".join(line[2:] for line in block.text.splitlines() if line.startswith("$ "))


def _calls(script: str) -> Iterator[list[str]]:
    """Yield the words of each call of a program, as far as can be told without a shell."""
    joined = script.replace("\\\n", " ")
    for part in ENDS.split("\n".join(line for line in joined.splitlines() if not line.lstrip().startswith("#"))):
        try:
            words = shlex.split(part, comments=True)
        except ValueError:  # a quotation that goes on behind what was taken for an end
            words = part.split()
        while words and re.fullmatch(r"\w+=\S*|eval|sudo|exec|time", words[0]):
            words = words[1:]
        if words:
            yield [words[0].rpartition("/")[2], *words[1:]]


def _flags(words: Sequence[str]) -> list[str]:
    return [word.partition("=")[0] for word in words if re.match(r"--(no-)?swe-db", word)]


def call_problem(arguments: Sequence[str]) -> str:
    """Return what is wrong with a call of `swe-db`: its command, options or choices; empty if nothing is."""
    command: click.Command = cli
    words = list(arguments)
    context = click.Context(command, info_name="swe-db")
    while isinstance(command, click.Group):
        if not words:
            return "" if context.parent is None else f"{context.command_path} wants a command"
        if words[0].startswith("-"):
            return "" if words[0] in ("--version", "--help", "-h") else f"{words[0]} is not for {context.command_path}"
        found = command.get_command(context, words[0])
        if found is None:
            return f"there is no command {context.command_path} {words[0]}"
        command, words = found, words[1:]
        context = click.Context(command, parent=context, info_name=found.name)
    return _parameter_problem(command, context, words)


def _parameter_problem(command: click.Command, context: click.Context, words: list[str]) -> str:
    try:
        values, rest, _ = command.make_parser(context).parse_args(list(words))
        for parameter in command.params:
            if isinstance(parameter.type, click.Choice):
                _check_choice(parameter, context, values.get(str(parameter.name)))
    except click.UsageError as error:
        return f"{context.command_path}: {error.format_message()}"
    return f"{context.command_path} takes no {' '.join(rest)}" if rest else ""


def _check_choice(parameter: click.Parameter, context: click.Context, value: Any) -> None:
    for each in value if isinstance(value, list | tuple) else [value]:
        if isinstance(each, str) and not each.startswith("$"):
            parameter.type.convert(each, parameter, context)


def sql_problem(connection: Connection[Any], block: Block) -> str:
    """Run a block of SQL in a transaction that is rolled back, and return what PostgreSQL says of it."""
    import psycopg  # noqa: PLC0415 - the other blocks need no database

    try:
        with connection.transaction(force_rollback=True):
            for statement in scan(block.text).statements:
                _run_or_prepare(connection, statement.text)
    except psycopg.Error as error:
        return str(error)
    return ""


def _run_or_prepare(connection: Connection[Any], statement: str) -> None:
    names = list(dict.fromkeys(re.findall(PARAMETER, statement)))
    if not names:
        connection.execute(statement.encode())
        return
    numbered = re.sub(PARAMETER, lambda found: f"${names.index(found[1]) + 1}", statement)
    connection.execute(f"PREPARE documented AS {numbered}".encode())
    connection.execute("DEALLOCATE documented")


def settings_problems(block: Block) -> list[str]:
    """Return what is wrong with a block of settings or data."""
    try:
        found = list(_names(block))
    except (ValueError, configparser.Error) as error:  # of both json and tomllib
        return [str(error)]
    return [f"there is no setting {name}" for name in found if name.startswith("swe_db") and name not in NAMES]


def _names(block: Block) -> Iterator[str]:
    if block.language == "json":
        json.loads(block.text)
    elif block.language == "toml":
        yield from _keys(tomllib.loads(block.text))
    else:
        parser = configparser.ConfigParser(interpolation=None)
        parser.read_string(block.text)
        yield from (name for section in parser.sections() for name in parser[section])


def _keys(table: dict[str, Any]) -> Iterator[str]:
    for name, value in table.items():
        yield name
        if isinstance(value, dict):
            yield from _keys(value)
