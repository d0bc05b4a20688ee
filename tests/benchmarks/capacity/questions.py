"""The questions that applications ask of the schema most: `queries/*.sql`, and how their parameters are drawn."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import dict_row

__all__ = ["Question", "parameters", "questions"]

HERE: Final = Path(__file__).parent
HEADER: Final = re.compile(
    r"-- (?P<title>.*?)\n--\n"
    r"-- Parameters: (?P<parameters>.*?)\n"
    r"-- Bounded: (?P<bounded>.*?)\n"
    r"-- Indexes: (?P<indexes>.*?)\n"
    r"(?P<sql>(?!--).*)",
    re.DOTALL,
)
NAME: Final = re.compile(r"\b\w+_(?:pkey|key|idx)\b")
# Fractions of a table's length, the same each time and spread evenly. Enough that those of which a row of one kind is
# asked for find some.
DRAWS: Final = """
CREATE TEMP TABLE IF NOT EXISTS draws AS
SELECT draw, (draw * 0.6180339887498949::float8) - floor(draw * 0.6180339887498949::float8) AS fraction
FROM generate_series(1, 20000) AS draw
"""


@dataclasses.dataclass(frozen=True)
class Question:
    """One query, as its file has it.

    Attributes:
        name: The file's name without its ending.
        title: What it asks.
        parameters: What its parameters are.
        bounded: Why what it reads is bounded.
        indexes: What the file says of the indexes.
        sql: The query, with psycopg's named parameters.
        draw: A query whose rows are sets of parameters; it reads the table `draws`.
    """

    name: str
    title: str
    parameters: str
    bounded: str
    indexes: str
    sql: str
    draw: str

    @property
    def index_names(self) -> frozenset[str]:
        """The indexes that the file names."""
        return frozenset(NAME.findall(self.indexes))


def questions() -> list[Question]:
    """Return the questions, in the order of their files."""
    return [_read(path) for path in sorted((HERE / "queries").glob("*.sql"))]


def parameters(connection: Connection[Any], question: Question, count: int) -> list[dict[str, Any]]:
    """Return sets of parameters that are drawn from the data, the same each time.

    Args:
        connection: To the database; a temporary table is made there.
        question: What is to be asked.
        count: How many are wanted; there may be fewer.
    """
    connection.execute(DRAWS)
    draw = f"SELECT * FROM ({question.draw}) AS drawn LIMIT {count}"
    return connection.cursor(row_factory=dict_row).execute(draw.encode()).fetchall()


def _read(path: Path) -> Question:
    found = HEADER.fullmatch(path.read_text(encoding="utf-8"))
    if found is None:
        raise ValueError(f"{path} does not begin with its title, Parameters, Bounded and Indexes")
    parts = {key: re.sub(r"\n-- *", " ", text) for key, text in found.groupdict().items() if key != "sql"}
    draw = (HERE / "parameters" / path.name).read_text(encoding="utf-8")
    return Question(path.stem, **parts, sql=found["sql"], draw=draw)
