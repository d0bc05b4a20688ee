"""Rows of tasks."""

from __future__ import annotations

import functools
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from swe_db.generate.tables.story import STATUSES, Story
from swe_db.generate.values import words
from swe_db.generate.values.calendar import DAY
from swe_db.generate.values.draws import Ints, Stream
from swe_db.generate.values.texts import (
    Array,
    Mask,
    hexadecimal,
    integers,
    iso,
    json_object,
    label_lists,
    numbers,
    optional,
    pick,
    select,
    text,
    timestamps,
    uuids,
)

__all__ = ["PRIORITIES", "TYPES", "TaskColumns"]

TYPES: Final = ("task", "issue", "pull_request")
PRIORITIES: Final = ("low", "medium", "high", "critical")
_POINTS: Final = np.array([1, 2, 3, 5, 8, 13], np.int64)
_COMPLEXITIES: Final = ('"low"', '"medium"', '"high"')
_SUGGESTIONS: Final = (
    '["Add a regression test first."]',
    '["Split into two changes.", "Ask the owner of the interface."]',
    '["Look at the similar change of last month."]',
    '["Measure before and after.", "Put it behind a feature flag."]',
)


class TaskColumns:
    """The columns of the tasks of a story; the audit trail shows them too.

    Args:
        story: The tasks.
    """

    def __init__(self, story: Story) -> None:
        self.story = story
        self._world = story.world

    def _stream(self, column: str) -> Stream:
        return self._world.stream("tasks", column)

    def _pick(self, column: str, vocabulary: tuple[str, ...]) -> Array:
        return pick(vocabulary, self._stream(column).below(len(vocabulary), self.story.rows))

    @functools.cached_property
    def external_id(self) -> Array:
        """Keys shown outside."""
        return uuids(self._world.plan.source, "tasks", self.story.rows)

    @functools.cached_property
    def title(self) -> Array:
        """A change that is wanted, or a defect of something."""
        component = self._pick("component", words.COMPONENTS)
        change = text(self._pick("change", words.CHANGES), " ", component, self._pick("where", words.CIRCUMSTANCES))
        broken = text(
            pc.utf8_capitalize(component), " ", self._pick("defect", words.DEFECTS),
            self._pick("where", words.CIRCUMSTANCES),
        )  # fmt: skip
        return select(self.story.kind == 1, broken, change)

    @functools.cached_property
    def description(self) -> Array:
        """Why, and either how to see the defect or when the change is complete."""
        reason = self._pick("reason", words.REASONS)
        steps = text("Steps: ", self._pick("steps", words.STEPS))
        done = text("Done when: ", self._pick("acceptance", words.ACCEPTANCE))
        return text(reason, "\n\n", select(self.story.kind == 1, steps, done))

    @functools.cached_property
    def label_choice(self) -> tuple[Ints, Ints]:
        """Labels of each task, as indices of words.LABELS, and how many of them it has."""
        first = self._stream("labels").below(len(words.LABELS), self.story.rows)
        choices = (first[:, None] + np.arange(3) * 5) % len(words.LABELS)
        return choices, self._stream("label_count").weighted((25, 40, 25, 10), self.story.rows)

    @functools.cached_property
    def planned(self) -> tuple[Ints, Mask]:
        """When work should begin, and where that is planned."""
        wait = self._stream("planned_start_at").between(1, 20, self.story.rows) * DAY
        return (self.story.made + wait) // DAY * DAY, self.story.chance("planned", 280)

    @functools.cached_property
    def due(self) -> tuple[Ints, Mask]:
        """When the task should be done, and where that is planned."""
        planned, has = self.planned
        begin = np.where(has, planned, self.story.made // DAY * DAY)
        return begin + self._stream("due_at").between(2, 45, self.story.rows) * DAY, self.story.chance("due", 450) | has

    @functools.cached_property
    def points(self) -> tuple[Ints, Mask]:
        """Estimated size, and where there is an estimate."""
        drawn = self._stream("estimate_points").weighted((15, 25, 28, 18, 10, 4), self.story.rows)
        return _POINTS[drawn], self.story.chance("estimated", 700)

    @functools.cached_property
    def on_github(self) -> Mask:
        """Which are issues or pull requests of GitHub."""
        return np.asarray((self.story.kind > 0) & self.story.chance("github", 900), dtype=np.bool_)

    @functools.cached_property
    def node(self) -> Array:
        """Node ids of GitHub; of a pull request where the task is one."""
        digits = hexadecimal(self.story.bits("github_node_id"), 14)
        return text(select(self.story.kind == 2, "PR_", "I_"), digits)

    @functools.cached_property
    def metadata(self) -> Array:
        """Where the task came from."""
        source = self._stream("source").weighted((60, 25, 10, 5), self.story.rows)
        return json_object({"source": pick(('"board"', '"api"', '"import"', '"chat"'), source)})

    @functools.cached_property
    def analysis(self) -> Array:
        """What an agent found out about each task, wherever it looked."""
        complexity = self._stream("ai_analysis").weighted((45, 40, 15), self.story.rows)
        return json_object(
            {
                "complexity": pick(_COMPLEXITIES, complexity),
                "files": numbers(1 + self._stream("ai_files").below(14, self.story.rows)),
                "risk": pick(
                    ('"low"', '"medium"', '"high"'), self._stream("ai_risk").weighted((60, 30, 10), self.story.rows)
                ),
            }
        )

    @functools.cached_property
    def suggestions(self) -> Array:
        """What an agent suggests."""
        return self._pick("ai_suggestions", _SUGGESTIONS)

    def rows(self) -> pa.Table:
        """Return the rows."""
        story = self.story
        analysed = story.happens["analysed"]
        issue, pull = self.on_github & (story.kind == 1), self.on_github & (story.kind == 2)
        number = integers(story.rows + 1)
        return pa.table(
            {
                "id": number,
                "external_id": self.external_id,
                "project_id": integers(story.project + 1),
                "parent_task_id": integers(story.parent + 1, story.parent >= 0),
                "task_type": pick(TYPES, story.kind),
                "title": self.title,
                "description": self.description,
                "status": pick(STATUSES, story.status),
                "priority": pick(PRIORITIES, story.priority),
                "labels": label_lists(words.LABELS, *self.label_choice),
                "created_by_user_id": integers(story.reporter + 1),
                "assigned_user_id": integers(story.user + 1, (story.user >= 0) & story.happens["assigned"]),
                "assigned_agent_id": integers(story.agent + 1, (story.agent >= 0) & story.happens["assigned"]),
                "estimate_points": integers(*self.points),
                "github_issue_id": integers(2_000_000_000 + story.rows, issue),
                "github_issue_number": optional(number, issue),
                "github_issue_node_id": optional(self.node, issue),
                "github_pull_request_id": integers(2_000_000_000 + story.rows, pull),
                "github_pull_request_number": optional(number, pull),
                "github_pull_request_node_id": optional(self.node, pull),
                "ai_analysis": optional(self.analysis, analysed),
                "ai_suggestions": select(analysed, self.suggestions, "[]"),
                "metadata": self.metadata,
                "planned_start_at": timestamps(*self.planned),
                "due_at": timestamps(*self.due),
                "started_at": timestamps(*story.started),
                "completed_at": timestamps(*story.completed),
                "created_at": timestamps(story.made),
                "updated_at": timestamps(story.updated),
                "deleted_at": timestamps(story.times["deleted"], story.happens["deleted"]),
            }
        )

    def first_values(self) -> Array:
        """Return what each task was made with, as JSON: all columns that are not null, without the keys and times."""
        story = self.story
        issue, pull = self.on_github & (story.kind == 1), self.on_github & (story.kind == 2)
        points, estimated = self.points
        planned, is_planned = self.planned
        due, is_due = self.due
        number, github_id = numbers(story.rows + 1), numbers(2_000_000_000 + story.rows)
        members = {
            "title": _quoted(self.title),
            "labels": self._json_labels(),
            "status": _quoted(pick(STATUSES, story.first_status)),
            "priority": _quoted(pick(PRIORITIES, story.first_priority)),
            "metadata": self.metadata,
            "task_type": _quoted(pick(TYPES, story.kind)),
            "project_id": numbers(story.project + 1),
            "description": _quoted(pc.replace_substring(self.description, "\n", "\\n")),
            "external_id": _quoted(self.external_id),
            "ai_suggestions": "[]",
            "parent_task_id": numbers(story.parent + 1),
            "created_by_user_id": numbers(story.reporter + 1),
            "estimate_points": numbers(points),
            "due_at": _quoted(iso(due)),
            "planned_start_at": _quoted(iso(planned)),
            "github_issue_id": github_id,
            "github_issue_number": number,
            "github_issue_node_id": _quoted(self.node),
            "github_pull_request_id": github_id,
            "github_pull_request_number": number,
            "github_pull_request_node_id": _quoted(self.node),
        }
        present = {
            "parent_task_id": story.parent >= 0,
            "estimate_points": estimated,
            "due_at": is_due,
            "planned_start_at": is_planned,
            **{key: issue for key in members if key.startswith("github_issue")},
            **{key: pull for key in members if key.startswith("github_pull")},
        }
        return json_object(members, present)

    def _json_labels(self) -> Array:
        choices, counts = self.label_choice
        written: list[str] = []
        for first in range(len(words.LABELS)):
            names = [words.LABELS[(first + step * 5) % len(words.LABELS)] for step in range(3)]
            written.extend("[" + ", ".join(f'"{name}"' for name in names[:count]) + "]" for count in range(4))
        return pick(tuple(written), choices[:, 0] * 4 + counts)


def _quoted(array: Array) -> Array:
    return text('"', array, '"')
