"""Mermaid's erDiagram of tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from swe_db.schema.catalogue import Column, Relation, Table

__all__ = ["er_diagram", "short_type"]

INDENT: Final = "    "
PLAIN: Final = r"[A-Za-z_][A-Za-z0-9_]*"
# Words that Mermaid reads otherwise where a name could stand.
RESERVED: Final = frozenset(
    {"accdescr", "acctitle", "class", "classdef", "direction", "end", "erdiagram", "fk", "many", "o", "one", "only"}
    | {"optionally", "pk", "style", "subgraph", "title", "to", "u", "uk", "zero"}
)
SHORTER: Final = {
    r"^timestamp(\(\d\))? with time zone": r"timestamptz\1",
    r"^timestamp(\(\d\))? without time zone": r"timestamp\1",
    r"^time(\(\d\))? with time zone": r"timetz\1",
    r"^time(\(\d\))? without time zone": r"time\1",
    r"^character varying": "varchar",
    r"^character\b": "char",
    r"^double precision": "float8",
    r"^bit varying": "varbit",
}


def er_diagram(tables: Iterable[Table], *, columns: bool = True, headings: dict[str, str] | None = None) -> str:
    """Return the diagram of some tables, and of the tables that their foreign keys lead to.

    Args:
        tables: The tables; the others that are led to are drawn as empty boxes.
        columns: Whether to draw columns.
        headings: What to write as a remark before a table, by its name.

    Returns:
        Text that ends with a line feed.
    """
    drawn = tuple(tables)
    lines = ["erDiagram"]
    for table in drawn:
        if headings and table.name in headings:
            lines.append(f"{INDENT}%% {headings[table.name]}")
        lines += _entity(table) if columns and table.columns else [f"{INDENT}{_name(table.name)}"]
    lines += [_relation(relation) for table in drawn for relation in table.relations]
    return "\n".join(lines) + "\n"


def _entity(table: Table) -> Iterator[str]:
    yield f"{INDENT}{_name(table.name)} {{"
    keys = _keys(table)
    for column in table.columns:
        yield f"{INDENT * 2}{_attribute(column, keys.get(column.name, []))}"
    yield f"{INDENT}}}"


def _keys(table: Table) -> dict[str, list[str]]:
    """Return the marks of the columns: part of the primary key, of a foreign key, unique by itself."""
    keys: dict[str, list[str]] = {}
    marked = [("PK", name) for index in table.indexes if index.is_primary for name in index.unique_columns or ()]
    marked += [("FK", name) for relation in table.relations for name in relation.columns]
    marked += [
        ("UK", index.unique_columns[0])
        for index in table.indexes
        if index.unique_columns and len(index.unique_columns) == 1 and not index.is_primary
    ]
    for mark, name in marked:
        if mark not in keys.setdefault(name, []):
            keys[name].append(mark)
    return keys


def _attribute(column: Column, keys: list[str]) -> str:
    name = _word(column.name)
    said = [column.comment] if name == column.name else [column.name, column.comment]
    remark = ": ".join(part for part in said if part)
    parts = [_type(column.type), name, ", ".join(keys), f'"{_remark(remark)}"' if remark else ""]
    return " ".join(part for part in parts if part)


def _relation(relation: Relation) -> str:
    parent = "|o" if relation.optional else "||"
    child = "o|" if relation.at_most_one else "o{"
    label = ", ".join(_word(column) for column in relation.columns)
    return f'{INDENT}{_name(relation.target)} {parent}--{child} {_name(relation.table)} : "{label}"'


def _type(text: str) -> str:
    """Return a type as one word: older renderers take neither blanks nor commas."""
    whole = re.sub(r"\([^)]*\)", "", short_type(text))
    return _word(whole.removesuffix("[]")) + ("[]" if whole.endswith("[]") else "")


def short_type(text: str) -> str:
    """Return the shorter of the names that SQL has for a type: `timestamptz`."""
    for long, short in SHORTER.items():
        text = re.sub(long, short, text)
    return text


def _word(text: str) -> str:
    """Return a name of a column that Mermaid reads as one."""
    word = re.sub(r"[^A-Za-z0-9_\u00C0-\uFFFF]", "_", text)
    if not re.match(r"(?![PFU]K[\u00C0-\uFFFF])[A-Za-z_\u00C0-\uFFFF]", word, re.IGNORECASE):
        word = f"_{word}"  # PK, FK and UK are marks also before letters that are not ASCII
    return f"{word}_" if word.lower() in RESERVED else word


def _name(text: str) -> str:
    """Return a name of a table that Mermaid reads as one."""
    if re.fullmatch(PLAIN, text) and text.lower() not in RESERVED:
        return text
    quoted = re.sub(r'["%\\#;\x00-\x1f]', "_", text)
    return '"' + re.sub(r"(?i)(direction) +(?=TB|BT|RL|LR)", r"\1_", quoted) + '"'


def _remark(text: str) -> str:
    """Return a text that Mermaid takes between quotation marks: one line, no mark-up of its own."""
    return re.sub(r"\s+", " ", text).strip().replace('"', "'").replace("~", "\N{TILDE OPERATOR}").replace("%%", "%")
