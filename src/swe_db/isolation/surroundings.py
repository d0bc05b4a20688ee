"""What a test changes on a server that others use too, beside its own database: it is named, and not touched."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

from swe_db.servers.address import PostgresAddress
from swe_db.servers.connect import connect

if TYPE_CHECKING:
    import psycopg

__all__ = ["Surroundings"]


class Surroundings:
    """Roles, databases, slots and the like, as they were when somebody last looked.

    Args:
        server: Any database of the server.

    Raises:
        psycopg.Error: The server refuses.
    """

    def __init__(self, server: PostgresAddress) -> None:
        self._server = server
        self._query = (files("swe_db.isolation") / "sql" / "surroundings.sql").read_bytes()
        self._connection: psycopg.Connection[Any] | None = None
        self._seen = self._look()

    def changes(self) -> list[str]:
        """Return what has changed since the last look, one sentence each.

        Raises:
            psycopg.Error: The server does not answer.
        """
        before, self._seen = self._seen, self._look()
        return [
            f"{what} {verb}, by the test or by others who use the server; it is left as it is"
            for what in sorted(before.keys() | self._seen.keys())
            if (verb := _verb(before.get(what), self._seen.get(what)))
        ]

    def _look(self) -> dict[str, str]:
        import psycopg  # noqa: PLC0415

        try:
            return self._states()
        except psycopg.OperationalError:  # a test may have ended our session
            self.close()
            return self._states()

    def _states(self) -> dict[str, str]:
        if self._connection is None:
            self._connection = connect(self._server, autocommit=True, application_name="swe-db")
        return dict(self._connection.execute(self._query).fetchall())

    def close(self) -> None:
        """End the session."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _verb(before: str | None, after: str | None) -> str:
    if before == after:
        return ""
    if before is None:
        return "is new"
    return "is gone" if after is None else "was changed"
