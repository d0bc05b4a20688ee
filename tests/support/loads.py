"""Helpers of the tests of loading: databases to fill, and what is in them then."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from swe_db.generate.parts import TABLES
from swe_db.generate.run import Progress
from swe_db.migrations import migrate, seed
from swe_db.servers.server import PostgresServer

CONTENT: Final = "SELECT count(*), md5(coalesce(string_agg(md5(t::text), '' ORDER BY id), '')) FROM public.{} AS t"
CATALOGUE: Final = """
SELECT 'index', class.relname, pg_get_indexdef(indexrelid), indisvalid, obj_description(indexrelid, 'pg_class')
FROM pg_index JOIN pg_class AS class ON class.oid = indexrelid
WHERE class.relnamespace = 'public'::regnamespace
UNION ALL
SELECT 'constraint', conname, conrelid::regclass || ' ' || pg_get_constraintdef(oid), convalidated,
  concat_ws(' ', conislocal, obj_description(oid, 'pg_constraint'))
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT 'trigger', tgname, tgrelid::regclass || ' ' || tgenabled::text, true, NULL FROM pg_trigger WHERE NOT tgisinternal
ORDER BY 1, 2, 3
"""


class Steps:
    """What was told of a load; it is called as `on_progress`."""

    def __init__(self) -> None:
        self.told: list[Progress] = []

    def __call__(self, progress: Progress) -> None:
        """Keep it."""
        self.told.append(progress)

    @property
    def doing(self) -> list[str]:
        """What was done, each thing once."""
        return list(dict.fromkeys(progress.doing for progress in self.told))


@contextlib.contextmanager
def prepared_database(server: PostgresServer) -> Iterator[str]:
    """Make a migrated and seeded database, give its name, and drop it."""
    name = f"test_{secrets.token_hex(6)}"
    url = server.address.database(name).url
    with created(server, name):
        migrate(url)
        seed(url)
        yield name


@contextlib.contextmanager
def created(server: PostgresServer, name: str, template: str = "template0") -> Iterator[None]:
    """Make a database, and drop it."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        connection.execute(create)
    try:
        yield
    finally:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def content(url: str) -> Mapping[str, Any]:
    """Return the number of rows and a checksum of each table that is filled."""
    with psycopg.connect(url) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return {
            table: connection.execute(sql.SQL(CONTENT).format(sql.Identifier(table))).fetchone() for table in TABLES
        }


def catalogue(url: str) -> list[tuple[Any, ...]]:
    """Return indexes, constraints and triggers as they are, those of partitions too."""
    with psycopg.connect(url) as connection:
        return connection.execute(CATALOGUE).fetchall()


# Loads `small` with everything deferred, and is killed so many statements after something was told.
KILLED: Final = """
import os, signal, sys
import psycopg
from swe_db.generate import Plan, generate

url, doing, share, statements = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
left = [statements if not doing else None]
execute = psycopg.Cursor.execute

def counted(self, *arguments, **options):
    result = execute(self, *arguments, **options)
    if left[0] is not None:
        left[0] -= 1
        if left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return result

def tell(progress):
    if left[0] is None and progress.doing == doing and progress.done >= share * progress.total:
        left[0] = statements

psycopg.Cursor.execute = counted
generate(url, Plan.of("small"), jobs=2, indexes="rebuild", resume=True, on_progress=tell)
print("came to the end")
"""

# Loads two parts in two processes, and does something to them when one part is there.
HURT: Final = """
import multiprocessing, os, signal, sys
from swe_db.errors import GenerateError
from swe_db.generate import Plan, generate

url, how = sys.argv[1:]
done = []

def tell(progress):
    if progress.doing != "loading" or done:
        return
    done.append(progress)
    children = multiprocessing.active_children()
    print(*(child.pid for child in children), flush=True)
    os.kill(children[0].pid if how == "worker" else os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    try:
        generate(url, Plan.of("small", rows={"tasks": 2_000}), jobs=2, on_progress=tell)
    except GenerateError as error:
        print(error)
"""


def run_script(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own."""
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def lives(pid: int) -> bool:
    """Tell whether there is a process; one that nobody has waited for is none."""
    try:
        os.kill(pid, 0)
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return status.rpartition(")")[2].split()[0] != "Z"
