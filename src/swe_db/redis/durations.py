"""Durations: seconds, as a number or a timedelta."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeAlias

from swe_db.errors import ConfigError

__all__ = ["Duration", "milliseconds", "seconds"]

Duration: TypeAlias = float | timedelta


def seconds(duration: Duration, name: str) -> float:
    """Return a duration in seconds.

    Args:
        duration: Seconds, or a timedelta.
        name: What it is called in the message.

    Raises:
        ConfigError: It is not above 0, or no duration at all.
    """
    if isinstance(duration, timedelta):
        duration = duration.total_seconds()
    if isinstance(duration, bool) or not isinstance(duration, int | float):
        raise ConfigError(f"{name} is {duration!r}: give seconds as a number, or a timedelta")
    if not 0 < duration < float("inf"):
        raise ConfigError(f"{name} is {duration!r}: give a number of seconds above 0")
    return float(duration)


def milliseconds(duration: Duration, name: str) -> int:
    """Return a duration in whole milliseconds, at least one; the rest is as in `seconds`."""
    return max(1, round(seconds(duration, name) * 1000))
