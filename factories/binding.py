"""Which connection the factories insert through: that of a block, else that of the test."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, Final, TypeAlias

import psycopg

from swe_db.errors import FactoryError

__all__ = ["attached", "bound", "bound_async_connection", "bound_connection"]

Synchronous: TypeAlias = psycopg.Connection[Any]
Asynchronous: TypeAlias = psycopg.AsyncConnection[Any]


Either: TypeAlias = Synchronous | Asynchronous


class _Thread(threading.local):
    synchronous: Synchronous | None = None
    asynchronous: Asynchronous | None = None


# Not a context variable: asynchronous tests may run in a context that was made before the test began.
THREAD: Final = _Thread()
SYNCHRONOUS: Final[ContextVar[Synchronous | None]] = ContextVar("swe_db.factories.synchronous", default=None)
ASYNCHRONOUS: Final[ContextVar[Asynchronous | None]] = ContextVar("swe_db.factories.asynchronous", default=None)


@contextlib.contextmanager
def bound(connection: Either) -> Iterator[None]:
    """Let every factory insert through `connection`, in this thread or task, until the block ends.

    Nothing is committed: other connections see the rows after `connection.commit()`.

    Args:
        connection: An open connection, for `create`, or an AsyncConnection, for `create_async`; a binding inside
            another one takes its place.

    Raises:
        FactoryError: It is neither.
    """
    variable: ContextVar[Any] = SYNCHRONOUS if _is_synchronous(connection) else ASYNCHRONOUS
    token = variable.set(connection)
    try:
        yield
    finally:
        variable.reset(token)


@contextlib.contextmanager
def attached(connection: Either) -> Iterator[None]:
    """Let the factories insert through `connection` in this thread, whatever the context, where no block says more.

    Args:
        connection: An open connection.

    Raises:
        FactoryError: It is none.
    """
    name = "synchronous" if _is_synchronous(connection) else "asynchronous"
    before = getattr(THREAD, name)
    setattr(THREAD, name, connection)
    try:
        yield
    finally:
        setattr(THREAD, name, before)


def _is_synchronous(connection: object) -> bool:
    if not isinstance(connection, psycopg.Connection | psycopg.AsyncConnection):
        raise FactoryError(
            "factories are bound to a psycopg.Connection or psycopg.AsyncConnection; "
            f"this is {type(connection).__qualname__}"
        )
    return isinstance(connection, psycopg.Connection)


def bound_connection(factory: str) -> Synchronous:
    """Return the connection that is bound here.

    Args:
        factory: The name of the factory that asks, for the message.

    Raises:
        FactoryError: None is.
    """
    if (connection := SYNCHRONOUS.get() or THREAD.synchronous) is not None:
        return connection
    if ASYNCHRONOUS.get() or THREAD.asynchronous:
        raise FactoryError(f"an AsyncConnection is bound here: `await {factory}.create_async()`")
    raise FactoryError(
        f"{factory}.create() has no connection to insert through in this thread or task. Bind one: "
        f"`with factories.bound(connection): {factory}.create()`, or ask for the fixture swe_db. "
        f"{factory}.build() needs none."
    )


def bound_async_connection(factory: str) -> Asynchronous:
    """Return the AsyncConnection that is bound here.

    Args:
        factory: The name of the factory that asks, for the message.

    Raises:
        FactoryError: None is.
    """
    if (connection := ASYNCHRONOUS.get() or THREAD.asynchronous) is not None:
        return connection
    if SYNCHRONOUS.get() or THREAD.synchronous:
        raise FactoryError(f"the Connection that is bound here is not asynchronous: `{factory}.create()`")
    raise FactoryError(
        f"{factory}.create_async() has no connection to insert through in this thread or task. Bind one: "
        f"`with factories.bound(connection): await {factory}.create_async()`, or ask for the fixture swe_async_db. "
        f"{factory}.build() needs none."
    )
