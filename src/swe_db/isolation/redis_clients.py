"""The clients of others on a Redis server: which of them a test left in a state that reaches the next test."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from typing import Final

__all__ = ["RedisClient", "clients_in"]

LINE: Final = re.compile(
    r"^id=(?P<id>\d+) .*?\bname=(?P<name>\S*) .*?\bflags=(?P<flags>\S+) .*?\bdb=(?P<db>\d+) .*?\bcmd=(?P<command>\S+)",
    re.MULTILINE,
)


@dataclasses.dataclass(frozen=True)
class RedisClient:
    """One line of CLIENT LIST, https://redis.io/docs/latest/commands/client-list/.

    Attributes:
        id: Its number, never given twice.
        name: What CLIENT SETNAME called it.
        flags: A letter for each state: `b` waits, `x` in MULTI, `P` subscribed, `O` in MONITOR.
        db: Its logical database.
        command: Its last command.
    """

    id: int
    name: str
    flags: str
    db: int
    command: str

    @property
    def is_open(self) -> bool:
        """Whether it is in a state that somebody must end."""
        return not {"b", "x", "P", "O"}.isdisjoint(self.flags)

    @property
    def leak(self) -> str:
        """What was left open, as the report has it."""
        name = f" {self.name}" if self.name else ""
        if "x" in self.flags:
            return f"a Redis client{name} in MULTI"
        if "b" in self.flags:
            return f"a Redis client{name} that waits in {self.command.upper()}"
        if "P" in self.flags:
            return f"a Redis client{name} that is subscribed"
        return f"a Redis client{name} in MONITOR"

    def is_left(self, before: Iterable[int]) -> bool:
        """Tell whether a test left it open.

        A worker or a subscriber that lives longer than the test, and was there before it, may wait on.

        Args:
            before: The clients that there were when the test began.
        """
        return self.is_open and ("x" in self.flags or self.id not in before)


def clients_in(answer: bytes) -> list[RedisClient]:
    """Read what CLIENT LIST answers."""
    return [
        RedisClient(int(found["id"]), found["name"], found["flags"], int(found["db"]), found["command"])
        for found in LINE.finditer(answer.decode(errors="replace"))
    ]
