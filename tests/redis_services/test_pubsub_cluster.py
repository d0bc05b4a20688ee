"""Subscriptions follow what they listen to through a cluster, and through Sentinels to a new master."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis.crc

from support import topologies
from support.subscribing import PATIENCE, eventually, listen
from swe_db.errors import RedisServiceError
from swe_db.redis.client import RedisClient
from swe_db.redis.pubsub import AsyncPubSubManager, Gap, PubSubManager

SLOT = redis.crc.key_slot(b"app:{a}1")


@pytest.fixture
def manager(place: Any) -> Any:
    """A manager on the cluster."""
    return place.make(PubSubManager, AsyncPubSubManager, prefix="app")


def move(place: Any, source: Any, to: Any) -> None:
    """Give the slot of `{a}` to another master, as redis-cli does; who imports a slot gets the newest epoch."""
    name = to.ask("CLUSTER MYID")
    to.ask("CLUSTER SETSLOT", SLOT, "IMPORTING", source.ask("CLUSTER MYID"))
    others = [node for node in place.server.nodes[:3] if node is not to]
    for node in (to, *others):
        node.ask("CLUSTER SETSLOT", SLOT, "NODE", name)


@pytest.fixture
def masters(place: Any) -> Iterator[list[Any]]:
    """The masters, first the one that has the slot of `{a}`, which it has again afterwards."""
    first = place.server.nodes[SLOT * 3 // redis.crc.REDIS_CLUSTER_HASH_SLOTS]
    second, third = (node for node in place.server.nodes[:3] if node is not first)
    yield [first, second, third]
    move(place, second, first)


def shards(node: Any) -> list[bytes]:
    """Return the sharded channels that have subscribers on a node."""
    channels: list[bytes] = node.ask("PUBSUB SHARDCHANNELS")
    return channels


@pytest.mark.places("cluster", reason="only a cluster has slots")
def test_sharded_channels_of_many_slots(manager: Any) -> None:
    """Sharded channels may lie in any slots: each is subscribed to where it lies."""
    channels = [f"channel{number}" for number in range(9)]
    with listen(manager, *channels, sharded=True, on_gap=pytest.fail) as subscription:
        for channel in channels:
            assert manager.publish(channel, channel, sharded=True) == 1
        received = {subscription.get(PATIENCE).channel for _ in channels}
    assert received == set(channels)


@pytest.mark.places("cluster", reason="only a cluster moves slots")
def test_a_sharded_subscription_follows_its_slot(masters: list[Any], place: Any, manager: Any) -> None:
    """When a slot moves to another node the subscription does too, and says that something may be missing."""
    first, second, _ = masters
    gaps: list[Gap] = []
    with listen(manager, "{a}1", "{a}2", sharded=True, on_gap=gaps.append) as subscription:
        assert len(shards(first)) == 2
        move(place, first, second)
        eventually(lambda: len(shards(second)) == 2 and subscription.connected)
        eventually(lambda: manager.publish("{a}1", "moved", sharded=True))
        assert subscription.get(PATIENCE).data == "moved"
        assert shards(first) == []
    assert [gap.reason for gap in gaps] == ["disconnected"]
    assert "ended the subscription" in gaps[0].detail


def test_a_failover_of_sentinels_is_followed() -> None:
    """When the master dies the subscription is soon at the new one, and says so."""
    gaps: list[Gap] = []
    with topologies.sentinels() as servers, RedisClient(servers.url, **servers.options) as client:
        manager = PubSubManager(client=client)
        with manager.subscribe("a", on_gap=gaps.append, timeout=PATIENCE) as subscription:
            with client.raw.client() as connection:
                port = connection.connection.port
            topologies.promote_soon(servers.nodes[-3:])
            next(node for node in servers.nodes if node.port == port).kill()
            eventually(lambda: published(manager))
            message = subscription.get(PATIENCE)
    assert message is not None
    assert message.data == "after"
    assert [gap.reason for gap in gaps] == ["disconnected"]


def published(manager: PubSubManager) -> bool:
    """Publish, and return whether a subscriber got it."""
    try:
        return manager.publish("a", "after") > 0
    except RedisServiceError:  # there is no master yet
        return False
