"""Making, cloning and dropping databases on a Postgres server."""

from __future__ import annotations

import contextlib
import copy
import json
import secrets
import threading
import time
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, LiteralString

from swe_db.errors import IsolationError
from swe_db.isolation import names
from swe_db.servers.connect import connect
from swe_db.servers.server import PostgresServer

if TYPE_CHECKING:
    from psycopg import Connection, Cursor
    from psycopg.sql import Composed

__all__ = ["Cluster"]

POLL: Final = 0.001  # seconds
GONE_TIMEOUT: Final = 10.0  # seconds
LOCK_TIMEOUT: Final = 600.0  # seconds: a big set of migrations may take minutes to build
LOCK_POLL: Final = 0.01  # seconds
ALIVE: Final = 0x737765  # the first key of the locks that say which runs live, the letters "swe"
RUNS: Final = "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND classid::bigint = %s AND objsubid = 2"
OURS: Final = (
    "SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database AS d WHERE starts_with(datname, 'swe_db_')"
    " AND pg_get_userbyid(datdba) = current_user AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE datid = d.oid)"
)
REWIND: Final = (
    "SELECT format('SELECT setval(%L, last_value, is_called) FROM %1$s', c.oid::regclass) FROM pg_class AS c"
    " WHERE relkind = 'S'"
)
# What is on a server of ours before any test, as text.
PRISTINE: Final = """
SELECT 'pg_authid', r::text FROM pg_authid AS r
UNION ALL SELECT 'pg_auth_members', r::text FROM pg_auth_members AS r
UNION ALL SELECT 'pg_db_role_setting', r::text FROM pg_db_role_setting AS r WHERE setdatabase = 0
UNION ALL SELECT 'pg_parameter_acl', r::text FROM pg_parameter_acl AS r
UNION ALL SELECT 'pg_replication_origin', r::text FROM pg_replication_origin AS r
UNION ALL SELECT 'pg_shdepend', r::text FROM pg_shdepend AS r
  WHERE dbid = 0 AND classid NOT IN ('pg_database'::regclass, 'pg_tablespace'::regclass)
UNION ALL SELECT 'pg_shdescription', r::text FROM pg_shdescription AS r WHERE classoid <> 'pg_database'::regclass
UNION ALL SELECT 'settings', size::text FROM pg_stat_file('postgresql.auto.conf')
"""
# What a test changed on a server of ours beside its database, and how to undo it.
STRAYS: Final[dict[str, LiteralString]] = {
    "settings": "SELECT 'ALTER SYSTEM RESET ALL'",
    "slots": "SELECT format('SELECT pg_drop_replication_slot(%L)', slot_name) FROM pg_replication_slots",
    "databases": (
        "SELECT format('DROP DATABASE %I WITH (FORCE)', datname) FROM pg_database"
        " WHERE oid >= 16384 AND NOT starts_with(datname, 'swe_db_')"
    ),
    "tablespaces": "SELECT format('DROP TABLESPACE %I', spcname) FROM pg_tablespace WHERE oid >= 16384",
}
# What must be undone inside a database before it can be dropped.
OBSTACLES: Final[tuple[LiteralString, ...]] = (
    "SELECT format('ROLLBACK PREPARED %%L', gid) FROM pg_prepared_xacts WHERE database = %s",
    (
        "SELECT format('ALTER SUBSCRIPTION %%I ' || change, subname) FROM pg_subscription JOIN pg_database AS d"
        " ON d.oid = subdbid, (VALUES ('DISABLE'), ('SET (slot_name = NONE)')) AS changes (change) WHERE datname = %s"
    ),
    (
        "SELECT format('DROP SUBSCRIPTION %%I', subname) FROM pg_subscription JOIN pg_database AS d ON d.oid = subdbid"
        " WHERE datname = %s"
    ),
)
DEAD_AFTER: Final = 6 * 3600.0  # seconds
UNUSED_AFTER: Final = 14 * 86400.0  # seconds


class Cluster:
    """The databases of one server, through a connection to its maintenance database.

    Args:
        server: The server.
        locale: The locale of new databases.
        timezone: Their time zone.
    """

    def __init__(self, server: PostgresServer, *, locale: str, timezone: str) -> None:
        self.server = server
        self.locale = locale
        self.timezone = timezone
        self.run = secrets.randbits(31)
        self._reconnecting = threading.Lock()
        self._connect()
        # Postgres' own default, WAL_LOG, is kinder to a server that works for others too; on our own, the files are
        # in memory and nothing is synced.
        self._strategy = " STRATEGY file_copy" if server.owned else ""
        self._check_rights()
        shown = self._rows("SHOW timezone")[0][0]
        self._set_timezone = shown != timezone

    def _connect(self) -> None:
        """Open the connection, and say by a lock that this run lives."""
        with self._explained():
            self._connection = connect(self.server.admin, autocommit=True, application_name="swe-db")
            self._connection.execute("SELECT pg_advisory_lock(%s, %s)", [ALIVE, self.run])

    def _check_rights(self) -> None:
        query = "SELECT rolname FROM pg_roles WHERE rolname = current_user AND NOT (rolcreatedb OR rolsuper)"
        for (role,) in self._rows(query):
            raise IsolationError(
                f"the user {role} of {self.server.address.shown} may not create databases, and each test gets one of "
                f"its own; to fix it: ALTER ROLE {role} CREATEDB"
            )

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _rows(self, query: LiteralString, *arguments: object) -> list[tuple[Any, ...]]:
        with self._explained():
            return self._execute(query, arguments or None).fetchall()

    def _run(self, statement: LiteralString, *identifiers: str, **literals: str) -> None:
        from psycopg import sql  # noqa: PLC0415

        parts = [sql.Identifier(each) for each in identifiers]
        values = {key: sql.Literal(value) for key, value in literals.items()}
        with self._explained():
            self._execute(sql.SQL(statement).format(*parts, **values))

    def _command(self, statement: str) -> None:
        """Execute a statement that the server wrote, with no more than a result that nobody looks at."""
        with self._explained():
            self._connection.execute(statement.encode())

    def _execute(self, query: LiteralString | Composed, arguments: tuple[object, ...] | None = None) -> Cursor[Any]:
        """Execute a query, on a new connection if a test has ended this one."""
        import psycopg  # noqa: PLC0415

        connection = self._connection
        try:
            return connection.execute(query, arguments)
        except psycopg.OperationalError:
            if not connection.closed:
                raise
            self._reconnect(connection)
            return self._connection.execute(query, arguments)

    def _reconnect(self, ended: Connection[Any]) -> None:
        """Open another connection, unless another thread has: two would wait for the lock of one another."""
        with self._reconnecting:
            if self._connection is ended:
                self._connect()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what the server or libpq says into an error of ours."""
        import psycopg  # noqa: PLC0415

        try:
            yield
        except psycopg.errors.DuplicateDatabase:
            raise
        except psycopg.Error as error:
            raise IsolationError(
                f"the Postgres server {self.server.address.shown} ({self.server.backend}) cannot give a test its "
                f"database: {str(error).strip()}"
            ) from error

    @cached_property
    def pristine(self) -> list[tuple[str, str]] | None:
        """What is on the server beside its databases, before any test; None where others use the server too."""
        return [(name, text) for name, text in self._rows(PRISTINE)] if self.server.owned else None

    def undo(self, stray: str) -> None:
        """Undo what a test changed on a server of ours beside its database: one of STRAYS."""
        loaded = self._rows("SELECT pg_conf_load_time()")[0][0]
        for (statement,) in self._rows(STRAYS[stray]):
            self._command(statement)
        if stray == "settings":
            self._rows("SELECT pg_reload_conf()")
            while self._rows("SELECT pg_conf_load_time()")[0][0] == loaded:
                time.sleep(POLL)

    def exchange(self, name: str, spare: str, waste: str) -> None:
        """Give the database `spare` the name of another one, which is called `waste` from then on.

        ALTER DATABASE … RENAME refuses while anybody is connected, as the spare's own session is.
        """
        self._rows("SELECT")  # on a new connection, if a test has ended this one
        with self._explained(), self._connection.transaction():
            for old, new in ((name, waste), (spare, name)):
                self._rows("UPDATE pg_database SET datname = %s WHERE datname = %s RETURNING oid", new, old)

    def exists(self, name: str) -> bool:
        """Tell whether there is a database of this name."""
        return bool(self._rows("SELECT FROM pg_database WHERE datname = %s", name))

    def create(self, name: str) -> None:
        """Make an empty database."""
        self._run("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LOCALE {locale}", name, locale=self.locale)
        self._mark(name)

    def clone(self, template: str, name: str) -> None:
        """Make a copy of the database `template`."""
        self._run(f"CREATE DATABASE {{}} TEMPLATE {{}}{self._strategy}", name, template)
        self._mark(name)

    def clone_beside(self, template: str, name: str, waste: str | None) -> None:
        """Make a copy of a template in another thread, on a server of ours, and drop a database by the way."""
        beside = copy.copy(self)
        with self._explained():
            beside._connection = connect(  # noqa: SLF001 - of the same class
                self.server.admin, autocommit=True, application_name="swe-db"
            )
        try:
            if waste is not None:
                beside.drop(waste)
            beside.clone(template, name)
        finally:
            beside.close()

    def _mark(self, name: str) -> None:
        """Say in the catalogue whose the database is; neither comment nor setting is copied by a clone."""
        if not self.server.owned:
            mark = json.dumps({"swe_db": "test", "used": int(time.time())})
            self._run("COMMENT ON DATABASE {} IS {comment}", name, comment=mark)
        if self._set_timezone:
            self._run("ALTER DATABASE {} SET timezone = {timezone}", name, timezone=self.timezone)

    def drop(self, name: str) -> None:
        """Drop a database, whoever is connected to it.

        DROP … WITH (FORCE) sleeps 100 ms if a backend has not gone by the time it looks, so wait for that here.

        Raises:
            IsolationError: Somebody stays connected.
        """
        self.disconnect(name)
        self.release(name)
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def give_away(self, name: str, new_name: str) -> None:
        """Give a database a name under which nobody but the user will touch it.

        Raises:
            IsolationError: Somebody stays connected.
        """
        self.disconnect(name)
        self.release(name)
        self._run("ALTER DATABASE {} RENAME TO {}", name, new_name)

    def release(self, name: str) -> None:
        """End what keeps a database from being dropped although nobody is connected."""
        if self._rows("SELECT FROM pg_database WHERE datname = %s AND datistemplate", name):
            self._run("ALTER DATABASE {} WITH IS_TEMPLATE false", name)
        self._rows("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = %s", name)
        statements = [text for query in OBSTACLES for (text,) in self._rows(query, name)]
        if statements:
            with self._explained(), connect(self.server.admin.database(name), autocommit=True) as connection:
                for text in statements:
                    connection.execute(text)

    def prepared(self, name: str) -> list[str]:
        """Return the prepared transactions of a database."""
        return [gid for (gid,) in self._rows("SELECT gid FROM pg_prepared_xacts WHERE database = %s", name)]

    def disconnect(self, name: str) -> None:
        """End every session of a database and wait until each has really gone.

        Raises:
            IsolationError: Somebody stays connected.
        """
        deadline = time.monotonic() + GONE_TIMEOUT
        self._rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", name)
        while self._rows("SELECT FROM pg_stat_activity WHERE datname = %s", name):
            if time.monotonic() > deadline:
                raise IsolationError(f"somebody stays connected to the database {name}: see pg_stat_activity")
            time.sleep(POLL)

    def position(self) -> str:
        """Return how far the server has written its log."""
        return str(self._rows("SELECT pg_current_wal_insert_lsn()")[0][0])

    def is_untouched(self, name: str, since: str) -> bool:
        """Tell for sure that nobody wrote anything since that position, and that nobody is connected.

        Where others use the server too it cannot be told.

        A sequence hands out numbers without a word in the log, but not the first after it was set, as `publish` does.
        """
        if not self.server.owned or self._rows("SELECT FROM pg_stat_activity WHERE datname = %s", name):
            return False
        return self.position() == since

    def publish(self, scratch: str, template: str) -> None:
        """Make a finished database the template of this name, at once or not at all."""
        import psycopg  # noqa: PLC0415

        self.rewind_sequences(scratch)
        self.disconnect(scratch)
        try:
            with self._connection.transaction():
                self._run("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false IS_TEMPLATE true", scratch)
                self._run("ALTER DATABASE {} RENAME TO {}", scratch, template)
        except psycopg.errors.DuplicateDatabase:  # somebody who could not see our lock was faster
            self.drop(scratch)

    def vacuum(self, name: str) -> None:
        """Clean a database up, so that no reader has to, and gather the planner's statistics, the same for all."""
        with self._explained(), connect(self.server.admin.database(name), autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")

    def rewind_sequences(self, name: str) -> None:
        """Set every sequence to where it is, so that its next number is logged."""
        with self._explained(), connect(self.server.admin.database(name), autocommit=True) as connection:
            for (statement,) in connection.execute(REWIND).fetchall():
                connection.execute(statement)

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the server-side lock of a template.

        Raises:
            IsolationError: Another run holds it for ten minutes.
        """
        deadline = time.monotonic() + LOCK_TIMEOUT
        while not self._rows("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", name)[0][0]:
            if time.monotonic() > deadline:
                raise IsolationError(
                    f"another run has been building the template {name} for {LOCK_TIMEOUT / 60:g} minutes"
                )
            time.sleep(LOCK_POLL)
        with self._unlocking(name):
            yield

    @contextlib.contextmanager
    def _unlocking(self, name: str) -> Iterator[None]:
        try:
            yield
        finally:
            self._rows("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", name)

    def use(self, template: str) -> bool:
        """Say that a template is still wanted, and tell whether it is there; its lock must be held."""
        if not self.exists(template):
            return False
        if not self.server.owned:
            self._mark(template)
        return True

    def sweep(self) -> list[str]:
        """Drop the databases that dead runs left behind, and templates that nobody has used, and return their names.

        Dropped is what has a name of ours, our mark in its comment, this user as its owner and nobody connected: the
        database of a run if that holds no lock any more and began six hours ago or more; a template if no run has
        begun with it for two weeks.
        """
        alive = {run for (run,) in self._rows(RUNS, ALIVE)}
        return [name for name, comment in self._rows(OURS) if self._swept(name, comment, alive)]

    def _swept(self, name: str, comment: str | None, alive: set[int]) -> bool:
        if names.is_template(name):
            return _is_unused(comment) and self._drop_template(name)
        if not _is_dead(name, comment, alive):
            return False
        self._drop_dead(name)
        return True

    def _drop_template(self, name: str) -> bool:
        """Drop a template that is still unused when its lock is held, which a run holds when it begins with one."""
        if not self._rows("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", name)[0][0]:
            return False
        with self._unlocking(name):
            unused = any(each == name and _is_unused(comment) for each, comment in self._rows(OURS))
            if unused:
                self._drop_dead(name)
            return unused

    def _drop_dead(self, name: str) -> None:
        with contextlib.suppress(IsolationError):  # another run sweeps at the same time
            self.release(name)
            self._run("DROP DATABASE IF EXISTS {}", name)


def _is_dead(name: str, comment: str | None, alive: set[int]) -> bool:
    found = names.age_and_run(name)
    if found is None or '"swe_db"' not in (comment or ""):
        return False
    age, run = found
    return age > DEAD_AFTER and run not in alive


def _is_unused(comment: str | None) -> bool:
    try:
        used = json.loads(comment or "")["used"]
    except (ValueError, LookupError, TypeError):
        return False
    return bool(time.time() - float(used) > UNUSED_AFTER)
