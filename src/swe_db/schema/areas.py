"""The areas of the schema: the files of sql/schema, and what each of them makes."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Final, TypeVar

from swe_db.schema.catalogue import Catalogue, Function, Table

__all__ = ["ORDER", "OTHERS", "Area", "areas_of"]

Named = TypeVar("Named", Table, Function)

ORDER: Final = ("users", "projects", "agents", "issues", "evidence", "audit_logs", "schema_migrations", "functions")
OTHERS: Final = "others"

MADE: Final = r"^CREATE (?:TABLE IF NOT EXISTS|OR REPLACE FUNCTION) public\.(\w+)"
HEAD: Final = re.compile(r"(?:--.*\n)+")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Area:
    """A part of the schema.

    Attributes:
        name: The name of its file in sql/schema, without `.sql`; `others` for what none of them makes.
        about: What the file's head says, as lines; none for `others`.
        tables: Its tables, in the order in which the file makes them.
        functions: Its functions, likewise.
    """

    name: str
    about: Sequence[str]
    tables: Sequence[Table]
    functions: Sequence[Function]


def areas_of(catalogue: Catalogue) -> tuple[Area, ...]:
    """Return the areas that a database has, each with its tables and functions."""
    made: set[str] = set()
    areas: list[Area] = []
    for name in ORDER:
        text = (files("swe_db") / "sql" / "schema" / f"{name}.sql").read_text(encoding="utf-8")
        names = list(dict.fromkeys(re.findall(MADE, text, re.MULTILINE)))
        made.update(names)
        areas.append(_area(name, _head(text), catalogue, names))
    every = [*(table.name for table in catalogue.tables), *(function.name for function in catalogue.functions)]
    areas.append(_area(OTHERS, (), catalogue, [name for name in dict.fromkeys(every) if name not in made]))
    return tuple(area for area in areas if area.tables or area.functions)


def _area(name: str, about: Sequence[str], catalogue: Catalogue, names: Sequence[str]) -> Area:
    return Area(
        name=name,
        about=about,
        tables=_chosen(catalogue.tables, names),
        functions=_chosen(catalogue.functions, names),
    )


def _chosen(found: Iterable[Named], names: Sequence[str]) -> tuple[Named, ...]:
    return tuple(sorted((each for each in found if each.name in names), key=lambda each: names.index(each.name)))


def _head(text: str) -> tuple[str, ...]:
    head = HEAD.match(text)
    return tuple(line[3:].rstrip() for line in head[0].splitlines()) if head else ()
