"""What lies where in the directory of a data set, and what is known of each part of it.

`DIR/TABLE/part-00017.parquet` holds the rows that a part has of a table; part 0 is the bundled seeds. Beside them,
`DIR/.swe-db` tells what the data set is and which parts are complete: a part's receipt is written after its files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from swe_db.errors import GenerateError
from swe_db.generate.files.columns import tables
from swe_db.generate.files.formats import Format
from swe_db.generate.files.storage import is_temporary, replace_file
from swe_db.servers.unfinished import remove_unfinished

__all__ = ["LOAD_SCRIPT", "MANIFEST", "PROFILE", "Entry", "Layout", "Receipt"]

MANIFEST: Final = "manifest.json"
LOAD_SCRIPT: Final = "load.sql"
PROFILE: Final = "profile.html"
_OWN: Final = ".swe-db"
_PLAN: Final = "plan.json"
_LOCK: Final = "lock"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file with rows.

    Attributes:
        table: The table that they belong to.
        path: Where it lies, relative to the directory of the data set.
        rows: How many there are.
        bytes: How long the file is.
        sha256: Of its content.
    """

    table: str
    path: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What says that a part is complete.

    Attributes:
        number: The part; 0 is the seeds.
        files: Its files.
        stats: What the profile needs to know of its rows.
    """

    number: int
    files: tuple[Entry, ...]
    stats: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things lie.

    Attributes:
        directory: The directory of the data set.
        file_format: Of the files with rows.
    """

    directory: Path
    file_format: Format

    @property
    def own(self) -> Path:
        """Where the plan and the receipts lie."""
        return self.directory / _OWN

    @property
    def plan(self) -> Path:
        """What the data set is."""
        return self.own / _PLAN

    @property
    def lock(self) -> Path:
        """What is locked by whoever begins or finishes the data set."""
        return self.own / _LOCK

    def data(self, table: str, number: int) -> Path:
        """Return where the rows lie that a part has of a table, relative to the directory."""
        return Path(table) / f"part-{number:05d}.{self.file_format}"

    def receipt(self, number: int) -> Path:
        """Return where the receipt of a part lies."""
        return self.own / f"part-{number:05d}.json"

    def write_receipt(self, receipt: Receipt) -> None:
        """Note that a part is complete."""
        replace_file(self.receipt(receipt.number), as_json(asdict(receipt)))

    def read_receipt(self, number: int) -> Receipt | None:
        """Return the receipt of a part; None if it is not complete, or a file has gone or is shorter or longer.

        Raises:
            GenerateError: The receipt cannot be read.
        """
        path = self.receipt(number)
        try:
            content = json.loads(path.read_bytes())
            entries = tuple(Entry(**entry) for entry in content["files"])
            receipt = Receipt(int(content["number"]), entries, content["stats"])
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError):
            raise GenerateError(f"{path} was changed and cannot be read: remove it, and go on with --resume.") from None
        return receipt if all(self._is_whole(entry) for entry in receipt.files) else None

    def _is_whole(self, entry: Entry) -> bool:
        path = self.directory / entry.path
        return path.is_file() and path.stat().st_size == entry.bytes

    def strangers(self, known: set[str]) -> list[str]:
        """Return files that a reader of all files of a table would take for ours, relative to the directory.

        Args:
            known: The files that are ours.
        """
        suffix = f"*.{self.file_format}"
        found = [path for table in tables() for path in (self.directory / table).glob(suffix)]
        return sorted({path.relative_to(self.directory).as_posix() for path in found} - known)

    def temporary(self) -> Iterator[Path]:
        """Yield files that were begun and never put in their places."""
        for place in (self.directory, self.own, *(self.directory / table for table in tables())):
            yield from (path for path in place.glob(".*") if is_temporary(path))

    def size(self, parts: int) -> int:
        """Return how many bytes the files with the rows of so many parts have."""
        paths = (self.directory / self.data(table, number) for number in range(parts) for table in tables())
        return sum(path.stat().st_size for path in paths if path.is_file())

    def remove(self, parts: int) -> None:
        """Remove a data set of so many parts and nothing else; directories that are empty then go as well."""
        remove_unfinished(self.temporary())
        for name in (MANIFEST, LOAD_SCRIPT, PROFILE):
            (self.directory / name).unlink(missing_ok=True)
        for number in range(parts):
            for table in tables():
                (self.directory / self.data(table, number)).unlink(missing_ok=True)
            self.receipt(number).unlink(missing_ok=True)
        # Last: without it nobody could say what the rest is.
        self.plan.unlink(missing_ok=True)
        for place in (self.own, *(self.directory / table for table in tables())):
            if place.is_dir() and not any(place.iterdir()):
                place.rmdir()


def as_json(content: object) -> bytes:
    """Return the content of a JSON file."""
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
