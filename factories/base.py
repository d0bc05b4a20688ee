"""What all factories share: `build`, `create` and their variants, with types."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

import factory.random
from factory import enums
from factory.base import Factory, FactoryOptions, OptionDefault, StubObject

from swe_db.errors import FactoryError
from swe_db.factories.binding import bound_async_connection, bound_connection
from swe_db.factories.declarations import Children, value
from swe_db.factories.drafts import Draft, collected, collecting, point_at, refuse_strangers
from swe_db.factories.insert import save, save_async
from swe_db.factories.quick import Quick, is_plain, is_quick
from swe_db.factories.rows import KeyedRow, Row
from swe_db.factories.scope import current_scope
from swe_db.factories.tables import Table, checked, describe, refuse_ambiguous

if TYPE_CHECKING:
    from factory.builder import BuildStep

__all__ = ["BEGIN", "KeyedFactory", "RowFactory"]

R = TypeVar("R", bound=Row)
K = TypeVar("K", bound=KeyedRow)

# The clock stands still, so that the same test gets the same data on every day. A Monday.
BEGIN: Final = datetime(2026, 1, 5, 9, tzinfo=UTC)


class RowOptions(FactoryOptions):
    """What `class Meta` of a factory says, and how factory-boy gets its rows.

    Attributes:
        traits: The names of the traits, in groups of which a row has at most one.
        is_own: Whether it declares nothing that is factory-boy's own.
    """

    traits: tuple[tuple[str, ...], ...]

    def _build_default_options(self) -> list[OptionDefault]:
        options = super()._build_default_options()  # type: ignore[no-untyped-call]
        return [*options, OptionDefault("traits", ())]  # type: ignore[no-untyped-call]

    def contribute_to_class(
        self, factory: Any, meta: Any = None, base_meta: Any = None, base_factory: Any = None, params: Any = None
    ) -> None:
        """Make every trait a parameter that is False unless it is given."""
        own = {name: False for group in getattr(meta, "traits", ()) for name in group}
        params = type("Params", (), {**own, **(vars(params) if params else {})})
        super().contribute_to_class(factory, meta, base_meta, base_factory, params)  # type: ignore[no-untyped-call]
        self.traits = (*getattr(base_meta, "traits", ()), *self.traits)
        self.is_own = is_quick(self, {})

    @property
    def table(self) -> Table:
        """What is known of the table."""
        return describe(self.model)

    def can_collect(self) -> bool:
        """Tell whether rows can be stored together: hooks that run after a row is stored need it stored at once."""
        return all(isinstance(each, Children) for each in self.post_declarations.declarations.values())

    def next_sequence(self) -> int:
        """Return the number of the next row, which begins at 0 in every test."""
        scope = current_scope()
        number = scope.next_number(self.table.name)
        if not self.is_own:  # factory-boy's own random values come from one stream for all factories
            factory.random.reseed_random(f"{scope.content} {self.table.name} {number}")
        return number

    def check(self, given: dict[str, Any]) -> None:
        """Refuse keywords that cannot be right, before anything is made from them.

        Args:
            given: The keywords; what factory-boy has yet to evaluate is looked at later.

        Raises:
            FactoryError: A value has the wrong type, two traits exclude each other, or a relation is given twice.
        """
        for group in self.traits:
            chosen = [name for name in group if given.get(name)]
            if len(chosen) > 1:
                raise FactoryError(f"{self.factory.__name__}: {' and '.join(chosen)} exclude each other")
        refuse_ambiguous(self.table, given)
        known = {name: each for name, each in given.items() if is_plain(each)}
        refuse_strangers(self.table, known)
        checked(self.table, {name: each for name, each in known.items() if self._is_column(name)})

    def _is_column(self, name: str) -> bool:
        others = {*self.table.relations, *self.parameters, *self.post_declarations.declarations}
        return enums.SPLITTER not in name and name not in others

    def instantiate(self, step: BuildStep, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ARG002
        """Make the row of one step."""
        if step.builder.strategy == enums.STUB_STRATEGY:
            return self.stub(step.sequence, kwargs)
        if step.builder.strategy == enums.CREATE_STRATEGY:
            draft = self.draft(kwargs, step.builder.extras, stored=True)
            return save(bound_connection(self.factory.__name__), [draft], [draft])[0]
        drafts = collected()
        draft = self.draft(kwargs, step.builder.extras, stored=drafts is not None)
        if drafts is None:
            return self.built(draft, step.sequence)
        drafts.append(draft)
        return draft

    def draft(self, values: dict[str, Any], given: dict[str, Any], *, stored: bool) -> Draft:
        """Return the row with its relations as columns, and those of the right type.

        Args:
            values: Columns and relations.
            given: What the caller chose, whose types are looked at now that factory-boy has evaluated it.
            stored: Whether the related rows must be in the database, or about to be.

        Raises:
            FactoryError: A relation is no such row, or a value has the wrong type.
        """
        found = point_at(self.table, values, stored=stored)
        checked(self.table, {name: values[name] for name in given if self._is_column(name) and name in values})
        if stored:
            found = {name: value for name, value in found.items() if not self.is_generated(name)}
        return Draft(self.model, found)

    def is_generated(self, name: str) -> bool:
        """Tell whether PostgreSQL computes a column."""
        column = self.table.columns.get(name)
        return column is not None and column.is_generated

    def built(self, draft: Draft, number: int) -> Any:
        """Return the row that is not stored.

        Raises:
            FactoryError: There is no such column, or one has no value.
        """
        values = draft.values if "id" not in self.table.columns else {"id": -1 - number, **draft.values}
        unknown = sorted(values.keys() - self.table.columns.keys())
        if unknown:
            raise FactoryError(
                f"{self.factory.__name__}: the table {self.table.name} has no column or relation "
                f"{', '.join(unknown)}; its columns are {', '.join(self.table.columns)}"
            )
        try:
            return self.model(**{name: self._as_stored(name, value) for name, value in values.items()})
        except TypeError as error:
            raise FactoryError(f"{self.factory.__name__}.build(): {error}") from None

    def _as_stored(self, name: str, value: Any) -> Any:
        is_number = isinstance(value, int | float) and Decimal in self.table.columns[name].types
        return Decimal(str(value)) if is_number else value

    def stub(self, number: int, values: dict[str, Any]) -> StubObject:
        """Return an object that has the columns and the relations."""
        keys = {each.column: values[name].id for name, each in self.table.relations.items() if values.get(name)}
        columns = {name: value for name, value in values.items() if name not in self.table.relations} | keys
        filled = self.built(Draft(self.model, columns), number)
        return StubObject(**values | {name: getattr(filled, name) for name in self.table.columns})


class RowFactory(Factory[R]):
    """Makes rows of one table. Derive from it for a table of your own.

    A keyword is a column, a relation (`owner=user` stands for `owner_id=user.id`), a column of a related row
    (`project__name="Apollo"`) or a trait. `UserFactory(…)` is `UserFactory.create(…)`.
    """

    _options_class = RowOptions

    class Meta:
        abstract = True

    if TYPE_CHECKING:
        _meta: ClassVar[RowOptions]  # type: ignore[misc]

        def __new__(cls, **values: Any) -> R: ...  # type: ignore[misc] # noqa: D102

    @classmethod
    def _generate(cls, strategy: str, params: dict[str, Any]) -> R:
        if not cls._meta.abstract:
            cls._meta.check(params)
        return super()._generate(strategy, params)

    @classmethod
    def create(cls, **values: Any) -> R:
        """Insert one row through the bound connection and return it as it is stored.

        Args:
            values: Columns, relations and traits; what is left out gets a valid value.

        Raises:
            FactoryError: No connection is bound, a value is not acceptable, or PostgreSQL refuses the row.
        """
        bound_connection(cls.__name__)
        return super().create(**values)

    @classmethod
    def build(cls, **values: Any) -> R:
        """Return a row that is not in the database and whose id is below zero.

        Args:
            values: Columns, relations and traits; what is left out gets a valid value.

        Raises:
            FactoryError: There is no such column, or a value is not acceptable.
        """
        return super().build(**values)

    @classmethod
    def stub(cls, **values: Any) -> StubObject:
        """Return an object that has the columns of a built row, and its relations, as attributes.

        Args:
            values: Columns, relations and traits; what is left out gets a valid value.

        Raises:
            FactoryError: There is no such column, or a value is not acceptable.
        """
        stub: StubObject = super().stub(**values)  # type: ignore[no-untyped-call]
        return stub

    @classmethod
    def create_batch(cls, size: int, **values: Any) -> list[R]:
        """Insert so many rows, and those that they need, with one statement for each table.

        Args:
            size: How many.
            values: Columns, relations and traits of all of them.

        Returns:
            The rows as they are stored.

        Raises:
            FactoryError: No connection is bound, a value is not acceptable, or PostgreSQL refuses a row.
        """
        connection = bound_connection(cls.__name__)
        if not cls._meta.can_collect():
            return super().create_batch(size, **values)
        wanted, drafts = cls._collect(size, values)
        return save(connection, drafts, wanted)

    @classmethod
    async def create_async(cls, **values: Any) -> R:
        """Insert one row through the bound AsyncConnection; otherwise as `create`."""
        [row] = await cls.create_batch_async(1, **values)
        return row

    @classmethod
    async def create_batch_async(cls, size: int, **values: Any) -> list[R]:
        """Insert so many rows through the bound AsyncConnection; otherwise as `create_batch`."""
        connection = bound_async_connection(cls.__name__)
        if not cls._meta.can_collect():
            raise FactoryError(
                f"{cls.__name__} has hooks, which need a stored row at once: they work with create() only"
            )
        wanted, drafts = cls._collect(size, values)
        return await save_async(connection, drafts, wanted)

    @classmethod
    def _collect(cls, size: int, values: dict[str, Any]) -> tuple[list[Draft], list[Draft]]:
        """Return so many drafts, and all drafts with those that they need."""
        with collecting() as drafts:
            if is_quick(cls._meta, values):
                maker = Quick(cls._meta, values)
                wanted = [maker.make(drafts) for _ in range(size)]
            else:
                wanted = [super(RowFactory, cls).build(**values) for _ in range(size)]
        return wanted, drafts


class KeyedFactory(RowFactory[K]):
    """Makes rows of tables that have `external_id`, `created_at` and `updated_at`."""

    class Meta:
        abstract = True

    external_id = value(lambda row, draw: draw.uuid())
    created_at = value(lambda row, draw: draw.after(BEGIN, 0, 24 * 60))
    updated_at = value(lambda row, draw: row.created_at)
