"""What the database does by itself to evidence, and that chains stay free of cycles also between two transactions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

import psycopg
import pytest
from psycopg import Connection, IsolationLevel, errors

from support.sql import ROLES, apply_migrations, become, insert_base_rows, refusal, run_sql, scalar
from support.sql_cases import insert

LONG_AGO: Final = "'2020-01-01 00:00:00+00'"
CHANGES: Final = {
    "evidence": "tags = ARRAY['new']",
    "evidence_chains": "rationale = 'Because'",
    "activity_feed": "object_title = 'New'",
}
HISTORY: Final = """
    SELECT previous_score::float, new_score::float, score_change::float, reason, changed_by_user_id
    FROM public.evidence_credibility_history WHERE evidence_id = 1 ORDER BY id
"""
EDGE: Final = (
    "INSERT INTO public.evidence_chains (from_evidence_id, to_evidence_id, relation) VALUES (%s, %s, 'supports')"
)


@pytest.fixture
def database_url(new_database: Callable[[], str]) -> str:
    """A database with the schema and the rows that cases build on, for tests that commit."""
    url = new_database()
    apply_migrations(url)
    with psycopg.connect(url) as connection:
        insert_base_rows(connection)
    return url


@pytest.fixture
def writers(database_url: str) -> Iterator[tuple[Connection[Any], Connection[Any]]]:
    """Two connections to that database."""
    with psycopg.connect(database_url) as first, psycopg.connect(database_url) as second:
        yield first, second
        first.rollback()
        second.rollback()


@pytest.mark.parametrize("table", CHANGES)
def test_updated_at_follows_a_change(connection: Connection[Any], table: str) -> None:
    """An UPDATE that changes something sets updated_at, one that changes nothing leaves it alone."""
    run_sql(connection, insert(table, id="501", created_at=LONG_AGO, updated_at=LONG_AGO))
    run_sql(connection, f"UPDATE public.{table} SET created_at = created_at WHERE id = 501")
    assert scalar(connection, f"SELECT updated_at = {LONG_AGO} FROM public.{table} WHERE id = 501")
    run_sql(connection, f"UPDATE public.{table} SET {CHANGES[table]} WHERE id = 501")
    assert scalar(connection, f"SELECT updated_at = CURRENT_TIMESTAMP FROM public.{table} WHERE id = 501")


def test_every_change_of_a_score_goes_into_the_history(connection: Connection[Any]) -> None:
    """The history has each change with its reason and user, and nothing about other updates or equal scores."""
    run_sql(
        connection, "UPDATE public.evidence SET credibility_score = 0.8, credibility_reason = 'Tested' WHERE id = 1"
    )
    run_sql(connection, "UPDATE public.evidence SET title = 'Other', credibility_score = 0.80 WHERE id = 1")
    run_sql(connection, "SET LOCAL swe.user_id = '2'")
    run_sql(connection, "UPDATE public.evidence SET credibility_score = 0.3, credibility_reason = NULL WHERE id = 1")
    assert connection.execute(HISTORY.encode()).fetchall() == [
        (0.5, 0.8, 0.3, "Tested", None),
        (0.8, 0.3, -0.5, None, 2),
    ]


def test_history_is_written_whatever_the_search_path(connection: Connection[Any]) -> None:
    """A search_path with another table of the same name first does not lead the history astray."""
    run_sql(connection, "CREATE SCHEMA other; CREATE TABLE other.evidence_credibility_history (LIKE public.evidence)")
    run_sql(connection, "SET LOCAL search_path = other")
    run_sql(connection, "UPDATE public.evidence SET credibility_score = 0.8 WHERE id = 1")
    assert len(connection.execute(HISTORY.encode()).fetchall()) == 1


def test_a_user_who_changes_a_score_writes_history_only_so(connection: Connection[Any]) -> None:
    """Who may change a score need not have the right to write the history, and has not."""
    run_sql(connection, insert("evidence", id="501", collected_by_user_id="2"))
    become(connection, "swe_user", 2)
    run_sql(connection, "UPDATE public.evidence SET credibility_score = 0.8 WHERE id = 501")
    assert scalar(connection, "SELECT count(*) FROM public.evidence_credibility_history WHERE evidence_id = 501") == 1
    assert isinstance(refusal(connection, insert("evidence_credibility_history")), errors.InsufficientPrivilege)


@pytest.mark.parametrize("role", ROLES)
def test_nobody_writes_history_through_a_table_of_his_own(connection: Connection[Any], role: str) -> None:
    """No role can make the function that writes history a trigger of a temporary table."""
    become(connection, role, 2)
    run_sql(connection, "CREATE TEMPORARY TABLE own (id bigint, credibility_score numeric, credibility_reason text)")
    trigger = "CREATE TRIGGER forge AFTER UPDATE ON own FOR EACH ROW EXECUTE FUNCTION public.swe_record_credibility()"
    assert isinstance(refusal(connection, trigger), errors.InsufficientPrivilege)


def test_deleting_evidence_takes_history_and_edges_with_it(connection: Connection[Any]) -> None:
    """History and edges go with the evidence; the edges of others stay."""
    run_sql(connection, "UPDATE public.evidence SET credibility_score = 0.8")
    run_sql(connection, insert("evidence_chains") + insert("evidence_chains", from_evidence_id="2", to_evidence_id="3"))
    run_sql(connection, "DELETE FROM public.evidence WHERE id = 1")
    assert scalar(connection, "SELECT array_agg(evidence_id ORDER BY 1) FROM public.evidence_credibility_history") == [
        2,
        3,
    ]
    assert scalar(connection, "SELECT array_agg(from_evidence_id) FROM public.evidence_chains") == [2]


def test_evidence_outlives_what_it_concerns(connection: Connection[Any]) -> None:
    """Evidence stays when its project goes."""
    run_sql(connection, "DELETE FROM public.projects WHERE id = 1")
    assert scalar(connection, "SELECT count(*) FROM public.evidence WHERE project_id IS NULL") == 3


def test_a_cycle_counts_where_the_writer_cannot_see_it(connection: Connection[Any]) -> None:
    """An edge that closes a cycle over evidence hidden from its writer is refused."""
    run_sql(connection, "UPDATE public.projects SET visibility = 'private' WHERE id = 1")
    run_sql(connection, "UPDATE public.evidence SET collected_by_user_id = 2 WHERE id IN (1, 3)")
    run_sql(connection, insert("evidence_chains") + insert("evidence_chains", from_evidence_id="2", to_evidence_id="3"))
    become(connection, "swe_user", 2)
    assert scalar(connection, "SELECT array_agg(id ORDER BY id) FROM public.evidence") == [1, 3]
    back = insert("evidence_chains", from_evidence_id="3", to_evidence_id="1", created_by_user_id="2")
    error = refusal(connection, back)
    assert error is not None
    assert error.diag.constraint_name == "evidence_chains_acyclic"


def test_two_transactions_cannot_close_a_cycle_together(writers: tuple[Connection[Any], Connection[Any]]) -> None:
    """Of two transactions that add the two halves of a cycle the later one waits for the first, and fails."""
    first, second = writers
    first.execute(EDGE, (1, 2))
    failures: list[psycopg.Error] = []
    other = threading.Thread(target=add_edge, args=(second, 2, 1, failures))
    other.start()
    wait_for_lock(first, second.info.backend_pid)
    first.commit()
    other.join(timeout=30)
    assert [failure.diag.constraint_name for failure in failures] == ["evidence_chains_acyclic"]
    assert scalar(first, "SELECT count(*) FROM public.evidence_chains") == 1


def add_edge(connection: Connection[Any], start: int, end: int, failures: list[psycopg.Error]) -> None:
    """Add an edge and commit; put the error, if any, into `failures`."""
    try:
        connection.execute(EDGE, (start, end))
        connection.commit()
    except psycopg.Error as error:
        failures.append(error)


def wait_for_lock(connection: Connection[Any], pid: int) -> None:
    """Wait until the backend `pid` waits for an advisory lock; fail if it does not within seconds."""
    waits = "SELECT count(*) FROM pg_locks WHERE pid = %s AND locktype = 'advisory' AND NOT granted"
    for _ in range(3000):
        if scalar(connection, waits, pid):
            return
        threading.Event().wait(0.01)
    pytest.fail(f"backend {pid} does not wait for an advisory lock")


@pytest.mark.parametrize("level", [IsolationLevel.REPEATABLE_READ, IsolationLevel.SERIALIZABLE])
def test_edges_are_written_where_others_are_seen(
    writers: tuple[Connection[Any], Connection[Any]], level: IsolationLevel
) -> None:
    """A transaction with a snapshot of its own cannot see the other half of a cycle, so that it may write no edge."""
    first, _ = writers
    first.set_isolation_level(level)
    with pytest.raises(errors.FeatureNotSupported) as refused:
        first.execute(EDGE, (1, 2))
    assert refused.value.diag.constraint_name == "evidence_chains_serial"
    first.rollback()
    first.set_isolation_level(IsolationLevel.READ_COMMITTED)
    first.execute(EDGE, (1, 2))
