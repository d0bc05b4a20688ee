"""Agents, and each run of one."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from swe_db.factories.agent_words import FAILURES, KINDS, MODELS, Kind
from swe_db.factories.base import BEGIN, KeyedFactory
from swe_db.factories.content import chosen, latest
from swe_db.factories.declarations import related, value
from swe_db.factories.draw import Draw
from swe_db.factories.rows import Agent, AgentExecution

__all__ = ["AgentExecutionFactory", "AgentFactory"]

FOUR_PLACES: Final = Decimal("0.0001")
STARTED: Final = frozenset({"running", "succeeded", "failed", "timed_out"})
ENDED: Final = frozenset({"succeeded", "failed", "cancelled", "timed_out"})
TIMEOUT: Final = 1800  # seconds


def _kind(row: Any) -> Kind:
    return KINDS.get(row.agent_type, KINDS["custom"])


def configuration(row: Any, draw: Draw) -> dict[str, Any]:
    """Return a configuration as agents of this type have it."""
    kind = _kind(row)
    return {
        "model": {"temperature": draw.integer(0, 4) / 10, "max_output_tokens": draw.choice((4096, 8192, 16384))},
        "tools": list(kind.tools),
        "limits": {"timeout_seconds": draw.choice((900, 1800, 2400)), "max_retries": draw.integer(1, 3)},
        "behaviour": dict(kind.behaviour),
    }


def _success_rate(row: Any) -> Decimal | None:
    finished = row.successful_executions + row.failed_executions
    return (Decimal(row.successful_executions) / finished).quantize(FOUR_PLACES) if finished else None


class AgentFactory(KeyedFactory[Agent]):
    """Makes agents of any type, before their first run if nothing else is said.

    `agent_type` decides what else is made: name, capabilities, configuration.
    """

    class Meta:
        model = Agent
        traits = (
            ("paused", "maintenance", "failed", "retired"),
            ("experienced",),
            ("deleted",),
        )

    agent_type = value(lambda row, draw: draw.choice([kind for kind in KINDS if kind != "custom"]))
    name = value(lambda row, draw: f"{_kind(row).title} {draw.number + 1}")
    slug = value(lambda row, draw: f"{row.agent_type}-{draw.token}")
    description = value(lambda row, draw: f"{_kind(row).purpose}.")
    version = value(lambda row, draw: f"{draw.integer(1, 4)}.{draw.integer(0, 12)}.{draw.integer(0, 9)}")
    model_provider = value(lambda row, draw: "moe-router")
    model_name = value(lambda row, draw: None if row.model_provider is None else draw.choice(MODELS))
    status = value(lambda row, draw: chosen(row, "paused", "maintenance", "failed", "retired", otherwise="active"))
    capabilities = value(lambda row, draw: list(_kind(row).capabilities))
    configuration = value(configuration)
    created_at = value(lambda row, draw: draw.not_after(draw.after(BEGIN, 0, 24 * 60), "deleted_at"))
    max_concurrency = value(lambda row, draw: draw.choice((1, 2, 4, 8, 16)))
    failed_executions = value(lambda row, draw: draw.integer(2, 40) if row.experienced else 0)
    successful_executions = value(lambda row, draw: draw.integer(60, 900) if row.experienced else 0)
    total_executions = value(lambda row, draw: row.successful_executions + row.failed_executions)
    success_rate = value(lambda row, draw: _success_rate(row))
    average_duration_ms = value(lambda row, draw: draw.integer(20_000, 600_000) if row.total_executions else None)
    total_tokens = value(lambda row, draw: row.total_executions * draw.integer(2_000, 30_000))
    total_cost_usd = value(lambda row, draw: Decimal(row.total_tokens) / 100_000)
    last_execution_at = value(
        lambda row, draw: draw.after(row.created_at, 24, 24 * 40) if row.total_executions else None
    )
    last_heartbeat_at = value(lambda row, draw: draw.after(row.last_execution_at or row.created_at, 0.1, 1))
    deleted_at = value(
        lambda row, draw: draw.after(row.last_heartbeat_at or row.created_at, 1, 240) if row.deleted else None
    )


def output(row: Any, draw: Draw) -> dict[str, Any] | None:
    """Return what a run put out; only one that succeeded did."""
    if row.status != "succeeded":
        return None
    return {
        "summary": draw.choice(("Opened a pull request.", "Left a review.", "Wrote a plan.", "All checks pass.")),
        "files_changed": draw.integer(0, 20),
        "confidence": draw.integer(60, 99) / 100,
    }


def _begin(row: Any, draw: Draw) -> datetime:
    return draw.after(latest(row.agent, row.task, row.parent_execution, row.triggered_by_user), 1, 48)


def _inherited(row: Any, column: str) -> Any:
    return getattr(row.parent_execution, column, None)


def _trigger(row: Any, draw: Draw) -> str:
    if row.parent_execution is not None:
        return "retry"
    return (
        "manual" if row.triggered_by_user is not None else draw.choice(("schedule", "webhook", "event", "agent", "api"))
    )


def _error(row: Any, draw: Draw) -> tuple[str | None, str | None]:
    if row.status == "timed_out":
        return "Timeout", None
    return draw.choice(FAILURES) if row.status == "failed" else (None, None)


def _started_at(row: Any, draw: Draw) -> Any:
    return draw.not_after(draw.after(row.queued_at, 0, 0.5), "completed_at") if row.status in STARTED else None


def _completed_at(row: Any, draw: Draw) -> Any:
    if row.status not in ENDED:
        return None
    if row.status == "timed_out":
        return (row.started_at or row.queued_at) + timedelta(seconds=TIMEOUT)
    return draw.after(row.started_at or row.queued_at, 0.01, 0.4)


def _duration_ms(row: Any) -> int | None:
    if row.completed_at is None or row.started_at is None:
        return None
    return round((row.completed_at - row.started_at).total_seconds() * 1000)


class AgentExecutionFactory(KeyedFactory[AgentExecution]):
    """Makes runs: queued ones of a new agent, if nothing else is said."""

    class Meta:
        model = AgentExecution
        traits = (
            ("running", "succeeded", "failed", "cancelled", "timed_out"),
            ("for_task",),
            ("retried",),
            ("by_user",),
        )

    agent = related("agent_id", "swe_db.factories.agents.AgentFactory", unless=("parent_execution",))
    task = related("task_id", "swe_db.factories.tasks.TaskFactory", when="for_task", share=("project",))
    triggered_by_user = related("triggered_by_user_id", "swe_db.factories.users.UserFactory", when="by_user")
    parent_execution = related(
        "parent_execution_id",
        "swe_db.factories.agents.AgentExecutionFactory",
        when="retried",
        share=("agent", "task", "project"),
        failed=True,
    )
    agent_id = value(lambda row, draw: _inherited(row, "agent_id") if row.agent is None else None)
    task_id = value(lambda row, draw: _inherited(row, "task_id") if row.task is None else None)
    project_id = value(lambda row, draw: row.task.project_id if row.task else _inherited(row, "project_id"))
    trigger_type = value(_trigger)
    status = value(
        lambda row, draw: chosen(row, "running", "succeeded", "failed", "cancelled", "timed_out", otherwise="queued")
    )
    attempt = value(lambda row, draw: row.parent_execution.attempt + 1 if row.parent_execution else 1)
    input = value(lambda row, draw: {"goal": draw.choice(("implement", "review", "test", "fix")), "depth": 1})
    output = value(output)
    error_type = value(lambda row, draw: _error(row, draw)[0])
    error_message = value(lambda row, draw: next((text for kind, text in FAILURES if kind == row.error_type), None))
    model_name = value(lambda row, draw: draw.choice(MODELS))
    input_tokens = value(lambda row, draw: draw.integer(500, 60_000) if row.status in STARTED else 0)
    output_tokens = value(lambda row, draw: draw.integer(50, 8_000) if row.status in STARTED else 0)
    total_tokens = value(lambda row, draw: row.input_tokens + row.output_tokens)
    cost_usd = value(lambda row, draw: Decimal(row.total_tokens) / 100_000)
    created_at = value(lambda row, draw: draw.not_after(_begin(row, draw), "queued_at", "started_at", "completed_at"))
    queued_at = value(lambda row, draw: row.created_at)
    started_at = value(_started_at)
    completed_at = value(_completed_at)
    duration_ms = value(lambda row, draw: _duration_ms(row))
