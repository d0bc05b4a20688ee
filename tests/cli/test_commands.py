"""The commands setup, migrate, seed and verify: exit codes, output, errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from support.migrations import database_name, rows, tables, write
from swe_db.cli import options, run
from swe_db.migrations import Step

NewDatabase = Callable[[], str]
SECRET = "hunter2hunter2"
COMMANDS = ("setup", "migrate", "seed", "verify")

A = {"1000_a.sql": "CREATE TABLE a (id int PRIMARY KEY);\n"}
SEED = {"10_a.sql": "INSERT INTO a VALUES (1) ON CONFLICT DO NOTHING;"}


def swe_db(*arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, without any variable but those given and PATH."""
    command = [sys.executable, "-c", "from swe_db.cli import main; main()", *arguments]
    return subprocess.run(command, env=dict(env or {}), capture_output=True, text=True, timeout=60, check=False)


def test_setup_makes_migrates_seeds_and_verifies(new_database: NewDatabase, tmp_path: Path) -> None:
    """Setup does all four steps, shows each, and does nothing the second time."""
    url = new_database()
    name = database_name(url)
    there = url.replace(name, f"{name}_new")
    arguments = ["setup", "--postgres-url", there, "--migrations", str(write(tmp_path / "m", A))]
    arguments += ["--seeds", str(write(tmp_path / "s", SEED))]
    first, second = swe_db(*arguments), swe_db(*arguments)
    assert (first.returncode, first.stderr) == (0, "")
    steps = ["created the database", "applied 001_initial_schema.sql (", "applied 1000_a.sql (", "applied 10_a.sql ("]
    steps += ["seeds applied", "migrations applied", "it is what the migrations say"]
    assert [step for step in steps if step not in first.stdout] == []
    assert (second.returncode, second.stderr) == (0, "")
    assert "the database exists" in second.stdout
    assert "0 applied" in second.stdout
    assert rows(there, "SELECT count(*) FROM a") == [(1,)]
    rows(url, f"DROP DATABASE {name}_new")


def test_each_command_prints_json(new_database: NewDatabase, tmp_path: Path) -> None:
    """With --json stdout is one JSON document, and nothing else."""
    url = new_database()
    write(tmp_path / "m", {"1000_a.sql": "CREATE TABLE a (id int PRIMARY KEY); DO $$BEGIN RAISE NOTICE 'heard'; END$$"})
    write(tmp_path / "s", SEED)
    common = ["--json", "--postgres-url", url]
    ours, seeds = ["--migrations", str(tmp_path / "m")], ["--seeds", str(tmp_path / "s")]
    dry = json.loads(swe_db("migrate", "--dry-run", *common, *ours).stdout)
    assert (dry["dry_run"], dry["applied"][-1]["name"], dry["not_tried"]) == (True, "1000_a.sql", [])
    migrated = swe_db("migrate", *common, *ours)
    assert json.loads(migrated.stdout)["applied"][-1]["name"] == "1000_a.sql"
    assert migrated.stderr.endswith("notice: NOTICE: heard\n")
    assert json.loads(swe_db("seed", *common, *seeds).stdout)["applied"][-1]["name"] == "10_a.sql"
    verified = json.loads(swe_db("verify", *common, *ours).stdout)
    assert (verified["ok"], verified["drift"], verified["drift_unchecked"]) == (True, [], None)
    whole = json.loads(swe_db("setup", *common, *ours, *seeds).stdout)
    assert (whole["created"], whole["migrations"]["applied"], whole["verification"]["ok"]) == (False, [], True)


def test_verify_fails_on_drift(new_database: NewDatabase) -> None:
    """Drift is exit code 1, listed on stderr, and part of the JSON on stdout."""
    url = new_database()
    assert swe_db("migrate", "--postgres-url", url).returncode == 0
    rows(url, "ALTER TABLE users ADD nickname text; CREATE TABLE own (id int)")
    result = swe_db("verify", "--postgres-url", url)
    assert result.returncode == 1
    assert result.stderr.startswith("error: database ")
    assert "drift: extra column users.nickname" in result.stderr
    assert "no migration makes table own" in result.stdout
    found = json.loads(swe_db("verify", "--json", "--postgres-url", url).stdout)
    assert (found["ok"], found["drift"][0]["identity"]) == (False, "users.nickname")


def test_settings_come_from_the_environment(new_database: NewDatabase, tmp_path: Path) -> None:
    """SWE_DB_POSTGRES_URL and the lists SWE_DB_MIGRATIONS and SWE_DB_SEEDS stand for the options; an option wins."""
    url = new_database()
    one, two = write(tmp_path / "one", A), write(tmp_path / "two", {"2000_b.sql": "CREATE TABLE b (id int)"})
    seeds = write(tmp_path / "seeds", SEED)
    env = {"SWE_DB_POSTGRES_URL": url, "SWE_DB_MIGRATIONS": f"{one}:{two}", "SWE_DB_SEEDS": str(seeds)}
    assert swe_db("migrate", env=env).returncode == 0
    assert {"a", "b"} <= tables(url)
    assert swe_db("seed", env=env).returncode == 0
    assert rows(url, "SELECT count(*) FROM a") == [(1,)]
    wrong = env | {"SWE_DB_POSTGRES_URL": "postgresql://x@127.0.0.1:1/x"}
    assert swe_db("migrate", "--postgres-url", url, env=wrong).returncode == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_without_a_url_there_must_be_an_environment(new_database: NewDatabase, command: str, tmp_path: Path) -> None:
    """Without both, exit code 1 and what to do or to give; DATABASE_URL and PG* are not used."""
    url = new_database()
    given = {"DATABASE_URL": url, "PGHOST": "127.0.0.1", "PGDATABASE": "postgres", "XDG_DATA_HOME": str(tmp_path)}
    result = swe_db(command, env=given)
    assert result.returncode == 1
    assert result.stderr.startswith("error: There is no local environment default. `swe-db up` makes")
    assert "give --postgres-url postgresql://user:PASSWORD@host:5432/database" in result.stderr
    assert "SWE_DB_POSTGRES_URL" in result.stderr
    assert tables(url) == set()


WRONG_CALLS = {
    "no command": ([], "Usage: swe-db"),
    "unknown command": (["migrat"], "error: No such command 'migrat'"),
    "unknown option": (["migrate", "--dry"], "error: No such option"),
    "no such directory": (["migrate", "--postgres-url", "x", "--migrations", "/no/such"], "'/no/such' does not exist"),
    "no host": (["migrate", "--postgres-url", "postgresql:///db"], "error: The Postgres URL names no host"),
    "malformed": (
        ["migrate", "--postgres-url", f"postgresql://u:{SECRET}/@h/d"],
        "The Postgres URL cannot be read",
    ),
    "bad number": (
        ["migrate", "--postgres-url", "x", "--lock-timeout", "-1"],
        "Invalid value for '--lock-timeout'",
    ),
}


@pytest.mark.parametrize("name", WRONG_CALLS)
def test_a_wrong_call_is_exit_code_2(name: str) -> None:
    """A call that makes no sense ends with 2 and a sentence on stderr, without a traceback or a password."""
    arguments, message = WRONG_CALLS[name]
    result = swe_db(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert SECRET not in result.stderr


def test_work_that_fails_is_exit_code_1(new_database: NewDatabase, tmp_path: Path) -> None:
    """A broken migration ends with 1; the message has its place, and a traceback only with --debug."""
    url = new_database()
    arguments = ["migrate", "--postgres-url", url, "--migrations", str(write(tmp_path, {"1000_a.sql": "SELEC 1"}))]
    result = swe_db(*arguments)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(f"error: {tmp_path}/1000_a.sql:1:1: syntax error")
    assert "Traceback" not in result.stderr
    debugged = swe_db(*arguments, "--debug")
    assert debugged.returncode == 1
    assert "Traceback (most recent call last)" in debugged.stderr


@pytest.mark.parametrize("debug", [[], ["--debug"]])
def test_an_unreachable_server_shows_no_password(debug: list[str]) -> None:
    """Neither the error nor the traceback of a server that is not there has the password in it."""
    result = swe_db("setup", "--postgres-url", f"postgresql://me:{SECRET}@127.0.0.1:1/db", *debug)
    assert result.returncode == 1
    assert "error: Cannot connect to Postgres at 127.0.0.1:1, database db, user me." in result.stderr
    assert SECRET not in result.stdout + result.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(command: str) -> None:
    """Help is exit code 0, names the environment variable, and needs no URL."""
    result = swe_db(command, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert f"Usage: swe-db {command}" in result.stdout
    assert "SWE_DB_POSTGRES_URL" in result.stdout


def test_output_that_is_not_a_terminal_has_no_colours(new_database: NewDatabase) -> None:
    """Escape codes are for terminals only."""
    url = new_database()
    result = swe_db("setup", "--postgres-url", url)
    failed = swe_db("migrate")
    assert "\x1b" not in result.stdout + result.stderr + failed.stderr


def test_the_command_line_and_its_help_import_no_driver() -> None:
    """Importing the command line, and asking for help, loads neither psycopg nor redis."""
    code = "import sys; from swe_db.cli import run; run(['--help']); "
    code += "print([name for name in ('psycopg', 'redis', 'pytest') if name in sys.modules], file=sys.stderr)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert result.stderr == "[]\n"
    assert "migrate" in result.stdout


def test_output_that_nobody_reads_is_no_crash() -> None:
    """When the reader of our output has gone, the exit code is 1 and there is no traceback."""
    command = [sys.executable, "-c", "from swe_db.cli import main; main()", "--help"]
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


def test_an_error_that_nobody_foresaw_is_a_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of our own is reported with how to find out more, its passwords hidden."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(f"no: postgresql://u:{SECRET}@h/d")

    monkeypatch.setattr("swe_db.migrations.seed", fail)
    assert run(["seed", "--postgres-url", "postgresql://u@h/d"]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith("error: RuntimeError: no: postgresql://u:***@h/d\nThis is a fault of swe-db.")


def test_an_interrupt_is_exit_code_1(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends with a word, not with a traceback."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("swe_db.migrations.seed", interrupt)
    assert run(["seed", "--postgres-url", "postgresql://u@h/d"]) == 1
    assert capsys.readouterr().err.strip() == "error: interrupted"


def test_steps_are_told_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """Waiting, retrying and repairs are told with the file's name; what was applied is part of the report."""
    for step in (Step("waiting", message="for it"), Step("retrying", "1000_a.sql", "again"), Step("applied", "x.sql")):
        options.print_step(step)
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "waiting: for it\nretrying: 1000_a.sql: again\n")
