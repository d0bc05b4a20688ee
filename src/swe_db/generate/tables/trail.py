"""Rows of the audit trail."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from swe_db.generate.tables.agents import agent_names
from swe_db.generate.tables.event_types import DEEDS, EVENT_TYPES, RESOURCES, RESULTS, SEVERITIES
from swe_db.generate.tables.happenings import Happenings
from swe_db.generate.tables.people import display_names
from swe_db.generate.tables.world import World
from swe_db.generate.values import words
from swe_db.generate.values.calendar import DAY
from swe_db.generate.values.draws import Ints
from swe_db.generate.values.texts import (
    Array,
    Mask,
    hexadecimal,
    integers,
    numbers,
    optional,
    pick,
    select,
    text,
    timestamps,
    uuids,
)

__all__ = ["actor_names", "audit_rows", "in_order"]

_OCTETS = tuple(str(number) for number in range(256))


def in_order(chunk: Ints, at: Ints, key: Ints) -> Ints:
    """Return the places of events by chunk, time and key."""
    return np.lexsort((key, at, chunk))


def audit_rows(world: World, events: Happenings, ids: Ints) -> pa.Table:
    """Return the rows of events, with these ids."""
    key = events.key
    user, agent = events.user, events.agent
    by_user, by_agent = user >= 0, agent >= 0
    human: Mask = by_user & ~by_agent
    name = actor_names(world, user, agent)
    request = world.stream("audit_logs", "request_id").bits(key)
    client = world.stream("users", "user_agent").below(len(words.USER_AGENTS), np.maximum(user, 0))
    session = world.stream("audit_logs", "session_id").bits(np.maximum(user, 0) * 65_536 + events.at // DAY)
    return pa.table(
        {
            "id": integers(ids),
            "external_id": uuids(world.plan.source, "audit_logs", ids),
            "event_type": pick(EVENT_TYPES, events.kind),
            "severity": pick(SEVERITIES, events.kind),
            "outcome": pick(RESULTS, events.kind),
            "actor_user_id": integers(user + 1, by_user),
            "actor_agent_id": integers(agent + 1, by_agent),
            "actor_name": optional(name, by_user | by_agent),
            "resource_type": pick(RESOURCES, events.kind),
            "resource_id": numbers(events.resource),
            "project_id": integers(events.project + 1, events.project >= 0),
            "message": text(select(by_user | by_agent, name, "The system"), pick(DEEDS, events.kind)),
            "old_values": events.old,
            "new_values": events.new,
            "ip_address": _addresses(world, user, by_user),
            "user_agent": pick(words.USER_AGENTS, client, human),
            "request_id": text("req_", hexadecimal(request)),
            "session_id": optional(text("ses_", hexadecimal(session)), human),
            "context": select(
                by_agent, '{"source": "agent"}', select(human, '{"source": "web"}', '{"source": "system"}')
            ),
            "created_at": timestamps(events.at),
        }
    )


def actor_names(world: World, user: Ints, agent: Ints) -> Array:
    """Return the name of each actor, an agent's where there is one; the seeds' admin where nobody is."""
    return select(agent >= 0, agent_names(np.maximum(agent, 0), world), display_names(np.maximum(user, 0), world))


def _addresses(world: World, user: Ints, by_user: Mask) -> Array:
    bits = world.stream("users", "ip_address").bits(np.maximum(user, 0))
    octets = [((bits >> np.uint64(shift)) & np.uint64(255)).astype(np.int64) for shift in (0, 8, 16)]
    written = text("10.", pick(_OCTETS, octets[0]), ".", pick(_OCTETS, octets[1]), ".", pick(_OCTETS, octets[2]))
    return optional(written, by_user)
