"""Helpers of the tests of data sets in files."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import psycopg

from support.data_sets import DataSet
from swe_db.generate.files.dataset import FileSet
from swe_db.generate.files.formats import Format
from swe_db.generate.parts import make
from swe_db.generate.profile.observing import observe

COPY = re.compile(r"\\copy (\S+) FROM '([^']+)' WITH \((.+)\)")


def written(data: DataSet, directory: Path, file_format: Format) -> Path:
    """Write a data set into a directory, and return that."""
    files = FileSet(data.plan, directory, file_format)
    files.begin()
    for part in data.parts:
        tables = make(data.plan, data.census, part)
        files.write(part.number, tables, observe(data.plan, tables))
    files.finish()
    return directory


def contents(directory: Path) -> dict[str, str]:
    """Return a checksum of each file in a directory."""
    return {
        path.relative_to(directory).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def run_script(url: str, directory: Path) -> None:
    """Do what psql does with load.sql; not every backend of the tests brings psql."""
    statements: list[str] = []
    with psycopg.connect(url, autocommit=True) as connection:
        for line in (directory / "load.sql").read_text().splitlines():
            if found := COPY.fullmatch(line):
                table, path, options = found.groups()
                with connection.cursor().copy(f"COPY {table} FROM STDIN WITH ({options})".encode()) as copy:
                    copy.write((directory / path).read_bytes())
            elif line.startswith(("\\set ", "--")):
                continue
            else:
                statements.append(line)
                connection.execute(line.encode())
    assert statements[0] == "BEGIN;"
    assert statements[-2:] == ["COMMIT;", "ANALYZE;"]
