"""Making an empty database with the encoding and the locale of another one."""

from __future__ import annotations

import dataclasses
from types import MappingProxyType
from typing import Final

from psycopg import sql

from swe_db.environment.copying import owner_clause
from swe_db.environment.maintenance import Maintenance
from swe_db.migrations.connections import execute

__all__ = ["Locale", "locale_of", "make_empty"]

PROVIDERS: Final = MappingProxyType({"c": "libc", "i": "icu", "b": "builtin"})
# Version 17 has renamed a column.
LOCALE: Final = """
SELECT pg_encoding_to_char(encoding), datcollate, datctype, datlocprovider,
    coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale', '')
FROM pg_database AS d WHERE datname = %(name)s
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Locale:
    """How the texts of a database are encoded, ordered and classified.

    Attributes:
        encoding: The encoding, `UTF8`.
        collate: The system's locale for the order.
        ctype: The system's locale for the classes of characters.
        provider: `libc`, `icu` or `builtin`.
        name: The locale of the provider, empty for `libc`.
    """

    encoding: str = "UTF8"
    collate: str = "C"
    ctype: str = "C"
    provider: str = "libc"
    name: str = ""


def locale_of(work: Maintenance, database: str) -> Locale:
    """Return the encoding and the locale of a database; of one that does not exist, those that swe-db gives."""
    for encoding, collate, ctype, provider, name in work.rows(LOCALE, name=database):
        return Locale(encoding, collate, ctype, PROVIDERS[provider], name)
    return Locale()


def make_empty(work: Maintenance, database: str, locale: Locale) -> None:
    """Make an empty database for the owner of the present one.

    Raises:
        psycopg.Error: The server refuses, for instance since it does not know the locale.
    """
    create = work.composed(f"CREATE DATABASE {{name}} TEMPLATE template0{owner_clause(work)}", name=database)
    given = {"ENCODING": locale.encoding, "LC_COLLATE": locale.collate, "LC_CTYPE": locale.ctype}
    if locale.provider != "libc":
        given |= {"LOCALE_PROVIDER": locale.provider, f"{locale.provider.upper()}_LOCALE": locale.name}
    literals = [f"{word} {sql.Literal(value).as_string(work.connection)}" for word, value in given.items()]
    execute(work.connection, " ".join([create, *literals]))
