"""One suite for sync classes and their asyncio twins: a twin is used as if it were sync, on a loop in a thread."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Coroutine
from typing import Any

__all__ = ["Loop", "Twin"]


class Loop:
    """An event loop that runs in a thread, so that tasks go on while the test does something else."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine to its end."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=60)

    def call(self, function: Any, *arguments: Any, **options: Any) -> Any:
        """Call a function on the loop, which an async constructor may need, and await what it returns if it can be."""

        async def work() -> Any:
            result = function(*arguments, **options)
            return await result if inspect.isawaitable(result) else result

        return self.run(work())

    def close(self) -> None:
        """End it as `asyncio.run` does."""
        self.run(self._loop.shutdown_asyncgens())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Twin:
    """An object of asyncio, each of whose methods is run on the loop to its end; `with`, `for` and calls too."""

    def __init__(self, twin: Any, loop: Loop) -> None:
        self.twin = twin
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.twin, name)
        if not callable(value):
            return value
        return lambda *arguments, **options: self._loop.call(value, *arguments, **options)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Call it."""
        return self._loop.call(self.twin, *arguments, **options)

    def __enter__(self) -> Any:
        entered = self._loop.run(self.twin.__aenter__())
        return self if entered is self.twin else Twin(entered, self._loop)

    def __exit__(self, *error: object) -> Any:
        return self._loop.run(self.twin.__aexit__(*error))

    def __iter__(self) -> Any:
        iterator = self.twin.__aiter__()
        while True:
            try:
                yield self._loop.call(iterator.__anext__)
            except StopAsyncIteration:
                return
