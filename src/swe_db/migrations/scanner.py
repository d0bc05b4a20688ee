"""Where the statements of an SQL script begin and end.

PostgreSQL reports an error at a position of the statement that it was given. Sending a file statement by
statement, and knowing where each one stands, turns that into a line and a column. The rules are those of
PostgreSQL's own lexer with `standard_conforming_strings` on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["Comment", "ScanError", "Script", "Statement", "head_comments", "scan"]

_LETTER = "A-Za-z_\x80-\U0010ffff"
# The closing quote of E'...' may be followed by a line break and a further quote: the string goes on, escapes too.
_CONTINUED = r"(?:[ \t\f\v]|--[^\n]*)*+\n(?:[ \t\f\v\n]|--[^\n]*\n)*+"
_ESCAPED = r"'(?:[^'\\]|''|\\.)*+'"
_TOKEN = re.compile(
    rf"""
    (?P<space>[ \t\n\r\f\v]+)
    |(?P<comment>--[^\n]*)
    |(?P<block>/\*)
    |(?P<escaped>[eE]{_ESCAPED}(?:{_CONTINUED}{_ESCAPED})*)
    |(?P<string>'(?:[^']|'')*+')
    |(?P<name>"(?:[^"]|"")*+")
    |(?P<dollar>\$(?P<tag>(?:[{_LETTER}][{_LETTER}0-9]*)?)\$.*?\$(?P=tag)\$)
    |(?P<open>[eE]?'|"|\$(?:[{_LETTER}][{_LETTER}0-9]*)?\$)
    |(?P<word>[{_LETTER}][{_LETTER}0-9$]*)
    |(?P<number>[0-9][A-Za-z0-9_.]*)
    |(?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_BLOCK_EDGE = re.compile(r"/\*|\*/")
_ROUTINE = re.compile(r"CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE)\b")


class ScanError(Exception):
    """A string, a quoted name or a comment is never closed.

    Attributes:
        offset: Where it was opened, in characters from the start of the text.
    """

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, without its semicolon.

    Attributes:
        offset: Where it begins, in characters from the start of the script.
        text: The statement itself.
        tokens: Its tokens outside parentheses, in order; words of ASCII in upper case, everything else as
            written.
    """

    offset: int
    text: str
    tokens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment of one line, `-- ...`, and where it begins."""

    offset: int
    text: str


@dataclass(frozen=True, slots=True)
class Script:
    """The statements and the one-line comments of a file, both in order."""

    statements: tuple[Statement, ...]
    comments: tuple[Comment, ...]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    start: int
    text: str


@dataclass(slots=True)
class _OpenStatement:
    """What is known of a statement whose semicolon has not been reached."""

    start: int = -1
    end: int = -1
    depth: int = 0
    blocks: int = 0
    tokens: list[str] = field(default_factory=list)

    @property
    def may_end(self) -> bool:
        return self.depth == 0 and self.blocks == 0

    def add(self, token: _Token) -> None:
        self.start = token.start if self.start < 0 else self.start
        self.end = token.start + len(token.text)
        if token.text == ")":
            self.depth = max(0, self.depth - 1)
        if self.depth == 0:
            self._add_outside_parentheses(token)
        if token.text == "(":
            self.depth += 1

    def _add_outside_parentheses(self, token: _Token) -> None:
        text = token.text.upper() if token.kind == "word" and token.text.isascii() else token.text
        self.blocks += self._block_change(text)
        self.tokens.append(text)

    def _block_change(self, text: str) -> int:
        """Follow the `BEGIN ATOMIC ... END` body of a routine, in which CASE has an END of its own."""
        if text == "ATOMIC" and self.tokens[-1:] == ["BEGIN"]:
            return 1 if _ROUTINE.match(" ".join(self.tokens[:4])) else 0
        if self.blocks == 0:
            return 0
        return {"CASE": 1, "END": -1}.get(text, 0)


def scan(text: str) -> Script:
    """Split a script into its statements.

    Args:
        text: The script; line ends are LF.

    Returns:
        The statements that hold anything, and the one-line comments.

    Raises:
        ScanError: A string, a quoted name or a comment is never closed.
    """
    statements: list[Statement] = []
    comments: list[Comment] = []
    current = _OpenStatement()
    for token in _tokens(text):
        if token.kind == "comment":
            comments.append(Comment(token.start, token.text))
        elif token.kind in {"space", "block"}:
            continue
        elif token.text == ";" and current.may_end:
            statements.extend(_closed(current, text))
            current = _OpenStatement()
        else:
            current.add(token)
    statements.extend(_closed(current, text))
    return Script(tuple(statements), tuple(comments))


def head_comments(text: str) -> list[Comment]:
    """Return the one-line comments before the first statement of a script.

    Raises:
        ScanError: A block comment among them is never closed.
    """
    comments: list[Comment] = []
    for token in _tokens(text):
        if token.kind == "comment":
            comments.append(Comment(token.start, token.text))
        elif token.kind not in {"space", "block"}:
            break
    return comments


def _closed(statement: _OpenStatement, text: str) -> list[Statement]:
    if statement.start < 0:
        return []
    return [Statement(statement.start, text[statement.start : statement.end], tuple(statement.tokens))]


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    while match := _TOKEN.match(text, position):
        kind = match.lastgroup or ""
        if kind == "open":
            raise ScanError(f"{_what_opens(match.group())} is never closed", position)
        end = _end_of_block_comment(text, position) if kind == "block" else match.end()
        yield _Token(kind, position, text[position:end])
        position = end


def _what_opens(opening: str) -> str:
    if opening == '"':
        return "a quoted name"
    if opening.startswith("$"):
        return f"a string that begins with {opening}"
    return "a quoted string"


def _end_of_block_comment(text: str, start: int) -> int:
    depth = 0
    for edge in _BLOCK_EDGE.finditer(text, start):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    raise ScanError("a comment that begins with /* is never closed", start)
