"""A test's database, as the test sees it."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from swe_db.servers.address import PostgresAddress
from swe_db.servers.connect import connect, without_libpq_variables

if TYPE_CHECKING:
    import psycopg

    from swe_db.isolation.kept import Kept

__all__ = ["Database"]


class Database:
    """The database of one test.

    Args:
        address: As everybody reaches it, over TCP.
        admin: The same by the shortest way, which the connections made here take.
        rolled_back: Whether what the connections made here commit is rolled back when they are closed.
        kept: Where a session is kept for the next test, if it is.
    """

    def __init__(
        self, address: PostgresAddress, admin: PostgresAddress, *, rolled_back: bool = False, kept: Kept | None = None
    ) -> None:
        self._address = address
        self._admin = admin
        self._rolled_back = rolled_back
        self._kept = kept
        self._opened: list[psycopg.Connection[Any]] = []
        self._opened_async: weakref.WeakSet[psycopg.AsyncConnection[Any]] = weakref.WeakSet()
        self._watch: Callable[[Any], None] | None = None

    def rolled_back(self) -> Database:
        """Return the same database, with connections whose commits are rolled back when they are closed."""
        return Database(self._address, self._admin, rolled_back=True)

    def __repr__(self) -> str:
        return f"<Database {self._address.shown}>"

    @property
    def url(self) -> str:
        """A libpq URL with the password: `postgresql://user:password@host:port/name`."""
        return self._address.url

    @property
    def host(self) -> str:
        """The host of the URL."""
        return self._address.host

    @property
    def port(self) -> int:
        """The port of the URL."""
        return self._address.port

    @property
    def user(self) -> str:
        """The user of the URL."""
        return self._address.user

    @property
    def password(self) -> str:
        """The password of the URL, empty where none is needed."""
        return self._address.password

    @property
    def name(self) -> str:
        """The database of the URL."""
        return self._address.name

    @property
    def environment(self) -> dict[str, str]:
        """DATABASE_URL and the PG* variables that lead a subprocess here."""
        return {"DATABASE_URL": self.url, **self._address.environment}

    def sqlalchemy_url(self, driver: str = "psycopg") -> str:
        """Return the URL as SQLAlchemy takes it: `postgresql+psycopg://…`.

        Args:
            driver: The DBAPI: `psycopg`, `asyncpg`, `psycopg2`, …
        """
        return self._address.sqlalchemy_url(driver)

    def connect(self, role: str | None = None, user_id: int | None = None, **options: Any) -> psycopg.Connection[Any]:  # noqa: ANN401 - psycopg's own
        """Open a further connection; it is closed after the test if it is still open.

        Args:
            role: A role to act as, e.g. `swe_user`; row-level security then applies as to that role.
            user_id: What the setting `swe.user_id` is, for row-level security.
            options: Anything that `psycopg.connect` takes, e.g. `autocommit=True`.

        Raises:
            psycopg.OperationalError: The role does not exist, or the server refuses.
        """
        given = _with_settings(self._admin, role, user_id, options)
        connection = self._connect_rolled_back(given) if self._rolled_back else connect(self._admin, **given)
        self._opened.append(connection)
        self._watched(connection)
        return connection

    def _connect_rolled_back(self, options: dict[str, Any]) -> psycopg.Connection[Any]:
        from swe_db.isolation.connections import RollbackConnection  # noqa: PLC0415 - imports psycopg

        with without_libpq_variables():
            connection = RollbackConnection.connect(**{**self._admin.parameters, **options})
        connection.begin()
        return connection

    @contextlib.contextmanager
    def lent(self) -> Iterator[psycopg.Connection[Any]]:
        """Lend a connection that is the same as one from `connect()`, on a session that is kept for the next test.

        Raises:
            psycopg.OperationalError: The server refuses.
        """
        if self._kept is None:
            connection = self.connect()
            yield connection
            connection.close()
            return
        connection = self._kept.lend()
        self._opened.append(connection)
        self._watched(connection)
        yield connection
        self._kept.take_back(connection)

    async def connect_async(
        self,
        role: str | None = None,
        user_id: int | None = None,
        **options: Any,  # noqa: ANN401 - psycopg's own
    ) -> psycopg.AsyncConnection[Any]:
        """Open a further connection for asyncio; the rest is as in `connect`, but you close it yourself."""
        import psycopg  # noqa: PLC0415

        given = {**self._admin.parameters, **_with_settings(self._admin, role, user_id, options)}
        connection: psycopg.AsyncConnection[Any]
        if self._rolled_back:
            connection = await _connect_rolled_back_async(given)
        else:
            with without_libpq_variables():
                connection = await psycopg.AsyncConnection.connect(**given)
        self._opened_async.add(connection)
        self._watched(connection)
        return connection

    def watch(self, watch: Callable[[Any], None]) -> None:
        """Show every connection that was or will be opened here.

        Args:
            watch: Is called with each of them, once.
        """
        self._watch = watch
        for connection in [*self._opened, *self._opened_async]:
            watch(connection)

    def _watched(self, connection: Any) -> None:  # noqa: ANN401 - sync or async
        if self._watch is not None:
            self._watch(connection)

    @property
    def connections(self) -> list[psycopg.BaseConnection[Any]]:
        """The connections that were opened here, those that are closed included."""
        return [*self._opened, *self._opened_async]

    def unrecorded(self) -> psycopg.Connection[Any]:
        """Open a connection of swe-db's own, which nobody is shown; whoever opens it closes it."""
        return connect(self._admin, application_name="swe-db")

    def close(self) -> None:
        """Close the connections that `connect` opened."""
        for connection in self._opened:
            connection.close()
        self._opened.clear()


async def _connect_rolled_back_async(options: dict[str, Any]) -> psycopg.AsyncConnection[Any]:
    from swe_db.isolation.connections import AsyncRollbackConnection  # noqa: PLC0415 - imports psycopg

    with without_libpq_variables():
        connection = await AsyncRollbackConnection.connect(**options)
    await connection.begin()
    return connection


def _with_settings(
    address: PostgresAddress, role: str | None, user_id: int | None, options: dict[str, Any]
) -> dict[str, Any]:
    """Return `options` with role and user as start-up options.

    They hold for the session: a SET would be undone by the test's first rollback.
    """
    wanted = {"role": role, "swe.user_id": user_id}
    settings = [f"-c {key}={_escaped(str(value))}" for key, value in wanted.items() if value is not None]
    given = options.get("options") or dict(address.options).get("options")
    if not settings:
        return options
    return {**options, "options": " ".join([*filter(None, [given]), *settings])}


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace(" ", "\\ ")
