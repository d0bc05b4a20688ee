"""The smallest manager: it sends what it is told, through whatever client it is given."""

from __future__ import annotations

import time
from typing import Any, Final

from swe_db.errors import RedisUnavailableError
from swe_db.redis.client import aconnected, connected
from swe_db.redis.steps import Batch, Command, Steps, arun, run

__all__ = ["AsyncSender", "Sender", "answered"]

PATIENCE: Final = 50.0  # seconds


class Sender:
    """Sends with a sync client."""

    def __init__(self, *, client: Any = None) -> None:
        self._connected = connected(client)

    def take(self, steps: Steps[Any]) -> Any:
        """Take steps."""
        return run(self._connected, steps)

    def send(self, *arguments: Any, once: bool = False) -> Any:
        """Return the answer to a command."""
        return self.take(_one(Command(arguments, once)))

    def batch(self, *commands: tuple[Any, ...]) -> Any:
        """Return the answers to commands that are sent together."""
        return self.take(_together(*commands))


class AsyncSender:
    """Sends with one of asyncio."""

    def __init__(self, *, client: Any = None) -> None:
        self._connected = aconnected(client)

    async def take(self, steps: Steps[Any]) -> Any:
        """Take steps."""
        return await arun(self._connected, steps)

    async def send(self, *arguments: Any, once: bool = False) -> Any:
        """Return the answer to a command."""
        return await self.take(_one(Command(arguments, once)))

    async def batch(self, *commands: tuple[Any, ...]) -> Any:
        """Return the answers to commands that are sent together."""
        return await self.take(_together(*commands))


def answered(sender: Any, *arguments: Any, once: bool = False) -> Any:
    """Return the answer to a command, which may be too late now and then for a client whose patience is short."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return sender.send(*arguments, once=once)
        except RedisUnavailableError:
            if time.monotonic() > end:
                raise


def _one(command: Command) -> Steps[Any]:
    return (yield command)


def _together(*commands: tuple[Any, ...]) -> Steps[Any]:
    return (yield Batch(tuple(Command(each) for each in commands)))
