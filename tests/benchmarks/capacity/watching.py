"""What is seen of a load from outside: the memory of its processes, and which tables are copied when."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import Connection

__all__ = ["Watched"]

PROCESSES: Final = Path("/proc")
COPIED: Final = """
SELECT COALESCE(pg_partition_root(relid), relid)::regclass::text, count(*) FROM pg_stat_progress_copy
WHERE datname = current_database() AND command = 'COPY FROM' AND relid <> 0 GROUP BY 1
"""


@dataclasses.dataclass
class Watched:
    """What was seen so far.

    Attributes:
        client: Bytes of memory of a process and those that it started, at most, all together.
        server: The same of Postgres: what each process has for itself, and what they share counted once.
        copied: Seconds in which a table was being copied, by whatever number of sessions, by table.
    """

    client: int = 0
    server: int = 0
    copied: dict[str, float] = dataclasses.field(default_factory=dict)
    _seen: float = dataclasses.field(default_factory=time.monotonic)

    def look(self, connection: Connection[Any], client: int, server: int) -> None:
        """Take one look.

        Args:
            connection: To the database that is loaded.
            client: The process that loads.
            server: The process above Postgres.
        """
        now = time.monotonic()
        since, self._seen = now - self._seen, now
        statuses = dict(_statuses())
        self.client = max(self.client, sum(each["VmRSS"] for each in _below(statuses, client)))
        own = list(_below(statuses, server))
        shared = max((each["RssShmem"] for each in own), default=0)
        self.server = max(self.server, shared + sum(each["RssAnon"] for each in own))
        with contextlib.suppress(psycopg.Error):  # a table may go between its number and its name
            for table, _ in connection.execute(COPIED).fetchall():
                self.copied[table] = self.copied.get(table, 0.0) + since


def _statuses() -> Iterator[tuple[int, dict[str, int]]]:
    """Yield the numbers of all processes with their parent and memory in bytes; nothing where there is no /proc."""
    for entry in PROCESSES.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            yield int(entry.name), _status((entry / "status").read_text(encoding="utf-8", errors="replace"))


def _status(text: str) -> dict[str, int]:
    found = dict.fromkeys(("VmRSS", "RssAnon", "RssShmem", "PPid"), 0)
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name in found:
            found[name] = int(value.split()[0]) * (1 if name == "PPid" else 1024)
    return found


def _below(statuses: dict[int, dict[str, int]], top: int) -> Iterator[dict[str, int]]:
    """Yield the statuses of a process and of all that descend from it."""
    wanted, grown = {top}, True
    while grown:
        more = {number for number, status in statuses.items() if status["PPid"] in wanted} - wanted
        wanted, grown = wanted | more, bool(more)
    return (statuses[number] for number in wanted if number in statuses)
