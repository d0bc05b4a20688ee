"""The versions that pyproject.toml allows: `install` puts in the lowest of each, without a word says what is there."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

ROOT: Final = Path(__file__).parents[2]


def requirements() -> list[Requirement]:
    """Return what the project, its extra `embedded` and its tests ask for on this machine, in this order."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        content = tomllib.load(file)
    project = content["project"]
    lines = (
        project["dependencies"] + project["optional-dependencies"]["embedded"] + content["dependency-groups"]["test"]
    )
    found = [Requirement(line) for line in lines if isinstance(line, str)]  # the others include a group
    return [each for each in found if each.marker is None or each.marker.evaluate()]


def lower_bound(requirement: Requirement) -> str:
    """Return the lowest version that a requirement allows.

    Raises:
        ValueError: It names none, or more than one.
    """
    bounds = [each.version for each in requirement.specifier if each.operator == ">="]
    if len(bounds) != 1:
        raise ValueError(f"pyproject.toml: {requirement} must name one lowest version with >=")
    return bounds[0]


def lowest() -> list[str]:
    """Return a requirement for exactly the lowest version of each."""
    pins = {}
    for each in requirements():
        extras = f"[{','.join(sorted(each.extras))}]" if each.extras else ""
        pins[f"{each.name}{extras}"] = f"{each.name}{extras}=={lower_bound(each)}"
    return list(pins.values())


def installed() -> dict[str, str]:
    """Return the versions in this environment by name."""
    return {each.name: version(each.name) for each in requirements()}


def main() -> None:
    """Install the lowest versions if asked to, else print what is installed, on one line."""
    if sys.argv[1:] == ["install"]:
        uv = (sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", sys.executable)
        subprocess.run([*uv, "--editable", f"{ROOT}[embedded]", *lowest()], check=True)
        return
    found = " ".join(f"{name} {number}" for name, number in installed().items())
    print(f"Python {sys.version.split()[0]}, {found}")  # noqa: T201 - for the log of a run


if __name__ == "__main__":
    main()
