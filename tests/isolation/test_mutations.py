"""Each rule by which a database or a Redis is put back is broken once, and the torture suite must see it.

It takes some minutes, so it runs only where TESTS_MUTATIONS is set.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest

from support.checkout import ROOT

pytestmark = pytest.mark.skipif("TESTS_MUTATIONS" not in os.environ, reason="set TESTS_MUTATIONS to run it")

RULES: Final = tomllib.loads(Path(__file__).with_name("mutations.toml").read_text())["rule"]
SUITES: Final = {
    "postgres": ["tests/isolation/test_torture.py", "-k", "not through_the_plugin"],
    "redis": ["tests/isolation/test_redis_reset.py"],
}


def exit_code(copy: Path, suite: str) -> int:
    """Run a suite on a copy of the package."""
    shared = {"XDG_CACHE_HOME": str(copy), "TESTS_TORTURE": "1"}
    environment = {**os.environ, **shared, "PYTHONPATH": str(copy / "src")}
    options = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:randomly"]
    command = [sys.executable, "-m", "pytest", *options, *SUITES[suite]]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, check=False, timeout=300).returncode


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of what the package is made of."""
    for part in ("src", "sql", "factories"):
        shutil.copytree(ROOT / part, tmp_path / part, symlinks=True)
    return tmp_path


@pytest.mark.parametrize("suite", SUITES)
def test_an_unbroken_copy_passes(copy: Path, suite: str) -> None:
    """The suites run on the copy, and pass where nothing is broken."""
    assert exit_code(copy, suite) == 0


@pytest.mark.parametrize("rule", RULES, ids=[rule["name"] for rule in RULES])
def test_a_broken_rule_is_seen(copy: Path, rule: dict[str, str]) -> None:
    """With the rule broken a test fails."""
    path = copy / "src/swe_db" / rule["file"]
    text = path.read_text()
    assert text.count(rule["says"]) == 1, f"{rule['file']} has changed: {rule['says']}"
    path.write_text(text.replace(rule["says"], rule["broken"]))
    assert exit_code(copy, rule["suite"]) == 1
