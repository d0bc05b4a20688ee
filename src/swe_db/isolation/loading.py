"""Running what `swe_worker.load()` is given."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from swe_db.errors import IsolationError
from swe_db.isolation.database import Database

if TYPE_CHECKING:
    import psycopg

__all__ = ["Loader", "load_into"]

Loader: TypeAlias = (
    "Callable[[psycopg.Connection[Any]], object] | Callable[[psycopg.AsyncConnection[Any]], Awaitable[object]]"
)


def load_into(database: Database, source: str | Loader) -> None:
    """Run SQL, or call a function with a connection, and commit.

    Args:
        database: The database.
        source: As for `Worker.load`.

    Raises:
        IsolationError: It is a function that returns a coroutine.
    """
    if isinstance(source, str):
        with database.connect() as connection:
            connection.execute(source.encode())
    elif inspect.iscoroutinefunction(source):
        _in_thread(_load_async(database, source))
    else:
        with database.connect() as connection:
            result = source(connection)  # type: ignore[arg-type]
            if inspect.iscoroutine(result):
                result.close()
                raise IsolationError(
                    "swe_worker.load() was given a function that returns a coroutine: give it the async function itself"
                )


async def _load_async(database: Database, source: Callable[[Any], Awaitable[object]]) -> None:
    async with await database.connect_async() as connection:
        await source(connection)


def _in_thread(work: Any) -> None:  # noqa: ANN401 - a coroutine of whatever kind
    """Run a coroutine to its end in a thread, so that an event loop of this one is left alone."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(work)
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            failures.append(error)

    thread = threading.Thread(target=run, name="swe-db-load")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
