"""Isolation by rollback: a test's connections commit to savepoints, and all is rolled back in the end.

The weakest way, for a server whose user may not create databases: connections do not see what others of the test have
committed, sequences keep their numbers, and what a subprocess commits stays.
"""

from __future__ import annotations

from typing import Final, LiteralString

from swe_db.config import Config
from swe_db.errors import IsolationError, MigrationError
from swe_db.isolation.database import Database
from swe_db.isolation.outcome import Outcome
from swe_db.isolation.template import fill
from swe_db.servers.connect import connect
from swe_db.servers.server import PostgresServer

__all__ = ["RollbackIsolation"]

# A table that neither an extension nor the history of our migrations accounts for.
STRANGERS: Final[LiteralString] = """
SELECT c.oid::regclass::text FROM pg_class AS c
WHERE c.relkind IN ('r', 'p') AND c.relnamespace NOT IN (
  SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_' OR nspname = 'information_schema')
  AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype = 'e')
  AND to_regclass('public.schema_migrations') IS NULL
LIMIT 1
"""


class RollbackIsolation:
    """The database that the server's URL names, migrated and seeded for good; what a test does there is rolled back.

    Args:
        server: The server.
        config: The settings.

    Raises:
        IsolationError: The database holds what is not ours.
        MigrationError: A migration or a seed fails.
    """

    def __init__(self, server: PostgresServer, config: Config) -> None:
        self._server = server
        self.base = ""
        with connect(server.admin, autocommit=True) as connection:
            for (table,) in connection.execute(STRANGERS).fetchall():
                raise IsolationError(
                    f"{server.address.shown} holds the table {table}, which is not ours, and its user may not create a "
                    f"database for the tests: ALTER ROLE {server.address.user} CREATEDB, or name an empty database"
                )
        try:
            fill(server.address.url, config)
        except MigrationError as error:
            user, name = server.address.user, server.address.name
            raise IsolationError(
                f"{error}\n  The user {user} may not create databases either, so that the tests would work in {name} "
                f"itself: ALTER ROLE {user} CREATEDB, or name a database that {user} owns"
            ) from error

    @property
    def url(self) -> str:
        """The database's URL."""
        return self._server.address.url

    def begin(self) -> Database:
        """Return the database for a test."""
        return Database(self._server.address, self._server.admin, rolled_back=True)

    def end(self, database: Database) -> Outcome:
        """Roll back what a test did."""
        database.close()
        return Outcome("rolled back")

    def give_away(self, database: Database, name: str) -> Outcome:  # noqa: ARG002 - as the other ways have it
        """Refuse to give the only database away.

        Raises:
            IsolationError: Always.
        """
        raise IsolationError(
            f"what the test did is rolled back, and the user {self._server.address.user} may not create a database to "
            f"go on with: ALTER ROLE {self._server.address.user} CREATEDB"
        )

    def differences(self, database: Database) -> list[str]:
        """Return what open transactions wrote to; the pristine rows are not at hand.

        Raises:
            psycopg.Error: The server does not answer.
        """
        from swe_db.isolation.differences import uncompared  # noqa: PLC0415 - imports psycopg

        return uncompared(database)

    def replace(self, outcome: Outcome) -> Outcome:  # noqa: ARG002 - as the other ways have it
        """Refuse to replace the only database there is.

        Raises:
            IsolationError: Always.
        """
        raise IsolationError(
            f'the test asks for isolation="clone", and the user {self._server.address.user} may not create databases: '
            f"ALTER ROLE {self._server.address.user} CREATEDB"
        )

    def rebase(self, template: str) -> None:
        """Have one content only."""

    def keep(self, template: str | None = None) -> None:  # noqa: ARG002 - as the other ways have it
        """Refuse to keep anything.

        Raises:
            IsolationError: Always.
        """
        raise IsolationError(
            "swe_worker.load() needs a database of the worker's own, and the user "
            f"{self._server.address.user} may not create one: ALTER ROLE {self._server.address.user} CREATEDB"
        )

    def switch(self, template: str) -> None:
        """Have one content only."""

    def disconnect(self) -> None:
        """Hold no session."""

    def close(self) -> None:
        """Leave the database as it is, for the next run."""
