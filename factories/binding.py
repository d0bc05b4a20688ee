"""Which connection the factories insert through."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, Final

import psycopg

from swe_db.errors import FactoryError

__all__ = ["bound", "bound_connection"]

CONNECTION: Final[ContextVar[psycopg.Connection[Any]]] = ContextVar("swe_db.factories.connection")


@contextlib.contextmanager
def bound(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Let `create` of every factory insert through `connection`, in this thread or task, until the block ends.

    Nothing is committed: other connections see the rows after `connection.commit()`.

    Args:
        connection: An open connection; a binding inside another one takes its place.

    Raises:
        FactoryError: It is not a `psycopg.Connection`; factories are not asynchronous.
    """
    if not isinstance(connection, psycopg.Connection):
        raise FactoryError(f"factories are bound to a psycopg.Connection; this is {type(connection).__qualname__}")
    token = CONNECTION.set(connection)
    try:
        yield
    finally:
        CONNECTION.reset(token)


def bound_connection(factory: str) -> psycopg.Connection[Any]:
    """Return the connection that is bound here.

    Args:
        factory: The name of the factory that asks, for the message.

    Raises:
        FactoryError: None is.
    """
    try:
        return CONNECTION.get()
    except LookupError:
        raise FactoryError(
            f"{factory}.create() has no connection to insert through in this thread or task. Bind one: "
            f"`with factories.bound(connection): {factory}.create()`, or ask for the fixture swe_db. "
            f"{factory}.build() needs none."
        ) from None
