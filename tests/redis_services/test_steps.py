"""Steps are taken alike by both twins."""

from __future__ import annotations

from typing import Any

import pytest

from swe_db.errors import RedisServiceError, RedisUnavailableError
from swe_db.redis.client import aconnected, connected
from swe_db.redis.steps import Batch, Command, Compute, Steps, arun, run


class Taker:
    """Takes steps with a sync client."""

    def __init__(self, *, client: Any) -> None:
        self._connected = connected(client)

    def take(self, steps: Steps[Any]) -> Any:
        """Take them."""
        return run(self._connected, steps)


class AsyncTaker:
    """Takes steps with a client of asyncio."""

    def __init__(self, *, client: Any) -> None:
        self._connected = aconnected(client)

    async def take(self, steps: Steps[Any]) -> Any:
        """Take them."""
        return await arun(self._connected, steps)


def test_answers_are_bytes(place: Any) -> None:
    """What the server wrote comes back as it is, one by one and in a batch."""

    def steps() -> Steps[list[object]]:
        yield Command(("SET", "a", b"\xff"))
        one = yield Command(("GET", "a"))
        batch = yield Batch((Command(("GET", "a")), Command(("TTL", "a"))))
        return [one, *batch]

    assert place.make(Taker, AsyncTaker).take(steps()) == [b"\xff", b"\xff", -1]


def test_a_refusal_is_thrown_into_the_steps(place: Any) -> None:
    """The core may go on after an error; one that it lets pass is of our hierarchy, with redis-py's as its cause."""

    def steps() -> Steps[None]:
        yield Command(("SET", "a", "b"))
        with pytest.raises(RedisServiceError, match="not an integer"):
            yield Command(("INCR", "a"))
        yield Command(("LPUSH", "a", "b"))

    with pytest.raises(RedisServiceError, match="WRONGTYPE") as caught:
        place.make(Taker, AsyncTaker).take(steps())
    assert caught.value.__cause__ is not None
    assert not isinstance(caught.value, RedisUnavailableError)


def test_what_a_function_raises_stays_what_it_is(place: Any) -> None:
    """A user's function is called, and its errors are not taken for those of Redis."""

    def steps() -> Steps[object]:
        with pytest.raises(ConnectionError, match="mine"):
            yield Compute(fails)
        return (yield Compute(lambda: 7))

    def fails() -> None:
        raise ConnectionError("mine")

    assert place.make(Taker, AsyncTaker).take(steps()) == 7
