"""Databases that cannot be filled, and loads that are there already."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from support.backends import own_backend
from support.loads import Steps, catalogue, content
from support.migrations import database_name, login, rows
from swe_db.errors import GenerateError, ProtectedDatabaseError, TargetError
from swe_db.generate.load.loading import generate
from swe_db.generate.load.space import estimate
from swe_db.generate.plan import Plan
from swe_db.migrations.marker import mark

NewDatabase = Callable[[], str]
SMALL = Plan.of("small")
OWN = """
INSERT INTO schema_migrations (version, name, checksum) VALUES (1000, '1000_own.sql', repeat('0', 64));
ALTER TABLE tasks ADD estimate bigint CONSTRAINT tasks_estimate_key UNIQUE DEFERRABLE INITIALLY DEFERRED;
CREATE INDEX tasks_own_idx ON tasks (lower(title)) INCLUDE (id) WITH (fillfactor = 70) WHERE id > 3;
ALTER TABLE tasks ADD CONSTRAINT tasks_self_fkey FOREIGN KEY (estimate) REFERENCES tasks (id) NOT VALID;
ALTER TABLE projects REPLICA IDENTITY USING INDEX projects_external_id_key;
ALTER TABLE task_comments CLUSTER ON task_comments_external_id_key;
ALTER TABLE evidence_chains ENABLE ALWAYS TRIGGER evidence_chains_serial;
CREATE TABLE own (task bigint, comment bigint, FOREIGN KEY (task, comment) REFERENCES task_comments (task_id, id));
"""
LEDGERS = "SELECT count(*) FROM pg_namespace WHERE nspname = 'swe_load'"


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "INSERT INTO users (username, email, display_name) VALUES ('zoe', 'zoe@swe.example', 'Zoë')",
            ["is not empty", "users: 6 rows, where the seeds are 5", "--reset", "Seeds of your own"],
        ),
        ("INSERT INTO tasks (project_id, title) VALUES (1, 'One')", ["tasks: 1 rows\n"]),
        ("DELETE FROM projects WHERE id = 5", ["projects of", "ids 1 to 5", "swe-db seed", "--reset"]),
        (
            "DELETE FROM agents WHERE id = 10; INSERT INTO agents (name, slug, agent_type) VALUES ('A', 'a', 'tester')",
            ["agents of", "ids 1 to 10"],
        ),
        ("UPDATE schema_migrations SET checksum = repeat('0', 64) WHERE version = 1", ["was edited", "swe-db migrate"]),
        ("DELETE FROM schema_migrations WHERE version > 1", ["is not applied", "swe-db migrate"]),
    ],
)
def test_a_database_that_is_not_as_after_setup_is_refused(target: str, statement: str, said: list[str]) -> None:
    """The error says what is there and what to do, and nothing has changed."""
    rows(target, statement)
    before = content(target)
    with pytest.raises(TargetError) as error:
        generate(target, SMALL)
    assert [words for words in [*said, "Nothing was changed"] if words not in str(error.value)] == []
    assert content(target) == before
    assert rows(target, LEDGERS) == [(0,)]


def test_a_database_without_schema_is_refused(new_database: NewDatabase) -> None:
    """Where nothing was migrated, the error says which files are not applied."""
    with pytest.raises(TargetError, match=r"001_initial_schema\.sql is not applied"):
        generate(new_database(), SMALL)


def test_only_the_owner_loads(target: str) -> None:
    """A user who does not own the tables is told so before anything is done."""
    with login(target) as (name, url):
        rows(target, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}")
        with pytest.raises(TargetError, match=rf"User {name} does not own activity_feed, agent_executions"):
            generate(url, SMALL)


def test_what_a_project_has_added_stays(target: str) -> None:
    """Constraints and indexes of a project's own come back as they were, and its rows go with a reset."""
    rows(target, OWN)
    before = catalogue(target)
    assert generate(target, SMALL, indexes="rebuild", jobs=1).finished
    assert [row for row in catalogue(target) if "audit_logs" not in str(row)] == [
        row for row in before if "audit_logs" not in str(row)
    ]
    rows(target, "INSERT INTO own SELECT task_id, id FROM task_comments ORDER BY id LIMIT 3")
    assert generate(target, SMALL, reset=True, yes_destroy=database_name(target), jobs=1).finished
    assert rows(target, "SELECT count(*) FROM own") == [(0,)]


def test_a_load_that_is_there_is_joined_or_refused(target: str) -> None:
    """A finished load is found by --resume, with or without a plan; any other plan, and no flag, are errors."""
    assert generate(target, resume=True, jobs=1).rows["tasks"] == 1_000
    again = generate(target, SMALL, resume=True)
    assert (again.finished, again.loaded, again.rows["audit_logs"]) == (True, 0, 10_000)
    assert [(again.found,)] == rows(target, "SELECT finished_at FROM swe_load.run")
    with pytest.raises(TargetError, match=r"is loaded already: 1,000 tasks.*seed 42.*--reset"):
        generate(target, SMALL)
    with pytest.raises(
        TargetError, match=r"holds another load: 1,000 tasks.*seed 42.*07-01\. `swe-db generate --reset`"
    ):
        generate(target, Plan.of("small", seed=7), resume=True)
    rows(target, "UPDATE swe_load.run SET phase = 'loading'")
    with pytest.raises(TargetError, match=r"holds another load: 1,000 tasks.*--resume` alone"):
        generate(target, Plan.of("small", seed=7), resume=True)
    with pytest.raises(TargetError, match=r"begun at 2.*not finished.*--resume"):
        generate(target, SMALL)
    rows(target, "UPDATE swe_load.run SET migrations = 'others'")
    with pytest.raises(TargetError, match=r"was migrated after its load began"):
        generate(target, SMALL, resume=True)
    rows(target, "UPDATE swe_load.run SET generator_version = 0")
    with pytest.raises(TargetError, match=r"by version 0 of the generator"):
        generate(target, SMALL, resume=True)


def test_rows_that_came_or_went_are_found(target: str) -> None:
    """A load is finished only if its rows are all there, and tasks are what the audit trail says of them."""
    generate(target, SMALL, jobs=1)
    rows(target, "DELETE FROM evidence_chains WHERE id = 3; UPDATE tasks SET title = 'Other' WHERE id = 17")
    rows(target, "UPDATE swe_load.run SET phase = 'finishing'")
    with pytest.raises(GenerateError) as error:
        generate(target, resume=True)
    assert "evidence_chains: 189 rows instead of 190" in str(error.value)
    assert "tasks: 17 are not what the audit trail says" in str(error.value)


def test_a_finished_load_is_left_to_the_application(target: str) -> None:
    """Once it is finished, rows may come and change: it is found as it was loaded, and nothing is counted again."""
    first = generate(target, SMALL, jobs=1)
    rows(target, "INSERT INTO tasks (project_id, title) VALUES (1, 'Mine'); UPDATE tasks SET title = 'O' WHERE id = 17")
    steps = Steps()
    again = generate(target, SMALL, resume=True, on_progress=steps)
    assert (again.finished, again.loaded, again.rows) == (True, 0, first.rows)
    assert (first.found, again.found is None, steps.doing) == (None, False, [])


def test_a_reset_applies_seeds_of_ones_own(target: str, tmp_path: Path) -> None:
    """Own tables that refer to those of swe-db are emptied with them, and filled from the seeds that are named."""
    rows(
        target, "CREATE TABLE points (number bigint, by bigint REFERENCES users (id)); INSERT INTO points VALUES (7, 1)"
    )
    (tmp_path / "100_points.sql").write_text("INSERT INTO points VALUES (1, 2), (2, 3);\n")
    name = database_name(target)
    assert generate(target, SMALL, reset=True, seeds=[tmp_path], yes_destroy=name, jobs=1).finished
    assert rows(target, "SELECT number FROM points ORDER BY number") == [(1,), (2,)]


def test_what_fails_at_first_has_changed_nothing(target: str) -> None:
    """Where PostgreSQL refuses the preparations, the error does not speak of what is committed."""
    rows(target, "CREATE SCHEMA swe_load")
    with pytest.raises(GenerateError, match=r"already exists .*\n(?s:.*)Nothing was changed: run again when"):
        generate(target, SMALL)


def test_only_a_database_of_ours_is_emptied(target: str) -> None:
    """Without the comment that swe-db leaves, or the database's name typed out, nothing is removed."""
    rows(target, "INSERT INTO tasks (project_id, title) VALUES (1, 'One')")
    with pytest.raises(ProtectedDatabaseError, match="--yes-destroy"):
        generate(target, SMALL, reset=True)
    assert rows(target, "SELECT count(*) FROM tasks") == [(1,)]
    with psycopg.connect(target, autocommit=True) as connection:
        mark(connection)
    assert generate(target, SMALL, reset=True, jobs=1).finished
    for statement in ("TRUNCATE audit_logs_default", "TRUNCATE audit_logs", "DELETE FROM audit_logs"):
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
            rows(target, statement)


@pytest.mark.skipif(own_backend() == "docker", reason="the disk of a container cannot be seen from here")
def test_what_does_not_fit_on_the_disk_is_refused(target: str) -> None:
    """A load that is larger than the disk is not begun, and the error says how large it is."""
    huge = Plan.of("capacity", rows={"tasks": 1 << 29, "audit_logs": 1 << 29})
    with pytest.raises(GenerateError, match=r"has .* left .*, and this needs about .* TiB: rows .*--no-space-check"):
        generate(target, huge)
    assert rows(target, LEDGERS) == [(0,)]


def test_the_estimate_grows_with_the_rows() -> None:
    """Ten times the rows take ten times the room and the time, but no more of the server's log than it keeps."""
    company, capacity = (estimate(Plan.of(scale), 1 << 30) for scale in ("company", "capacity"))
    assert (capacity.tables, capacity.indexes) == (10 * company.tables, 10 * company.indexes)
    assert capacity.seconds[0] == pytest.approx(10 * company.seconds[0], rel=0.1)
    assert company.log < capacity.log == 1 << 30
