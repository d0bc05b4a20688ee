"""A local environment as its user sees it: up, status, url, env, psql, redis-cli, down."""

from __future__ import annotations

import io
import math
import re
import socket
import subprocess
from pathlib import Path
from typing import Final

import psycopg
import pytest
import redis
from click.shell_completion import ShellComplete
from dotenv import dotenv_values

from support.environments import call, new_name, object_of, processes_of, query, spawn
from swe_db import environment
from swe_db.cli import cli, site
from swe_db.cli import generate as generate_command
from swe_db.config import Config
from swe_db.environment import Wish
from swe_db.errors import ConfigError
from swe_db.migrations import is_marked

DURABLE: Final = ("fsync", "full_page_writes", "synchronous_commit")


def passwords(name: str) -> tuple[str, str]:
    """Return the passwords of an environment."""
    record = environment.find(name).record
    return record.postgres.password, record.redis.password


def test_up_tells_what_runs_and_what_to_do_next(name: str) -> None:
    """A second up finds what runs, does each step again, and shows addresses without passwords."""
    before = processes_of(name)
    done = call("up", "--name", name)
    assert (done.code, done.err) == (0, "")
    port = environment.find(name).record.postgres.port
    assert f"Postgres  postgresql://postgres@127.0.0.1:{port}/swe\n" in done.out
    assert "the database exists\n" in done.out
    assert "it is what the migrations say\n" in done.out
    assert f"swe-db env --name {name} > .env" in done.out
    assert "  pytest --swe-db  " in done.out
    assert not any(password in done.out for password in passwords(name))
    assert {*before} & {*processes_of(name)}, "the servers were not started anew"


def test_what_is_committed_is_there_after_down_and_up(name: str) -> None:
    """Rows and keys survive down and up, on the same ports and with the same passwords."""
    before = environment.find(name).record
    query(name, "CREATE TABLE kept AS SELECT 1 AS number")
    with redis.Redis.from_url(environment.find(name).redis_url) as client:
        client.set("kept", "1")
    down = call("down", "--name", name)
    assert down.out == (
        f"{name}: postgres and redis stopped; the data stay: `swe-db up --name {name}` goes on with them\n"
    )
    assert processes_of(name) == []
    (stopped,) = object_of("status", "--json", "--name", name)["environments"]
    assert (stopped["running"], stopped["postgres"]["running"], stopped["redis"]["running"]) == (False, False, False)
    assert f": not running; `swe-db up --name {name}` starts it\n" in call("status", "--name", name).out
    for words in (["migrate"], ["url", "redis"], ["env"]):
        assert "postgres and redis stopped. `swe-db up" in call(*words, "--name", name).err
    assert call("down", "--name", name).out.startswith(f"{name}: nothing ran; the data stay")
    up = object_of("up", "--json", "--name", name)
    assert (up["postgres"]["port"], up["redis"]["port"]) == (before.postgres.port, before.redis.port)
    assert (up["created"], up["verification"]["ok"]) == (False, True)
    assert environment.find(name).record == before
    assert query(name, "TABLE kept") == [(1,)]
    with redis.Redis.from_url(environment.find(name).redis_url) as client:
        assert client.get("kept") == b"1"


def test_the_servers_are_durable(name: str) -> None:
    """What makes a commit survive is on, in Postgres and in Redis."""
    found = environment.find(name)
    with psycopg.connect(found.postgres_url) as connection:
        settings = [connection.execute(f"SHOW {setting}".encode()).fetchall()[0][0] for setting in DURABLE]
        assert settings == ["on", "on", "on"]
        assert is_marked(connection)
    with redis.Redis.from_url(found.redis_url) as client:
        kept = {key: client.config_get(key)[key] for key in ("appendonly", "appendfsync", "save")}
    assert kept == {"appendonly": "yes", "appendfsync": "always", "save": ""}


def test_nobody_else_gets_in(name: str) -> None:
    """Both listen on 127.0.0.1 alone and want a password; what lies on disk is closed to others."""
    found = environment.find(name)
    data = Path(found.record.data)
    assert {path.stat().st_mode & 0o077 for path in (found.directory, data, data / "postgres", data / "redis")} == {0}
    assert (found.directory / "environment.json").stat().st_mode & 0o077 == 0
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(found.postgres_url.replace(found.postgres.password, "wrong"))
    with redis.Redis(port=found.redis.port) as client, pytest.raises(redis.AuthenticationError):
        client.ping()
    for port in (found.postgres.port, found.redis.port):
        with socket.socket() as other:  # nobody has the port on the other addresses
            other.bind(("127.0.0.2", port))


def test_status_shows_sizes_and_migrations(name: str) -> None:
    """Versions, ports, uptime, sizes and migrations are told to people, and to programs."""
    done = call("status", "--name", name)
    assert (done.code, done.err) == (0, "")
    found = environment.find(name).record
    lines = done.out.splitlines()
    assert lines[0] == f"{name} ({found.postgres.backend}): running"
    place = f"{found.postgres.version} ({found.postgres.backend}), 127.0.0.1:{found.postgres.port}"
    assert re.fullmatch(rf"  postgres    {re.escape(place)}, up for \d+ \w+, database swe has [\d.]+ MiB", lines[1])
    assert re.search(r"up for \d+ \w+, \d+ keys in [\d.]+ [KM]iB of memory$", lines[2])
    assert re.fullmatch(r"  migrations  \d+ applied", lines[3])
    (told,) = object_of("status", "--json", "--name", name)["environments"]
    assert told["running"]
    assert told["migrations"].keys() == {"applied"}
    assert min(told["postgres"]["size"], told["redis"]["size"], told["disk"]) > 0
    assert not any(password in done.out + str(told) for password in passwords(name))


def test_env_is_read_alike_by_all(name: str, tmp_path: Path) -> None:
    """No value needs quotes: readers of dotenv files, the shell, and those that know no quotes get the same."""
    variables = object_of("env", "--json", "--name", name)
    text = call("env", "--name", name).out
    assert all(re.fullmatch(r"[A-Z_]+=[A-Za-z0-9_.:/@?=&%+-]+", line) for line in text.splitlines())
    assert dict(line.split("=", 1) for line in text.splitlines()) == variables
    assert dotenv_values(stream=io.StringIO(text)) == variables
    shell = call("env", "--format", "shell", "--name", name).out
    (tmp_path / "env.sh").write_text(shell)
    command = f". ./env.sh; for name in {' '.join(variables)}; do eval echo $name=\\$$name; done"
    done = subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, env={}, capture_output=True, text=True, check=True)
    assert done.stdout == text
    assert variables["DATABASE_URL"] == call("url", "postgres", "--name", name).out.strip()
    assert variables["REDIS_URL"] == call("url", "redis", "--name", name).out.strip()
    with psycopg.connect(variables["DATABASE_URL"]) as connection:
        assert connection.info.dbname == variables["PGDATABASE"] == "swe"
    assert not {"SWE_DB_POSTGRES_URL", "SWE_DB_REDIS_URL"} & variables.keys()


def test_psql_and_redis_cli_take_arguments(name: str) -> None:
    """What follows -- is for the client; PG variables do not lead it astray, and its arguments hold no password."""
    elsewhere = {"PGHOST": "nowhere.invalid", "PGHOSTADDR": "192.0.2.1", "PGSERVICE": "none"}
    psql = spawn(
        "psql", "--name", name, "--", "-Atc", "SELECT 1", "-c", r"\! ps -o args= -p $PPID", variables=elsewhere
    )
    out, err = psql.communicate()
    assert (psql.returncode, err) == (0, "")
    assert out.startswith("1\n")
    assert "psql -h 127.0.0.1" in out
    assert not any(password in out for password in passwords(name))
    cli_call = spawn("redis-cli", "--name", name, "--", "--no-auth-warning", "ping")
    assert cli_call.communicate() == ("PONG\n", "")


def test_commands_for_a_database_take_the_environment(name: str) -> None:
    """--name, or SWE_DB_NAME, stands for a URL; both are one too many."""
    assert call("setup", "--name", name).code == 0
    assert call("migrate", "--name", name).code == 0
    assert object_of("verify", "--json", "--name", name)["ok"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SWE_DB_NAME", name)
        assert call("seed").code == 0
        patch.setenv("SWE_DB_POSTGRES_URL", "postgresql://x@127.0.0.1:1/x")
        assert "127.0.0.1:1" in call("seed").err
        assert call("seed", "--name", name).code == 0
    both = call("seed", "--name", name, "--postgres-url", "postgresql://x@127.0.0.1:1/x")
    assert (both.code, both.err) == (
        2,
        "error: Give --postgres-url or --name, not both: either a server, or a local environment.\n",
    )


def test_another_database_of_the_environment(name: str) -> None:
    """--database makes a second one, which URLs name from then on; the first one stays."""
    try:
        assert object_of("up", "--json", "--name", name, "--database", "other_one")["created"]
        assert environment.find(name).postgres_url.endswith("/other_one")
        assert query(name, "SELECT count(*) FROM users") == [(5,)]
    finally:
        environment.start(name, Wish(database="swe"), Config(), print)
    assert query(name, "SELECT current_database()") == [("swe",)]


def test_names_are_completed(name: str) -> None:
    """The shell offers the names of environments."""
    completion = ShellComplete(cli, {}, "swe-db", "_SWE_DB_COMPLETE")
    for command in ("up", "migrate"):
        offered = completion.get_completions([command, "--name"], name[:3])
        assert name in [item.value for item in offered]


WRONG_CALLS: Final = {
    "name": (["up", "--name", "Me/../x"], "'Me/../x' is no name of an environment"),
    "database": (["up", "--database", "a b"], "letters, digits, - and _"),
    "port": (["up", "--postgres-port", "70000"], "70000 is not in the range"),
    "one port": (["up", "--postgres-port", "5001", "--redis-port", "5001"], "cannot both listen on port 5001"),
    "backend": (["up", "--backend", "url"], "'url' is not one of"),
    "service": (["url", "mysql"], "'mysql' is not one of"),
    "format": (["env", "--format", "yaml"], "'yaml' is not one of"),
}


@pytest.mark.parametrize("case", WRONG_CALLS)
def test_a_wrong_call_is_exit_code_2(home: Path, case: str) -> None:
    """A call that makes no sense is refused before anything is made."""
    arguments, message = WRONG_CALLS[case]
    known = new_name()
    done = call(*arguments) if "--name" in arguments else call(*arguments, "--name", known)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert not (home / known / "environment.json").exists()


@pytest.mark.parametrize("command", ["down", "status", "env", "psql", "redis-cli", "url"])
def test_without_an_environment_the_message_says_how_to_make_one(home: Path, command: str) -> None:
    """A name that is not there is exit code 1, and what is there is told."""
    unknown = new_name()
    done = call(command, *(["postgres"] if command == "url" else []), "--name", unknown)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"error: There is no local environment {unknown}")
    assert f"`swe-db up --name {unknown}` makes it." in done.err


def test_what_is_not_there_can_be_removed_again(home: Path) -> None:
    """A script that cleans up may do so twice: `down --volumes` says that nothing is there, and does not fail."""
    unknown = new_name()
    done = call("down", "--volumes", "--name", unknown)
    assert (done.code, done.err) == (0, "")
    assert done.out == f"{unknown}: there is no such environment, so nothing is left to remove\n"


def test_nothing_is_started_where_the_data_cannot_be_made(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether there can be such data is found out before anything is made: here a library is missing."""

    def plan_of(scale: str) -> None:
        raise ConfigError(f"no numpy for {scale}")

    monkeypatch.setattr(generate_command, "plan_of", plan_of)
    new = new_name()
    done = call("up", "--scale", "team", "--name", new)
    assert (done.code, done.out, done.err) == (2, "", "error: no numpy for team\n")
    assert not (home / new).exists()


def test_a_snapshot_brings_back_rows_and_keys(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a local environment nothing need be said but its name: its database and all keys of its Redis are meant."""
    monkeypatch.setattr(site, "QUIET", math.inf)  # no progress, however slow it is
    query(name, "CREATE TABLE saved AS SELECT 1 AS number")
    with redis.Redis.from_url(environment.find(name).redis_url) as client:
        client.set("saved", 1)
        done = call("snapshot", "save", "a", "--name", name)
        assert (done.code, done.err) == (0, "")
        assert done.out.splitlines()[1] == f"bring it back: swe-db snapshot restore a --name {name}"
        query(name, "UPDATE saved SET number = 2")
        client.set("saved", 2)
        assert call("snapshot", "restore", "a", "--name", name).code == 0
        assert (query(name, "TABLE saved"), client.get("saved")) == ([(1,)], b"1")
    query(name, "DROP TABLE saved")


def test_up_fills_the_database_once(name: str) -> None:
    """Data come with `up --scale`; again they are there already, and others are refused with what to do."""
    first, again, other = (call("up", "--name", name, "--scale", scale) for scale in ("small", "small", "team"))
    assert [each.code for each in (first, again, other)] == [0, 0, 1]
    assert "it holds what was planned\n" in first.out
    assert re.search(r"\nloaded on \d{4}-\d\d-\d\d; nothing to do\n", again.out)
    assert query(name, "SELECT count(*) FROM tasks") == [(1000,)]
    generated = object_of("up", "--json", "--name", name, "--scale", "small")["generated"]
    assert (generated["finished"], generated["loaded"]) == (True, 0)
    assert "holds another load" in other.err
    assert "`swe-db generate --reset` empties the database" in other.err
    assert "--resume" not in other.err, "there is nothing to go on with"
