"""Rows of executions: the runs of agents."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from swe_db.generate.tables.agents import agent_model
from swe_db.generate.tables.children import FAILED, RUNNING, SUCCEEDED, TIMED_OUT, Executions
from swe_db.generate.values import words
from swe_db.generate.values.calendar import SECOND
from swe_db.generate.values.texts import (
    Array,
    constant,
    decimals,
    integers,
    json_object,
    numbers,
    optional,
    pick,
    select,
    text,
    timestamps,
    uuids,
)

__all__ = ["OUTCOMES", "execution_rows"]

OUTCOMES: Final = ("succeeded", "failed", "timed_out", "cancelled", "running")
_TRIGGERS: Final = ("manual", "event", "webhook", "schedule", "api")
_KINDS: Final = (*(failure.type for failure in words.FAILURES), "Timeout")
_MESSAGES: Final = (*(failure.message for failure in words.FAILURES), "The run took longer than its limit.")


def execution_rows(runs: Executions, first: int) -> pa.Table:
    """Return the rows of executions; the first has the id `first`."""
    story, key, world = runs.story, runs.key, runs.story.world
    ids = first + np.arange(len(key), dtype=np.int64)
    queued = runs.made - runs.stream("queued_at").between(0, 9, key) * SECOND
    queued = np.maximum(queued, story.made[runs.task])
    wrong = (runs.outcome == FAILED) | (runs.outcome == TIMED_OUT)
    failure = runs.stream("error_type").below(len(words.FAILURES), key)
    failure = np.where(runs.outcome == TIMED_OUT, len(words.FAILURES), failure)
    trigger = pick(_TRIGGERS, runs.stream("trigger_type").weighted((40, 30, 14, 8, 8), key))
    return pa.table(
        {
            "id": integers(ids),
            "external_id": uuids(world.plan.source, "agent_executions", ids),
            "agent_id": integers(runs.agent + 1),
            "task_id": integers(story.rows[runs.task] + 1),
            "project_id": integers(runs.project + 1),
            "parent_execution_id": pa.nulls(len(key), pa.int64()),
            "trigger_type": select(runs.attempt > 1, "retry", trigger),
            "triggered_by_user_id": integers(runs.user + 1, runs.user >= 0),
            "status": pick(OUTCOMES, runs.outcome),
            "attempt": integers(runs.attempt),
            "input": json_object({"task_id": numbers(story.rows[runs.task] + 1), "attempt": numbers(runs.attempt)}),
            "output": optional(_output(runs), runs.outcome == SUCCEEDED),
            "error_type": pick(_KINDS, failure, wrong),
            "error_message": pick(_MESSAGES, failure, wrong),
            "model_name": pick(tuple(model.name for model in words.MODELS), agent_model(runs.agent, world)),
            "input_tokens": integers(runs.tokens_in),
            "output_tokens": integers(runs.tokens_out),
            "cost_usd": decimals(runs.cost, 14, 6),
            "queued_at": timestamps(queued),
            "started_at": timestamps(runs.made),
            "completed_at": timestamps(runs.ended, runs.over),
            "metadata": constant("{}", len(key)),
            "created_at": timestamps(queued),
            "updated_at": timestamps(np.where(runs.outcome == RUNNING, runs.made, runs.ended)),
        }
    )


def _output(runs: Executions) -> Array:
    return json_object(
        {
            "files": numbers(1 + runs.stream("files").below(9, runs.key)),
            "summary": pick(
                ('"patch proposed"', '"tests pass"', '"review written"'), runs.stream("summary").below(3, runs.key)
            ),
            "branch": text('"task/', numbers(runs.story.rows[runs.task] + 1), '"'),
        }
    )
