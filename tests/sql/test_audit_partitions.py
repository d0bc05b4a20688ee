"""The months of the audit trail: made ahead or after the fact, guarded like the rest, taken out for archives."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

import psycopg
import pytest
from psycopg import Connection, errors

from support.sql import ROLES, apply_migrations, become, refusal, run_sql, scalar
from support.sql_cases import insert

CREATE: Final = "SELECT public.swe_create_audit_partitions(%s, %s)"
DETACH: Final = "SELECT public.swe_detach_audit_partition('2026-03-10')"
EDGES: Final = {
    "2026-02-28 23:59:59.999999+00": "audit_logs_default",
    "2026-03-01 00:00:00+00": "audit_logs_2026_03",
    "2026-03-31 23:59:59.999999+00": "audit_logs_2026_03",
    "2026-04-01 00:00:00+00": "audit_logs_default",
}
PLACES: Final = "SELECT created_at AT TIME ZONE 'UTC' || '+00', tableoid::regclass::text FROM public.audit_logs"
PARTITIONS: Final = """
    SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'public.audit_logs'::regclass ORDER BY 1
"""
# Everything about a partition except its name and its bounds.
STRUCTURE: Final = """
    SELECT 'column', field.attname, format_type(field.atttypid, field.atttypmod), field.attnotnull,
      field.attgenerated::text, pg_get_expr(given.adbin, given.adrelid)
    FROM pg_attribute AS field LEFT JOIN pg_attrdef AS given ON given.adrelid = attrelid AND given.adnum = field.attnum
    WHERE attrelid = %(table)s::regclass AND field.attnum > 0
    UNION ALL
    SELECT 'constraint', CASE contype WHEN 'c' THEN conname::text ELSE contype::text END, pg_get_constraintdef(oid),
      NULL, NULL, NULL
    FROM pg_constraint WHERE conrelid = %(table)s::regclass
    UNION ALL
    SELECT 'trigger', tgname, tgtype::text, NULL, tgenabled::text, tgfoid::regproc::text
    FROM pg_trigger WHERE tgrelid = %(table)s::regclass
    UNION ALL
    SELECT 'index', inhparent::regclass::text, NULL, indisvalid, NULL, NULL
    FROM pg_index JOIN pg_inherits ON inhrelid = indexrelid WHERE indrelid = %(table)s::regclass
    UNION ALL
    SELECT 'table', NULL, NULL, relrowsecurity, relreplident::text, relacl::text
    FROM pg_class WHERE oid = %(table)s::regclass
"""


def made(connection: Connection[Any], first_month: str, months: int) -> list[str]:
    """Make partitions and return the names that the function gives."""
    return [name for (name,) in connection.execute(CREATE, (first_month, months)).fetchall()]


def partitions(connection: Connection[Any]) -> list[str]:
    """Return the names of the partitions."""
    return [name for (name,) in connection.execute(PARTITIONS.encode()).fetchall()]


def structure(connection: Connection[Any], table: str) -> set[tuple[Any, ...]]:
    """Return what a partition is made of."""
    return set(connection.execute(STRUCTURE.encode(), {"table": f"public.{table}"}).fetchall())


def contents(connection: Connection[Any]) -> list[tuple[Any, ...]]:
    """Return the rows of the whole trail."""
    return connection.execute("SELECT * FROM public.audit_logs ORDER BY id").fetchall()


def fill(connection: Connection[Any]) -> None:
    """Add events on both sides of both ends of March 2026, with every column set."""
    for moment in EDGES:
        run_sql(
            connection,
            insert(
                "audit_logs",
                created_at=f"'{moment}'",
                severity="'notice'",
                outcome="'denied'",
                actor_user_id="1",
                actor_agent_id="2",
                actor_name="'Coder'",
                project_id="1",
                message="'Moved'",
                old_values="""'{"status": "todo"}'""",
                new_values="""'{"status": "done"}'""",
                ip_address="'192.0.2.1'",
                user_agent="'swe/1'",
                request_id="'r1'",
                session_id="'s1'",
                context="""'{"reason": "test"}'""",
            ),
        )


def test_a_new_database_has_only_default(connection: Connection[Any]) -> None:
    """The migrations make no month, since a prepared database grows old."""
    assert partitions(connection) == ["audit_logs_default"]


def test_months_are_made_from_that_of_the_day_on(connection: Connection[Any]) -> None:
    """The function makes so many months across the year's end, and names those that were missing."""
    assert made(connection, "2026-12-31", 1) == ["audit_logs_2026_12"]
    assert made(connection, "2026-11-15", 3) == ["audit_logs_2026_11", "audit_logs_2027_01"]
    assert made(connection, "2026-11-01", 3) == []
    names = ["audit_logs_2026_11", "audit_logs_2026_12", "audit_logs_2027_01", "audit_logs_default"]
    assert partitions(connection) == names


def test_without_arguments_a_year_from_now_is_made(connection: Connection[Any]) -> None:
    """Twelve months, of which the first takes what happens now."""
    names = [name for (name,) in connection.execute("SELECT public.swe_create_audit_partitions()").fetchall()]
    assert len(names) == 12
    run_sql(connection, insert("audit_logs"))
    assert scalar(connection, "SELECT tableoid::regclass::text FROM public.audit_logs") == names[0]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/Los_Angeles"])
def test_what_default_holds_for_a_month_moves(connection: Connection[Any], zone: str) -> None:
    """Rows move as they are, those of the month (UTC) and no others, whatever the session's time zone."""
    fill(connection)
    before = contents(connection)
    run_sql(connection, f"SET LOCAL timezone = '{zone}'")
    assert made(connection, "2026-03-01", 1) == ["audit_logs_2026_03"]
    run_sql(connection, "SET LOCAL timezone = 'UTC'")
    assert contents(connection) == before
    assert dict(connection.execute(PLACES.encode()).fetchall()) == EDGES


def test_later_events_of_the_month_go_to_it(connection: Connection[Any]) -> None:
    """A row inserted through the parent is in the month, with the next number of the same sequence."""
    fill(connection)
    made(connection, "2026-03-01", 1)
    run_sql(connection, insert("audit_logs", created_at="'2026-03-15'", message="'Later'"))
    row = connection.execute(
        "SELECT id, (SELECT max(id) FROM public.audit_logs WHERE message = 'Moved') FROM public.audit_logs_2026_03"
        " WHERE message = 'Later'"
    ).fetchone()
    assert row is not None
    assert row[0] == row[1] + 1


def test_months_are_made_like_default(connection: Connection[Any]) -> None:
    """Columns, constraints, indexes, guards, row security and grants of a month are those of DEFAULT."""
    made(connection, "2026-03-01", 1)
    default = structure(connection, "audit_logs_default")
    assert {row[4] for row in default if row[0] == "trigger"} == {"A"}
    assert structure(connection, "audit_logs_2026_03") == default


def test_default_keeps_its_guard_when_rows_have_moved(connection: Connection[Any]) -> None:
    """After a move DEFAULT is what it was before it."""
    fill(connection)
    before = structure(connection, "audit_logs_default")
    made(connection, "2026-03-01", 1)
    assert structure(connection, "audit_logs_default") == before


@pytest.mark.parametrize(
    ("first_month", "months"),
    [(None, 1), ("2026-03-01", None), ("2026-03-01", 0), ("2026-03-01", 241), ("infinity", 1), ("1999-12-31", 1)],
)
def test_impossible_months_are_refused(
    connection: Connection[Any], first_month: str | None, months: int | None
) -> None:
    """A month that is none, or a number of months that cannot be meant, is an error that says what may be."""
    with pytest.raises(errors.InvalidParameterValue, match="1 to 240"):
        connection.execute(CREATE, (first_month, months))


def test_a_stranger_of_the_same_name_is_not_touched(connection: Connection[Any]) -> None:
    """A table that only has the name of a month is an error, not taken for it."""
    run_sql(connection, "CREATE TABLE public.audit_logs_2026_03 (id bigint)")
    with pytest.raises(errors.DuplicateTable, match="no partition of audit_logs"):
        made(connection, "2026-03-01", 1)


def test_another_search_path_changes_nothing(connection: Connection[Any]) -> None:
    """The functions find their own tables where the session's search_path leads to others of the same names."""
    run_sql(connection, "CREATE SCHEMA other; CREATE TABLE other.audit_logs (); CREATE TABLE other.pg_inherits ()")
    run_sql(connection, "SET LOCAL search_path = other, pg_catalog")
    assert made(connection, "2026-03-01", 1) == ["audit_logs_2026_03"]
    assert scalar(connection, DETACH) == "audit_logs_2026_03"


@pytest.mark.parametrize("role", ROLES)
def test_machinery_and_admins_make_months(connection: Connection[Any], role: str) -> None:
    """swe_admin and swe_service make months without owning anything, the other two may not."""
    become(connection, role, 2)
    error = refusal(connection, "SELECT public.swe_create_audit_partitions('2026-03-01', 1)")
    assert (error is None) is (role in {"swe_admin", "swe_service"})
    assert isinstance(error, errors.InsufficientPrivilege) is (role in {"swe_manager", "swe_user"})


@pytest.mark.parametrize("role", ROLES)
def test_only_the_owner_takes_months_out(connection: Connection[Any], role: str) -> None:
    """No role of the platform detaches a month."""
    made(connection, "2026-03-01", 1)
    become(connection, role, 2)
    assert isinstance(refusal(connection, DETACH), errors.InsufficientPrivilege)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "function",
    [
        "swe_detach_audit_partition(date)",
        "swe_guard_audit_partition(regclass)",
        "swe_has_audit_partition(text)",
        "swe_make_audit_partition(text, timestamptz, timestamptz)",
    ],
)
def test_other_functions_of_the_trail_are_closed(connection: Connection[Any], role: str, function: str) -> None:
    """No role of the platform may call the functions that are for the owner."""
    assert not scalar(connection, "SELECT has_function_privilege(%s, %s, 'EXECUTE')", role, f"public.{function}")


def test_a_month_is_taken_out_with_its_events(connection: Connection[Any]) -> None:
    """The trail no longer has the events of the month, its table has them all."""
    fill(connection)
    made(connection, "2026-03-01", 1)
    assert scalar(connection, DETACH) == "audit_logs_2026_03"
    assert partitions(connection) == ["audit_logs_default"]
    assert scalar(connection, "SELECT count(*) FROM public.audit_logs") == 2
    assert scalar(connection, "SELECT count(*) FROM public.audit_logs_2026_03") == 2


@pytest.mark.parametrize("replication_role", ["origin", "replica"])
def test_a_month_taken_out_stays_read_only(connection: Connection[Any], replication_role: str) -> None:
    """The detached table refuses changes like a part of the trail, and can be dropped."""
    fill(connection)
    made(connection, "2026-03-01", 1)
    connection.execute(DETACH)
    run_sql(connection, f"SET LOCAL session_replication_role = {replication_role}")
    for statement in ("UPDATE {} SET message = NULL", "DELETE FROM {}", "TRUNCATE {}"):
        error = refusal(connection, statement.format("public.audit_logs_2026_03"))
        assert isinstance(error, errors.IntegrityConstraintViolation)
    assert refusal(connection, "DROP TABLE public.audit_logs_2026_03") is None


def test_a_month_taken_out_is_not_made_again_over_it(connection: Connection[Any]) -> None:
    """While the detached table is there the month is not made anew; attached again it belongs to the trail."""
    fill(connection)
    made(connection, "2026-03-01", 1)
    before = contents(connection)
    connection.execute(DETACH)
    assert isinstance(
        refusal(connection, "SELECT public.swe_create_audit_partitions('2026-03-01', 1)"), errors.DuplicateTable
    )
    run_sql(connection, "DROP TRIGGER audit_logs_immutable ON public.audit_logs_2026_03")
    run_sql(
        connection,
        "ALTER TABLE public.audit_logs ATTACH PARTITION public.audit_logs_2026_03"
        " FOR VALUES FROM ('2026-03-01 00:00:00+00') TO ('2026-04-01 00:00:00+00')",
    )
    assert contents(connection) == before
    assert structure(connection, "audit_logs_2026_03") == structure(connection, "audit_logs_default")


@pytest.mark.parametrize("month", ["2026-03-01", None])
def test_a_month_that_is_not_there_is_not_taken_out(connection: Connection[Any], month: str | None) -> None:
    """The error names the month and says where its events are."""
    with pytest.raises(errors.UndefinedTable, match="audit_logs_default"):
        connection.execute("SELECT public.swe_detach_audit_partition(%s)", (month,))


def test_a_partition_made_by_hand_can_be_guarded(connection: Connection[Any]) -> None:
    """A partition made without the functions lacks the guard against TRUNCATE until it is given it."""
    run_sql(
        connection,
        "CREATE TABLE public.audit_logs_by_hand PARTITION OF public.audit_logs"
        " FOR VALUES FROM ('2026-03-01 00:00:00+00') TO ('2026-04-01 00:00:00+00')",
    )
    assert refusal(connection, "TRUNCATE public.audit_logs_by_hand") is None
    run_sql(connection, "SELECT public.swe_guard_audit_partition('public.audit_logs_by_hand')")
    assert structure(connection, "audit_logs_by_hand") == structure(connection, "audit_logs_default")


def test_sessions_make_the_same_month_at_once(new_database: Callable[[], str]) -> None:
    """The second session waits for the first, finds the month made, and an event in between is in the month."""
    url = new_database()
    apply_migrations(url)
    results: list[list[str]] = []
    with psycopg.connect(url) as writer, psycopg.connect(url) as first, psycopg.connect(url) as second:
        run_sql(writer, insert("audit_logs", created_at="'2026-03-15'"))
        threads = [threading.Thread(target=make_month, args=(other, results)) for other in (first, second)]
        try:
            for thread, other in zip(threads, (first, second), strict=True):
                thread.start()
                wait_for_lock(writer, other.info.backend_pid)
        finally:
            writer.commit()
            for thread in threads:
                thread.join(timeout=30)
        assert sorted(results) == [[], ["audit_logs_2026_03"]]
        assert scalar(writer, "SELECT tableoid::regclass::text FROM public.audit_logs") == "audit_logs_2026_03"


def make_month(connection: Connection[Any], results: list[list[str]]) -> None:
    """Make March 2026 and commit; put what was made into `results`."""
    results.append(made(connection, "2026-03-01", 1))
    connection.commit()


def wait_for_lock(connection: Connection[Any], pid: int) -> None:
    """Wait until the backend `pid` waits for a lock on a table; fail if it does not within seconds."""
    waits = "SELECT count(*) FROM pg_locks WHERE pid = %s AND locktype = 'relation' AND NOT granted"
    for _ in range(3000):
        if scalar(connection, waits, pid):
            return
        threading.Event().wait(0.01)
    pytest.fail(f"backend {pid} does not wait for a lock")
