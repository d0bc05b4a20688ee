"""Rows of agents."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from swe_db.generate.tables.census import Census
from swe_db.generate.tables.world import World
from swe_db.generate.values import words
from swe_db.generate.values.calendar import MINUTE
from swe_db.generate.values.draws import Ints, Stream
from swe_db.generate.values.texts import (
    Array,
    decimals,
    integers,
    json_object,
    numbers,
    optional,
    pick,
    text,
    timestamps,
    uuids,
)

__all__ = ["agent_kind", "agent_model", "agent_names", "agent_rows"]

_TYPES: Final = tuple(kind.type for kind in words.AGENT_KINDS)
_TITLES: Final = tuple(kind.title for kind in words.AGENT_KINDS)
_SLUGS: Final = tuple(title.lower().replace(" ", "-") for title in _TITLES)


def agent_kind(agents: Ints, world: World) -> Ints:
    """Return the type of each agent, as an index of words.AGENT_KINDS."""
    return world.stream("agents", "agent_type").weighted([kind.share for kind in words.AGENT_KINDS], agents)


def agent_model(agents: Ints, world: World) -> Ints:
    """Return the language model of each agent, as an index of words.MODELS."""
    return world.stream("agents", "model_name").weighted((32, 40, 20, 8), agents)


def agent_names(agents: Ints, world: World) -> Array:
    """Return the name of each agent."""
    return text(pick(_TITLES, agent_kind(agents, world)), " ", numbers(agents + 1))


def agent_rows(world: World, agents: Ints, census: Census) -> pa.Table:
    """Return the rows of agents; none of them is of the seeds. Their counters agree with their executions."""

    def stream(column: str) -> Stream:
        return world.stream("agents", column)

    kind, model = agent_kind(agents, world), agent_model(agents, world)
    made, gone = world.agents.instants(agents), world.agent_ends[agents]
    retired = gone < world.end
    removed = retired & stream("deleted").chance(250, agents)
    last = census.last_run[agents]
    heard = np.minimum(np.maximum(last, gone - 1) + stream("heartbeat").below(MINUTE, agents), world.end - 1)
    status = np.where(retired, 4, stream("status").weighted((90, 5, 3, 2), agents))
    return pa.table(
        {
            "id": integers(agents + 1),
            "external_id": uuids(world.plan.source, "agents", agents),
            "name": agent_names(agents, world),
            "slug": text(pick(_SLUGS, kind), "-", numbers(agents + 1)),
            "description": text("A ", pick(tuple(title.lower() for title in _TITLES), kind), " of the fleet."),
            "agent_type": pick(_TYPES, kind),
            "version": text(
                numbers(1 + stream("major").below(4, agents)),
                ".",
                numbers(stream("minor").below(12, agents)),
                ".",
                numbers(stream("patch").below(20, agents)),
            ),
            "model_provider": pick(tuple(one.provider for one in words.MODELS), model),
            "model_name": pick(tuple(one.name for one in words.MODELS), model),
            "status": pick(("active", "paused", "maintenance", "failed", "retired"), status),
            "capabilities": _capabilities(world, agents, kind),
            "configuration": _configuration(world, agents),
            "max_concurrency": integers(1 + stream("max_concurrency").below(16, agents)),
            **_counters(agents, census),
            "last_execution_at": timestamps(np.maximum(last, 0), last > 0),
            "last_heartbeat_at": timestamps(heard),
            "metadata": optional(json_object({"fleet": _fleet(world, agents)}), np.ones(len(agents), np.bool_)),
            "created_at": timestamps(made),
            "updated_at": timestamps(np.maximum(made, np.where(retired, gone, np.maximum(last, made)))),
            "deleted_at": timestamps(gone, removed),
        }
    )


def _counters(agents: Ints, census: Census) -> dict[str, Array]:
    succeeded, failed = census.succeeded[agents], census.failed[agents]
    ended = succeeded + failed
    return {
        "total_executions": integers(census.runs[agents]),
        "successful_executions": integers(succeeded),
        "failed_executions": integers(failed),
        "average_duration_ms": integers(census.run_time[agents] // np.maximum(ended, 1), ended > 0),
        "total_tokens": integers(census.tokens[agents]),
        "total_cost_usd": decimals(census.cost[agents], 16, 6),
    }


def _fleet(world: World, agents: Ints) -> Array:
    return pick(('"blue"', '"green"', '"canary"'), world.stream("agents", "fleet").weighted((60, 35, 5), agents))


def _capabilities(world: World, agents: Ints, kind: Ints) -> Array:
    """Return what each agent can do: all but one or two of what its type can, and sometimes one thing more."""
    lists: list[str] = []
    for names in (one.capabilities for one in words.AGENT_KINDS):
        lists.extend(_json_list(names[skip:] + names[:skip][:keep]) for skip in range(3) for keep in range(2))
    choice = world.stream("agents", "capabilities").below(6, agents)
    return pick(tuple(lists), kind * 6 + choice)


def _json_list(names: tuple[str, ...]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def _configuration(world: World, agents: Ints) -> Array:
    def stream(column: str) -> Stream:
        return world.stream("agents", f"configuration.{column}")

    model = json_object(
        {
            "temperature": pick(("0.0", "0.1", "0.2", "0.4"), stream("temperature").below(4, agents)),
            "max_output_tokens": pick(("4096", "8192", "16384", "32768"), stream("tokens").below(4, agents)),
        }
    )
    limits = json_object(
        {
            "max_retries": numbers(1 + stream("retries").below(3, agents)),
            "timeout_seconds": pick(("900", "1800", "2400", "3600"), stream("timeout").below(4, agents)),
        }
    )
    return json_object({"model": model, "limits": limits})
