"""The digest of a day that docs/auditors.md describes: it stays, unless an event was changed, added or taken away."""

from __future__ import annotations

from typing import Any, Final

import pytest
from psycopg import Connection

from support.pages import blocks_of
from support.readme import README

AUDITORS: Final = README.parent / "docs" / "auditors.md"
(SEAL,) = [block.text for block in blocks_of(AUDITORS) if " AS seal" in block.text]
SETTING, QUERY = (f"{part};" for part in SEAL.strip().rstrip(";").split(";"))
ADD: Final = (
    "INSERT INTO audit_logs (event_type, resource_type, resource_id, created_at)"
    " SELECT 'task.updated', 'task', n::text, date_trunc('day', now(), 'UTC') - interval '30 hours'"
    " FROM generate_series(1, 3) AS n"
)
UNGUARDED: Final = "ALTER TABLE audit_logs_default DISABLE TRIGGER audit_logs_immutable"


@pytest.fixture
def sealed(connection: Connection[Any]) -> Connection[Any]:
    """A trail with three events of the day before yesterday."""
    connection.execute(ADD)
    return connection


def seal(connection: Connection[Any]) -> list[tuple[Any, ...]]:
    """Return the day, its number of events and its seal."""
    connection.execute(SETTING.encode())
    return connection.execute(QUERY.encode()).fetchall()


def test_a_seal_stays(sealed: Connection[Any]) -> None:
    """Neither later events, nor a new column, nor another time zone of the session, nor a partition change it."""
    before = seal(sealed)
    assert [count for _, count, _ in before] == [3]
    sealed.execute("INSERT INTO audit_logs (event_type, resource_type, resource_id) VALUES ('user.login', 'user', '1')")
    sealed.execute("ALTER TABLE audit_logs ADD COLUMN region text")
    sealed.execute("SET timezone = 'Asia/Kolkata'")
    sealed.execute("SELECT swe_create_audit_partitions((now() - interval '2 months')::date, 3)")
    assert seal(sealed) == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_logs SET actor_name = 'Somebody else' WHERE resource_id = '2'",
        "UPDATE audit_logs SET new_values = '{\"a\": 1}' WHERE resource_id = '2'",
        "DELETE FROM audit_logs WHERE resource_id = '2'",
        ADD,
    ],
)
def test_a_seal_is_broken(sealed: Connection[Any], statement: str) -> None:
    """An administrator who takes the guard away and changes, removes or adds an event of that day is found out."""
    before = seal(sealed)
    sealed.execute(UNGUARDED)
    sealed.execute(statement.encode())
    assert seal(sealed) != before
