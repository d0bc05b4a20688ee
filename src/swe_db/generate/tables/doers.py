"""Who does something, as one number: the row of a user, -1 for the system, or a number below it for an agent."""

from __future__ import annotations

import numpy as np

from swe_db.generate.values.draws import Ints

__all__ = ["by_agent", "user_and_agent"]


def by_agent(agents: Ints) -> Ints:
    """Return the numbers of agents as doers."""
    return -2 - agents


def user_and_agent(doers: Ints) -> tuple[Ints, Ints]:
    """Return the user and the agent that each doer is; -1 for none."""
    return np.where(doers >= 0, doers, -1), np.where(doers <= -2, -2 - doers, -1)
