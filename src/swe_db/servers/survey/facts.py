"""One thing about the machine."""

from __future__ import annotations

import dataclasses

__all__ = ["Fact"]


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
