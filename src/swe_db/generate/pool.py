"""Processes that work for this one, and end at once when it ends, however it does."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing.connection import Connection
from typing import Any

__all__ = ["process_pool"]


@contextlib.contextmanager
def process_pool(processes: int) -> Iterator[ProcessPoolExecutor]:
    """Give a pool of processes. If the block raises, they are ended in the middle of their work.

    They are new processes, not copies of this one, which may have threads and connections.

    Args:
        processes: How many.
    """
    context = multiprocessing.get_context("spawn")
    theirs, ours = context.Pipe(duplex=False)
    pool = _Pool(processes, context, initializer=_begin, initargs=(theirs,))
    try:
        yield pool
    except BaseException:
        ours.close()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        ours.close()
        theirs.close()


class _Pool(ProcessPoolExecutor):
    """A pool whose processes do not hear Ctrl-C, not even while they start: it is for the one that began them."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:  # noqa: ANN401
        """Begin to run a function; this may start a process, which inherits what is blocked."""
        if not hasattr(signal, "pthread_sigmask"):
            return super().submit(function, *arguments, **named)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return super().submit(function, *arguments, **named)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(theirs: Connection) -> None:
    """See to it that this process ends when nobody holds the other end any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(theirs,), daemon=True, name="swe-db-orphan").start()


def _end_with_parent(theirs: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        theirs.recv_bytes()
    os._exit(1)
