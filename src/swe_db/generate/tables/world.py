"""Who and what is there: the people, projects and agents that all stories are about, known by arithmetic."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from swe_db.generate.plan import Plan
from swe_db.generate.tables.timeline import Timeline
from swe_db.generate.values.calendar import DAY, HOUR, ZONES, Calendar, local_offset
from swe_db.generate.values.curves import long_tail, power, quantile
from swe_db.generate.values.draws import Ints, Stream
from swe_db.generate.values.texts import Mask

__all__ = ["World"]

# Rows of the seeds that take part: not the orchestrator's account, and no project that is still being planned.
_PEOPLE = np.array([0, 2, 3, 4], np.int64)
_PROJECTS = np.array([0, 1, 2, 3], np.int64)
_NOBODY = np.zeros(0, np.int64)
# The zones of the seeds' users, as indices of ZONES.
_SEED_ZONES = np.array([0, 0, 1, 7, 9], np.int64)
# Teams of the later blocks are larger: there are more people.
_TEAM_GROWTH = (1, 2, 3, 5)


@dataclasses.dataclass(frozen=True)
class World:
    """What rows refer to. Rows count from 0 and are one less than their id.

    Attributes:
        plan: The data set.
    """

    plan: Plan

    @classmethod
    def of(cls, plan: Plan) -> World:
        """Return the world of a plan, the same one for the same plan while no other is asked for."""
        return _world_of(plan)

    @functools.cached_property
    def end(self) -> int:
        """The instant before which everything has happened."""
        return self.plan.calendar.end

    @functools.cached_property
    def users(self) -> Timeline:
        """People in time."""
        return self._timeline("users")

    @functools.cached_property
    def projects(self) -> Timeline:
        """Projects in time."""
        return self._timeline("projects")

    @functools.cached_property
    def agents(self) -> Timeline:
        """Agents in time."""
        return self._timeline("agents")

    @functools.cached_property
    def tasks(self) -> Timeline:
        """Tasks in time."""
        return self._timeline("tasks")

    def stream(self, table: str, column: str) -> Stream:
        """Return the random bits of a column."""
        return self.plan.source.stream(table, column)

    @functools.cached_property
    def zones(self) -> Ints:
        """Where each user lives: `zone` of all."""
        return self.zone(np.arange(self.plan.counts["users"], dtype=np.int64))

    @functools.cached_property
    def user_ends(self) -> Ints:
        """From when on each user does nothing more: `user_gone` of all."""
        return self.user_gone(np.arange(self.plan.counts["users"], dtype=np.int64))

    @functools.cached_property
    def user_starts(self) -> Ints:
        """When each user came."""
        return self.users.instants(np.arange(self.plan.counts["users"], dtype=np.int64))

    @functools.cached_property
    def agent_starts(self) -> Ints:
        """When each agent was registered."""
        return self.agents.instants(np.arange(self.plan.counts["agents"], dtype=np.int64))

    @functools.cached_property
    def project_starts(self) -> Ints:
        """When each project was made."""
        return self.projects.instants(np.arange(self.plan.counts["projects"], dtype=np.int64))

    @functools.cached_property
    def project_ends(self) -> Ints:
        """From when on nobody works in each project: `project_gone` of all."""
        return self.project_gone(np.arange(self.plan.counts["projects"], dtype=np.int64))

    @functools.cached_property
    def agent_ends(self) -> Ints:
        """From when on each agent does not run any more: `agent_gone` of all."""
        return self.agent_gone(np.arange(self.plan.counts["agents"], dtype=np.int64))

    def _timeline(self, table: str) -> Timeline:
        return Timeline(self.plan, table, self._calendar)

    @functools.cached_property
    def _calendar(self) -> Calendar:
        return self.plan.calendar

    def zone(self, users: Ints) -> Ints:
        """Return where each user lives, as an index of ZONES."""
        drawn = self.stream("users", "timezone").weighted([zone.share for zone in ZONES], users)
        return np.where(users < len(_SEED_ZONES), _SEED_ZONES[np.clip(users, 0, len(_SEED_ZONES) - 1)], drawn)

    def user_state(self, users: Ints) -> Ints:
        """Return 0 for an active user, 1 for one who never came, 2 for a suspended, 3 for a deleted one."""
        drawn = self.stream("users", "state").weighted((920, 35, 15, 30), users)
        return np.where(users < len(_SEED_ZONES), 0, drawn)

    def user_gone(self, users: Ints) -> Ints:
        """Return the instant from which on each user does nothing more: their end, or that of the history."""
        state = self.user_state(users)
        made = self.users.instants(users)
        stayed = quantile(long_tail(150 * 24, "0.7"), self.stream("users", "stayed").fraction(users)) * HOUR
        gone = np.where(state >= 2, made + HOUR + stayed, self.end)
        return np.where(state == 1, made, np.minimum(gone, self.end))

    def project_state(self, projects: Ints) -> Ints:
        """Return 0 for an active project, 1 for a completed, 2 for an archived, 3 for a deleted, 4 for a paused one."""
        drawn = self.stream("projects", "state").weighted((800, 70, 70, 20, 40), projects)
        return np.where(projects < self.projects.seeded, 0, drawn)

    def project_gone(self, projects: Ints) -> Ints:
        """Return the instant from which on nobody works in each project."""
        made = self.projects.instants(projects)
        lasted = quantile(long_tail(200 * 24, "0.5"), self.stream("projects", "lasted").fraction(projects)) * HOUR
        gone = np.where(self.project_state(projects) > 0, made + DAY + lasted, self.end)
        return np.minimum(gone, self.end)

    def agent_gone(self, agents: Ints) -> Ints:
        """Return the instant from which on each agent does not run any more."""
        made = self.agents.instants(agents)
        lasted = quantile(long_tail(220 * 24, "0.6"), self.stream("agents", "lasted").fraction(agents)) * HOUR
        retired = self.stream("agents", "retired").chance(120, agents)
        return np.minimum(np.where(retired, made + DAY + lasted, self.end), self.end)

    def owner(self, projects: Ints) -> Ints:
        """Return the owner of each project that is not of the seeds."""
        block = self._block_of(projects)
        made = self.projects.instants(projects)
        owner = np.zeros(len(projects), np.int64)
        for number in np.unique(block):
            mine = block == number
            shares = self.stream("projects", "owner_id").fraction(projects[mine])
            owner[mine] = self.users.row_of(shares, made[mine], int(number), _PEOPLE)
        alive = self.user_gone(owner) >= self.end
        return np.where(alive, owner, _PEOPLE[self.stream("projects", "owner").below(len(_PEOPLE), projects)])

    def _block_of(self, projects: Ints) -> Ints:
        starts = np.array([block.start for block in self.projects.blocks], np.int64)
        return np.maximum(np.searchsorted(starts, projects, side="right") - 1, 0)

    def busy_project(self, keys: Ints, instants: Ints, block: int) -> Ints:
        """Return a project that is worked on at each instant: few projects get most, by a power law."""
        chosen = np.full(len(keys), -1, np.int64)
        for attempt in range(3):
            shares = quantile(power("1.8"), self.stream("tasks", f"project_id.{attempt}").fraction(keys))
            found = self.projects.row_of(shares, instants, block, _PROJECTS)
            usable = (chosen < 0) & (instants < self.project_ends[found])
            chosen = np.where(usable, found, chosen)
        spare = _PROJECTS[self.stream("tasks", "project_id").below(len(_PROJECTS), keys)]
        return np.where(chosen < 0, spare, chosen)

    def member(self, use: str, keys: Ints, projects: Ints, instants: Ints, block: int) -> Ints:
        """Return somebody of the project's team who is there and at work at each instant.

        Args:
            use: What for; the same people are not drawn for every use.
            keys: What the choice depends on, one number for each.
            projects: Where.
            instants: When.
            block: The number of the block that the row belongs to.
        """
        made = self.project_starts[projects]
        growth = _TEAM_GROWTH[min(block, len(_TEAM_GROWTH) - 1)]
        most = 3 + growth * quantile(long_tail(6, "0.6"), self.stream("projects", "team").fraction(projects))
        # Somebody joins every so often, until the team is complete.
        pace = DAY * (2 + self.stream("projects", "pace").below(12, projects)) // growth
        size = np.minimum(2 + (instants - made) // pace, most)
        chosen = np.full(len(keys), -1, np.int64)
        for attempt in range(4):
            shares = quantile(power("1.4"), self.stream(use, f"member.{attempt}").fraction(keys))
            found = self._teammate(projects, (shares * size) >> 32, made, pace, block)
            offset = (instants + local_offset(instants, self.zones[found])) % DAY
            awake = (offset > 8 * HOUR) & (offset < 19 * HOUR)
            usable = (chosen < 0) & (instants < self.user_ends[found]) & (awake if attempt < 3 else True)
            chosen = np.where(usable, found, chosen)
        spare = _PEOPLE[self.stream(use, "member").below(len(_PEOPLE), keys)]
        return np.where(chosen < 0, spare, chosen)

    def _teammate(self, projects: Ints, slot: Ints, made: Ints, pace: Ints, block: int) -> Ints:
        """Return the user in each place of a team, who was there when the place was filled."""
        joined = np.minimum(made + np.maximum(slot - 1, 0) * pace, self.end - 1)
        key = (projects * 4096 + slot) * 8 + block
        shares = quantile(power("1.2"), self.stream("projects", "teammate").fraction(key))
        return self.users.row_of(shares, joined, block, _PEOPLE)

    def worker_agent(self, use: str, keys: Ints, instants: Ints, block: int) -> Ints:
        """Return an agent that can run at each instant, -1 where there is none."""
        shares = quantile(power("1.8"), self.stream(use, "agent").fraction(keys))
        found = self.agents.row_of(shares, instants, block, _NOBODY)
        usable: Mask = (found >= 0) & (instants < self.agent_ends[found])
        return np.where(usable, found, -1)


@functools.lru_cache(maxsize=1)
def _world_of(plan: Plan) -> World:
    return World(plan)
