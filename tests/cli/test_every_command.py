"""What holds for every command: help, wrong calls, JSON, colours, completion."""

from __future__ import annotations

import json
import os
import pty
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import psycopg
import pytest
from click.shell_completion import ShellComplete
from psycopg import sql

from support.readme import Named, all_commands, arguments_of, options_of
from swe_db.cli import COMMANDS, cli, run
from swe_db.servers.server import PostgresServer

ROOT: Final = Path(__file__).parents[2]
EVERY: Final = all_commands()
NAMES: Final = [" ".join(words) for words, _ in EVERY]
# How to call those that print JSON; {url} is a database that `setup` has made.
PRINT_JSON: Final = {
    "setup": ["--postgres-url", "{url}"],
    "migrate": ["--postgres-url", "{url}"],
    "seed": ["--postgres-url", "{url}"],
    "verify": ["--postgres-url", "{url}"],
    "erd": ["--postgres-url", "{url}"],
    "config": [],
}
# Those that are called with --json in tests of their own, as they start or change much: the file of the test.
PRINT_JSON_ELSEWHERE: Final = {
    "doctor": "tests/cli/test_doctor.py",
    "fingerprint": "tests/generate/files/test_fingerprint.py",
    "generate": "tests/generate/load/test_command.py",
    **dict.fromkeys(("up", "status", "env"), "tests/environment/test_commands.py"),
    **dict.fromkeys(
        ("reset", "backup", "restore", *(f"snapshot {each}" for each in ("save", "restore", "list", "rm"))),
        "tests/cli/test_snapshots.py",
    ),
}

every_command: Final = pytest.mark.parametrize("named", EVERY, ids=NAMES)


@pytest.fixture(scope="module")
def url(postgres: PostgresServer) -> Iterator[str]:
    """The URL of a database that is not there yet."""
    name = f"test_{secrets.token_hex(6)}"
    yield postgres.address.database(name).url
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def test_every_module_is_a_command() -> None:
    """`swe-db --help` lists the commands, each with a sentence about it."""
    listed = cli.get_help(click.Context(cli, info_name="swe-db"))
    rows = dict(re.findall(r"^  ([a-z-]+) {2,}(\S.*)$", listed, re.MULTILINE))
    assert [name for name in rows if not name.startswith("-")] == list(COMMANDS)


@every_command
def test_help_has_a_text_for_everything(capsys: pytest.CaptureFixture[str], named: Named) -> None:
    """Help is exit code 0, on stdout; each option has a sentence, and each argument is explained."""
    words, command = named
    assert run([*words, "--help"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith(f"Usage: swe-db {' '.join(words)} [OPTIONS]")
    assert printed.err == ""
    assert "\x1b" not in printed.out
    assert [each.name for each in options_of(command) if not re.search(r"[.)]$", each.help or "")] == []
    unexplained = [
        each for each in arguments_of(command) if str(each.name).upper().rstrip("S") not in (command.help or "")
    ]
    assert unexplained == []


@every_command
def test_a_wrong_call_is_exit_code_2_without_a_traceback(capsys: pytest.CaptureFixture[str], named: Named) -> None:
    """An option that is not there is refused before anything is done, and the message says where help is."""
    words, _ = named
    assert run([*words, "--no-such-option"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert f"Try 'swe-db {' '.join(words)} --help'." in printed.err
    assert "No such option: --no-such-option" in printed.err or "No such option '--no-such-option'" in printed.err
    assert "Traceback" not in printed.err


@every_command
def test_every_command_shows_tracebacks_on_request(named: Named) -> None:
    """Each command knows --debug."""
    _, command = named
    assert "--debug" in {name for each in options_of(command) for name in each.opts}


def test_json_is_shown_of_every_command_that_prints_it() -> None:
    """Each command with --json is called with it: here, or in the file named above."""
    have_it = {
        " ".join(words) for words, command in EVERY if any("--json" in each.opts for each in options_of(command))
    }
    assert have_it == PRINT_JSON.keys() | PRINT_JSON_ELSEWHERE.keys()
    for file in PRINT_JSON_ELSEWHERE.values():
        assert '"--json"' in (ROOT / file).read_text(encoding="utf-8"), file


def test_with_json_stdout_is_one_document(url: str, capsys: pytest.CaptureFixture[str], no_docker: None) -> None:
    """What a program may read is JSON and nothing else, in the order of a first use: setup comes first."""
    for name, arguments in PRINT_JSON.items():
        code = run([*name.split(), "--json", *(each.format(url=url) for each in arguments)])
        printed = capsys.readouterr()
        assert (code, printed.err) == (0, ""), name
        assert isinstance(json.loads(printed.out), dict), name


@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_are_for_terminals_that_want_them(variables: dict[str, str], coloured: bool) -> None:
    """On a terminal an error is coloured, unless NO_COLOR is set."""
    master, slave = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | variables
    program = [sys.executable, "-c", "from swe_db.cli import main; main()", "nothing"]
    with subprocess.Popen(program, env=environment, stdout=slave, stderr=slave) as process:
        os.close(slave)
        printed = b""
        while b"'nothing'" not in printed:
            printed += os.read(master, 1024)
    os.close(master)
    assert process.returncode == 2
    assert (b"\x1b[" in printed) is coloured


def completed(*words: str) -> list[str]:
    """What the shell would offer after these words, the last of which is begun."""
    completion = ShellComplete(cli, {}, "swe-db", "_SWE_DB_COMPLETE")
    return [item.value for item in completion.get_completions(list(words[:-1]), words[-1])]


def test_commands_options_and_values_are_completed() -> None:
    """The shell offers commands, options of a command, and values that are known."""
    assert completed("") == list(COMMANDS)
    assert completed("mig") == ["migrate"]
    assert completed("doctor", "--f") == ["--fix"]
    assert completed("erd", "--area", "a") == ["agents", "audit_logs"]
    assert completed("completion", "z") == ["zsh"]


@pytest.mark.parametrize(("shell", "mark"), [("bash", "complete -o nosort"), ("zsh", "compdef"), ("fish", "complete ")])
def test_completion_prints_what_the_shell_reads(capsys: pytest.CaptureFixture[str], shell: str, mark: str) -> None:
    """For each shell there is a script, which asks `swe-db` itself."""
    assert run(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert mark in script
    assert f"_SWE_DB_COMPLETE={shell}_complete" in script


def test_bash_completes(tmp_path: Path) -> None:
    """The script works in bash itself: a word that is begun is completed by what `swe-db` answers."""
    command = tmp_path / "swe-db"
    command.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'from swe_db.cli import main; main()' \"$@\"\n")
    command.chmod(0o755)
    program = """
      eval "$(swe-db completion bash)"
      COMP_WORDS=(swe-db comp) COMP_CWORD=1
      _swe_db_completion swe-db
      echo "${COMPREPLY[*]}"
    """
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "completion\n", "")
