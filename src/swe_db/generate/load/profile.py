"""The profile of a data set that was loaded, from what the ledger knows of its parts."""

from __future__ import annotations

from typing import Final

from swe_db.errors import GenerateError
from swe_db.generate.load.ledger import read_run
from swe_db.generate.profile.page import profile_page
from swe_db.migrations.connections import Target, connection_name, execute, session

__all__ = ["profile_of_load"]

_STATS: Final = "SELECT stats FROM swe_load.parts"


def profile_of_load(target: Target) -> str:
    """Return the page about the data set that a database was filled with; it tells of the rows as they were loaded.

    Args:
        target: A URL, or an open connection outside a transaction.

    Raises:
        ConfigError: The URL is malformed, or names no host or no database.
        GenerateError: Nothing was loaded by `swe-db generate`.
        ServerError: The server cannot be reached.
    """
    with session(target, writes=False) as opened:
        run = read_run(opened.connection)
        if run is None:
            raise GenerateError(f"{connection_name(opened.connection)} was not filled by `swe-db generate`.")
        return profile_page(run.plan, [stats for (stats,) in execute(opened.connection, _STATS).fetchall()])
