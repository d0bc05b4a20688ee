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
        return self.outcome != RUNNING


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
        return self.score != self.first_score


def children_of(story: Story) -> tuple[Comments, Attachments, Executions, EvidenceItems]:
    """Return all that hangs on the tasks of a story."""
    executions = _executions(story)
    return _comments(story), _attachments(story), executions, _evidence(story, executions)


def _spread(story: Story, counts: Ints, use: str, begin: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Return task, place among its children, key and time of so many children of each task, one after the other."""
    task = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    place = np.arange(len(task), dtype=np.int64) - np.repeat(np.cumsum(counts) - counts, counts)
    key = story.rows[task] * 64 + place
    span = np.maximum(story.active_until[task] - begin[task], 1)
    share = story.world.stream(use, "created_at").fraction(key)
    made = begin[task] + (span // counts[task]) * place + ((span // counts[task] >> 8) * (share >> 8) >> 16)
    return task, place, key, made


def _limited(story: Story, counts: Ints, begin: Ints, every: int) -> Ints:
    """Return the counts, less where there is no time for so many."""
    return np.clip(np.minimum(counts, (story.active_until - begin) // every), 0, 63)


def _author(story: Story, use: str, task: Ints, key: Ints, made: Ints, own: int) -> tuple[Ints, Ints]:
    """Return who does something: in so many of a thousand cases whoever works on the task, else another of the team."""
    world = story.world
    mine = world.stream(use, "own").chance(own, key)
    user, agent = story.user[task], story.agent[task]
    by_agent = mine & (agent >= 0) & (made < world.agent_ends[np.maximum(agent, 0)])
    by_user = mine & (user >= 0) & (made < world.user_ends[np.maximum(user, 0)])
    other = world.member(use, key, story.project[task], made, story.block)
    return np.where(by_agent, -1, np.where(by_user, user, other)), np.where(by_agent, agent, -1)


def _comments(story: Story) -> Comments:
    drawn = story.world.stream("task_comments", "count").weighted(_COMMENT_SHARES, story.rows)
    counts = _limited(story, np.array(_COMMENTS, np.int64)[drawn], story.made, 10 * MINUTE)
    task, place, key, made = _spread(story, counts, "task_comments", story.made)
    user, agent = _author(story, "task_comments", task, key, made, 450)
    answer = (place > 0) & story.world.stream("task_comments", "answer").chance(350, key)
    answers = np.where(answer, np.arange(len(task)) - 1, -1)
    return Comments(story, task, key, made, user, agent, answers)


def _attachments(story: Story) -> Attachments:
    drawn = story.world.stream("task_attachments", "count").weighted((830, 120, 35, 15), story.rows)
    counts = _limited(story, drawn, story.made, HOUR)
    task, _place, key, made = _spread(story, counts, "task_attachments", story.made)
    user = story.world.member("task_attachments", key, story.project[task], made, story.block)
    return Attachments(story, task, key, made, user, np.full(len(task), -1, np.int64))


def _executions(story: Story) -> Executions:
    """Return the attempts of agents at their tasks, and reviews by agents of what people did."""
    begun, reviewed = story.happens["started"], story.happens["reviewed"]
    attempts = 1 + story.world.stream("agent_executions", "attempts").weighted((72, 19, 9), story.rows)
    reviews = (story.user >= 0) & reviewed & story.world.stream("agent_executions", "review").chance(240, story.rows)
    reviewer = story.world.worker_agent("agent_executions", story.rows, story.times["reviewed"], story.block)
    reviews &= reviewer >= 0
    counts = np.where((story.agent >= 0) & begun, attempts, np.where(reviews, 1, 0))
    task = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    place = np.arange(len(task), dtype=np.int64) - np.repeat(np.cumsum(counts) - counts, counts)
    key = story.rows[task] * 64 + place
    agent = np.where(reviews, reviewer, story.agent)[task]
    window, lasting, last = _slots(story, counts, task, place, key, reviews)
    begin = np.where(last & reviewed[task] & ~reviews[task], np.maximum(window[0], window[1] - lasting), window[0])
    over = ~last | np.where(reviews, True, reviewed)[task]
    ended = np.minimum(begin + lasting, window[1])
    over &= ended < story.stop[task]
    outcome = np.where(over, _outcome(story, key, last), RUNNING)
    return _priced(story, task, key, place, agent, begin, np.where(over, ended, story.world.end), outcome)


def _slots(
    story: Story, counts: Ints, task: Ints, place: Ints, key: Ints, reviews: Mask
) -> tuple[tuple[Ints, Ints], Ints, Mask]:
    """Return the time that each run has, how long it would take, and whether it is the last of its task."""
    lasting = quantile(long_tail(4 * 60, "0.8"), story.world.stream("agent_executions", "lasting").fraction(key))
    lasting = np.minimum(lasting, 90 * 60) * SECOND + 1 + key % 997
    first = np.where(reviews, story.times["reviewed"], story.times["started"])[task]
    until = np.where(story.happens["reviewed"], story.times["reviewed"], story.stop)[task]
    until = np.where(reviews[task], first + lasting, until)
    slot = np.maximum((until - first) // counts[task], 1)
    begin = first + slot * place
    last = place == counts[task] - 1
    return (begin, np.where(last, np.maximum(until, begin), begin + slot)), lasting, last


def _outcome(story: Story, key: Ints, last: Mask) -> Ints:
    stream = story.world.stream("agent_executions", "status")
    return np.where(last, stream.weighted((955, 25, 12, 8), key), stream.weighted((0, 78, 17, 5), key))


def _priced(
    story: Story, task: Ints, key: Ints, place: Ints, agent: Ints, begin: Ints, ended: Ints, outcome: Ints
) -> Executions:
    world = story.world
    tokens_in = quantile(long_tail(9_000, "0.7"), world.stream("agent_executions", "input_tokens").fraction(key))
    tokens_in = np.where(outcome == RUNNING, 0, np.minimum(tokens_in, 900_000))
    tokens_out = tokens_in * world.stream("agent_executions", "output_tokens").between(60, 420, key) // 1000
    model = agent_model(agent, world)
    read, write = (np.array([one[side] for one in words.MODELS], np.int64)[model] for side in (2, 3))
    cost = tokens_in * read + tokens_out * write
    wanted = np.where(begin < world.user_ends[story.reporter[task]], story.reporter[task], -1)
    return Executions(
        story, task, key, begin, wanted, agent, place + 1, outcome, ended, tokens_in, tokens_out, cost
    )


def _evidence(story: Story, executions: Executions) -> EvidenceItems:
    world = story.world
    begun = story.happens["started"]
    drawn = world.stream("evidence", "count").weighted((640, 215, 95, 50), story.rows)
    begin = story.times["started"]
    counts = np.where(begun, _limited(story, drawn, begin, 5 * MINUTE), 0)
    task, place, key, made = _spread(story, counts, "evidence", begin)
    user, agent = _author(story, "evidence", task, key, made, 700)
    first_run = np.full(len(story.rows), -1, np.int64)
    # Backwards, so that the first of each task is what remains.
    first_run[executions.task[::-1]] = np.arange(len(executions.task))[::-1]
    run = np.where(agent >= 0, first_run[task], -1)
    run = np.where((run >= 0) & (executions.made[np.maximum(run, 0)] <= made), run, -1) if len(executions.task) else run
    source = world.stream("evidence", "source_type").weighted(_SOURCE_SHARES, key)
    lowest, highest = (np.array([one[side] for one in words.SOURCES], np.int64)[source] for side in (6, 7))
    first = lowest + world.stream("evidence", "credibility").below(highest - lowest + 1, key)
    rests_on = np.where(place > 0, np.arange(len(task)) - 1, _cited(story, task, place, key))
    return EvidenceItems(
        story, task, key, made, user, agent, source, run, first, *_judgement(story, task, key, made, first), rests_on
    )


_SOURCE_SHARES: Final = (
    90, 70, 70, 50, 80, 130, 40, 60, 40, 40, 50, 40, 30, 50, 20, 10, 25, 10, 15, 30, 15, 10, 25, 100,
)  # fmt: skip


def _cited(story: Story, task: Ints, place: Ints, key: Ints) -> Ints:
    """Return for some first evidence of tasks the evidence before it in the same chunk."""
    before = np.arange(len(task)) - 1
    chunk = story.chunk[task]
    same = (before >= 0) & (chunk[np.maximum(before, 0)] == chunk) if len(task) else np.zeros(0, np.bool_)
    same &= (place == 0) & story.world.stream("evidence", "cites").chance(160, key)
    return np.where(same, before, -1)


def _judgement(
    story: Story, task: Ints, key: Ints, made: Ints, first: Ints
) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Return score, verdict, when, and by which user or agent."""
    world = story.world
    verdict = world.stream("evidence", "verification_status").weighted((36, 54, 7, 3), key)
    delay = quantile(long_tail(9 * 3600, "0.8"), world.stream("evidence", "verified_at").fraction(key)) * SECOND
    judged = made + MINUTE + np.minimum(delay, 200 * 24 * HOUR)
    verdict = np.where(judged < world.end, verdict, UNVERIFIED)
    judged = np.minimum(judged, world.end - 1)
    automatic = world.stream("evidence", "automatic").chance(400, key)
    agent = np.where(automatic, world.worker_agent("evidence.judge", key, judged, story.block), -1)
    user = np.where(agent < 0, world.member("evidence.judge", key, story.project[task], judged, story.block), -1)
    moved = world.stream("evidence", "moved").chance(580, key) & (verdict != UNVERIFIED)
    better = np.minimum(first + world.stream("evidence", "better").between(50, 1500, key), 9950)
    worse = np.maximum(first - world.stream("evidence", "worse").between(500, 3500, key), 200)
    score = np.where(moved, np.where(verdict == VERIFIED, np.maximum(better, first), worse), first)
    nobody = verdict == UNVERIFIED
    return score, verdict, judged, np.where(nobody, -1, user), np.where(nobody, -1, agent)
