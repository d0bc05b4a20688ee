"""Directories with short names, since the path of a socket ends at some hundred bytes."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def short_directory() -> Iterator[Path]:
    """Make a directory that is removed in the end."""
    directory = Path(tempfile.mkdtemp(prefix="swe-db-test-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
