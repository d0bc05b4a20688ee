"""Where a setting comes from, who wins, and how a wrong one is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

RunPytest = Callable[..., pytest.RunResult]

ASK = "def test_server(swe_postgres): assert swe_postgres.version"


@pytest.fixture
def asks(pytester: pytest.Pytester) -> None:
    """A test that needs a server."""
    pytester.makepyfile(ASK)


@pytest.mark.needs("local")
@pytest.mark.usefixtures("asks")
def test_the_header_says_what_there_is_and_why(run: RunPytest) -> None:
    """The header names backends, versions and the source of each setting."""
    line = r"swe-db: postgres \d+\.\d+ \(local.*\), redis \d[\d.]+ \(local\); "
    source = r"enabled True \(from --swe-db\), backend auto \(from default\)"
    run("--swe-db").stdout.re_match_lines([line + source])


@pytest.mark.needs("local")
@pytest.mark.usefixtures("asks")
def test_the_ini_file_is_read(pytester: pytest.Pytester, run: RunPytest) -> None:
    """An ini file switches on and selects."""
    pytester.makeini("[pytest]\nswe_db = true\nswe_db_backend = local\n")
    result = run()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*enabled True (from ini swe_db), backend local (from ini swe_db_backend)"])


@pytest.mark.needs("local")
@pytest.mark.usefixtures("asks")
def test_a_native_toml_table_is_read(pytester: pytest.Pytester, run: RunPytest) -> None:
    """[tool.pytest.ini_options] takes a TOML boolean."""
    (pytester.path / "tox.ini").unlink()
    pytester.makepyprojecttoml('[tool.pytest.ini_options]\nswe_db = true\nswe_db_backend = "local"\n')
    run().stdout.fnmatch_lines(["*enabled True (from ini swe_db), backend local (from ini swe_db_backend)"])


@pytest.mark.needs("local")
@pytest.mark.usefixtures("asks")
def test_the_environment_beats_the_ini_file(
    pytester: pytest.Pytester, run: RunPytest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SWE_DB_BACKEND wins over swe_db_backend."""
    pytester.makeini("[pytest]\nswe_db_backend = url\n")
    monkeypatch.setenv("SWE_DB", "1")
    monkeypatch.setenv("SWE_DB_BACKEND", "local")
    result = run()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*enabled True (from SWE_DB), backend local (from SWE_DB_BACKEND)"])


@pytest.mark.needs("local")
@pytest.mark.usefixtures("asks")
def test_the_command_line_beats_the_environment(run: RunPytest, monkeypatch: pytest.MonkeyPatch) -> None:
    """--swe-db-backend wins over SWE_DB_BACKEND."""
    monkeypatch.setenv("SWE_DB_BACKEND", "url")
    result = run("--swe-db", "--swe-db-backend=local")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*backend local (from --swe-db-backend)"])


@pytest.mark.usefixtures("asks")
@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (["--swe-db-backend=moon"], {}, "*invalid choice: 'moon'*"),
        (
            [],
            {"SWE_DB_BACKEND": "moon"},
            "*SWE_DB_BACKEND is 'moon', which is not a choice: use one of auto, url, docker, local*",
        ),
        (["-o", "swe_db_backend=moon"], {}, "*ini swe_db_backend is 'moon', which is not a choice*"),
        (["-o", "swe_db_env=perhaps"], {}, "*ini swe_db_env: *perhaps*"),
        ([], {"SWE_DB_ENV": "perhaps"}, "*SWE_DB_ENV is 'perhaps', which is neither true nor false*"),
        (["--swe-db-postgres-url=mysql://host"], {}, "*the Postgres URL does not begin with postgresql://*"),
        (["--swe-db-postgres-url=postgresql:///x"], {}, "*the Postgres URL names no host*"),
        (["--swe-db-postgres-url=postgresql://me@h:eins/x"], {}, "*the Postgres URL has no usable port*"),
        (["--swe-db-redis-url=http://h"], {}, "*the Redis URL does not begin with redis://*"),
        (["--swe-db-migrations=/nowhere"], {}, "*/nowhere*does not exist*"),
        (["--swe-db-postgres-locale=xx_YY"], {}, '*initdb: error: invalid locale name "xx_YY"*'),
        (["--swe-db-postgres-timezone=Mars"], {}, '*invalid value for parameter "TimeZone": "Mars"*'),
        (["--swe-db-seeds=/nowhere"], {}, "*/nowhere*does not exist*"),
    ],
)
def test_a_wrong_setting_is_a_usage_error(
    run: RunPytest,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    environment: dict[str, str],
    message: str,
) -> None:
    """A value that makes no sense ends pytest with exit code 4, its name, and no traceback."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    result = run("--swe-db", *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])
    assert "Traceback" not in result.stderr.str() + result.stdout.str()


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ("", None),
        ('isolation="clone"', None),
        ('isolation="magic"', "isolation is 'magic': use one of reset, clone, rollback"),
        ('"clone"', "the marker swe_db takes *"),
        ("seed=1", "the marker swe_db takes *"),
    ],
)
def test_the_marker_is_checked(pytester: pytest.Pytester, run: RunPytest, marker: str, message: str | None) -> None:
    """The marker refuses what it does not know, with the test's id."""
    pytester.makepyfile(f"import pytest\n@pytest.mark.swe_db({marker})\ndef test_it(): pass")
    result = run("--swe-db")
    if message is None:
        result.assert_outcomes(passed=1)
    else:
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines([f"*::test_it: {message}"])


def test_own_migrations_and_seeds_come_on_top(pytester: pytest.Pytester, run: RunPytest) -> None:
    """Directories named in the ini file, relative to it, add to what swe-db brings."""
    pytester.makeini("[pytest]\nswe_db_migrations = db/migrations\nswe_db_seeds = db/seeds\n")
    for name, text in {
        "migrations/1000_orders.sql": "CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint REFERENCES users);",
        "seeds/01_orders.sql": "INSERT INTO orders VALUES (1) ON CONFLICT DO NOTHING;",
    }.items():
        path = pytester.path / "db" / name
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    pytester.makepyfile("def test_it(swe_db): assert swe_db.execute('SELECT id FROM orders').fetchall() == [(1,)]")
    run("--swe-db").assert_outcomes(passed=1)
