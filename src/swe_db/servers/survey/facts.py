"""One thing about the machine, and how sizes are written."""

from __future__ import annotations

import dataclasses
from typing import Final

__all__ = ["Fact", "size_text"]

UNITS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB")


@dataclasses.dataclass(frozen=True)
class Fact:
    """Something about the machine.

    Attributes:
        name: What it is about.
        text: What is the case.
        meaning: What follows from it for speed or safety, empty where nothing does.
        advice: What would be better and how to have it, empty if all is well.
    """

    name: str
    text: str
    meaning: str = ""
    advice: str = ""


def size_text(size: float) -> str:
    """Return a number of bytes as people read it: `1.5 GiB`."""
    unit = 0
    while size >= 1024 and unit < len(UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size:.{1 if 0 < size < 10 and unit else 0}f} {UNITS[unit]}"
