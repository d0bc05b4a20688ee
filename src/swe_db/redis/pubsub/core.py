"""What the pub/sub managers of both twins are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, TypedDict

from swe_db.errors import ConfigError
from swe_db.redis.durations import Duration, seconds
from swe_db.redis.pubsub.async_subscription import AsyncOnGap
from swe_db.redis.pubsub.channels import Channels
from swe_db.redis.pubsub.handlers import Handlers
from swe_db.redis.pubsub.listening import Listening, Topic
from swe_db.redis.pubsub.mailbox import Overflow
from swe_db.redis.pubsub.payload import encode
from swe_db.redis.pubsub.subscription import OnGap
from swe_db.redis.pubsub.wires import by_connection
from swe_db.redis.steps import Command, Script, Steps

__all__ = [
    "CLAIM_AFTER",
    "HEARTBEAT",
    "MAXLEN",
    "MAXSIZE",
    "MAX_DELIVERIES",
    "TIMEOUT",
    "AsyncOptions",
    "Core",
    "Options",
]

BROADCAST: Final = Script("pubsub/broadcast.lua")
MAXSIZE: Final = 1000  # messages
TIMEOUT: Final = 5.0  # seconds
HEARTBEAT: Final = 15.0  # seconds
MAXLEN: Final = 1_000_000  # messages
CLAIM_AFTER: Final = 60.0  # seconds
MAX_DELIVERIES: Final = 5


class Options(TypedDict, total=False):
    """What can be said of a subscription; meaning and defaults are those of `PubSubManager.subscribe`."""

    maxsize: int
    overflow: Overflow
    on_gap: OnGap | None
    timeout: Duration


class AsyncOptions(TypedDict, total=False):
    """The same for asyncio."""

    maxsize: int
    overflow: Overflow
    on_gap: AsyncOnGap | None
    timeout: Duration


class Core:
    """What both managers are made of."""

    def __init__(self, prefix: str, heartbeat: Duration) -> None:
        self.channels = Channels(prefix)
        self.handlers = Handlers(self.channels)
        self.heartbeat = seconds(heartbeat, "heartbeat")

    def publish(self, channel: str, message: object, *, sharded: bool) -> Steps[int]:
        """Publish on one channel."""
        command = "SPUBLISH" if sharded else "PUBLISH"
        receivers = yield Command((command, self.channels.name(channel), encode(message)), once=True)
        return int(receivers)

    def broadcast(self, channels: Iterable[str], message: object) -> Steps[dict[str, int]]:
        """Publish on several."""
        names = list(dict.fromkeys(channels))
        receivers = yield BROADCAST([], encode(message), *map(self.channels.name, names), once=True)
        return dict(zip(names, map(int, receivers), strict=True))

    def lines(self, client: Any, wanted: Sequence[Topic]) -> list[Listening]:  # noqa: ANN401
        """Return the work of each connection that a subscription takes."""
        return [Listening(group, self.channels, self.heartbeat) for group in by_connection(client, wanted)]

    def handled(self) -> list[Topic]:
        """Return what has a handler.

        Raises:
            ConfigError: Nothing has.
        """
        if not self.handlers.topics:
            raise ConfigError("there is no handler: add one with @manager.on(channel)")
        return self.handlers.topics
