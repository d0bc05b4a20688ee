"""What factories of rows declare: values, related rows, and rows that belong to the new one.

Each works in factory-boy's machinery, beside its own declarations, and without it, where many rows are made at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from factory.declarations import BaseDeclaration, PostGenerationDeclaration, SubFactory

from swe_db.factories.draw import Draw, column_key
from swe_db.factories.scope import current_scope

if TYPE_CHECKING:
    from factory.builder import BuildStep, Resolver
    from factory.declarations import PostGenerationContext

__all__ = ["Children", "Related", "Value", "children", "related", "value"]

Make: TypeAlias = Callable[[Any, Draw], object]
When: TypeAlias = str | Callable[[Any], object]
Names: TypeAlias = tuple[str, ...]
Choice: TypeAlias = tuple[When | None, Names]


class Value(BaseDeclaration):
    """A column whose value is made from the row's other columns and from random values."""

    def __init__(self, make: Make) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.make = make
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def evaluate(self, instance: Resolver, step: BuildStep, extra: dict[str, Any]) -> Any:  # noqa: ARG002, D102
        key = column_key(step.builder.factory_meta.table.name, self.name)
        return self.make(instance, Draw(current_scope(), key, step.sequence, step.builder.extras))


class Related(SubFactory):
    """A relation whose row is made where neither it nor its id is given."""

    def __init__(self, factory: Any, column: str, choice: Choice, share: Names, **values: Any) -> None:
        super().__init__(factory, **values)  # type: ignore[no-untyped-call]
        when, unless = choice
        self._column = column
        self._unless = (*unless, *(f"{name}_id" for name in unless))
        self.trait = when if isinstance(when, str) else None
        self._when = when
        self._share = share

    @property
    def values(self) -> dict[str, Any]:
        """What the related row is made with."""
        return self._defaults

    def evaluate(self, instance: Resolver, step: BuildStep, extra: dict[str, Any]) -> Any:  # noqa: D102
        given = step.builder.extras
        if self.is_left_out(instance, given):
            return None
        self.get_factory()._meta.check(extra)  # type: ignore[no-untyped-call] # noqa: SLF001
        return super().evaluate(instance, step, {**self.shared(instance, given), **extra})  # type: ignore[no-untyped-call]

    def is_left_out(self, row: Any, given: dict[str, Any]) -> bool:
        """Tell whether no row is to be made: there is one, or none is wanted."""
        if self._column in given or any(given.get(name) is not None for name in self._unless):
            return True
        if self.trait is not None:
            return not getattr(row, self.trait)
        return callable(self._when) and not self._when(row)

    def shared(self, row: Any, given: dict[str, Any]) -> dict[str, Any]:
        """Return what the related row has in common with this one: rows, or the ids of rows where these are given."""
        ids = {f"{name}_id": given[f"{name}_id"] for name in self._share if f"{name}_id" in given}
        rows = {name: getattr(row, name, None) for name in self._share if f"{name}_id" not in ids}
        return {**ids, **{name: found for name, found in rows.items() if found is not None}}


class Children(PostGenerationDeclaration):
    """Rows of another table that point at the new one."""

    def __init__(self, relation: str, factory: Any, trait: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.relation = relation
        self.trait = trait
        self._wrapped = SubFactory(factory)  # type: ignore[no-untyped-call]

    @property
    def values(self) -> dict[str, Any]:
        """What these rows are made with."""
        return {}

    def get_factory(self) -> Any:
        """Return the factory of these rows."""
        return self._wrapped.get_factory()  # type: ignore[no-untyped-call]

    def call(self, instance: Any, step: BuildStep, context: PostGenerationContext) -> None:  # noqa: D102
        self.get_factory()._meta.check(context.extra)  # noqa: SLF001
        for _ in range(self.count(step.attributes, context.value)):
            step.recurse(self.get_factory(), {self.relation: instance, **context.extra})  # type: ignore[no-untyped-call]

    def count(self, traits: dict[str, Any], given: int | None) -> int:
        """Return how many there shall be: what is given, else two with the trait and none without."""
        if given is not None:
            return given
        return 2 if traits.get(self.trait) else 0


def value(make: Make) -> Any:
    """Declare a column whose value is made for each row.

    Args:
        make: Gets the row, with its other columns and relations as attributes, and a `Draw` for random values.
    """
    return Value(make)


def related(
    column: str, factory: Any, *, when: When | None = None, unless: Names = (), share: Names = (), **values: Any
) -> Any:
    """Declare a relation whose row is made where neither it nor its id is given.

    Args:
        column: The column that holds the id: `owner_id`.
        factory: The factory that makes the row, or its full name: `swe_db.factories.users.UserFactory`.
        when: The trait that asks for the row, or what tells of the row whether there is one; always, if not given.
        unless: Relations; where one of them or its id is given, there is none.
        share: Relations that both rows have: the new one gets those of this row.
        values: What the related row is made with.
    """
    return Related(factory, column, (when, unless), share, **values)


def children(relation: str, factory: Any, *, trait: str) -> Any:
    """Declare rows of another table that point at the new one: as many as the keyword says, two with the trait.

    Args:
        relation: The relation of those rows that the new one is given for.
        factory: Their factory, or its full name.
        trait: The trait that asks for them.
    """
    return Children(relation, factory, trait)
