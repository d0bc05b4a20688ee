"""What tests do to a database and its server: every kind of act that could reach the next test.

An act is a function of a `Database`. What it leaves behind is what the isolation has to undo.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeAlias

import psycopg
from psycopg import sql

from support.migrations import is_active, until
from support.statements import ALONE, COMMITTED, KIM, TASK
from swe_db.isolation.database import Database

# An earlier act of the same test may hold what this one wants.
PATIENCE: Final = "-c lock_timeout=300ms -c statement_timeout=10s"

Act: TypeAlias = Callable[[Database, random.Random], None]


def committed(statements: tuple[str, ...]) -> Act:
    """An act of one transaction."""

    def act(database: Database, _: random.Random) -> None:
        with psycopg.connect(database.url, options=PATIENCE) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    return act


def alone(statements: tuple[str, ...]) -> Act:
    """An act of statements that cannot run in a transaction."""

    def act(database: Database, _: random.Random) -> None:
        with psycopg.connect(database.url, autocommit=True, options=PATIENCE) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    return act


def read(database: Database, _: random.Random) -> None:
    """Only read."""
    with psycopg.connect(database.url, options=PATIENCE) as connection:
        connection.execute("SELECT * FROM users").fetchall()


def roll_back(database: Database, _: random.Random) -> None:
    """Write and roll back, sequences included."""
    with psycopg.connect(database.url, options=PATIENCE) as connection:
        connection.execute(KIM)
        connection.rollback()


def fail(database: Database, _: random.Random) -> None:
    """Write, then fail in the middle of the transaction."""
    with contextlib.suppress(psycopg.Error), psycopg.connect(database.url, options=PATIENCE) as connection:
        connection.execute(KIM)
        connection.execute("SELECT 1 / 0")


def copy_in(database: Database, _: random.Random) -> None:
    """COPY rows in."""
    with (
        psycopg.connect(database.url, options=PATIENCE) as connection,
        connection.cursor().copy("COPY tasks (project_id, title) FROM STDIN") as copy,
    ):
        for number in range(300):
            copy.write_row((1, str(number)))


def threads(database: Database, _: random.Random) -> None:
    """Commit from four threads."""
    with ThreadPoolExecutor(4) as executor:
        list(executor.map(_insert_task, [database.url] * 4))


def _insert_task(url: str) -> None:
    with psycopg.connect(url, options=PATIENCE) as connection:
        connection.execute(TASK)


def coroutines(database: Database, _: random.Random) -> None:
    """Commit from three tasks of an event loop."""

    async def insert() -> None:
        async with await psycopg.AsyncConnection.connect(database.url, options=PATIENCE) as connection:
            await connection.execute(TASK)

    async def all_of_them() -> None:
        await asyncio.gather(*(insert() for _ in range(3)))

    asyncio.run(all_of_them())


def subprocess_commits(database: Database, _: random.Random) -> None:
    """Commit from another process."""
    code = (
        f"import psycopg, sys; c = psycopg.connect(sys.argv[1], options={PATIENCE!r}); c.execute({KIM!r});"
        " c.commit(); c.close()"
    )
    subprocess.run([sys.executable, "-c", code, database.url], check=True, stderr=subprocess.DEVNULL)


def subprocess_killed(database: Database, _: random.Random) -> None:
    """Kill a process in the middle of a transaction."""
    code = (
        f"import os, psycopg, sys; c = psycopg.connect(sys.argv[1], options={PATIENCE!r}); c.execute({TASK!r});"
        f" c.commit(); c.execute({TASK!r}); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, database.url], check=False, stderr=subprocess.DEVNULL)
    if done.returncode != -signal.SIGKILL:
        raise subprocess.SubprocessError(f"ended with {done.returncode}")


def several_transactions(database: Database, chance: random.Random) -> None:
    """Commit a handful of transactions one after the other, of two or three kinds."""
    for name in chance.sample(["insert", "update seeds", "delete seeds", "audit", "truncate", "sequences"], 3):
        with contextlib.suppress(psycopg.Error):
            committed(COMMITTED[name])(database, chance)


def closed(database: Database, _: random.Random) -> None:
    """Let nobody connect to the database any more."""
    with psycopg.connect(database.url, dbname="postgres", autocommit=True) as connection:
        statement = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false")
        connection.execute(statement.format(sql.Identifier(database.name)))


FUNCTIONS: Final[dict[str, Act]] = {
    "read": read,
    "roll back": roll_back,
    "fail": fail,
    "copy in": copy_in,
    "threads": threads,
    "coroutines": coroutines,
    "subprocess": subprocess_commits,
    "killed subprocess": subprocess_killed,
    "several transactions": several_transactions,
    "database closed": closed,
}


class Leftovers:
    """Acts that leave connections open, which live until the end of the suite unless they are ended."""

    def __init__(self) -> None:
        self._open: list[psycopg.Connection[Any]] = []
        self.pool: psycopg.Connection[Any] | None = None

    def open_transaction(self, database: Database, _: random.Random) -> None:
        """Leave a transaction open that has written."""
        self._leave(database).execute(KIM)

    def held_lock(self, database: Database, _: random.Random) -> None:
        """Leave a session that holds an advisory lock."""
        connection = self._leave(database)
        connection.execute("SELECT pg_advisory_lock(42)")
        connection.commit()

    def temporary_table(self, database: Database, _: random.Random) -> None:
        """Leave a session that is idle, with a temporary table."""
        connection = self._leave(database)
        connection.execute("CREATE TEMPORARY TABLE left_behind AS SELECT * FROM users")
        connection.commit()

    def from_a_pool(self, database: Database, _: random.Random) -> None:
        """Write through a connection that an application keeps for the whole session."""
        if self.pool is None or self.pool.closed:
            self.pool = psycopg.connect(database.url, options=PATIENCE)
        try:
            self.pool.execute(KIM)
        except psycopg.OperationalError:  # the database was replaced
            self.pool = psycopg.connect(database.url, options=PATIENCE)
            self.pool.execute(KIM)
        self.pool.commit()

    def listening(self, database: Database, _: random.Random) -> None:
        """Leave a session that listens and is idle."""
        connection = self._leave(database)
        connection.execute("LISTEN channel")
        connection.commit()

    def cursor(self, database: Database, _: random.Random) -> None:
        """Leave a session with a cursor that outlives its transaction, settings and a prepared statement."""
        connection = self._leave(database)
        connection.execute("DECLARE c CURSOR WITH HOLD FOR SELECT * FROM users")
        connection.execute("SET work_mem = '1MB'")
        connection.execute("PREPARE kim AS SELECT 1")
        connection.commit()

    def reading(self, database: Database, _: random.Random) -> None:
        """Leave a transaction open that has only read."""
        self._leave(database).execute("SELECT * FROM users")

    def failed(self, database: Database, _: random.Random) -> None:
        """Leave a transaction open that has failed."""
        connection = self._leave(database)
        connection.execute(KIM)
        with contextlib.suppress(psycopg.errors.DivisionByZero):
            connection.execute("SELECT 1 / 0")

    def running(self, database: Database, _: random.Random) -> None:
        """Leave a statement running that writes."""
        connection = psycopg.connect(database.url, autocommit=True)
        self._open.append(connection)

        def run() -> None:
            with contextlib.suppress(psycopg.Error):
                connection.execute(f"DO $$ BEGIN {KIM}; PERFORM pg_sleep(60); END $$".encode())

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        # The server may refuse it at once, by what an earlier act has left.
        until(lambda: not thread.is_alive() or is_active(database.url, "pg_sleep(60)"), "the statement to run")

    def copying(self, database: Database, _: random.Random) -> None:
        """Leave a COPY that has not ended."""
        connection = self._leave(database)
        connection.pgconn.send_query(b"COPY tasks (project_id, title) FROM STDIN")
        connection.pgconn.get_result()  # it has begun, or was refused

    def _leave(self, database: Database) -> psycopg.Connection[Any]:
        connection = psycopg.connect(database.url, options=PATIENCE)
        self._open.append(connection)
        return connection

    @property
    def acts(self) -> dict[str, Act]:
        """The acts by name."""
        return {
            "open transaction": self.open_transaction,
            "session lock left": self.held_lock,
            "temporary table left": self.temporary_table,
            "pool": self.from_a_pool,
            "listening left": self.listening,
            "cursor left": self.cursor,
            "reading left": self.reading,
            "failure left": self.failed,
            "statement left": self.running,
            "copy left": self.copying,
        }

    def close(self) -> None:
        """Close what is still open."""
        for connection in [*self._open, *([self.pool] if self.pool else [])]:
            connection.close()


def all_acts(leftovers: Leftovers) -> dict[str, Act]:
    """Every act by name."""
    return {
        **{name: committed(statements) for name, statements in COMMITTED.items()},
        **{name: alone(statements) for name, statements in ALONE.items()},
        **FUNCTIONS,
        **leftovers.acts,
    }


def seed_of(environment: str) -> int:
    """The seed of the random choices: a number in the environment, else a new one."""
    return int(os.environ.get(environment) or random.SystemRandom().randrange(1_000_000))
