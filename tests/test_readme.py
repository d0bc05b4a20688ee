"""What README and docs say is true."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from support.pages import blocks_of
from support.readme import DOCUMENTS, FACTORIES, README, TESTING, brought_up_to_date

RunPytest = Callable[..., pytest.RunResult]
ROOT = Path(__file__).parents[1]


def blocks(language: str, path: Path = README) -> list[str]:
    """The code blocks of a language, without their indentation."""
    return [block.text for block in blocks_of(path) if block.language == language]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_the_tables_are_as_the_code_has_them(document: Path) -> None:
    """Fixtures, options and traits are those of the code; run `python tests/support/readme.py` after a change."""
    text = document.read_text(encoding="utf-8")
    assert text == brought_up_to_date(text)


def test_the_examples_of_testing_pass(pytester: pytest.Pytester, run: RunPytest) -> None:
    """All examples of docs/testing.md pass as they stand, each a file of tests, with the seed set that it shows."""
    examples = blocks("python", TESTING)
    for number, code in enumerate(examples):
        (pytester.path / f"test_example_{number}.py").write_text(code, encoding="utf-8")
    seeds = pytester.path / "db/seeds/orders"
    seeds.mkdir(parents=True)
    (seeds / "10_orders.sql").write_text(blocks("sql", TESTING)[0], encoding="utf-8")
    result = run("--swe-db", "--swe-db-seeds=db/seeds")
    result.assert_outcomes(passed=sum(code.count("def test_") for code in examples))


def test_the_examples_of_the_factories_pass(pytester: pytest.Pytester, run: RunPytest) -> None:
    """All examples of docs/factories.md pass as they stand, each a file of tests."""
    examples = blocks("python", FACTORIES)
    for number, code in enumerate(examples):
        (pytester.path / f"test_example_{number}.py").write_text(code, encoding="utf-8")
    run("--swe-db").assert_outcomes(passed=sum(code.count("def test_") for code in examples))


def test_ci_calls_the_test_command() -> None:
    """.ci/run ends with the README's second command."""
    commands = blocks("sh")
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").endswith(commands[1])


def test_the_first_command_installs_what_the_project_lists() -> None:
    """The first command is about the project in tests/downstream, and its requirements are a file there."""
    command = blocks("sh")[0]
    assert command.rstrip().endswith("pytest --swe-db tests/downstream")
    assert (ROOT / "tests/downstream/requirements.txt").exists()
