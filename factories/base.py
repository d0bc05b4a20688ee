"""What all factories share: `create` and `build` with types, relations, and the one INSERT."""

# ruff: noqa: ANN401 - a keyword takes the value of any column

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from factory.base import Factory
from factory.declarations import Maybe, SelfAttribute, Sequence, SubFactory
from psycopg import sql
from psycopg.rows import dict_row

from swe_db.errors import FactoryError
from swe_db.factories.binding import bound_connection
from swe_db.factories.columns import adapted, columns, describe, row
from swe_db.factories.rows import Row

__all__ = ["RowFactory", "related", "sequence"]

R = TypeVar("R", bound=Row)

BUILT_AT: Final = datetime(2026, 1, 5, 9, tzinfo=UTC)


def sequence(make: Callable[[int], object]) -> Any:
    """Declare a column whose value is made from a number that no other row of this factory gets in this process."""
    return Sequence(make)  # type: ignore[no-untyped-call]


def related(column: str, factory: str) -> Any:
    """Declare a relation whose row is made where neither it nor its id is given.

    Args:
        column: The column that holds the id: `owner_id`.
        factory: The factory that makes the row: `users.UserFactory`.
    """
    given = SelfAttribute(column, default=None)  # type: ignore[no-untyped-call]
    made = SubFactory(f"swe_db.factories.{factory}")  # type: ignore[no-untyped-call]
    return Maybe(given, yes_declaration=None, no_declaration=made)  # type: ignore[no-untyped-call]


class RowFactory(Factory[R]):
    """Makes rows of one table.

    A keyword is a column or a relation: `owner=user` stands for `owner_id=user.id`. `UserFactory(…)` is
    `UserFactory.create(…)`.
    """

    class Meta:
        abstract = True

    sequence_number = sequence(int)

    if TYPE_CHECKING:

        def __new__(cls, **values: Any) -> R: ...  # type: ignore[misc] # noqa: D102

    @classmethod
    def create(cls, **values: Any) -> R:
        """Insert one row through the bound connection and return it as it is stored.

        Args:
            values: Columns and relations; what is left out gets a valid value.

        Raises:
            FactoryError: No connection is bound, or a relation is not a stored row of the right table.
            psycopg.Error: PostgreSQL refuses the row.
        """
        return super().create(**values)

    @classmethod
    def build(cls, **values: Any) -> R:
        """Return a row that is not in the database and whose id is below zero.

        Args:
            values: Columns and relations; what is left out gets a valid value.

        Raises:
            FactoryError: There is no such column, or a relation is not a row of the right table.
        """
        return super().build(**values)

    @classmethod
    def _build(cls, model_class: type[R], *, sequence_number: int, **values: Any) -> R:
        table = describe(model_class)
        found = columns(table, values, stored=False)
        unknown = sorted(found.keys() - table.columns)
        if unknown:
            raise FactoryError(
                f"{cls.__name__}: the table {table.name} has no column or relation {', '.join(unknown)}; its columns "
                f"are {', '.join(sorted(table.columns))}"
            )
        return model_class(**{**_filled_by_postgres(table.name, sequence_number), **found})

    @classmethod
    def _create(cls, model_class: type[R], *, sequence_number: int, **values: Any) -> R:  # noqa: ARG003
        connection = bound_connection(cls.__name__)
        table = describe(model_class)
        found = columns(table, values, stored=True)
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING *").format(
            sql.Identifier(table.name),
            sql.SQL(", ").join(map(sql.Identifier, found)),
            sql.SQL(", ").join(map(sql.Placeholder, found)),
        )
        with connection.cursor(row_factory=dict_row) as cursor:
            [stored] = cursor.execute(statement, adapted(table, found))
        return row(model_class, stored)


def _filled_by_postgres(table: str, number: int) -> dict[str, Any]:
    return {
        "id": -1 - number,
        "external_id": uuid.uuid5(uuid.NAMESPACE_OID, f"{table} {number}"),
        "created_at": BUILT_AT,
        "updated_at": BUILT_AT,
    }
