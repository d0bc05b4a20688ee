"""The checkout that the tests belong to."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

__all__ = ["ROOT", "copy_checkout", "listed_files", "python_files", "top_level_entries"]

ROOT: Final = Path(__file__).parents[2]


def listed_files() -> list[str]:
    """Return the paths of the files that git has or would add, links included, relative to the root."""
    # Git minds when the checkout belongs to somebody else, as it does in many containers.
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).exists()]


def top_level_entries() -> set[str]:
    """Return the names of what lies at the top of the checkout."""
    return {name.partition("/")[0] for name in listed_files()}


def copy_checkout(target: Path) -> Path:
    """Copy the checkout to `target`, links as links, and return it."""
    for name in listed_files():
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy, follow_symlinks=False)
    return target


def python_files(*folders: str) -> Iterator[Path]:
    """Yield the Python files of these folders of the checkout, those behind links left out."""
    for name in listed_files():
        if name.endswith(".py") and name.startswith(tuple(f"{folder}/" for folder in folders)):
            yield ROOT / name
