"""Every code block of README.md and docs/ that can run does; how is written in tests/support/pages.py."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg import Connection

from support import pages
from support.pages import Block, blocks_of
from support.readme import README
from swe_db.migrations import migrate, seed

RunPytest = Callable[..., pytest.RunResult]
# What has a test of its own, which knows more of what is around the blocks.
ELSEWHERE: Final = {
    ("testing.md", "python"): "tests/test_readme.py",
    ("factories.md", "python"): "tests/test_readme.py",
    ("redis.md", "python"): "tests/redis_services/test_docs.py",
    ("queries.md", "sql"): "tests/sql/test_questions.py",
}
# Not for a computer, or for one that is not here.
SHOWN: Final = {"", "text", "mermaid", "lua", "yaml", "dockerfile"}
RUN: Final = {"python", "sh", "console", "sql", "ini", "toml", "json"}
BLOCKS: Final = [block for page in (README, *sorted(README.parent.glob("docs/**/*.md"))) for block in blocks_of(page)]


def of(*languages: str) -> list[Block]:
    """The blocks of these languages that are tested here."""
    return [
        block
        for block in BLOCKS
        if block.language in languages and not block.left_out and (block.page.name, block.language) not in ELSEWHERE
    ]


@pytest.fixture
def seeded(new_database: Callable[[], str]) -> Iterator[Connection[Any]]:
    """A connection to a migrated and seeded database."""
    url = new_database()
    migrate(url)
    seed(url)
    with psycopg.connect(url) as connection:
        yield connection


def test_every_language_is_known() -> None:
    """A block is run, or of a language that is only shown; whatever else there is must be decided on."""
    assert {block.name: block.language for block in BLOCKS if block.language not in SHOWN | RUN} == {}
    assert len(BLOCKS) > 50, "hardly any block is found"
    for file in ELSEWHERE.values():
        assert (README.parent / file).exists(), file


def test_the_python_runs(pytester: pytest.Pytester, run: RunPytest) -> None:
    """Each block is a file of tests that passes, or a program that runs."""
    blocks = of("python")
    passed = 0
    for block in blocks:
        text, count = pages.test_file(block)
        stem = block.page.stem.replace("-", "_")
        (pytester.path / f"test_{stem}_line_{block.line}.py").write_text(text, encoding="utf-8")
        passed += count
    if blocks:
        run("--swe-db").assert_outcomes(passed=passed)


def test_the_first_test_of_the_quick_start_passes(pytester: pytest.Pytester, run: RunPytest) -> None:
    """The file that a command of the page writes passes as it stands."""
    page = README.parent / "docs" / "QUICK_START.md"
    (command,) = (block.text for block in blocks_of(page) if "test_first.py <<" in block.text)
    subprocess.run(["/bin/sh", "-ec", command], cwd=pytester.path, check=True)
    run("--swe-db").assert_outcomes(passed=2)


def test_the_commands_exist() -> None:
    """Each command line is one that the shell takes, and each command and option of ours is there."""
    problems = {block.name: pages.shell_problems(block) for block in of("sh", "console")}
    assert {name: found for name, found in problems.items() if found} == {}


def test_the_sql_runs(seeded: Connection[Any]) -> None:
    """PostgreSQL takes each block on the schema as it is."""
    problems = {block.name: pages.sql_problem(seeded, block) for block in of("sql")}
    assert {name: found for name, found in problems.items() if found} == {}


def test_the_settings_exist() -> None:
    """Each block of settings can be read, and its names are ours."""
    problems = {block.name: pages.settings_problems(block) for block in of("ini", "toml", "json")}
    assert {name: found for name, found in problems.items() if found} == {}


PAGE: Final = """
```python
def test_it(swe_db): ...
```
  ```sh
  swe-db migrate
  ```

<!-- not run: it is for show -->

```python
1 / 0
```
"""


@pytest.fixture
def block(tmp_path: Path) -> Callable[[str, str], Block]:
    """Makes a block of a language."""
    return lambda language, text: Block(tmp_path / "page.md", 7, language, text, left_out=False)


def test_blocks_are_found_with_their_lines(tmp_path: Path) -> None:
    """A block has its first line's number, no indentation, and what the line above says of it."""
    page = tmp_path / "page.md"
    page.write_text(PAGE, encoding="utf-8")
    found = [(each.line, each.language, each.text, each.left_out) for each in blocks_of(page)]
    assert found == [
        (3, "python", "def test_it(swe_db): ...\n", False),
        (6, "sh", "swe-db migrate\n", False),
        (12, "python", "1 / 0\n", True),
    ]


COMMANDS: Final = {
    "swe-db migrate --dry-run --lock-timeout 5": [],
    "FOO=1 .venv/bin/swe-db erd tasks --area users --json | head": [],
    "swe-db url postgres && psql \"$(swe-db url postgres)\" -c 'SELECT 1; SELECT 2'": [],
    "pytest --swe-db --no-swe-db-reuse --swe-db-backend=local -n 4": [],
    "swe-db config -- --swe-db-backend docker tests/unit": [],
    "swe-db \\\n  seed --seeds db/seeds  # all": [],
    "swe-db --version": [],
    "pip install 'swe-db[embedded]'": [],
    "swe-db migrat": ["there is no command swe-db migrat"],
    "true; swe-db migrate --dry": ["swe-db migrate: No such option"],
    "swe-db migrate now": ["swe-db migrate takes no now"],
    "swe-db completion tcsh": ["swe-db completion: "],
    "pytest --swe-db-backends=local": ["there is no --swe-db-backends"],
    "echo 'open": ["ntermin"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_judged(block: Callable[[str, str], Block], command: str) -> None:
    """What is there passes, what is not there is named; a console's answers are not looked at."""
    for language, text in {"sh": command, "console": "$ " + command.replace("\n", "\n$ ") + "\nno command"}.items():
        found = pages.shell_problems(block(language, f"{text}\n"))
        assert len(found) == len(COMMANDS[command]), found
        assert all(words in problem for words, problem in zip(COMMANDS[command], found, strict=True)), found


SETTINGS: Final = {
    ("ini", "[pytest]\nswe_db = true\naddopts = -q\n"): [],
    ("ini", "[pytest]\nswe_db_bakend = url\n"): ["there is no setting swe_db_bakend"],
    ("toml", "[tool.pytest.ini_options]\nswe_db_reuse = true\n"): [],
    ("toml", "[tool.pytest]\nswe_db_reuses = true\n"): ["there is no setting swe_db_reuses"],
    ("toml", "[tool"): ["Expected ']' at the end of a table declaration"],
    ("json", '{"swe_db": 1}'): [],
    ("json", "{"): ["Expecting property name"],
}


@pytest.mark.parametrize(("language", "text"), SETTINGS)
def test_settings_are_judged(block: Callable[[str, str], Block], language: str, text: str) -> None:
    """A name that is no setting, and what cannot be read, is named."""
    found = pages.settings_problems(block(language, text))
    assert [words in problem for words, problem in zip(SETTINGS[language, text], found, strict=True)] == [True] * len(
        found
    )


def test_sql_is_judged(block: Callable[[str, str], Block], seeded: Connection[Any]) -> None:
    """Statements see those before them, parameters need no values, nothing stays, and a wrong one is named."""
    good = "CREATE TABLE x AS SELECT 1 AS a; SELECT a FROM x; UPDATE users SET role = %(role)s WHERE id = %(id)s"
    assert pages.sql_problem(seeded, block("sql", good)) == ""
    assert 'relation "x" does not exist' in pages.sql_problem(seeded, block("sql", "SELECT a FROM x"))
    assert 'column "rolle" does not exist' in pages.sql_problem(seeded, block("sql", "SELECT rolle FROM users"))


def test_python_is_judged(block: Callable[[str, str], Block], pytester: pytest.Pytester, run: RunPytest) -> None:
    """Tests and programs are counted; one that fails names the page and the line."""
    tests = "def test_a(swe_db):\n    swe_db.execute('SELECT 1')\n\n\ndef test_b(): ...\n"
    program = (
        "import psycopg\nwith psycopg.connect('postgresql://user:PASSWORD@localhost:5432/app') as db:\n    db.pgconn\n"
    )
    for number, text in enumerate((tests, program, "\n1 / 0\n")):
        source, _ = pages.test_file(block("python", text))
        (pytester.path / f"test_{number}.py").write_text(source, encoding="utf-8")
    result = run("--swe-db")
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["*page.md:8: ZeroDivisionError"])
