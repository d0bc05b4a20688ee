"""A data set that is written into a directory, part by part, by any number of processes."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from swe_db.errors import ConfigError, GenerateError
from swe_db.generate.files import script
from swe_db.generate.files.columns import columns_of, seeded_tables, tables
from swe_db.generate.files.formats import Format, encode
from swe_db.generate.files.layout import LOAD_SCRIPT, MANIFEST, Entry, Layout, Receipt, as_json
from swe_db.generate.files.storage import disk_errors, exclusive, replace_file, sha256_of
from swe_db.generate.parts import parts_of
from swe_db.generate.plan import Plan
from swe_db.generate.values.draws import VERSION
from swe_db.servers.unfinished import remove_unfinished

__all__ = ["FileSet", "plan_in"]


@dataclass(frozen=True)
class FileSet:
    """The files of a data set; it can be pickled, and processes may write different parts at the same time.

    Attributes:
        plan: The data set.
        directory: Where its files lie.
        file_format: `csv` or `parquet`.
    """

    plan: Plan
    directory: Path
    file_format: Format

    @property
    def layout(self) -> Layout:
        """Where things lie."""
        return Layout(self.directory, self.file_format)

    @property
    def facts(self) -> dict[str, Any]:
        """What tells this data set from others, as it stands in the directory."""
        return {
            "identity": self.plan.identity,
            "generator": VERSION,
            "seed": self.plan.seed,
            "as_of": self.plan.as_of.isoformat(),
            "rows": dict(self.plan.counts),
            "format": self.file_format,
            "parts": len(parts_of(self.plan)) + 1,
        }

    def begin(self, *, resume: bool = False, reset: bool = False) -> None:
        """Make the directory ready and write the rows of the seeds.

        Args:
            resume: Whether the directory may hold a part of this data set, or all of it: shards may, too.
            reset: Whether to remove the data set that it holds, whichever that is.

        Raises:
            ConfigError: The directory holds something else.
            GenerateError: It cannot be written.
        """
        with disk_errors(self.directory):
            if not self.layout.own.is_dir():
                self._require_empty(is_locked=False)  # before anything is made in a directory that is not ours
            with exclusive(self.layout.lock):
                self._begin(resume=resume, reset=reset)

    def _begin(self, *, resume: bool, reset: bool) -> None:
        found = _facts_in(self.layout)
        if found is not None and reset:
            Layout(self.directory, found["format"]).remove(found["parts"])
        elif found is None:
            self._require_empty(is_locked=True)
        if found is None or reset:
            replace_file(self.layout.plan, as_json(self.facts))
        elif not resume or found != self.facts:
            raise ConfigError(self._refusal(found))
        if self.layout.read_receipt(0) is None:
            self._write(0, seeded_tables(), {})

    def _require_empty(self, *, is_locked: bool) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        remove_unfinished(self.layout.temporary())
        others = sorted(path.name for path in self.directory.iterdir() if path != self.layout.own)
        # Another shard may have begun since: it makes its own directory before any other.
        if others and (is_locked or not self.layout.own.is_dir()):
            more = f" and {len(others) - 3} more" if len(others) > 3 else ""
            raise ConfigError(
                f"{self.directory} holds something that is no data set of swe-db ({', '.join(others[:3])}{more}). "
                "Nothing was changed. Give --out an empty directory, or the name of a new one."
            )

    def _refusal(self, found: Mapping[str, Any]) -> str:
        if found == self.facts:
            return (
                f"{self.directory} holds this data set already, or a part of it. --resume makes what is missing; "
                "--reset removes it and begins anew."
            )
        names = [name for name, value in self.facts.items() if found.get(name) != value and name != "identity"]
        there = ", ".join(f"{name} {_shown(found.get(name))}" for name in names if name != "parts")
        asked = ", ".join(f"{name} {_shown(self.facts[name])}" for name in names if name != "parts")
        return (
            f"{self.directory} holds another data set: {there}; asked for was {asked}. Nothing was changed. "
            "Give --out another directory, or --reset to remove what is there."
        )

    def is_there(self) -> bool:
        """Tell whether the directory holds this data set, or a part of it.

        Raises:
            GenerateError: It cannot be read.
        """
        with disk_errors(self.directory):
            return _facts_in(self.layout) == self.facts

    def size_there(self) -> int:
        """Return how many bytes the files have of the data set that the directory holds, whichever that is."""
        found = _facts_in(self.layout)
        return 0 if found is None else Layout(self.directory, found["format"]).size(found["parts"])

    def done(self) -> set[int]:
        """Return the numbers of the parts, as `Part.number`, that are complete.

        Raises:
            GenerateError: The directory cannot be read.
        """
        with disk_errors(self.directory):
            numbers = range(1, self.facts["parts"])
            return {number - 1 for number in numbers if self.layout.read_receipt(number) is not None}

    def write(self, number: int, rows: Mapping[str, pa.Table], stats: Mapping[str, Any]) -> Receipt:
        """Write the files of a part; writing it again gives the same files.

        Args:
            number: The number of the part, as `Part.number`.
            rows: What it has of each table.
            stats: What the profile needs to know of them, as JSON.

        Raises:
            GenerateError: They cannot be written; the part is not complete then.
        """
        with disk_errors(self.directory):
            return self._write(number + 1, rows, stats)

    def _write(self, number: int, rows: Mapping[str, pa.Table], stats: Mapping[str, Any]) -> Receipt:
        entries = []
        for name, table in rows.items():
            path = self.layout.data(name, number)
            content = memoryview(encode(name, table, self.file_format))
            replace_file(self.directory / path, content)
            digest = hashlib.sha256(content).hexdigest()
            entries.append(Entry(name, path.as_posix(), table.num_rows, content.nbytes, digest))
        receipt = Receipt(number, tuple(entries), stats)
        self.layout.write_receipt(receipt)
        return receipt

    def receipts(self) -> list[Receipt]:
        """Return the receipts of all parts that are complete, the seeds first."""
        with disk_errors(self.directory):
            found = [self.layout.read_receipt(number) for number in range(self.facts["parts"])]
            return [receipt for receipt in found if receipt is not None]

    def finish(self) -> dict[str, Any]:
        """Verify the whole: every part there, every file with its length and checksum, the rows as planned.

        Then the manifest is written, and for CSV the script that loads the files.

        Returns:
            The manifest.

        Raises:
            GenerateError: Parts are missing, or a file is not as it was written.
        """
        with disk_errors(self.directory):
            before = self._age_of_manifest()
            with exclusive(self.layout.lock):
                return self._finish(before)

    def _finish(self, before: int | None) -> dict[str, Any]:
        receipts = self.receipts()
        self._require_all(receipts)
        manifest = self._manifest(receipts)
        path = self.directory / MANIFEST
        if self._age_of_manifest() not in {None, before} and path.read_bytes() == as_json(manifest):
            return manifest  # another shard has verified all of it while this one waited
        self._require_unchanged([entry for receipt in receipts for entry in receipt.files])
        self._require_planned(manifest)
        if self.file_format == "csv":
            replace_file(self.directory / LOAD_SCRIPT, script.load_script(manifest).encode())
        replace_file(path, as_json(manifest))
        remove_unfinished(self.layout.temporary())
        return manifest

    def _age_of_manifest(self) -> int | None:
        path = self.directory / MANIFEST
        return path.stat().st_mtime_ns if path.exists() else None

    def _require_all(self, receipts: list[Receipt]) -> None:
        missing = sorted(set(range(self.facts["parts"])) - {receipt.number for receipt in receipts})
        if missing:
            names = ", ".join(map(str, missing[:5])) + (", …" if len(missing) > 5 else "")
            raise GenerateError(
                f"{self.directory}: {len(missing)} of {self.facts['parts']} parts are missing ({names}). Let the other "
                "shards finish, or make what is missing with --resume."
            )

    def _require_unchanged(self, entries: list[Entry]) -> None:
        wrong = [entry.path for entry in entries if sha256_of(self.directory / entry.path) != entry.sha256]
        if wrong:
            raise GenerateError(
                f"{self.directory}: {len(wrong)} files are not as they were written ({', '.join(wrong[:3])}). Remove "
                "them and make them again with --resume."
            )
        if strangers := self.layout.strangers({entry.path for entry in entries}):
            raise GenerateError(
                f"{self.directory} holds files that do not belong to the data set ({', '.join(strangers[:3])}). Move "
                "them away: whoever reads all files of a table would read them as well."
            )

    def _require_planned(self, manifest: Mapping[str, Any]) -> None:
        for table, planned in self.plan.counts.items():
            if (rows := manifest["tables"][table]["rows"]) != planned:
                raise GenerateError(
                    f"{self.directory} has {rows:,} rows of {table}, and {planned:,} were planned. This is a fault of "
                    "swe-db: report it with the command line."
                )

    def _manifest(self, receipts: list[Receipt]) -> dict[str, Any]:
        entries = [entry for receipt in receipts for entry in receipt.files]
        by_table = {table: [entry for entry in entries if entry.table == table] for table in tables()}
        return {
            **self.facts,
            "tables": {
                table: {
                    "rows": sum(entry.rows for entry in found),
                    "bytes": sum(entry.bytes for entry in found),
                    "columns": dict(columns_of(table)),
                    "files": [
                        {"path": one.path, "rows": one.rows, "bytes": one.bytes, "sha256": one.sha256} for one in found
                    ],
                }
                for table, found in by_table.items()
            },
        }


def plan_in(directory: Path) -> Plan | None:
    """Return the plan of the data set that a directory holds a part of; None if it holds none.

    Raises:
        GenerateError: It cannot be read.
    """
    with disk_errors(directory):
        found = _facts_in(Layout(directory, "csv"))
    return None if found is None else Plan(found["seed"], found["rows"], dt.date.fromisoformat(found["as_of"]))


def _facts_in(layout: Layout) -> dict[str, Any] | None:
    """Return the facts of the data set that a directory holds, if it holds one."""
    try:
        content = json.loads(layout.plan.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        content = None
    if not isinstance(content, dict) or not content.keys() >= {"format", "parts", "identity", "seed", "rows", "as_of"}:
        raise GenerateError(f"{layout.plan} was changed and cannot be read: give --out another directory.")
    return content


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name}={number}" for name, number in value.items())
    return str(value)
