"""--swe-db-keep-failed: the database of a test that fails outlives the run, and the report says where it is."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from swe_db import migrate
from swe_db.servers.binaries import find_postgres
from swe_db.servers.server import PostgresServer

RunPytest = Callable[..., pytest.RunResult]

FAILING = """
from pathlib import Path

def test_fails(swe_database, swe_db):
    with swe_database.connect(autocommit=True) as connection:
        connection.execute("UPDATE users SET display_name = 'It''s me' WHERE username = 'admin'")
        connection.execute("CREATE TABLE extra (id int)")
        connection.execute("SELECT lo_from_bytea(0, 'content')")
    swe_db.execute("DELETE FROM agents")
    raise ValueError("so")

def test_next(swe_db):
    query = "SELECT display_name FROM users WHERE username = 'admin'"
    assert swe_db.execute(query).fetchone() != ("It's me",)
"""
FLAGS = ("--swe-db", "--swe-db-keep-failed", "--swe-db-redis-backend=fake")


def line_with(result: pytest.RunResult, word: str) -> str:
    """The only line of the output that has a word."""
    (line,) = (line.strip() for line in result.outlines if word in line)
    return line


def check(url: str) -> None:
    """Check that a database has what the failed test committed, and nothing else."""
    with psycopg.connect(url) as connection:
        query = "SELECT display_name FROM users WHERE username = 'admin'"
        assert connection.execute(query).fetchone() == ("It's me",)
        assert connection.execute("SELECT * FROM extra").fetchall() == []
        assert connection.execute("SELECT count(*) > 0 FROM agents").fetchone() == (True,)
        assert connection.execute("SELECT data FROM pg_largeobject").fetchall() == [(b"content",)]
        assert connection.execute("SELECT has_table_privilege('swe_user', 'users', 'select')").fetchone() == (True,)


def file_of(result: pytest.RunResult) -> Path:
    """The file that the report names."""
    return Path(line_with(result, "has what was committed").split()[0])


@pytest.mark.needs("local")
@pytest.mark.parametrize("backend", ["local", "docker"])
def test_it_is_restored(
    pytester: pytest.Pytester, run: RunPytest, backend: str, new_database: Callable[[], str]
) -> None:
    """The file, which only its user may read, is restored by the command that the report gives."""
    pytester.makepyfile(FAILING)
    result = run(*FLAGS, f"--swe-db-backend={backend}")
    result.assert_outcomes(failed=1, passed=1)
    file = file_of(result)
    assert file.stat().st_mode & 0o777 == 0o600
    command = line_with(result, "createdb").partition("&& ")[2]
    assert command == f"psql -X -q -d swe_db_failed -f {file}"
    url = new_database()
    psql = [str(find_postgres(None).directory / "psql"), "-v", "ON_ERROR_STOP=1", "-X", "-q", "-d", url]
    done = subprocess.run([*psql, "-f", str(file)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    check(url)
    shutil.rmtree(file.parent)


@pytest.mark.needs("embedded")
def test_the_wheel_has_what_it_takes(pytester: pytest.Pytester, run: RunPytest) -> None:
    """On the backend embedded, too, there is a file."""
    pytester.makepyfile(FAILING)
    file = file_of(run(*FLAGS, "--swe-db-backend=embedded"))
    assert "It's me" in file.read_text()
    shutil.rmtree(file.parent)


@pytest.mark.needs("local")
def test_it_lies_in_the_cache(pytester: pytest.Pytester, run: RunPytest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file lies in pytest's cache; a test that fails again replaces its own; variables of libpq do not matter."""
    monkeypatch.setenv("PGDATABASE", "other")
    monkeypatch.setenv("PGOPTIONS", "-c nonsense=1")
    pytester.makepyfile("import pytest\n@pytest.mark.parametrize('a', ['/', 'ü'])\ndef test_it(swe_db, a): assert 0")
    for _ in range(2):
        run(*FLAGS, "--swe-db-backend=local", "-n2", cache=True).assert_outcomes(failed=2)
    files = list((pytester.path / ".pytest_cache/d/swe-db-failed").iterdir())
    assert len(files) == 2
    assert all(file.suffix == ".sql" and "CREATE TABLE public.users" in file.read_text() for file in files)


@pytest.mark.needs("local")
def test_only_what_is_asked_for(pytester: pytest.Pytester, run: RunPytest) -> None:
    """Without the option, and of tests that pass, nothing is kept."""
    pytester.makepyfile(FAILING)
    output = run("--swe-db", "--swe-db-backend=local", "--swe-db-redis-backend=fake").stdout.str()
    assert "keep-failed" not in output
    pytester.makepyfile("def test_passes(swe_db): pass")
    run(*FLAGS, "--swe-db-backend=local", cache=True).assert_outcomes(passed=1)
    assert not (pytester.path / ".pytest_cache/d/swe-db-failed").exists()


@pytest.mark.needs("local")
def test_a_lock_in_the_way(pytester: pytest.Pytester, run: RunPytest) -> None:
    """What cannot be dumped is told in a line, and no file is left."""
    pytester.makepyfile("def test_it(swe_db):\n    swe_db.execute('LOCK users')\n    raise ValueError")
    result = run(*FLAGS, "--swe-db-backend=local", cache=True)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["kept (--swe-db-keep-failed):", "  not kept: ServerError: pg_dump: *timeout*"])
    assert list((pytester.path / ".pytest_cache/d/swe-db-failed").iterdir()) == []


@pytest.fixture
def roles(new_database: Callable[[], str]) -> None:
    """The roles of the migrations, which an ordinary user may not make."""
    migrate(new_database())


@pytest.mark.usefixtures("roles")
@pytest.mark.parametrize("isolation", ["reset", "clone"])
def test_it_stays_on_the_users_server(
    pytester: pytest.Pytester, run: RunPytest, postgres: PostgresServer, ordinary_url: str, isolation: str
) -> None:
    """On a server given by URL the database stays under the name that the report gives; the run goes on with another.

    Whoever is still connected is.
    """
    pytester.makepyfile(FAILING)
    url = postgres.url if isolation == "reset" else ordinary_url
    result = run(*FLAGS, f"--swe-db-postgres-url={url}", "--swe-db-durations")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["*kept, since the test failed*"])
    name = line_with(result, "has what was committed").split()[0]
    assert line_with(result, "DROP DATABASE").endswith(f'DROP DATABASE "{name}"')
    assert line_with(result, "has what was committed").endswith(f"-d {name}")
    try:
        check(postgres.address.database(name).url)
    finally:
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))


def test_a_prepared_transaction_does_not_stand_in_the_way(
    pytester: pytest.Pytester, run: RunPytest, postgres: PostgresServer
) -> None:
    """A session in a transaction and a prepared transaction are ended, and what they wrote is not there."""
    pytester.makepyfile(
        f"""
        def test_it(swe_database, swe_db):
            other = swe_database.connect()
            other.execute("DELETE FROM agents")
            other.execute("PREPARE TRANSACTION '{secrets.token_hex(4)}'")
            swe_db.execute("DELETE FROM evidence")
            raise ValueError("so")
        """
    )
    result = run(*FLAGS, f"--swe-db-postgres-url={postgres.url}")
    result.assert_outcomes(failed=1)
    name = line_with(result, "has what was committed").split()[0]
    with psycopg.connect(postgres.address.database(name).url) as connection:
        assert connection.execute("SELECT count(*) > 0 FROM agents").fetchone() == (True,)
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))
