"""Work on several connections at once."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

from swe_db.generate.load.sessions import loading_session, refusals
from swe_db.migrations.connections import Connection

__all__ = ["on_several"]

Item = TypeVar("Item")


def on_several(
    conninfo: str, jobs: int, items: Sequence[Item], act: Callable[[Connection, Item], object]
) -> Iterator[Item]:
    """Do something with each item, on several connections, and yield the items as they are done.

    If one fails, or the caller goes no further, the others are broken off.

    Args:
        conninfo: The database, password included.
        jobs: How many connections.
        items: In the order in which they are begun.
        act: What is done, with a connection that no other thread uses meanwhile.

    Raises:
        GenerateError: PostgreSQL refuses.
        ServerError: The connection was lost.
    """
    free: queue.SimpleQueue[Connection] = queue.SimpleQueue()

    def one(item: Item) -> Item:
        connection = free.get()
        try:
            with refusals(connection):
                act(connection, item)
        finally:
            free.put(connection)
        return item

    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(loading_session(conninfo)) for _ in range(min(jobs, len(items)))]
        for connection in opened:
            free.put(connection)
        pool = stack.enter_context(ThreadPoolExecutor(max(len(opened), 1)))
        futures = [pool.submit(one, item) for item in items]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            for future in futures:
                future.cancel()
            for connection in opened:
                connection.cancel()
            raise
