"""Each test finds the same pristine state, whatever the test before it left, and in whichever order they run."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest
import redis
from tracker import cache, reports, service

PROJECT = "frontend-ui"
PAIR = pytest.mark.parametrize("turn", ["one", "other"])


@PAIR
@pytest.mark.swe_db
def test_the_same_unique_row(turn: str) -> None:
    """Both tests commit a user of the same name, who gets the id after the last one: row and sequence are new."""
    with service.connect() as connection:
        [(last,)] = connection.execute("SELECT max(id) FROM users")
    assert service.add_user("zoe") == last + 1


@PAIR
def test_an_empty_redis(turn: str, swe_env: dict[str, str], swe_redis: redis.Redis) -> None:
    """Both tests find Redis empty and leave keys in it."""
    assert swe_redis.dbsize() == 0
    cache.progress(PROJECT)
    cache.progress(PROJECT)
    assert swe_redis.get("progress:hits") == b"1"


@PAIR
def test_the_engine_outlives_the_database(turn: str, swe_env: dict[str, str]) -> None:
    """The engine that was made at import serves both tests, each with the tasks of its own database."""
    assert reports.status_counts(PROJECT) == {}
    service.add_task(PROJECT, "Dark mode")
    assert reports.status_counts(PROJECT) == {"todo": 1}


@PAIR
def test_a_changed_schema(turn: str, swe_database: Any) -> None:
    """Both tests change the schema and the append-only audit trail."""
    with swe_database.connect() as connection:
        connection.execute("ALTER TABLE tasks ADD COLUMN colour text")
        connection.execute("CREATE TABLE boards (id int)")
        connection.execute(
            "INSERT INTO audit_logs (event_type, resource_type, resource_id) VALUES ('user.login', 'user', '1')"
        )
        assert connection.execute("SELECT count(*) FROM audit_logs").fetchone() == (1,)


@PAIR
def test_a_connection_left_open(turn: str, swe_db: psycopg.Connection[Any], swe_database: Any) -> None:
    """A transaction that both tests leave open with a lock on the row of the other harms neither."""
    left_open = swe_database.connect()
    left_open.execute("UPDATE projects SET name = 'Mine' WHERE slug = %s", (PROJECT,))
    assert swe_db.execute("SELECT count(*) FROM projects WHERE name = 'Mine'").fetchone() == (0,)


@PAIR
def test_a_thread_that_writes(turn: str, swe_env: dict[str, str]) -> None:
    """Both tests let a thread of the application commit the same user."""
    thread = threading.Thread(target=service.add_user, args=("zoe",))
    thread.start()
    thread.join()
    with pytest.raises(psycopg.errors.UniqueViolation):
        service.add_user("zoe")


def test_the_team_is_there(swe_db: psycopg.Connection[Any], team: list[str]) -> None:
    """What a session fixture loaded belongs to the pristine state."""
    query = "SELECT array_agg(username ORDER BY id) FROM users WHERE username = ANY(%s)"
    assert swe_db.execute(query, (team,)).fetchone() == (team,)
