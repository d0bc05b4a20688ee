"""How long ago something was, as people say it."""

from __future__ import annotations

from typing import Final

__all__ = ["shown_age"]

UNITS: Final = (("days", 86400), ("hours", 3600), ("minutes", 60), ("seconds", 1))


def shown_age(seconds: float) -> str:
    """Return a time in the largest unit of which it has two or more: `90 minutes`, `1 second`."""
    name, length = next(((name, length) for name, length in UNITS if seconds >= 2 * length), UNITS[-1])
    count = f"{max(seconds, 0) / length:.0f}"
    return f"{count} {name.removesuffix('s') if count == '1' else name}"
