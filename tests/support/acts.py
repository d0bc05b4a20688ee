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
from typing import Any, Final, TypeAlias

import psycopg

from swe_db.isolation.database import Database

# An earlier act of the same test may hold what this one wants.
PATIENCE: Final = "-c lock_timeout=300ms -c statement_timeout=10s"

Act: TypeAlias = Callable[[Database, random.Random], None]

KIM: Final = "INSERT INTO users (username, email, display_name) VALUES ('kim', 'kim@example.org', 'Kim')"
TASK: Final = "INSERT INTO tasks (project_id, title) SELECT min(id), 'x' FROM projects"
AUDIT: Final = "INSERT INTO audit_logs (event_type, resource_type, resource_id) VALUES ('user.login', 'user', '1')"

# One transaction each, committed.
COMMITTED: Final[dict[str, tuple[str, ...]]] = {
    "insert": (KIM, TASK),
    "update seeds": ("UPDATE users SET display_name = 'x' WHERE id % 2 = 1",),
    "delete seeds": ("DELETE FROM projects",),
    "audit": (AUDIT,),
    "audit of a month": ("SELECT swe_create_audit_partitions(date '2030-01-01', 1)", AUDIT),
    "savepoints": (KIM, "SAVEPOINT a", TASK, "ROLLBACK TO a", TASK, "RELEASE a"),
    "subtransactions": (
        f"DO $$ BEGIN FOR i IN 1..70 LOOP BEGIN {TASK}; EXCEPTION WHEN others THEN NULL; END; END LOOP; END $$",
    ),
    "truncate": ("TRUNCATE task_comments",),
    "truncate and insert": (
        "TRUNCATE agents CASCADE",
        "INSERT INTO agents (name, slug, agent_type) VALUES ('a', 'a', 'tester')",
    ),
    "truncate restart": ("TRUNCATE users RESTART IDENTITY CASCADE", KIM),
    "sequences": ("SELECT setval('users_id_seq', 1000)", "SELECT nextval('tasks_id_seq')"),
    "restart a sequence": ("ALTER SEQUENCE users_id_seq RESTART WITH 500", KIM),
    "temporary table": ("CREATE TEMPORARY TABLE t AS SELECT * FROM users", "DROP TABLE t"),
    "temporary on commit": ("CREATE TEMPORARY TABLE t (n int) ON COMMIT DROP", "INSERT INTO t VALUES (1)"),
    "unlogged table": ("CREATE UNLOGGED TABLE un AS SELECT * FROM users",),
    "new table": ("CREATE TABLE made (id int PRIMARY KEY)", "INSERT INTO made VALUES (1)"),
    "table made and dropped": ("CREATE TABLE made (id int)", "DROP TABLE made"),
    "alter table": ("ALTER TABLE users ADD COLUMN extra int DEFAULT 3",),
    "drop table": ("DROP TABLE schema_migrations",),
    "drop column": ("ALTER TABLE tasks DROP COLUMN labels CASCADE",),
    "rename": ("ALTER TABLE users RENAME TO people",),
    "index": ("CREATE INDEX extra ON users (created_at)",),
    "index made and dropped": ("CREATE INDEX extra ON tasks (title)", "DROP INDEX extra"),
    "view": ("CREATE VIEW seen AS SELECT * FROM users",),
    "materialized view": ("CREATE MATERIALIZED VIEW kept AS SELECT * FROM users", "REFRESH MATERIALIZED VIEW kept"),
    "function": ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",),
    "type": ("CREATE TYPE colour AS ENUM ('red')", "CREATE DOMAIN positive AS int CHECK (value > 0)"),
    "schema": ("CREATE SCHEMA other", "CREATE TABLE other.t (n int)"),
    "drop schema": ("DROP SCHEMA public CASCADE",),
    "comment": ("COMMENT ON TABLE users IS 'changed'",),
    "grant": ("GRANT SELECT ON users TO PUBLIC",),
    "trigger": ("ALTER TABLE users DISABLE TRIGGER ALL", KIM),
    "trigger off and on": ("ALTER TABLE users DISABLE TRIGGER USER", KIM, "ALTER TABLE users ENABLE TRIGGER USER"),
    "constraint": ("ALTER TABLE users ADD CONSTRAINT extra CHECK (id > 0)",),
    "replica": ("SET LOCAL session_replication_role = replica", "DELETE FROM users"),
    "policy": ("ALTER TABLE users FORCE ROW LEVEL SECURITY",),
    "large object": ("SELECT lo_from_bytea(0, 'content')",),
    "notify": ("LISTEN channel", "NOTIFY channel, 'content'", KIM),
    "role": ("CREATE ROLE left_behind LOGIN", "GRANT swe_user TO left_behind", "GRANT SELECT ON users TO left_behind"),
    "role alone": ("CREATE ROLE left_behind NOLOGIN",),
    "role of ours": ("ALTER ROLE swe_user LOGIN", "COMMENT ON ROLE swe_user IS 'changed'"),
    "role setting": ("ALTER ROLE swe_user SET work_mem = '1MB'",),
    "parameter": ("GRANT SET ON PARAMETER log_statement TO swe_user",),
    "session lock": ("SELECT pg_advisory_lock(1)", "SELECT pg_advisory_unlock(1)", KIM),
    "copy": ("CREATE TEMPORARY TABLE t (n int)", "INSERT INTO t SELECT generate_series(1, 1000)", "DROP TABLE t"),
    "many rows": ("INSERT INTO tasks (project_id, title) SELECT 1, n FROM generate_series(1, 500) AS n",),
    "row locks": ("SELECT * FROM users FOR UPDATE", "SELECT * FROM projects FOR KEY SHARE"),
    "toast": (
        "UPDATE projects SET description = (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 800) AS n)",
    ),
    "asynchronous": ("SET LOCAL synchronous_commit = off", KIM),
    "extension": ("CREATE EXTENSION pg_walinspect",),
    "publication": ("CREATE PUBLICATION p FOR ALL TABLES",),
    "subscription": ("CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=1' PUBLICATION p WITH (connect = false)",),
    "event trigger": (
        "CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "CREATE EVENT TRIGGER always ON ddl_command_start EXECUTE FUNCTION e()",
    ),
    "statistics object": ("CREATE STATISTICS st ON username, email FROM users",),
    "analyze in a transaction": (KIM, "ANALYZE users"),
    "cluster": ("CLUSTER users USING users_pkey",),
    "message": ("SELECT pg_logical_emit_message(true, 'a', 'b')",),
}
# Each statement by itself.
ALONE: Final[dict[str, tuple[str, ...]]] = {
    "vacuum": (KIM, "VACUUM users"),
    "vacuum full": (KIM, "VACUUM FULL users"),
    "vacuum freeze": ("UPDATE users SET display_name = 'x'", "VACUUM FREEZE users"),
    "analyze": (KIM, "ANALYZE"),
    "reindex": ("REINDEX TABLE users", KIM),
    "reindex concurrently": ("REINDEX INDEX CONCURRENTLY users_pkey",),
    "index concurrently": ("CREATE INDEX CONCURRENTLY extra ON tasks (title)",),
    "alter system": ("ALTER SYSTEM SET work_mem = '1MB'", "SELECT pg_reload_conf()"),
    "database": ("CREATE DATABASE left_behind TEMPLATE template0",),
    "database setting": (
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = ''1MB''', current_database()); END $$",
    ),
    "template": ("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I IS_TEMPLATE true', current_database()); END $$",),
    "slot": ("SELECT pg_create_physical_replication_slot('left_behind')",),
    "origin": ("SELECT pg_replication_origin_create('left_behind')",),
    "prepared transaction": ("BEGIN", KIM, "PREPARE TRANSACTION 'left behind'"),
    "checkpoint": (KIM, "CHECKPOINT"),
    "switch": (KIM, "SELECT pg_switch_wal()"),
    "end everybody": ("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()", KIM),
    "tablespace": ("SET allow_in_place_tablespaces = on", "CREATE TABLESPACE left_behind LOCATION ''"),
}


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
    workers = [threading.Thread(target=_insert_task, args=[database.url]) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


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
