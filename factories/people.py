"""Names of people, from Faker. A list of each locale is made once: Faker takes longer for a name than a row takes."""

from __future__ import annotations

import dataclasses
import functools
from typing import Final

from swe_db.errors import FactoryError

__all__ = ["Names", "Person", "people"]

NAMES: Final = 200


@dataclasses.dataclass(frozen=True, slots=True)
class Person:
    """A name.

    Attributes:
        first_name: As it is written.
        last_name: As it is written.
    """

    first_name: str
    last_name: str

    @property
    def name(self) -> str:
        """Both names."""
        return f"{self.first_name} {self.last_name}"


@dataclasses.dataclass(frozen=True, slots=True)
class Names:
    """The names of a locale."""

    first_names: tuple[str, ...]
    last_names: tuple[str, ...]


@functools.cache
def people(locale: str) -> Names:
    """Return the names of a Faker locale, always the same ones.

    Raises:
        FactoryError: Faker has no such locale.
    """
    from faker import Faker  # noqa: PLC0415 - only where people are made

    try:
        fake = Faker(locale, providers=["faker.providers.person"])
    except AttributeError:
        raise FactoryError(f"Faker has no locale {locale!r}; it has en_US, de_DE, ja_JP and others") from None
    fake.seed_instance(0)
    return Names(
        tuple(fake.first_name() for _ in range(NAMES)),
        tuple(fake.last_name() for _ in range(NAMES)),
    )
