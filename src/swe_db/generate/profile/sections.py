"""What stands on the page, from top to bottom."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from swe_db.generate.plan import Plan
from swe_db.generate.profile.charts import Chart, bars, columns, distribution, lines, ranks, shares, week
from swe_db.generate.profile.stats import Stats
from swe_db.generate.tables.agents import agent_names
from swe_db.generate.tables.people import display_names
from swe_db.generate.tables.projects import project_names
from swe_db.generate.tables.world import World
from swe_db.generate.values.draws import Ints
from swe_db.generate.values.texts import Array

__all__ = ["Section", "sections_of"]

_STATUSES: Final = ("backlog", "todo", "in_progress", "in_review", "blocked", "done", "cancelled")
_PRIORITIES: Final = ("low", "medium", "high", "critical")
_OUTCOMES: Final = ("succeeded", "failed", "timed_out", "cancelled", "running", "queued")
_CATEGORIES: Final = 6  # that have a colour of their own


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the page.

    Attributes:
        title: Its heading.
        about: What to look for, in a sentence or two.
        charts: Its plots.
        tables: Tables without a plot: title, head, rows.
    """

    title: str
    about: str
    charts: Sequence[Chart]
    tables: Sequence[tuple[str, Sequence[str], Sequence[Sequence[str]]]] = ()


def sections_of(plan: Plan, stats: Stats) -> list[Section]:
    """Return the sections, without the checks and the plan."""
    subjects = (_rows, _growth, _week, _people, _tasks, _agents, _evidence, _audit)
    return [subject(plan, stats) for subject in subjects]


def _rows(_plan: Plan, stats: Stats) -> Section:
    rows = stats["rows"]
    return Section(
        "What there is",
        "Rows of each table, those of the seeds included. The numbers of people, projects, agents, tasks and audit "
        "events are planned; those of the other tables follow from what happens to the tasks.",
        [
            bars("Rows by table", _ordered(rows)),
            bars("People by time zone", _ordered(stats.get("users.timezone", {})), "people"),
            bars("People by role", _ordered(stats.get("users.role", {})), "people"),
            bars("Agents by type", _ordered(stats.get("agents.type", {})), "agents"),
        ],
    )


def _growth(_plan: Plan, stats: Stats) -> Section:
    months = _months(stats)
    return Section(
        "Growth",
        "A platform that is taken up: slowly at first, then faster. What is made in the last weeks is not completed "
        "yet, so the lines part at the end.",
        [
            columns("New people, per month", months, {"people": _over(months, stats, "month.users")}),
            lines(
                "Tasks made and completed, per month",
                months,
                {"made": _over(months, stats, "month.tasks"), "completed": _over(months, stats, "month.completed")},
            ),
            columns("Audit events, per month", months, {"events": _over(months, stats, "month.audit_logs")}),
            columns(
                "Comments and evidence, per month",
                months,
                {
                    "comments": _over(months, stats, "month.task_comments"),
                    "evidence": _over(months, stats, "month.evidence"),
                },
            ),
        ],
    )


def _week(_plan: Plan, stats: Stats) -> Section:
    local = stats.get("hours.local", {})
    total = sum(local.values()) or 1
    weekend = sum(count for hour, count in local.items() if int(hour) >= 120)
    office = sum(count for hour, count in local.items() if int(hour) < 120 and 8 <= int(hour) % 24 < 19)
    note = f"{office / total:.0%} from 8 to 19 on weekdays, {weekend / total:.0%} at weekends."
    return Section(
        "The week",
        "When people do things, by what the audit trail says of them; agents are left out, as they never sleep. Around "
        "the world the day is long, and at each desk it is a working day.",
        [
            week("By the clock of each person", local, note),
            week("UTC", stats.get("hours.utc", {})),
        ],
    )


def _people(plan: Plan, stats: Stats) -> Section:
    of_project, of_person = stats.get("tasks.of_project", {}), stats.get("tasks.of_person", {})
    of_agent = stats.get("executions.of_agent", {})
    share = _top_share(of_project, plan.counts["projects"])
    series = {"projects": _descending(of_project), "people": _descending(of_person)}
    world = World.of(plan)
    return Section(
        "Who has how much",
        f"Few projects get most of the work: the busiest tenth has {share:.0%} of all tasks, and of the people the "
        f"busiest tenth {_top_share(of_person, plan.counts['users']):.0%}. On axes that "
        "count in powers of ten, a power law is a straight line.",
        [
            ranks("Tasks of each project and each person, by rank", series),
            ranks("Executions of each agent, by rank", {"agents": _descending(of_agent)}),
        ],
        [
            (
                "The ten busiest projects",
                ("project", "tasks"),
                _top(of_project, lambda rows: project_names(rows, world)),
            ),
            ("The ten busiest people", ("person", "tasks"), _top(of_person, lambda rows: display_names(rows, world))),
        ],
    )


def _tasks(_plan: Plan, stats: Stats) -> Section:
    comments = stats.get("comments.per_task", {})
    most = max((int(number) for number in comments), default=0)
    names = [str(number) for number in range(most + 1)]
    return Section(
        "Tasks",
        "How far they have come, and how long it took: half take a week or less, some take months. Lead time is from "
        "the making of a task to its end, work time from its start.",
        [
            bars("By status", _listed(stats.get("tasks.status", {}), _STATUSES), "tasks"),
            bars("By priority", _listed(stats.get("tasks.priority", {}), _PRIORITIES), "tasks"),
            bars("By type", _ordered(stats.get("tasks.task_type", {})), "tasks"),
            bars("Assigned to", _ordered(stats.get("tasks.assignee", {})), "tasks"),
            distribution("Lead time", stats.get("tasks.lead", {})),
            distribution("Work time", stats.get("tasks.work", {}), "Agents are quick, people sleep: two hills."),
            columns("Comments per task", names, {"tasks": [comments.get(name, 0) for name in names]}),
        ],
    )


def _agents(plan: Plan, stats: Stats) -> Section:
    months = _months(stats)
    outcomes: dict[str, dict[str, int]] = {}
    for name, count in sorted(stats.get("executions.outcome", {}).items()):
        kind, _, outcome = name.partition("/")
        outcomes.setdefault(kind, {})[outcome] = count
    there = [outcome for outcome in _OUTCOMES if any(outcome in counts for counts in outcomes.values())]
    cents = {month: round(amount / 10_000) for month, amount in stats.get("month.cost", {}).items()}
    spent = sum(stats.get("month.cost", {}).values()) / 1e6
    ended = {
        name: number for name, number in stats.get("executions.status", {}).items() if name not in {"running", "queued"}
    }
    rate = ended.get("succeeded", 0) / (sum(ended.values()) or 1)
    world = World.of(plan)
    busiest = _top(stats.get("executions.of_agent", {}), lambda rows: agent_names(rows, world))
    return Section(
        "Agents at work",
        f"{rate:.0%} of the executions that have ended succeeded; those that fail are tried again. All of them cost "
        f"{spent:,.2f} US dollars.",
        [
            shares("Outcome by type of agent", outcomes, there),
            distribution("How long an execution takes", stats.get("executions.duration", {})),
            columns(
                "Tokens, per month",
                months,
                {
                    "read": _over(months, stats, "month.input_tokens"),
                    "written": _over(months, stats, "month.output_tokens"),
                },
            ),
            columns(
                "Cost, US dollars per month", months, {"dollars": [cents.get(month, 0) // 100 for month in months]}
            ),
        ],
        [("The ten busiest agents", ("agent", "executions"), busiest)],
    )


def _evidence(_plan: Plan, stats: Stats) -> Section:
    counts, sums = stats.get("evidence.source_type", {}), stats.get("evidence.credibility", {})
    means = [(name, f"{sums[name] / count / 10_000:.2f}", f"{count:,}") for name, count in _ordered(counts)]
    scores = stats.get("evidence.score", {})
    names = [f"{place / 20:.2f}" for place in range(20)]
    values = [scores.get(str(place), 0) for place in range(20)]
    return Section(
        "Evidence",
        "What decisions rest on. What machines measure is believed more than what people say; scores move when "
        "somebody verifies or disputes.",
        [
            bars("By source", _ordered(counts), "pieces"),
            columns("By credibility, from the lower end of each bar", names, {"pieces": values}),
            bars("Verification", _ordered(stats.get("evidence.verification_status", {})), "pieces"),
            bars("Relations in chains", _ordered(stats.get("evidence.relation", {})), "edges"),
        ],
        [
            (
                "Mean credibility by source",
                ("source", "mean", "pieces"),
                sorted(means, key=lambda row: (row[1], row[0]), reverse=True),
            )
        ],
    )


def _audit(_plan: Plan, stats: Stats) -> Section:
    months = _months(stats)
    categories = {
        subject.removeprefix("audit.month."): counts
        for subject, counts in stats.items()
        if subject.startswith("audit.month.")
    }
    order = [name for name, _ in _ordered({name: sum(counts.values()) for name, counts in categories.items()})]
    series = {name: [categories[name].get(month, 0) for month in months] for name in order[:_CATEGORIES]}
    if rest := order[_CATEGORIES:]:
        series["others"] = [sum(categories[name].get(month, 0) for name in rest) for month in months]
    return Section(
        "The audit trail",
        "Every event follows from what happened. Most of it is about tasks and those who work on them; failures and "
        "refusals are rare, but there.",
        [
            columns("Events by category, per month", months, series, wide=True),
            bars("By type", _ordered(stats.get("audit.event_type", {})), "events"),
            bars("In the feed, by verb", _ordered(stats.get("feed.verb", {})), "entries"),
            bars("By severity", _ordered(stats.get("audit.severity", {})), "events"),
            bars("By outcome", _ordered(stats.get("audit.outcome", {})), "events"),
        ],
    )


def _ordered(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return names and numbers, the largest first; names decide among equals."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _listed(counts: Mapping[str, int], names: Sequence[str]) -> list[tuple[str, int]]:
    return [(name, counts.get(name, 0)) for name in names]


def _months(stats: Stats) -> list[str]:
    """Return all months of the history, in order."""
    return sorted({month for subject, counts in stats.items() if subject.startswith("month.") for month in counts})


def _over(months: Sequence[str], stats: Stats, subject: str) -> list[int]:
    return [stats.get(subject, {}).get(month, 0) for month in months]


def _descending(counts: Mapping[str, int]) -> list[int]:
    return sorted(counts.values(), reverse=True)


def _top_share(counts: Mapping[str, int], there: int) -> float:
    """Return which share the busiest tenth has, of all that there are."""
    values = _descending(counts)
    return sum(values[: max(1, there // 10)]) / (sum(values) or 1)


def _top(counts: Mapping[str, int], names: Callable[[Ints], Array]) -> list[tuple[str, str]]:
    """Return the names and numbers of the ten with most; ids decide among equals."""
    best = sorted(counts.items(), key=lambda item: (-item[1], int(item[0])))[:10]
    rows = np.array([int(name) - 1 for name, _ in best], np.int64)
    shown = names(rows).to_pylist() if best else []
    return [(name, f"{number:,}") for name, (_, number) in zip(shown, best, strict=True)]
