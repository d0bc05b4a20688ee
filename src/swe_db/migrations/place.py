"""Where in a file something stands: line, column, and the line itself with a caret below it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

__all__ = ["Place"]

_SHOWN: Final = 110
_PASSWORD = re.compile(r"(?P<before>\bpassword\s+E?)'(?P<secret>(?:[^']|'')*)'", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a text whose line ends are LF.

    Attributes:
        path: The file, as messages name it.
        text: The whole text.
        offset: The place, in characters from the start of the text.
    """

    path: str
    text: str
    offset: int

    @property
    def line(self) -> int:
        """The line, from 1."""
        return self.text.count("\n", 0, self.offset) + 1

    @property
    def column(self) -> int:
        """The column in characters, from 1."""
        return self.offset - self._line_start + 1

    @property
    def _line_start(self) -> int:
        return self.text.rfind("\n", 0, self.offset) + 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"

    def excerpt(self) -> str:
        """Return the line with a caret below the place; a long line is cut, a password in it hidden."""
        end = self.text.find("\n", self._line_start)
        whole = self.text[self._line_start :] if end < 0 else self.text[self._line_start : end]
        first = max(0, self.column - 1 - _SHOWN // 2) if len(whole) > _SHOWN else 0
        shown = _PASSWORD.sub(_starred, whole)[first : first + _SHOWN]
        gutter = f"{self.line:5} | "
        caret = " " * (len(gutter) - 2) + "| " + _blank(shown[: self.column - 1 - first]) + "^"
        return f"{gutter}{shown}\n{caret}"


def _starred(match: re.Match[str]) -> str:
    return f"{match['before']}'{'*' * len(match['secret'])}'"


def _blank(text: str) -> str:
    """Return white space as wide as `text` is on a terminal."""
    return "".join("\t" if character == "\t" else " " * _width(character) for character in text)


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
