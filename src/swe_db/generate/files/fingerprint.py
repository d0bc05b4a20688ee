"""Checksums of the tables of a data set in files, which agree with those of the database that it is loaded into."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from swe_db.errors import ConfigError, GenerateError
from swe_db.generate.files.formats import read
from swe_db.generate.files.layout import MANIFEST
from swe_db.generate.files.storage import disk_errors
from swe_db.generate.verify.fingerprint import Fingerprint, TableFingerprint
from swe_db.generate.verify.lines import Sums, sums_of

__all__ = ["fingerprint_of_files"]


def fingerprint_of_files(
    directory: Path, *, on_table: Callable[[str, TableFingerprint], None] | None = None
) -> Fingerprint:
    """Return the checksums of the rows in the files of a directory, which are read a piece at a time.

    Args:
        directory: Where `swe-db generate --out` wrote a data set.
        on_table: Called with the name of each table and what is in it, as soon as that is known.

    Raises:
        ConfigError: The directory holds no complete data set.
        GenerateError: A file is missing or cannot be read.
    """
    manifest = _manifest(directory)
    found: dict[str, TableFingerprint] = {}
    for table, facts in manifest["tables"].items():
        total = Sums()
        for file in facts["files"]:
            total += _sums(table, directory / file["path"], manifest["format"])
        found[table] = TableFingerprint(total.rows, total.checksum)
        if on_table is not None:
            on_table(table, found[table])
    return Fingerprint(found)


def _manifest(directory: Path) -> dict[str, Any]:
    path = directory / MANIFEST
    try:
        with disk_errors(directory):
            content = json.loads(path.read_bytes()) if path.is_file() else {}
    except ValueError:
        content = {}
    if not isinstance(content, dict) or not content.keys() >= {"tables", "format"}:
        raise ConfigError(
            f"{path} is missing or is no manifest of swe-db, so {directory} holds no complete data set. Name the "
            "directory that was given to `swe-db generate --out`; --resume completes one that is not complete."
        )
    return content


def _sums(table: str, path: Path, file_format: Any) -> Sums:  # noqa: ANN401 - it is what the manifest says
    import pyarrow as pa  # noqa: PLC0415 - only its errors are needed here

    total = Sums()
    try:
        with disk_errors(path):
            for rows in read(table, path, file_format):
                total += sums_of(rows)
    except pa.ArrowException as error:
        raise GenerateError(f"{path} cannot be read as {file_format}: {error}") from error
    return total
