"""Helpers of the tests of snapshots and backups: what a site holds, and commands that are killed in the middle."""

from __future__ import annotations

import contextlib
import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
import redis
from psycopg import sql

from swe_db.environment.site import Site, Told
from swe_db.migrations.connections import query

TABLES: Final = (
    "SELECT n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
    " WHERE c.relkind = 'r' AND c.oid >= 16384 ORDER BY 1, 2"
)
SEQUENCES: Final = "SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2"
OF_DATABASE: Final = """
SELECT pg_get_userbyid(datdba), datconnlimit, shobj_description(oid, 'pg_database'),
    (SELECT array_agg(entry::text ORDER BY entry::text) FROM unnest(datacl) AS entry),
    (SELECT array_agg(concat(setrole, setconfig) ORDER BY setrole) FROM pg_db_role_setting
     WHERE setdatabase = pg_database.oid)
FROM pg_database WHERE datname = current_database()
"""
# For every line that it reads, "COMMAND POINT", forks a process that dies without a word after that many statements
# that change something, and prints whether it got so far.
VICTIM: Final = """
import os, signal, sys
import psycopg, redis
from pathlib import Path
from swe_db.environment import maintenance, resetting, restoring, site, snapshots

postgres_url, redis_url, file = sys.argv[1:]
here = site.Site(postgres_url=postgres_url, redis_url=redis_url, owns_redis=True)
COMMANDS = {
    "save": lambda: snapshots.save_snapshot(here, "b", site.unheard(), replace=True),
    "restore": lambda: snapshots.restore_snapshot(here, "b", site.unheard()),
    "backup": lambda: restoring.restore_backup(here, Path(file), site.unheard()),
    "reset": lambda: resetting.reset_database(here, site.unheard()),
}
left = 0

def counted(function, changes):
    def called(*arguments, **given):
        global left
        result = function(*arguments, **given)
        if changes(arguments):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return result
    return called

def writes(arguments):
    statement = arguments[1] if isinstance(arguments[1], bytes) else str(arguments[1]).encode()
    return statement.split()[0] in {b"CREATE", b"ALTER", b"COMMENT", b"BEGIN", b"COMMIT", b"DROP", b"GRANT", b"REVOKE"}

psycopg.Cursor.execute = counted(psycopg.Cursor.execute, writes)
maintenance.Maintenance.run_watched = counted(maintenance.Maintenance.run_watched, lambda _: True)
redis.Redis.flushdb = counted(redis.Redis.flushdb, lambda _: True)
redis.client.Pipeline.execute = counted(redis.client.Pipeline.execute, lambda _: True)

for line in sys.stdin:
    command, point = line.split()
    child = os.fork()
    if child == 0:
        left = int(point)
        COMMANDS[command]()
        os._exit(0)
    print(os.waitpid(child, 0)[1], flush=True)
"""


@dataclasses.dataclass
class Heard:
    """Somebody who remembers what he was told."""

    notes: list[str] = dataclasses.field(default_factory=list)
    steps: list[tuple[str, int, int | None]] = dataclasses.field(default_factory=list)

    @property
    def told(self) -> Told:
        """What the work is given."""
        return Told(note=self.notes.append, progress=lambda *step: self.steps.append(step))


class Victims:
    """Processes that carry out a command on a site, up to a point."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def killed(self, command: str, point: int) -> bool:
        """Carry out a command until it has changed something so many times; tell whether it was killed then."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command} {point}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the process that forks has ended"
        status = int(answer)
        assert status in {0, 9}, f"the command failed: status {status}"
        return status == 9


@contextlib.contextmanager
def victims(site: Site, file: Path) -> Iterator[Victims]:
    """Start the process that forks them."""
    command = [sys.executable, "-c", VICTIM, site.postgres_url, str(site.redis_url), str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Victims(process)
        process.kill()


def content(url: str) -> dict[str, Any]:
    """Return all rows, sequences and objects of a database, as they have to be after a dump was restored."""
    with psycopg.connect(url, autocommit=True) as connection:
        found: dict[str, Any] = {"sequences": connection.execute(SEQUENCES).fetchall()}
        catalogue = connection.execute(query("catalogue").encode())
        found["catalogue"] = sorted(
            (kind, name, text.replace("(", "").replace(")", "")) for kind, name, _, text in catalogue
        )
        for schema, name in connection.execute(TABLES).fetchall():
            rows = sql.SQL("SELECT ROW(t.*)::text FROM {} AS t").format(sql.Identifier(schema, name))
            found[f"{schema}.{name}"] = sorted(text for (text,) in connection.execute(rows))
    return found


def properties(url: str) -> list[Any]:
    """Return what a database has beside its content: owner, grants, limit, comment, settings."""
    with psycopg.connect(url) as connection:
        return connection.execute(OF_DATABASE).fetchall()


def keys(url: str | None) -> dict[bytes, tuple[bytes | None, bool]]:
    """Return every key of a logical database with its value, and whether its life will end."""
    with redis.Redis.from_url(str(url)) as client:
        return {name: (client.dump(name), client.pttl(name) >= 0) for name in client.scan_iter()}


def left_over(url: str) -> list[str]:
    """Return the databases of the server that are none of the tests' own, and no snapshots."""
    with psycopg.connect(url, autocommit=True) as connection:
        names = connection.execute("SELECT datname FROM pg_database WHERE datname ~ '^swe_db_(new|old)_'").fetchall()
        unfinished = connection.execute(
            "SELECT datname FROM pg_database WHERE datname ~ '^swe_db_snapshot_'"
            " AND shobj_description(oid, 'pg_database') IS NULL"
        ).fetchall()
    return [name for (name,) in names + unfinished]
