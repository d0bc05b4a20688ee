"""The tables of the README and of docs/ that come from the code. Run this file to bring them up to date."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import click

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.capacity.questions import Question, questions
from swe_db import fixtures, service_fixtures
from swe_db.cli import LONGEST_SENTENCE, cli
from swe_db.config import OPTIONS, Option
from swe_db.factories import ALL

Named: TypeAlias = tuple[tuple[str, ...], click.Command]

README = Path(__file__).parents[2] / "README.md"
FIXTURES = {name: module for module in (fixtures, service_fixtures) for name in module.__all__}
FACTORIES = README.parent / "docs" / "factories.md"
CLI = README.parent / "docs" / "cli.md"
QUERIES = README.parent / "docs" / "queries.md"
INDEX = README.parent / "docs" / "README.md"
TESTING = README.parent / "docs" / "testing.md"
DOCUMENTS = (
    README,
    FACTORIES,
    CLI,
    QUERIES,
    *(README.parent / "docs" / f"{name}.md" for name in ("redis", "settings", "speed")),
)
RESULTS = README.parent / "tests" / "benchmarks" / "results.md"
REDIS_RESULTS = RESULTS.parent / "redis" / "results.md"
CAPACITY_RESULTS = RESULTS.parent / "capacity" / "results.md"


def fixture_table() -> str:
    """Return the fixtures with their scopes and the first line of their docstrings."""
    rows = [f"| `{name}` | {_scope(name)} | {_sentence(name)} |" for name in sorted(FIXTURES)]
    return "\n".join(["| fixture | scope | is |", "|---|---|---|", *rows])


def _definition(name: str) -> object:
    return getattr(FIXTURES[name], name)


def _scope(name: str) -> str:
    source = Path(str(FIXTURES[name].__file__)).read_text(encoding="utf-8")
    decorator = re.search(rf"@pytest\.fixture(\(scope=\"session\"\))?\ndef {name}\(", source)
    return "session" if decorator and decorator[1] else "test"


def _sentence(name: str) -> str:
    return str(_definition(name).__doc__).splitlines()[0].replace("|", "\\|")


def option_table() -> str:
    """Return the options with their three names, defaults and help."""
    rows = [
        f"| `{_flag(option)}` | `{option.ini}` | `{option.env}` | {_default(option)} | {option.help} |"
        for option in OPTIONS
    ]
    return "\n".join(["| flag | ini | environment | default | |", "|---|---|---|---|---|", *rows])


def _flag(option: Option) -> str:
    if option.kind == "bool":
        return f"{option.flag}, --no-{option.flag.removeprefix('--')}"
    return f"{option.flag} {'{' + ','.join(option.choices) + '}' if option.choices else option.metavar}"


def _default(option: Option) -> str:
    if option.kind == "bool":
        return "`true`" if option.default else "`false`"
    return f"`{option.default}`" if option.default else ""


def benchmark_tables() -> str:
    """Return what the benchmarks measured last."""
    return RESULTS.read_text(encoding="utf-8").rstrip("\n")


def speed_table() -> str:
    """Return the medians of the first table of what the benchmarks measured last, ours and one other's."""
    measured_on, rest = benchmark_tables().split("\n\n", 1)
    rows = [_cells(line) for line in rest.partition("\n\n")[0].splitlines()]
    kept = [rows[0].index(name) for name in ("ms", "goal", "swe-db", "pytest-postgresql")]
    lines = [" | ".join(re.sub(r" \[.*", "", row[number]) for number in kept) for row in rows]
    return "\n".join([f"Medians. {measured_on}", "", *(f"| {line} |" for line in lines)])


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def redis_benchmark_tables() -> str:
    """Return what the benchmarks of the services on Redis measured last."""
    return REDIS_RESULTS.read_text(encoding="utf-8").rstrip("\n")


def capacity_benchmark_tables() -> str:
    """Return what the benchmarks of the stated capacity measured last."""
    if not CAPACITY_RESULTS.exists():
        return "Not measured yet: `python tests/benchmarks/capacity` does."
    return CAPACITY_RESULTS.read_text(encoding="utf-8").rstrip("\n")


def trait_table() -> str:
    """Return the factories with their traits, those that exclude each other with a bar between them."""
    groups = {factory.__name__: factory._meta.traits for factory in ALL.values()}
    shown = {
        name: ", ".join(" \\| ".join(f"`{trait}`" for trait in group) for group in traits)
        for name, traits in groups.items()
    }
    return "\n".join(
        [
            "| factory | traits; of those with bars a row has at most one |",
            "|---|---|",
            *(f"| `{name}` | {text} |" for name, text in shown.items()),
        ]
    )


def all_commands() -> list[Named]:
    """Return every command with the words that call it, in the order of `swe-db --help`."""
    return list(_below((), cli))


def _below(words: tuple[str, ...], group: click.Command) -> Iterator[Named]:
    if not isinstance(group, click.Group):
        yield words, group
        return
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        yield from _below((*words, name), command)


def command_list() -> str:
    """Return the commands with the first sentence of their help texts."""
    context = click.Context(cli)
    rows = [
        f"| [`swe-db {name}`](docs/cli.md#swe-db-{_first(name)}) | {_summary(cli.get_command(context, name))} |"
        for name in cli.list_commands(context)
    ]
    return "\n".join(["| command | |", "|---|---|", *rows])


def _first(name: str) -> str:
    """Return the heading's words of a command, or of the first of its commands."""
    return "-".join(next(words for words, _ in all_commands() if words[0] == name))


def _summary(command: click.Command | None) -> str:
    assert command is not None
    return command.get_short_help_str(LONGEST_SENTENCE).replace("|", "\\|")


def page_map() -> str:
    """Return the table of docs/README.md with the links as they are from the README."""
    table = INDEX.read_text(encoding="utf-8").partition("\n\n")[2].strip()
    lines = [line for line in table.splitlines() if "](../README.md)" not in line]
    return re.sub(r"\]\((?=\w)", "](docs/", "\n".join(lines))


def options_of(command: click.Command) -> list[click.Option]:
    """Return the options of a command, without --help and what is hidden."""
    return [each for each in command.params if isinstance(each, click.Option) and not each.hidden]


def arguments_of(command: click.Command) -> list[click.Argument]:
    """Return the arguments of a command."""
    return [each for each in command.params if isinstance(each, click.Argument)]


def command_reference() -> str:
    """Return the part of docs/cli.md that is made from the commands."""
    return "\n".join(line for words, command in all_commands() for line in _section(words, command)).rstrip("\n")


def _section(words: Sequence[str], command: click.Command) -> Iterator[str]:
    name = f"swe-db {' '.join(words)}"
    usage = " ".join([name, "[OPTIONS]", *(_argument(each) for each in arguments_of(command))])
    yield f"## {name}\n"
    yield f"```text\n{usage}\n```\n"
    yield inspect.cleandoc(command.help or "").replace("\b\n", "") + "\n"
    yield "| option | environment | default | |\n|---|---|---|---|"
    for option in options_of(command):
        environment = f"`{option.envvar}`" if option.show_envvar else ""
        help_text = str(option.help).replace("|", "\\|")
        yield f"| `{_option(option)}` | {environment} | {_given(option)} | {help_text} |"
    yield ""


def _argument(argument: click.Argument) -> str:
    if argument.metavar:
        return argument.metavar
    name = str(argument.name).upper() if not isinstance(argument.type, click.Choice) else _choices(argument)
    return f"{name if argument.required else f'[{name}]'}{'...' if argument.nargs == -1 else ''}"


def _option(option: click.Option) -> str:
    names = ", ".join([*option.opts, *option.secondary_opts])
    if option.is_flag or option.count:
        return names
    value = _choices(option) if isinstance(option.type, click.Choice) else option.metavar or option.type.name.upper()
    return f"{names} {value}"


def _choices(parameter: click.Parameter) -> str:
    assert isinstance(parameter.type, click.Choice)
    return "{" + ",".join(str(each) for each in parameter.type.choices) + "}"


def _given(option: click.Option) -> str:
    given = option.default
    return f"`{given}`" if isinstance(given, str | int | float) and not isinstance(given, bool) else ""


def question_sections() -> str:
    """Return the questions that applications ask, each with its query."""
    return "\n\n".join(_asked(question) for question in questions())


def _asked(question: Question) -> str:
    indexes = re.sub(r"\b\w+_(?:pkey|key|idx)\b", r"`\g<0>`", question.indexes)
    facts = f"- Bounded: {question.bounded}\n- Indexes: {indexes}\n- Measured with: {question.parameters}"
    return f"### `{question.name[3:]}`\n\n{question.title}\n\n{facts}\n\n```sql\n{question.sql}```"


TABLES = {
    "fixtures": fixture_table,
    "options": option_table,
    "benchmarks": benchmark_tables,
    "speed": speed_table,
    "list of commands": command_list,
    "map": page_map,
    "benchmarks of redis": redis_benchmark_tables,
    "benchmarks of capacity": capacity_benchmark_tables,
    "traits": trait_table,
    "commands": command_reference,
    "queries": question_sections,
}


def brought_up_to_date(text: str) -> str:
    """Return a document's text with every table as the code has it."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name}: from the code -->", f"<!-- end of {name} -->"
        whole = f"{begin}\n{table()}\n{end}"
        text = re.sub(f"{begin}.*?{end}", lambda _, whole=whole: whole, text, flags=re.DOTALL)  # type: ignore[misc]
    return text


if __name__ == "__main__":
    for document in DOCUMENTS:
        document.write_text(brought_up_to_date(document.read_text(encoding="utf-8")), encoding="utf-8")
