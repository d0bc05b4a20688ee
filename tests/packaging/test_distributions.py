"""What is built and installed: a wheel, a wheel made from the sdist, and an editable install."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from support.checkout import copy_checkout

LINKS: Final = ("src/swe_db/sql", "src/swe_db/factories")
FOLDERS: Final = {"src/swe_db": "swe_db", "sql": "swe_db/sql", "factories": "swe_db/factories"}

PROBE: Final = """
import hashlib, json, sys
from importlib.metadata import distribution
from importlib.resources import files

import swe_db
from swe_db.factories import UserFactory

def walk(folder, prefix=""):
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name != "__pycache__":
            yield from walk(entry, f"{prefix}{entry.name}/")
        elif entry.is_file():
            yield prefix + entry.name, hashlib.sha256(entry.read_bytes()).hexdigest()

found = {
    "package": swe_db.__file__,
    "built": UserFactory.build(username="ada").username,
    "files": dict(walk(files("swe_db"))),
    "entry_points": [[each.group, each.name, each.value] for each in distribution("swe-db").entry_points],
}
json.dump(found, sys.stdout)
"""


@dataclasses.dataclass(frozen=True)
class Installation:
    """swe-db in a virtual environment of its own.

    Attributes:
        python: The environment's interpreter.
        package: Where the package should have been imported from.
        found: What the probe saw in there.
    """

    python: Path
    package: Path
    found: Mapping[str, Any]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout."""
    return copy_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module")
def wheel(checkout: Path) -> Path:
    """A wheel built from the checkout."""
    return build(checkout, "--wheel")


@pytest.fixture(scope="module")
def sdist_wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from the sdist."""
    sdist = build(checkout, "--sdist")
    unpacked = tmp_path_factory.mktemp("sdist")
    # There are filters from 3.11.4 on, and 3.12 asks for one.
    options: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    shutil.unpack_archive(sdist, unpacked, **options)
    [source] = unpacked.iterdir()
    return build(source, "--wheel")


@pytest.fixture(scope="module", params=["wheel", "sdist_wheel", "editable"])
def installation(
    request: pytest.FixtureRequest, checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> Installation:
    """swe-db, installed in each of the three ways."""
    environment = tmp_path_factory.mktemp("environment")
    if request.param == "editable":
        refuse_lost_links(checkout)
        return install(environment, checkout / "src" / "swe_db", "--no-build-isolation", "--editable", checkout)
    return install(environment, None, request.getfixturevalue(request.param))


def build(source: Path, *kinds: str) -> Path:
    """Build a distribution of `source` without the network and return it."""
    target = source / "dist" / kinds[0].strip("-")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", target, *kinds, source)
    [built] = target.iterdir()
    return built


def install(environment: Path, package: Path | None, *what: str | Path) -> Installation:
    """Install `what` into a new environment that borrows everything else from the running one."""
    venv.create(environment, symlinks=True)
    python = environment / "bin" / "python"
    site_packages = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
    site_packages.joinpath("borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--quiet",
        "--ignore-installed",
        "--no-deps",
        "--no-index",
        *what,
    )
    found = json.loads(run(python, "-I", "-c", PROBE))
    return Installation(python, package or site_packages / "swe_db", found)


def run(*command: str | Path) -> str:
    """Run a command away from the checkout and return what it prints; its errors become the test's."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_"))}
    done = subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command} exited with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def refuse_lost_links(checkout: Path) -> None:
    """Fail where the two links of the package are not links."""
    for name in LINKS:
        if not (checkout / name).is_symlink():
            pytest.fail(
                f"{name} is not a symbolic link, which an editable install needs: let git make links "
                f"(git config core.symlinks true; on Windows also the developer mode), then run git checkout -- {name}",
                pytrace=False,
            )


def package_files(checkout: Path) -> dict[str, str]:
    """Return the SHA-256 of every file that belongs into the package, by its path in there."""
    return {
        f"{inside}/{path.relative_to(checkout / folder).as_posix()}": hashlib.sha256(path.read_bytes()).hexdigest()
        for folder, inside in FOLDERS.items()
        for path in sorted((checkout / folder).rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def wheel_files(wheel: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a wheel's package, by its path."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if not name.partition("/")[0].endswith(".dist-info")]
        return {name: hashlib.sha256(archive.read(name)).hexdigest() for name in names}


@pytest.mark.parametrize("kind", ["wheel", "sdist_wheel"])
def test_wheel_holds_the_package(request: pytest.FixtureRequest, checkout: Path, kind: str) -> None:
    """A wheel holds src/swe_db, sql/ and factories/, every file with the same bytes, and nothing else."""
    assert wheel_files(request.getfixturevalue(kind)) == package_files(checkout)


@pytest.mark.parametrize("lost", ["text files", "gone"])
def test_wheel_of_a_checkout_without_links(checkout: Path, tmp_path: Path, lost: str) -> None:
    """A checkout whose links became text files, as on Windows, or got lost still builds the right wheel."""
    broken = shutil.copytree(checkout, tmp_path / "broken", symlinks=True, ignore=shutil.ignore_patterns("dist"))
    for name in LINKS:
        link = broken / name
        target = link.readlink()
        link.unlink()
        if lost == "text files":
            link.write_text(str(target))
    assert wheel_files(build(broken, "--wheel")) == package_files(checkout)


def test_lost_links_are_named(tmp_path: Path) -> None:
    """Where the links are not links, the editable install is refused with the link's name and the remedy."""
    with pytest.raises(pytest.fail.Exception, match=r"src/swe_db/sql is not a symbolic link.*core\.symlinks"):
        refuse_lost_links(tmp_path)


def test_installed_package_is_the_one_under_test(installation: Installation) -> None:
    """The package is imported from where it was installed, and its factories work."""
    assert Path(installation.found["package"]).parent == installation.package
    assert installation.found["built"] == "ada"


def test_bundled_sql_is_readable(installation: Installation, checkout: Path) -> None:
    """importlib.resources reads all of sql/, with the same bytes."""
    sql = {name: digest for name, digest in installation.found["files"].items() if name.startswith("sql/")}
    expected = package_files(checkout).items()
    assert sql == {name.removeprefix("swe_db/"): digest for name, digest in expected if name.startswith("swe_db/sql/")}
    assert {"sql/migrations/001_initial_schema.sql", "sql/seeds/01_users.sql", "sql/schema/users.sql"} <= sql.keys()


@pytest.mark.parametrize("suffix", [".lua", ".sh", ".sql"])
def test_scripts_are_in(installation: Installation, checkout: Path, suffix: str) -> None:
    """Every script that the code reads at run time is installed."""
    expected = {name.removeprefix("swe_db/") for name in package_files(checkout) if name.endswith(suffix)}
    assert expected
    assert {name for name in installation.found["files"] if name.endswith(suffix)} == expected


def test_package_is_typed(installation: Installation) -> None:
    """Type checkers may use the annotations: py.typed is there."""
    assert "py.typed" in installation.found["files"]


def test_entry_points(installation: Installation) -> None:
    """Pytest finds the plugin, and the command is declared and runs."""
    assert sorted(installation.found["entry_points"]) == [
        ["console_scripts", "swe-db", "swe_db.cli:main"],
        ["pytest11", "swe_db", "swe_db.plugin"],
    ]
    assert "swe-db" in run(installation.python.with_name("swe-db"), "--help")


def test_plugin_is_loaded(installation: Installation) -> None:
    """Pytest loads the plugin of the installed package by itself."""
    assert "--swe-db-backend" in run(installation.python, "-I", "-m", "pytest", "--help", "-p", "no:cacheprovider")
