"""Rows for Hypothesis, which is needed for nothing else here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from swe_db.errors import FactoryError
from swe_db.factories.base import RowFactory
from swe_db.factories.rows import Row
from swe_db.factories.scope import current_scope, seeded

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

__all__ = ["strategy"]

R = TypeVar("R", bound=Row)
SEEDS = 2**32


def strategy(factory: type[RowFactory[R]], **values: Any) -> SearchStrategy[R]:
    """Return a Hypothesis strategy of rows that `build` makes: every one is valid, with any traits that go together.

    Args:
        factory: The factory.
        values: Columns, relations and traits that all rows have.

    Raises:
        FactoryError: Hypothesis is not installed.
    """
    try:
        from hypothesis import strategies  # noqa: PLC0415 - only where property tests are
    except ImportError:
        raise FactoryError("strategy() makes strategies of Hypothesis: pip install hypothesis") from None
    groups = [group for group in factory._meta.traits if not values.keys() & set(group)]  # noqa: SLF001
    traits = strategies.tuples(*(strategies.sampled_from((None, *group)) for group in groups))

    def build(seed: int, chosen: tuple[str | None, ...]) -> R:
        with seeded(seed, locale=current_scope().locale):
            return factory.build(**dict.fromkeys(filter(None, chosen), True), **values)

    return strategies.builds(build, strategies.integers(0, SEEDS), traits)
