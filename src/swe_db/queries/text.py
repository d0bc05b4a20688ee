"""The text of statements: what makes two of them the same, and which do not count."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

__all__ = ["is_chore", "is_driver_chore", "is_read", "normalised", "numbered"]

TOKEN: Final = re.compile(
    r"""
      (?P<comment> /\*.*?\*/ | --[^\n]* )
    | (?P<literal> \b[eE]'(?:[^'\\]|\\.|'')*' | (?:\b[bBxXnN]|\b[uU]&)?'(?:[^']|'')*'
                 | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$ )
    | (?P<quoted> "(?:[^"]|"")*" )
    | (?P<percent> %% )
    | (?P<placeholder> \$\d+ | %[sbt] | %\((?P<name>\w+)\)[sbt] )
    | (?P<word> [^\W\d][\w$]* )
    | (?P<number> (?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)? )
    | (?P<space> \s+ )
    | (?P<end> ; )
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)
LITERALS: Final = ("literal", "number")
LISTS: Final = re.compile(r"\bIN \((?:[?]|[$]\d+|%s)(?: ?, ?(?:[?]|[$]\d+|%s))*\)", re.IGNORECASE)
# Transaction control, settings of the session, and what goes on with a cursor or a prepared statement made before.
CHORES: Final = re.compile(
    r"(?:BEGIN|START TRANSACTION|COMMIT|END|ROLLBACK|ABORT|SAVEPOINT|RELEASE|SET|RESET|SHOW|DISCARD|PREPARE|DEALLOCATE"
    r"|FETCH|MOVE|CLOSE|LISTEN|UNLISTEN)\b",
    re.IGNORECASE,
)
# What drivers and their pools ask by themselves: pings, versions, settings, types; locks that a session gives back.
DRIVER_CHORES: Final = re.compile(
    r"SELECT 1|SELECT (?:pg_catalog\.)?(?:version|current_schema|pg_advisory_unlock_all) ?\(\)"
    r"|SELECT (?=.*\bset_config ?\()(?:(?!\bFROM\b).)*|(?:SELECT|WITH)\b.*\bFROM (?:pg_catalog\.)?pg_type\b.*",
    re.IGNORECASE,
)
READS: Final = re.compile(r"\(* ?(?:SELECT|WITH|VALUES|TABLE|DECLARE)\b", re.IGNORECASE)


def normalised(sql: str) -> str:
    """Return a statement with a question mark for each literal, without comments, white space folded.

    A list of any length after IN is `(?, ...)`, for one statement has it often in many lengths.
    """
    folded = "; ".join(_statements(sql, literal="?"))
    return LISTS.sub("IN (?, ...)", folded)


def is_chore(sql: str) -> bool:
    """Tell whether a text has nothing but transaction control, settings of the session and the like."""
    return all(CHORES.match(each) for each in _statements(sql))


def is_driver_chore(sql: str) -> bool:
    """Tell the same of what drivers and their pools do by themselves."""
    return all(CHORES.match(each) or DRIVER_CHORES.fullmatch(each) for each in _statements(sql))


def is_read(sql: str) -> bool:
    """Tell whether a text begins as what returns rows and, as a rule, changes none."""
    return READS.match(next(_statements(sql), "")) is not None


def numbered(sql: str) -> str:
    """Return a statement with `$1`, `$2`, … for psycopg's placeholders, as the server is given it."""
    numbers: dict[str, int] = {}

    def number(token: re.Match[str]) -> str:
        text = token[0]
        if token.lastgroup != "placeholder" or text.startswith("$"):
            return text
        return f"${numbers.setdefault(token['name'] or str(len(numbers)), len(numbers) + 1)}"

    replaced = TOKEN.sub(number, sql)
    return replaced.replace("%%", "%") if numbers else replaced


def _statements(sql: str, *, literal: str | None = None) -> Iterator[str]:
    """Yield the statements of a text, without comments, white space folded, the empty ones left out.

    Args:
        sql: The text.
        literal: What stands for each literal, None for itself.
    """
    parts: list[str] = []
    for token in TOKEN.finditer(f"{sql};"):
        kind = token.lastgroup
        if kind == "end":
            if statement := " ".join("".join(parts).split()):
                yield statement
            parts = []
        elif kind == "comment":
            parts.append(" ")
        else:
            parts.append(literal if literal and kind in LITERALS else token[0])
