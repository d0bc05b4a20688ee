"""What a Postgres server allows its user, and so how a test can be isolated there."""

from __future__ import annotations

import dataclasses
from typing import Final, Literal, LiteralString, TypeAlias

from swe_db.servers.address import PostgresAddress
from swe_db.servers.connect import connect

__all__ = ["Ability", "Kind", "ability_of"]

Kind: TypeAlias = Literal["reset", "clone", "rollback"]

RIGHTS: Final[LiteralString] = """
SELECT rolname, rolsuper, rolcreatedb, EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_walinspect')
FROM pg_roles WHERE rolname = current_user
"""


@dataclasses.dataclass(frozen=True)
class Ability:
    """The strongest isolation at hand.

    Attributes:
        kind: `reset`, `clone` or `rollback`.
        reason: Why it is not `reset`, and what would make it so; empty if it is.
    """

    kind: Kind
    reason: str = ""


def ability_of(address: PostgresAddress) -> Ability:
    """Ask a server what its user may do; nothing is made.

    Args:
        address: A database of the server.

    Raises:
        psycopg.Error: The server refuses the connection.
    """
    with connect(address, autocommit=True) as connection:
        ((role, is_superuser, may_create, has_reader),) = connection.execute(RIGHTS).fetchall()
    if is_superuser and has_reader:
        return Ability("reset")
    if is_superuser:
        return Ability("clone", "the server has no pg_walinspect: install its contrib package")
    if may_create:
        return Ability("clone", f"the user {role} is no superuser: ALTER ROLE {role} SUPERUSER")
    return Ability(
        "rollback",
        f"the user {role} may not create databases, so that what other connections commit stays: "
        f"ALTER ROLE {role} CREATEDB",
    )
