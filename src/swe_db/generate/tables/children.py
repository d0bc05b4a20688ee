"""What hangs on tasks: comments, attachments, executions and evidence, as numbers; their rows are made from these."""

from __future__ import annotations

import dataclasses
import functools
from typing import Final

import numpy as np

from swe_db.generate.tables.agents import agent_model
from swe_db.generate.tables.story import Story
from swe_db.generate.values import words
from swe_db.generate.values.calendar import HOUR, MINUTE, SECOND
from swe_db.generate.values.curves import long_tail, quantile
from swe_db.generate.values.draws import Ints, Stream
from swe_db.generate.values.texts import Mask

__all__ = ["Attachments", "Children", "Comments", "EvidenceItems", "Executions", "children_of"]

_COMMENTS: Final = (0, 1, 2, 3, 4, 5, 7, 10, 16, 28)
_COMMENT_SHARES: Final = (450, 250, 120, 70, 40, 30, 20, 12, 5, 3)
_MOST_CHILDREN: Final = 64
SUCCEEDED, FAILED, TIMED_OUT, CANCELLED, RUNNING = range(5)
UNVERIFIED, VERIFIED, DISPUTED, REFUTED = range(4)


@dataclasses.dataclass(frozen=True)
class Children:
    """Rows that hang on tasks, in the order of their ids.

    Attributes:
        story: The tasks.
        task: The place of each row's task in the story.
        key: What the values of each row depend on: the task's row and the place among its children.
        made: When each was made.
        user: Rows of users who made them; -1 for none.
        agent: Rows of agents; -1 for none.
    """

    story: Story
    task: Ints
    key: Ints
    made: Ints
    user: Ints
    agent: Ints

    table = ""

    @functools.cached_property
    def chunk(self) -> Ints:
        """The chunk of each row."""
        return self.story.chunk[self.task]

    @property
    def project(self) -> Ints:
        """The project of each row."""
        return self.story.project[self.task]

    def stream(self, column: str) -> Stream:
        """Return the random bits of a column; rows are their keys."""
        return self.story.world.stream(self.table, column)


@dataclasses.dataclass(frozen=True)
class Comments(Children):
    """Comments.

    Attributes:
        answers: The place of the comment that each answers; -1 for none.
    """

    answers: Ints
    table = "task_comments"


@dataclasses.dataclass(frozen=True)
class Attachments(Children):
    """Attachments."""

    table = "task_attachments"


@dataclasses.dataclass(frozen=True)
class Executions(Children):
    """Runs of agents; `made` is when each began, `user` is whoever wanted it.

    Attributes:
        attempt: From 1.
        outcome: SUCCEEDED, FAILED, TIMED_OUT, CANCELLED or RUNNING.
        ended: When each ended; the end of the history where it is running.
        tokens_in: Read.
        tokens_out: Written.
        cost: In millionths of a US dollar.
    """

    attempt: Ints
    outcome: Ints
    ended: Ints
    tokens_in: Ints
    tokens_out: Ints
    cost: Ints
    table = "agent_executions"

    @property
    def over(self) -> Mask:
        """Which have ended."""
        return np.asarray(self.outcome != RUNNING, np.bool_)


@dataclasses.dataclass(frozen=True)
class EvidenceItems(Children):
    """Evidence, with what became of it.

    Attributes:
        source: What it is, as an index of words.SOURCES.
        run: The place of the execution that it was found in; -1 for none.
        first_score: Its credibility at first, in ten-thousandths.
        score: Its credibility at last.
        verdict: UNVERIFIED, VERIFIED, DISPUTED or REFUTED.
        judged: When, where it was.
        judge: Rows of the users who judged; -1 where an agent did, or nobody.
        judging_agent: Rows of agents.
        rests_on: The place of the evidence that it rests on, which was found before; -1 for none.
    """

    source: Ints
    run: Ints
    first_score: Ints
    score: Ints
    verdict: Ints
    judged: Ints
    judge: Ints
    judging_agent: Ints
    rests_on: Ints
    table = "evidence"

    @property
    def rescored(self) -> Mask:
        """Whose credibility changed."""
        return np.asarray(self.score != self.first_score, np.bool_)


def children_of(story: Story) -> tuple[Comments, Attachments, Executions, EvidenceItems]:
    """Return all that hangs on the tasks of a story."""
    executions = _Runs(story).executions()
    return _comments(story), _attachments(story), executions, _evidence(story, executions)


@dataclasses.dataclass(frozen=True)
class _Places:
    """Where children are.

    Attributes:
        task: The place of each one's task in the story.
        place: Its place among the children of the task.
        key: What its values depend on.
        made: When it was made.
    """

    task: Ints
    place: Ints
    key: Ints
    made: Ints


def _places(story: Story, counts: Ints) -> _Places:
    """Return so many places for children of each task, one after the other; nobody knows when yet."""
    task = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    place = np.arange(len(task), dtype=np.int64) - np.repeat(np.cumsum(counts) - counts, counts)
    return _Places(task, place, story.rows[task] * _MOST_CHILDREN + place, story.made[task])


def _spread(story: Story, counts: Ints, use: str, begin: Ints) -> _Places:
    """Return places for children of each task, in time from a beginning to the end of talk about it."""
    found = _places(story, counts)
    task = found.task
    part = np.maximum(story.active_until[task] - begin[task], 1) // counts[task]
    share = story.world.stream(use, "created_at").fraction(found.key)
    made = begin[task] + part * found.place + ((part >> 8) * (share >> 8) >> 16)
    return dataclasses.replace(found, made=made)


def _limited(story: Story, counts: Ints, begin: Ints, every: int) -> Ints:
    """Return the counts, less where there is no time for so many."""
    room = (story.active_until - begin) // every
    return np.asarray(np.clip(np.minimum(counts, room), 0, _MOST_CHILDREN - 1), dtype=np.int64)


def _author(story: Story, use: str, found: _Places, own: int) -> tuple[Ints, Ints]:
    """Return who does something: whoever works on the task in so many of a thousand cases, or another of the team."""
    world = story.world
    mine = world.stream(use, "own").chance(own, found.key)
    user, agent = story.user[found.task], story.agent[found.task]
    by_agent = mine & (agent >= 0) & (found.made < world.agent_ends[np.maximum(agent, 0)])
    by_user = mine & (user >= 0) & (found.made < world.user_ends[np.maximum(user, 0)])
    other = world.member(use, found.key, story.project[found.task], found.made, story.block)
    return np.where(by_agent, -1, np.where(by_user, user, other)), np.where(by_agent, agent, -1)


def _comments(story: Story) -> Comments:
    drawn = story.world.stream("task_comments", "count").weighted(_COMMENT_SHARES, story.rows)
    counts = _limited(story, np.array(_COMMENTS, np.int64)[drawn], story.made, 10 * MINUTE)
    found = _spread(story, counts, "task_comments", story.made)
    user, agent = _author(story, "task_comments", found, 450)
    answer = (found.place > 0) & story.world.stream("task_comments", "answer").chance(350, found.key)
    answers = np.where(answer, np.arange(len(found.task)) - 1, -1)
    return Comments(story, found.task, found.key, found.made, user, agent, answers)


def _attachments(story: Story) -> Attachments:
    drawn = story.world.stream("task_attachments", "count").weighted((830, 120, 35, 15), story.rows)
    found = _spread(story, _limited(story, drawn, story.made, HOUR), "task_attachments", story.made)
    user = story.world.member("task_attachments", found.key, story.project[found.task], found.made, story.block)
    nobody = np.full(len(found.task), -1, np.int64)
    return Attachments(story, found.task, found.key, found.made, user, nobody)


class _Runs:
    """Works out the attempts of agents at their tasks, and the reviews by agents of what people did."""

    def __init__(self, story: Story) -> None:
        self._story = story
        reviewed = story.happens["reviewed"]
        attempts = 1 + story.world.stream("agent_executions", "attempts").weighted((72, 19, 9), story.rows)
        reviews = (
            (story.user >= 0) & reviewed & story.world.stream("agent_executions", "review").chance(240, story.rows)
        )
        reviewer = story.world.worker_agent("agent_executions", story.rows, story.times["reviewed"], story.block)
        reviews = reviews & (reviewer >= 0)
        own = (story.agent >= 0) & story.happens["started"]
        counts = np.where(own, attempts, np.where(reviews, 1, 0))
        self._found = _places(story, counts)
        self._counts = counts[self._found.task]
        self._reviews = np.asarray(reviews[self._found.task], np.bool_)
        self._reviewed = np.asarray(reviewed[self._found.task], np.bool_)
        self._agent = np.where(reviews, reviewer, story.agent)[self._found.task]
        self._last = np.asarray(self._found.place == self._counts - 1, np.bool_)

    def _stream(self, column: str) -> Stream:
        return self._story.world.stream("agent_executions", column)

    def executions(self) -> Executions:
        """Return them."""
        story, task = self._story, self._found.task
        lasting = quantile(long_tail(4 * 60, "0.8"), self._stream("lasting").fraction(self._found.key))
        lasting = np.minimum(lasting, 90 * 60) * SECOND + 1 + self._found.key % 997
        begin, until = self._slots(lasting)
        # The last attempt ends with the task's going to review, and takes no longer than a run takes.
        own_last = self._last & self._reviewed & ~self._reviews
        begin = np.where(own_last, np.maximum(begin, until - lasting), begin)
        ended = np.minimum(begin + lasting, until)
        over = (~self._last | self._reviewed) & (ended < story.stop[task])
        return self._priced(begin, np.where(over, ended, story.world.end), np.where(over, self._outcome(), RUNNING))

    def _slots(self, lasting: Ints) -> tuple[Ints, Ints]:
        """Return from when until when each run may take place."""
        story, task = self._story, self._found.task
        first = np.where(self._reviews, story.times["reviewed"][task], story.times["started"][task])
        until = np.where(self._reviewed, story.times["reviewed"][task], story.stop[task])
        until = np.where(self._reviews, first + lasting, until)
        slot = np.maximum((until - first) // self._counts, 1)
        begin = first + slot * self._found.place
        return begin, np.where(self._last, np.maximum(until, begin), begin + slot)

    def _outcome(self) -> Ints:
        stream, key = self._stream("status"), self._found.key
        last, before = stream.weighted((955, 25, 12, 8), key), stream.weighted((0, 78, 17, 5), key)
        return np.where(self._last, last, before)

    def _priced(self, begin: Ints, ended: Ints, outcome: Ints) -> Executions:
        story, key = self._story, self._found.key
        tokens_in = quantile(long_tail(9_000, "0.7"), self._stream("input_tokens").fraction(key))
        tokens_in = np.where(outcome == RUNNING, 0, np.minimum(tokens_in, 900_000))
        tokens_out = tokens_in * self._stream("output_tokens").between(60, 420, key) // 1000
        model = agent_model(self._agent, story.world)
        read = np.array([one.read for one in words.MODELS], np.int64)[model]
        write = np.array([one.write for one in words.MODELS], np.int64)[model]
        reporter = story.reporter[self._found.task]
        return Executions(
            story=story,
            task=self._found.task,
            key=key,
            made=begin,
            user=np.where(begin < story.world.user_ends[reporter], reporter, -1),
            agent=self._agent,
            attempt=self._found.place + 1,
            outcome=outcome,
            ended=ended,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            cost=tokens_in * read + tokens_out * write,
        )


def _evidence(story: Story, executions: Executions) -> EvidenceItems:
    world, begin = story.world, story.times["started"]
    drawn = world.stream("evidence", "count").weighted((640, 215, 95, 50), story.rows)
    counts = np.where(story.happens["started"], _limited(story, drawn, begin, 5 * MINUTE), 0)
    found = _spread(story, counts, "evidence", begin)
    user, agent = _author(story, "evidence", found, 700)
    source = world.stream("evidence", "source_type").weighted(_SOURCE_SHARES, found.key)
    lowest = np.array([one.lowest for one in words.SOURCES], np.int64)[source]
    highest = np.array([one.highest for one in words.SOURCES], np.int64)[source]
    first = lowest + world.stream("evidence", "credibility").below(highest - lowest + 1, found.key)
    verdict, judged, judge, judging_agent = _judgement(story, found)
    return EvidenceItems(
        story=story,
        task=found.task,
        key=found.key,
        made=found.made,
        user=user,
        agent=agent,
        source=source,
        run=_run_of(executions, found, agent),
        first_score=first,
        score=_last_score(story, found.key, first, verdict),
        verdict=verdict,
        judged=judged,
        judge=judge,
        judging_agent=judging_agent,
        rests_on=_rests_on(story, found),
    )


_SOURCE_SHARES: Final = (
    90, 70, 70, 50, 80, 130, 40, 60, 40, 40, 50, 40, 30, 50, 20, 10, 25, 10, 15, 30, 15, 10, 25, 100,
)  # fmt: skip


def _run_of(executions: Executions, found: _Places, agent: Ints) -> Ints:
    """Return the place of the execution in which an agent found each piece of evidence; -1 for none."""
    nothing = np.full(len(found.task), -1, np.int64)
    if not len(executions.task):
        return nothing
    first = np.full(len(executions.story.rows), -1, np.int64)
    # Backwards, so that the first of each task is what remains.
    first[executions.task[::-1]] = np.arange(len(executions.task))[::-1]
    run = first[found.task]
    known = (agent >= 0) & (run >= 0) & (executions.made[np.maximum(run, 0)] <= found.made)
    return np.where(known, run, nothing)


def _rests_on(story: Story, found: _Places) -> Ints:
    """Return the evidence of the same task before each, and for some that are first, that before in the same chunk."""
    before = np.arange(len(found.task), dtype=np.int64) - 1
    chunk = story.chunk[found.task]
    near = np.concatenate([[False], chunk[1:] == chunk[:-1]])[: len(chunk)]
    cites = near & (found.place == 0) & story.world.stream("evidence", "cites").chance(160, found.key)
    return np.where((found.place > 0) | cites, before, -1)


def _judgement(story: Story, found: _Places) -> tuple[Ints, Ints, Ints, Ints]:
    """Return the verdict on each piece of evidence, when, and by which user or agent."""
    world, key = story.world, found.key
    drawn = world.stream("evidence", "verification_status").weighted((36, 54, 7, 3), key)
    delay = quantile(long_tail(9 * 3600, "0.8"), world.stream("evidence", "verified_at").fraction(key)) * SECOND
    judged = found.made + MINUTE + np.minimum(delay, 200 * 24 * HOUR)
    verdict = np.where(judged < world.end, drawn, UNVERIFIED)
    judged = np.minimum(judged, world.end - 1)
    automatic = world.stream("evidence", "automatic").chance(400, key)
    agent = np.where(automatic, world.worker_agent("evidence.judge", key, judged, story.block), -1)
    user = world.member("evidence.judge", key, story.project[found.task], judged, story.block)
    nobody = verdict == UNVERIFIED
    return verdict, judged, np.where(nobody | (agent >= 0), -1, user), np.where(nobody, -1, agent)


def _last_score(story: Story, key: Ints, first: Ints, verdict: Ints) -> Ints:
    """Return how far each piece of evidence is believed after it was judged."""
    world = story.world
    moved = world.stream("evidence", "moved").chance(580, key) & (verdict != UNVERIFIED)
    better = np.minimum(first + world.stream("evidence", "better").between(50, 1500, key), 9950)
    worse = np.maximum(first - world.stream("evidence", "worse").between(500, 3500, key), 200)
    return np.where(moved, np.where(verdict == VERIFIED, np.maximum(better, first), worse), first)
