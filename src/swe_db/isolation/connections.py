"""Connections that commit to a savepoint, so that all they did can be rolled back when a test has ended."""

from __future__ import annotations

from typing import Any, Final, LiteralString

import psycopg
from psycopg.pq import TransactionStatus

from swe_db.errors import IsolationError

__all__ = ["AsyncRollbackConnection", "RollbackConnection"]

BEGIN: Final[LiteralString] = "SAVEPOINT swe_db"  # psycopg opens the transaction
COMMIT: Final[LiteralString] = "RELEASE SAVEPOINT swe_db; SAVEPOINT swe_db"
ROLLBACK: Final[LiteralString] = "ROLLBACK TO SAVEPOINT swe_db"
NO_AUTOCOMMIT: Final = (
    "a connection of a test that is isolated by rollback cannot be autocommit, since nothing may be committed: leave "
    'autocommit out, or let the test be isolated by isolation="clone"'
)


class RollbackConnection(psycopg.Connection[Any]):
    """A connection whose commit and rollback end at a savepoint; closing it rolls everything back."""

    def begin(self) -> None:
        """Open the transaction that is never committed.

        Raises:
            IsolationError: The connection is autocommit.
        """
        if self.autocommit:
            raise IsolationError(NO_AUTOCOMMIT)
        self._swe_do(BEGIN)

    def commit(self) -> None:
        """Keep what was done until the test ends; a failed transaction is rolled back, as the server would."""
        failed = self.info.transaction_status == TransactionStatus.INERROR
        self._swe_do(ROLLBACK if failed else COMMIT)

    def rollback(self) -> None:
        """Undo what was done since the last commit."""
        self._swe_do(ROLLBACK)

    def _swe_do(self, statements: LiteralString) -> None:
        with self.cursor() as cursor:
            cursor.execute(statements)


class AsyncRollbackConnection(psycopg.AsyncConnection[Any]):
    """The same for asyncio."""

    async def begin(self) -> None:
        """Open the transaction that is never committed.

        Raises:
            IsolationError: The connection is autocommit.
        """
        if self.autocommit:
            raise IsolationError(NO_AUTOCOMMIT)
        await self._swe_do(BEGIN)

    async def commit(self) -> None:
        """Keep what was done until the test ends; a failed transaction is rolled back, as the server would."""
        failed = self.info.transaction_status == TransactionStatus.INERROR
        await self._swe_do(ROLLBACK if failed else COMMIT)

    async def rollback(self) -> None:
        """Undo what was done since the last commit."""
        await self._swe_do(ROLLBACK)

    async def _swe_do(self, statements: LiteralString) -> None:
        async with self.cursor() as cursor:
            await cursor.execute(statements)
