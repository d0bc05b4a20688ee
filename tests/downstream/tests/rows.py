"""The rows of the tracker's own tables, and what makes them."""

from __future__ import annotations

import dataclasses
from typing import Annotated, ClassVar, Final, LiteralString

from swe_db.factories import References, Row, RowFactory, TaskFactory, UserFactory, related, value

SCALE: Final = (1, 2, 3, 5, 8, 13)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class TaskEstimate(Row):
    """What a user thinks a task will cost."""

    table: ClassVar[LiteralString] = "task_estimates"

    task_id: Annotated[int, References("tasks")]
    user_id: Annotated[int, References("users")]
    points: int


class TaskEstimateFactory(RowFactory[TaskEstimate]):
    """Makes estimates of a new user for a new task, if nothing else is said."""

    class Meta:  # noqa: D106 - it is factory-boy's
        model = TaskEstimate
        traits = (("tiny", "huge"),)

    task = related("task_id", TaskFactory)
    user = related("user_id", UserFactory)
    points = value(lambda row, draw: SCALE[0] if row.tiny else SCALE[-1] if row.huge else draw.choice(SCALE))
