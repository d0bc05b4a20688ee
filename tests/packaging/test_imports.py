"""What is imported, and what is not, where swe-db is installed but switched off."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

import swe_db

HEAVY: Final = {"docker", "factory", "faker", "psycopg", "redis", "sqlalchemy", "testcontainers"}

RUN_PYTEST: Final = """
import sys, pytest
assert pytest.main(sys.argv[1:]) in {0, 5}
"""

TEST_FILES: Final = {
    "no test": "",
    "a test without a fixture of swe-db": "def test_one():\n    pass\n",
    "a skipped test": "def test_one(swe_db, swe_redis, swe_env):\n    pass\n",
}


def imported(folder: Path, program: str, *arguments: str) -> set[str]:
    """Return the top-level names of all modules that `program` imports, run in `folder` with these arguments."""
    report = folder / "imported.json"
    program += f"\nimport json, sys\nopen({str(report)!r}, 'w').write(json.dumps(sorted(sys.modules)))\n"
    # Plugins of other projects may import anything: Faker's imports Faker.
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment.pop("PYTEST_ADDOPTS", None)
    subprocess.run([sys.executable, "-c", program, *arguments], cwd=folder, env=environment, check=True)
    return {name.partition(".")[0] for name in json.loads(report.read_text())}


@pytest.mark.parametrize("module", ["swe_db", "swe_db.errors", "swe_db.config", "swe_db.plugin", "swe_db.cli"])
def test_importing_is_light(tmp_path: Path, module: str) -> None:
    """To import the package, the plugin or the command imports none of the heavy libraries."""
    names = imported(tmp_path, f"import {module}")
    assert "swe_db" in names
    assert names & HEAVY == set()


def test_redis_services_import_alone(tmp_path: Path) -> None:
    """Production code gets the services on Redis with redis-py, and with none of what tests need."""
    program = """
import pkgutil, importlib, swe_db.redis
for found in pkgutil.iter_modules(swe_db.redis.__path__, "swe_db.redis."):
    importlib.import_module(found.name)
"""
    names = imported(tmp_path, program)
    assert "redis" in names
    assert names & ((HEAVY - {"redis"}) | {"click", "fakeredis", "pytest"}) == set()


@pytest.mark.parametrize("content", TEST_FILES.values(), ids=TEST_FILES)
def test_plugin_switched_off_is_light(tmp_path: Path, content: str) -> None:
    """A run of pytest with the plugin loaded but off imports none of the heavy libraries."""
    (tmp_path / "test_it.py").write_text(content)
    names = imported(tmp_path, RUN_PYTEST, "-q", "-p", "swe_db", "-p", "no:cacheprovider")
    assert "swe_db" in names
    assert names & HEAVY == set()


def test_heavy_libraries_would_be_seen(tmp_path: Path) -> None:
    """The probe of these tests sees what a test file imports."""
    (tmp_path / "test_it.py").write_text("import psycopg\n\ndef test_one():\n    pass\n")
    assert imported(tmp_path, RUN_PYTEST, "-q", "-p", "swe_db", "-p", "no:cacheprovider") & HEAVY == {"psycopg"}


@pytest.mark.parametrize("name", swe_db.__all__)
def test_public_names_exist(name: str) -> None:
    """Every name in `swe_db.__all__` is there, though it is loaded late."""
    assert getattr(swe_db, name).__name__ == name


def test_dir_is_all() -> None:
    """`dir(swe_db)` shows the public names and nothing else."""
    assert dir(swe_db) == sorted(swe_db.__all__)


def test_unknown_names_are_attribute_errors() -> None:
    """A name that the package does not have is an AttributeError that gives it."""
    with pytest.raises(AttributeError, match="no attribute 'migrat'"):
        swe_db.migrat  # type: ignore[attr-defined] # noqa: B018


def test_every_module_says_what_it_exports() -> None:
    """Every `__all__` of the package holds only names that are there."""
    missing = []
    for found in pkgutil.walk_packages(swe_db.__path__, "swe_db."):
        module = importlib.import_module(found.name)
        missing += [f"{found.name}.{name}" for name in getattr(module, "__all__", ()) if not hasattr(module, name)]
    assert missing == []
