"""The page about a schema, as Markdown: by area the diagram, by table all that belongs to it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from swe_db.schema.areas import OTHERS, Area, areas_of
from swe_db.schema.catalogue import Catalogue, Column, Function, Grant, Index, Policy, Table, Trigger
from swe_db.schema.mermaid import er_diagram, short_type

__all__ = ["schema_page"]

HEAD: Final = """\
# Schema

This page comes from the catalogue of a migrated database and the comments in it: `swe-db erd --markdown` prints it for
any database, with tables of your own in the area *others*, and `swe-db erd` prints the diagrams alone. A line of a
diagram begins at the table that is led to, with `||` where the foreign key is NOT NULL and `|o` where it may be NULL,
and ends at the table that has the key. UK marks a column that is unique by itself in every row; what is unique only
among the living is told by the index.
"""
ABOUT_OTHERS: Final = ("What the migrations of swe-db do not make.",)
# What PostgreSQL remembers of an expression and nobody wrote: that a literal is text, that a closed set is an array.
LITERAL: Final = r"('(?:[^']|'')*')(?:::text(?!\[))?"
CLOSED_SET: Final = r"(= ANY|<> ALL) \(ARRAY\[((?:'(?:[^']|'')*'(?:, )?)+)\]\)"


def schema_page(catalogue: Catalogue) -> str:
    """Return the page about the schema of a database.

    Args:
        catalogue: What the database holds.

    Returns:
        Markdown that ends with a line feed.
    """
    areas = areas_of(catalogue)
    tables = [table for area in areas for table in area.tables]
    lines = [HEAD, "## All tables\n", _diagram(tables, columns=False), *_overview(areas)]
    for area in areas:
        lines += _area(area)
    return "\n".join(lines).rstrip("\n") + "\n"


def _overview(areas: Sequence[Area]) -> Iterator[str]:
    yield "| table | area | what it holds |\n|---|---|---|"
    for area in areas:
        for table in area.tables:
            yield f"| [{_text(table.name)}](#{table.name}) | {area.name} | {_text(table.comment or '')} |"
    yield ""


def _area(area: Area) -> Iterator[str]:
    yield f"## Area {area.name}\n"
    yield from _about(ABOUT_OTHERS if area.name == OTHERS else area.about)
    if area.tables:
        yield _diagram(area.tables, columns=True)
    for table in area.tables:
        yield from _table(table)
    callable_ones = [function for function in area.functions if not function.is_trigger]
    if callable_ones:
        yield from [f"### Functions of {area.name}\n"] if area.tables else []
        yield from (_function(function) for function in callable_ones)
        yield ""


def _about(lines: Sequence[str]) -> Iterator[str]:
    """Yield the head of a file, its indented lines as a block."""
    inside = False
    for line in lines:
        indented = line.startswith("  ")
        if indented != inside:
            yield "```text" if indented else "```"
            inside = indented
        yield line.strip() if indented else line
    if inside:
        yield "```"
    yield ""


def _diagram(tables: Iterable[Table], *, columns: bool) -> str:
    return f"```mermaid\n{er_diagram(tables, columns=columns)}```\n"


def _table(table: Table) -> Iterator[str]:
    yield f"### {table.name}\n"
    kind = "" if table.kind == "table" else f" A {table.kind}."
    parted = f" Partitioned by {_code(table.partitioned_by)}." if table.partitioned_by else ""
    yield f"{_text(table.comment or 'No comment')}.{kind}{parted}\n"
    yield "| column | type | null | default | comment |\n|---|---|---|---|---|"
    yield from (_column(column) for column in table.columns)
    yield ""
    yield from _list("Indexes", [_index(index) for index in table.indexes])
    rules = [rule for rule in table.constraints if rule.kind not in ("primary key", "unique")]
    yield from _list("Constraints", [f"`{rule.name}`: {_code(_readable(rule.definition))}" for rule in rules])
    yield from _list("Triggers", [_trigger(table, trigger) for trigger in table.triggers])
    yield from _access(table)


def _column(column: Column) -> str:
    null = "yes" if column.nullable else "no"
    return (
        f"| `{column.name}` | {short_type(column.type)} | {null} | {_default(column)} | {_text(column.comment or '')} |"
    )


def _default(column: Column) -> str:
    if column.identity:
        return f"identity, {column.identity}"
    if column.generated_as:
        return f"generated: {_code(_readable(column.generated_as))}"
    return _code(_readable(column.default_value)) if column.default_value else ""


def _index(index: Index) -> str:
    kind = "primary key, " if index.is_primary else "unique, " if index.is_unique else ""
    broken = "" if index.is_valid else "invalid, "
    return f"`{index.name}`: {broken}{kind}{_code(_readable(index.definition))}"


def _trigger(table: Table, trigger: Trigger) -> str:
    """Return a trigger without the words that its place on the page says."""
    begins = re.escape(f"CREATE TRIGGER {trigger.name} ")
    text = re.sub(f"^{begins}", "", trigger.statement).replace(f" ON {table.name} ", " ", 1)
    state = "" if trigger.state == "enabled" else f", {trigger.state}"
    return f"`{trigger.name}`: {_code(text)}{state}"


def _access(table: Table) -> Iterator[str]:
    roles = dict.fromkeys(grant.role for grant in table.grants)
    rows = "; which rows, the policies say" if table.row_security else ""
    yield from _list(f"Who may do what{rows}", [f"`{role}`: {_privileges(table.grants, role)}" for role in roles])
    yield from _list("Policies", [_policy(policy) for policy in table.policies])


def _privileges(grants: Iterable[Grant], role: str) -> str:
    return ", ".join(_privilege(grant) for grant in grants if grant.role == role)


def _privilege(grant: Grant) -> str:
    return (
        f"{grant.privilege} ({', '.join(f'`{name}`' for name in grant.columns)})" if grant.columns else grant.privilege
    )


def _policy(policy: Policy) -> str:
    roles = ", ".join(f"`{role}`" for role in policy.roles)
    kind = "" if policy.permissive else ", restrictive"
    tests = [("rows", policy.using_rows), ("new rows", policy.check_rows)]
    shown = (
        "; ".join(f"{name} {_code(_readable(test))}" for name, test in tests if test and test != "true") or "all rows"
    )
    return f"`{policy.name}`, {policy.command} for {roles}{kind}: {shown}"


def _function(function: Function) -> str:
    callers = ", ".join("everybody" if role == "PUBLIC" else f"`{role}`" for role in function.callers)
    rights = ", with the rights of its owner" if function.as_owner else ""
    signature = _code(f"{function.name}({function.arguments}) → {function.result}")
    return f"- {signature}: {_text(function.comment or 'no comment')}. For {callers or 'the owner only'}{rights}."


def _list(title: str, entries: Sequence[str]) -> Iterator[str]:
    if entries:
        yield f"{title}:\n"
        yield from (f"- {entry}" for entry in entries)
        yield ""


def _readable(expression: str) -> str:
    plain = re.sub(LITERAL, r"\1", expression)
    return re.sub(CLOSED_SET, lambda found: f"{'IN' if found[1] == '= ANY' else 'NOT IN'} ({found[2]})", plain)


def _code(text: str) -> str:
    """Return text as code in one line, whatever it holds."""
    line = re.sub(r"\s+", " ", text).strip()
    fence = "`" * (max(map(len, re.findall(r"`+", line)), default=0) + 1)
    return f"{fence}{line}{fence}" if len(fence) == 1 else f"{fence} {line} {fence}"


def _text(text: str) -> str:
    """Return text in one line that means itself in Markdown."""
    return re.sub(r"([\\`*<\[\]|])", r"\\\1", re.sub(r"\s+", " ", text).strip())
