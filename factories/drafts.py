"""Rows that are to be stored together: what they hold, what they point at, and in which order they go in."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any, Final

from swe_db.errors import FactoryError
from swe_db.factories.rows import Row
from swe_db.factories.tables import Relation, Table, describe

__all__ = ["Draft", "DraftKey", "collected", "collecting", "key_text", "point_at", "refuse_strangers"]


class Draft:
    """A row that is not stored yet; its columns are attributes, as those of a stored row are.

    Args:
        row_class: The class of the row.
        values: Its columns; where it points at another draft, that draft stands for the id.

    Attributes:
        level: How many drafts must be stored one after the other before this one.
        key: Its id, once it is stored.
    """

    __slots__ = ("_links", "key", "level", "row_class", "values")

    def __init__(self, row_class: type[Row], values: dict[str, Any]) -> None:
        self.row_class = row_class
        self.values = values
        self.key: int | None = None
        self._links = {name: value for name, value in values.items() if type(value) in LINKS}
        self.level = max((link.draft.level + 1 for link in self._links.values()), default=0)

    @property
    def draft(self) -> Draft:
        """Itself, as a `DraftKey` has its draft."""
        return self

    def __getattr__(self, name: str) -> Any:
        if name == "id":
            return self
        if name in self.values:
            return self.values[name]
        return _default(self.row_class, name)

    def stored_values(self) -> dict[str, Any]:
        """Return the columns with the ids of the drafts that they point at; those must be stored."""
        keys = {name: link.draft.key for name, link in self._links.items()}
        texts = {name: str(keys[name]) for name, link in self._links.items() if isinstance(link, DraftKey)}
        return {**self.values, **keys, **texts}


@dataclasses.dataclass(frozen=True, slots=True)
class DraftKey:
    """The id of a draft as text, for columns that hold the key of any kind of row."""

    draft: Draft


LINKS: Final = frozenset({Draft, DraftKey})


def _default(row_class: type[Row], name: str) -> object:
    for field in dataclasses.fields(row_class):
        if field.name == name and field.default is not dataclasses.MISSING:
            return field.default
        if field.name == name and field.default_factory is not dataclasses.MISSING:
            return field.default_factory()
    raise AttributeError(f"the factory of {row_class.table} gives no {name}")


DRAFTS: Final[ContextVar[list[Draft] | None]] = ContextVar("swe_db.factories.drafts", default=None)


@contextlib.contextmanager
def collecting() -> Iterator[list[Draft]]:
    """Let factories make drafts in this block, and yield the list that they go into, parents before children."""
    drafts: list[Draft] = []
    token = DRAFTS.set(drafts)
    try:
        yield drafts
    finally:
        DRAFTS.reset(token)


def collected() -> list[Draft] | None:
    """Return the list of the block that collects, None outside one."""
    return DRAFTS.get()


def key_text(row: Any) -> str | DraftKey | None:
    """Return the id of `row` as text, for columns that hold the key of any kind of row."""
    if row is None:
        return None
    return DraftKey(row) if isinstance(row, Draft) else str(row.id)


def point_at(table: Table, values: Mapping[str, Any], *, stored: bool) -> dict[str, Any]:
    """Return `values` with the row of each relation replaced by the column that points at it.

    Args:
        table: The table.
        values: Columns and relations.
        stored: Whether the related rows must be in the database, or about to be.

    Raises:
        FactoryError: A relation is no row of the right table, or is only built.
    """
    found = {name: value for name, value in values.items() if name not in table.relations}
    for name in table.relations.keys() & values.keys():
        if values[name] is not None:
            relation = table.relations[name]
            found[relation.column] = _key(table, relation, values[name], stored=stored)
    return found


def refuse_strangers(table: Table, given: Mapping[str, Any]) -> None:
    """Refuse what is no row of the table that a relation points at.

    Args:
        table: The table.
        given: Keywords; those that are no relation are not looked at.

    Raises:
        FactoryError: One is not.
    """
    for name in table.relations.keys() & given.keys():
        if given[name] is not None:
            _refuse_stranger(table, table.relations[name], given[name])


def _refuse_stranger(table: Table, relation: Relation, related: object) -> None:
    target = _table_of(related)
    if target != relation.target:
        found = f"a row of {target}" if target else f"of type {type(related).__qualname__}"
        raise FactoryError(
            f"{table.name}: {relation.name} must be a row of {relation.target} and is {found}; "
            f"an id is given as {relation.column}"
        )


def _key(table: Table, relation: Relation, related: object, *, stored: bool) -> object:
    _refuse_stranger(table, relation, related)
    key: Any = getattr(related, "id", None)
    if stored and not isinstance(key, Draft) and key < 0:
        raise FactoryError(
            f"{table.name}: the row given as {relation.name} is not in the database, only built: make it with create()"
        )
    return key


def _table_of(related: object) -> str | None:
    if isinstance(related, Row):
        return related.table
    return describe(related.row_class).name if isinstance(related, Draft) else None
