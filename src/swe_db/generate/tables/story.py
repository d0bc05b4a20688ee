"""The lives of tasks: what happens to each, when, and by whom. All rows that tell of a task are made from this."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from swe_db.generate.plan import CHUNK, Block
from swe_db.generate.tables.world import World
from swe_db.generate.values.calendar import DAY, HOUR, MINUTE, SECOND, work_after
from swe_db.generate.values.curves import long_tail, quantile
from swe_db.generate.values.draws import Bits, Ints
from swe_db.generate.values.texts import Mask

__all__ = ["STATUSES", "STEPS", "Change", "Story", "tell"]

STATUSES: Final = ("backlog", "todo", "in_progress", "in_review", "blocked", "done", "cancelled")
BACKLOG, TODO, IN_PROGRESS, IN_REVIEW, BLOCKED, DONE, CANCELLED = range(7)

# What can happen to a task after it is made, in this order; those that change its status lead from one to the next.
STEPS: Final = (
    "assigned", "triaged", "started", "blocked", "unblocked", "reviewed", "returned", "reviewed_again", "ended",
    "reopened", "ended_again", "analysed", "reprioritized", "deleted",
)  # fmt: skip
_LEADS_TO: Final = {
    "triaged": TODO,
    "started": IN_PROGRESS,
    "blocked": BLOCKED,
    "unblocked": IN_PROGRESS,
    "reviewed": IN_REVIEW,
    "returned": IN_PROGRESS,
    "reviewed_again": IN_REVIEW,
    "reopened": IN_PROGRESS,
    "ended_again": DONE,
}


class Change(NamedTuple):
    """A step that changes the status of tasks.

    Attributes:
        step: Its name.
        before: The status of each task before it.
        after: And after it.
        happens: To which tasks it happens.
    """

    step: str
    before: Ints
    after: Ints
    happens: Mask


@dataclasses.dataclass(frozen=True)
class Story:
    """What happens to the tasks of some chunks that lie in one block; one entry for each task.

    Attributes:
        world: Who and what is there.
        block: The number of the block.
        rows: The tasks; their ids are one more.
        made: When each was made.
        project: Rows of projects.
        reporter: Rows of users who made them.
        user: Rows of users whom they are assigned to; -1 for none.
        agent: Rows of agents; -1 for none.
        parent: Rows of the tasks that they are parts of; -1 for none.
        kind: 0 task, 1 issue, 2 pull request.
        priority: 0 low to 3 critical, as they are at the end.
        first_priority: As they were at the beginning.
        cancelled: Whether they end, if they do, by being cancelled.
        times: When each step of STEPS happens, for all tasks; meaningless where it does not.
        happens: Whether it does, before the end of the history.
        stop: From when on nothing happens to a task: the end of the history, or its deletion.
    """

    world: World
    block: int
    rows: Ints
    made: Ints
    project: Ints
    reporter: Ints
    user: Ints
    agent: Ints
    parent: Ints
    kind: Ints
    priority: Ints
    first_priority: Ints
    cancelled: Mask
    times: dict[str, Ints]
    happens: dict[str, Mask]
    stop: Ints

    @property
    def chunk(self) -> Ints:
        """The chunk of each task."""
        return self.rows // CHUNK

    @functools.cached_property
    def first_status(self) -> Ints:
        """The status that each task was made with."""
        waits = self.world.stream("tasks", "backlog").chance(330, self.rows)
        return np.where(waits, BACKLOG, TODO)

    @functools.cached_property
    def changes(self) -> list[Change]:
        """Steps that change the status, in their order."""
        status = self.first_status
        found = []
        for step in STEPS:
            after = self._leads_to(step)
            if after is None:
                continue
            found.append(Change(step, status, after, self.happens[step]))
            status = np.where(self.happens[step], after, status)
        return found

    def _leads_to(self, step: str) -> Ints | None:
        if step == "ended":
            return np.where(self.cancelled, CANCELLED, DONE)
        if step in _LEADS_TO:
            return np.full(len(self.rows), _LEADS_TO[step], np.int64)
        return None

    @functools.cached_property
    def status(self) -> Ints:
        """The status of each task at the end."""
        status = self.first_status
        for change in self.changes:
            status = np.where(change.happens, change.after, status)
        return status

    @functools.cached_property
    def started(self) -> tuple[Ints, Mask]:
        """When work began, and where it did."""
        return self.times["started"], self.happens["started"]

    @functools.cached_property
    def completed(self) -> tuple[Ints, Mask]:
        """When the task was done or cancelled for the last time, and where it is so now."""
        again = self.happens["ended_again"]
        ended = np.where(again, self.times["ended_again"], self.times["ended"])
        return ended, again | (self.happens["ended"] & ~self.happens["reopened"])

    @functools.cached_property
    def updated(self) -> Ints:
        """When something last happened to each task itself."""
        last = self.made
        for step in STEPS:
            last = np.where(self.happens[step], np.maximum(last, self.times[step]), last)
        return last

    @functools.cached_property
    def active_until(self) -> Ints:
        """The end of the time in which people talk about each task."""
        ended, over = self.completed
        talk = np.where(over, ended + 8 * HOUR, self.made + 45 * DAY)
        return np.minimum(np.maximum(talk, self.made + MINUTE), self.stop)

    def bits(self, column: str) -> Bits:
        """Return random bits of a column of tasks."""
        return self.world.stream("tasks", column).bits(self.rows)

    def fraction(self, column: str) -> Ints:
        """Return a fraction for each task, in units of 2**-32."""
        return self.world.stream("tasks", column).fraction(self.rows)

    def chance(self, column: str, per_mille: Ints | int) -> Mask:
        """Return True for so many of a thousand tasks."""
        return self.world.stream("tasks", column).chance(per_mille, self.rows)


def tell(world: World, chunks: Sequence[Block]) -> Story:
    """Return the story of the tasks of some chunks, which lie side by side in one block."""
    block = chunks[0].number
    rows = np.arange(chunks[0].start, chunks[-1].stop, dtype=np.int64)
    made = world.tasks.instants(rows)
    project = world.busy_project(rows, made, block)
    reporter = world.member("tasks.reporter", rows, project, made, block)
    wanted = world.stream("tasks", "assignee").weighted((500, 390, 110), rows)
    agent = np.where(wanted == 1, world.worker_agent("tasks", rows, made, block), -1)
    people = (wanted == 0) | ((wanted == 1) & (agent < 0))
    user = np.where(people, world.member("tasks.assignee", rows, project, made, block), -1)
    priority = world.stream("tasks", "first_priority").weighted((20, 55, 20, 5), rows)
    changed = world.stream("tasks", "priority").below(4, rows)
    life = _Life(world, rows, made, user, agent)
    times, happens = life.live(changed != priority)
    return Story(
        world=world,
        block=block,
        rows=rows,
        made=made,
        project=project,
        reporter=reporter,
        user=user,
        agent=agent,
        parent=_parents(world, rows, project),
        kind=world.stream("tasks", "task_type").weighted((52, 33, 15), rows),
        priority=np.where(happens["reprioritized"], changed, priority),
        first_priority=priority,
        cancelled=life.cancelled,
        times=times,
        happens=happens,
        stop=np.where(happens["deleted"], times["deleted"], world.end),
    )


def _parents(world: World, rows: Ints, project: Ints) -> Ints:
    """Return a task made before in the same chunk and project for some tasks; it is no part of another itself."""
    part = world.stream("tasks", "parent_task_id").chance(150, rows)
    group = (rows // CHUNK) * (1 << 31) + project
    order = np.argsort(group, kind="stable")
    # The last task before in the group that is no part itself, if there is one.
    whole = np.where(part[order], -1, np.arange(len(rows)))
    last = np.maximum.accumulate(whole)
    last = np.concatenate([[-1], last[:-1]])
    candidate = np.where(last >= 0, order[np.maximum(last, 0)], -1)
    same = (last >= 0) & (group[np.maximum(candidate, 0)] == group[order])
    parents = np.full(len(rows), -1, np.int64)
    parents[order] = np.where(part[order] & same, rows[np.maximum(candidate, 0)], -1)
    return parents


class _Life:
    """Works out when the steps of some tasks happen."""

    def __init__(self, world: World, rows: Ints, made: Ints, user: Ints, agent: Ints) -> None:
        self._world = world
        self._rows = rows
        self._made = made
        self._agent = agent >= 0
        self._assigned = self._agent | (user >= 0)
        self._zone = world.zones[np.maximum(user, 0)]
        self.times: dict[str, Ints] = {}
        self.happens: dict[str, Mask] = {}

    def live(self, reprioritized: Mask) -> tuple[dict[str, Ints], dict[str, Mask]]:
        """Return when each step happens and whether it does."""
        stop = self._end_of_life()
        begin = self._prepare(stop)
        self._work(begin, stop)
        self._finish(stop)
        self._asides(reprioritized, stop)
        return self.times, self.happens

    def _chance(self, name: str, per_mille: int) -> Mask:
        return self._world.stream("tasks", f"step.{name}").chance(per_mille, self._rows)

    def _lasting(self, name: str, median: int, spread: str = "0.7") -> Ints:
        fraction = self._world.stream("tasks", f"lasting.{name}").fraction(self._rows)
        # Tables hold seconds, so that the longest stays within their range; what is below comes from the low bits.
        seconds = quantile(long_tail(median // SECOND, spread), fraction)
        return np.asarray(np.minimum(seconds, 400 * DAY // SECOND) * SECOND + (fraction & 1023) % 1000 + 1, np.int64)

    def _after(self, times: Ints, work: Ints, *, by_agents: Ints | None = None) -> Ints:
        """Return when work is done: in office hours by people, at any hour and faster by agents."""
        quick = work // 30 + SECOND if by_agents is None else by_agents
        return np.where(self._agent, times + quick, work_after(times, work, self._zone))

    def _step(self, name: str, times: Ints, planned: Mask, stop: Ints) -> None:
        self.times[name] = times
        self.happens[name] = planned & (times < stop)

    def _end_of_life(self) -> Ints:
        deleted = self._made + self._lasting("deleted", 9 * DAY)
        self.times["deleted"] = deleted
        self.happens["deleted"] = self._chance("deleted", 12) & (deleted < self._world.end)
        return np.where(self.happens["deleted"], deleted, self._world.end)

    def _prepare(self, stop: Ints) -> Ints:
        """Note who gets the task and when it is triaged; return when work may begin."""
        at_once = self._chance("at_once", 550)
        wait = np.where(at_once, self._lasting("seconds", 20 * SECOND), self._lasting("assigned", 5 * HOUR))
        assigned = self._made + wait
        self._step("assigned", assigned, self._assigned, stop)
        waits = self._world.stream("tasks", "backlog").chance(330, self._rows)
        kept = self._chance("kept_in_backlog", 280)
        triaged = work_after(assigned, self._lasting("triaged", 14 * HOUR), self._zone)
        self._step("triaged", triaged, waits & ~kept, stop)
        ready = np.where(waits, triaged, assigned)
        self._ready = self._assigned & ~(waits & kept)
        self._known_until = np.where(waits & ~kept, triaged, self._made)
        return ready

    def _work(self, ready: Ints, stop: Ints) -> None:
        begin = self._after(ready, self._lasting("started", 12 * HOUR))
        self._step("started", begin, self._ready, stop)
        stuck = self._ready & self._chance("blocked", 110)
        blocked = self._after(begin, self._lasting("until_blocked", 4 * HOUR))
        unblocked = work_after(blocked, self._lasting("blocked", 9 * HOUR), self._zone)
        self._step("blocked", blocked, stuck, stop)
        self._step("unblocked", unblocked, stuck, stop)
        resumed = np.where(stuck, unblocked, begin)
        reviewed = self._after(resumed, self._lasting("work", 14 * HOUR, "0.8"))
        self._step("reviewed", reviewed, self._ready, stop)
        sent_back = self._ready & self._chance("returned", 170)
        returned = work_after(reviewed, self._lasting("until_returned", 3 * HOUR), self._zone)
        again = self._after(returned, self._lasting("rework", 5 * HOUR))
        self._step("returned", returned, sent_back, stop)
        self._step("reviewed_again", again, sent_back, stop)
        self._last_review = np.where(sent_back, again, reviewed)

    def _finish(self, stop: Ints) -> None:
        # Some are given up before anybody begins; those that are never assigned too.
        dropped = ~self._ready & self._chance("dropped", 250)
        self.cancelled = dropped | self._world.stream("tasks", "cancelled").chance(65, self._rows)
        given_up = work_after(self._known_until, self._lasting("dropped", 90 * HOUR), self._zone)
        approved = work_after(self._last_review, self._lasting("approved", 7 * HOUR), self._zone)
        ended = np.where(dropped, given_up, approved)
        self._step("ended", ended, self._ready | dropped, stop)
        back = self._ready & self._chance("reopened", 30) & ~self.cancelled
        reopened = ended + self._lasting("reopened", 4 * DAY)
        self._step("reopened", reopened, back, stop)
        self._step("ended_again", self._after(reopened, self._lasting("repair", 5 * HOUR)), back, stop)

    def _asides(self, reprioritized: Mask, stop: Ints) -> None:
        analysed = self._made + self._lasting("analysed", 4 * MINUTE, "0.5")
        self._step("analysed", analysed, self._chance("analysed", 250), stop)
        moved = work_after(self._made, self._lasting("reprioritized", 10 * HOUR), self._zone)
        self._step("reprioritized", moved, reprioritized & self._chance("reprioritized", 90), stop)
