"""Publish and subscribe, and durable streams."""

from __future__ import annotations

from swe_db.redis.pubsub.manager import (
    AsyncDurableStream,
    AsyncPubSubManager,
    AsyncSubscription,
    Delivery,
    DurableStream,
    Gap,
    Message,
    PubSubManager,
    Subscription,
    aget_pubsub_manager,
    get_pubsub_manager,
)

__all__ = [
    "AsyncDurableStream",
    "AsyncPubSubManager",
    "AsyncSubscription",
    "Delivery",
    "DurableStream",
    "Gap",
    "Message",
    "PubSubManager",
    "Subscription",
    "aget_pubsub_manager",
    "get_pubsub_manager",
]
