"""Functions that are called with messages."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

from swe_db.errors import ConfigError
from swe_db.redis.pubsub.channels import Channels
from swe_db.redis.pubsub.listening import Kind, Topic
from swe_db.redis.pubsub.mailbox import Message

__all__ = ["Handler", "Handlers", "acalled", "called", "check_plain", "topics"]

logger = logging.getLogger(__name__)

Handler: TypeAlias = Callable[[Message], Any]
H = TypeVar("H", bound=Handler)

GLOB = frozenset("*?[")


class Handlers:
    """Which functions are called with which messages."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels
        self._by_topic: dict[Topic, list[Handler]] = {}

    @property
    def topics(self) -> list[Topic]:
        """What has a handler."""
        return list(self._by_topic)

    def on(self, channels: Sequence[str], pattern: bool | None, sharded: bool) -> Callable[[H], H]:
        """Return a decorator that adds a function."""
        if pattern is None:
            pattern = not sharded and any(GLOB & set(channel) for channel in channels)
        wanted = topics(self._channels, channels, pattern=pattern, sharded=sharded)

        def add(handler: H) -> H:
            for topic in wanted:
                self._by_topic.setdefault(topic, []).append(handler)
            return handler

        return add

    def of(self, message: Message) -> Sequence[Handler]:
        """Return the functions that a message is for."""
        if message.pattern is not None:
            return self._by_topic[Topic("pattern", self._channels.pattern(message.pattern))]
        kind: Kind = "shard" if message.sharded else "channel"
        return self._by_topic[Topic(kind, self._channels.name(message.channel))]


def topics(channels: Channels, names: Sequence[str], *, pattern: bool, sharded: bool) -> list[Topic]:
    """Return what to subscribe to.

    Raises:
        ConfigError: No name, or a pattern of sharded channels, which Redis does not have.
    """
    if not names:
        raise ConfigError("no channel: name at least one")
    if pattern and sharded:
        raise ConfigError("sharded pub/sub has no patterns: name the channels, or leave one of the two out")
    kind: Kind = "pattern" if pattern else "shard" if sharded else "channel"
    wire = channels.pattern if pattern else channels.name
    return [Topic(kind, wire(name)) for name in dict.fromkeys(names)]


def called(function: Callable[[Any], Any], argument: object) -> None:
    """Call a function; what it raises is logged."""
    try:
        function(argument)
    except Exception:
        logger.exception("%s failed", _name(function))


async def acalled(function: Callable[[Any], Any], argument: object) -> None:
    """Call a function or a coroutine function; what it raises is logged."""
    try:
        answer = function(argument)
        if inspect.isawaitable(answer):
            await answer
    except Exception:
        logger.exception("%s failed", _name(function))


def check_plain(function: Callable[..., Any] | None) -> None:
    """Refuse a coroutine function, which nobody would await.

    Raises:
        ConfigError: It is one.
    """
    if inspect.iscoroutinefunction(function):
        raise ConfigError(f"{_name(function)} is a coroutine function: give a plain one, or take AsyncPubSubManager")


def _name(function: Callable[[Any], Any]) -> str:
    return getattr(function, "__qualname__", repr(function))
