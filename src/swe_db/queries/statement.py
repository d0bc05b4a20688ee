"""A statement that ran, and the same one several times."""

from __future__ import annotations

import dataclasses
from typing import Final, Literal, TypeAlias

from swe_db.queries.text import normalised

__all__ = ["WIDTH", "Group", "Source", "Statement", "shortened"]

Source: TypeAlias = Literal["test", "application"]

WIDTH: Final = 160  # characters of a statement in a report


@dataclasses.dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement: of the test's own as psycopg was given it, of the application's as the server was.

    Attributes:
        sql: Its text, with placeholders where there are parameters.
        parameters: Their text, None if there were none or they can be read only once.
        source: `test`: a connection of `swe_db`, `swe_async_db` or `swe_database.connect`; `application`: any other one
            to the test's database.
        pid: The backend of the server that ran it.
        application_name: What the session calls itself, empty if nothing.
        location: The line that ran it, `tests/test_users.py:12`; None for the application's.
    """

    sql: str
    parameters: str | None
    source: Source
    pid: int
    application_name: str = ""
    location: str | None = None

    def __str__(self) -> str:
        text = " ".join(self.sql.split())
        return shortened(text if self.parameters is None else f"{text}  <- {self.parameters}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Group:
    """The same statement run several times, often with different parameters: N+1.

    Attributes:
        sql: The text they share, with a question mark for each literal, white space folded.
        statements: Each of them, in order.
    """

    sql: str
    statements: tuple[Statement, ...]

    @classmethod
    def of(cls, statements: list[Statement]) -> list[Group]:
        """Return the groups that statements make, those of most statements first."""
        same: dict[str, list[Statement]] = {}
        for statement in statements:
            same.setdefault(normalised(statement.sql), []).append(statement)
        groups = [cls(sql=sql, statements=tuple(each)) for sql, each in same.items()]
        return sorted(groups, key=lambda group: -len(group.statements))


def shortened(text: str) -> str:
    """Return a text that fits into a line of a report."""
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"
