"""The queries of docs/queries.md: each answered from its indexes, bounded, paged, and without what is deleted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import dict_row

from benchmarks.capacity.plans import planned
from benchmarks.capacity.questions import Question, parameters, questions
from support.sql import apply_migrations, run_sql

TASKS: Final = 10_000
SETS: Final = 8  # of parameters, for each question
BLOCKS: Final = 1_000  # of 8 KiB; the largest tables have several times as many
QUESTIONS: Final = {question.name.partition("_")[2]: question for question in questions()}
# What a page is asked for with, by the column of the last row of the page before; the table and the rows of all pages.
PAGES: Final = {
    "comments_of_task": ({"after_id": "id"}, "task_comments", "task_id = %(task_id)s ORDER BY id"),
    "history_of_agent": (
        {"before": "created_at", "before_id": "id"},
        "agent_executions",
        "agent_id = %(agent_id)s ORDER BY created_at DESC, id DESC",
    ),
    "running_executions": (
        {"after": "queued_at", "after_id": "id"},
        "agent_executions",
        "status = 'running' ORDER BY queued_at, id",
    ),
    "unverified_evidence": (
        {"after": "collected_at", "after_id": "id"},
        "evidence",
        "verification_status = 'unverified' AND source_type = %(source_type)s ORDER BY collected_at, id",
    ),
    "audit_of_actor": (
        {"before": "created_at", "before_id": "id"},
        "audit_logs",
        """actor_user_id = %(user_id)s AND created_at >= %(since)s AND created_at < %(until)s
        ORDER BY created_at DESC, id DESC""",
    ),
    "feed_of_project": (
        {"before": "created_at", "before_id": "id"},
        "activity_feed",
        "project_id = %(project_id)s AND visibility <> 'private' ORDER BY created_at DESC, id DESC",
    ),
    "public_feed": (
        {"before": "created_at", "before_id": "id"},
        "activity_feed",
        "visibility = 'public' ORDER BY created_at DESC, id DESC",
    ),
}
BUSIEST: Final = {"task_id": 1, "agent_id": 1, "user_id": 1, "project_id": 1, "source_type": "metric"}
MONTH: Final = {"since": "2026-03-01 00:00+00", "until": "2026-04-01 00:00+00"}
FIRST: Final = {"before": MONTH["until"], "after": "-infinity", "before_id": 0, "after_id": 0}
# Of these nothing is left once everybody and everything is deleted.
OF_THE_LIVING: Final = {
    "login_by_email", "projects_by_tag", "board_of_project", "open_work_of_user", "tasks_by_label",
    "task_by_github_number", "page_of_task", "overdue_tasks_of_project", "throughput_of_project",
    "agents_by_capability", "history_of_agent", "feed_of_user", "public_feed",
}  # fmt: skip


# What the planner does of itself where tables are large; the benchmark at capacity shows that.
LARGE: Final = "SET random_page_cost = 1.1; SET enable_hashjoin = off; SET enable_mergejoin = off"


@pytest.fixture(scope="module")
def filled(module_url: str) -> Iterator[Connection[Any]]:
    """A database with the year's rows, vacuumed and with statistics, in UTC."""
    apply_migrations(module_url)
    with psycopg.connect(module_url, autocommit=True, options="-ctimezone=UTC") as connection:
        connection.execute(f"SET filling.tasks = {TASKS}".encode())
        with connection.transaction():
            run_sql(connection, Path(__file__).with_name("filling_queries.sql").read_text(encoding="utf-8"))
        run_sql(connection, "VACUUM ANALYZE")
        run_sql(connection, LARGE)
        yield connection


def answer(connection: Connection[Any], question: Question, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of a question."""
    return connection.cursor(row_factory=dict_row).execute(question.sql.encode(), values).fetchall()


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_is_answered_from_its_indexes(filled: Connection[Any], name: str) -> None:
    """No table is read from end to end, two months of the audit trail at most, and all indexes that the file names."""
    question = QUESTIONS[name]
    sets = parameters(filled, question, SETS)
    assert sets, "nothing to ask for"
    used: set[str] = set()
    for values in sets:
        plan = planned(filled, question.sql, values)
        used |= plan.indexes
        assert plan.faults == [], values
        assert plan.blocks <= BLOCKS, values
    for values in sets[:2]:  # what Postgres may do once the query is prepared, which is the same for all
        assert planned(filled, question.sql, values, generic=True).faults == [], values
    unused = question.index_names - used
    assert len(unused) <= question.indexes.count(" or "), unused


@pytest.mark.parametrize("generic", [False, True])
def test_a_plan_tells_what_is_wrong_with_it(filled: Connection[Any], generic: bool) -> None:
    """A table that is read from end to end and an audit trail without a period are found, whatever plans the query."""
    scan = planned(filled, "SELECT id FROM tasks WHERE title = %(title)s", {"title": "Task 7"}, generic=generic)
    assert scan.faults == ["reads tasks from end to end"]
    trail = "SELECT id FROM audit_logs WHERE request_id = %(request_id)s"
    everywhere = planned(filled, trail, {"request_id": "request-7"}, generic=generic)
    assert "reads 13 partitions" in everywhere.faults
    assert "audit_logs_request_id_idx" in everywhere.indexes


def test_the_files_name_indexes_that_exist(filled: Connection[Any]) -> None:
    """Each index that a question names is in the schema."""
    existing = {name for (name,) in filled.execute("SELECT relname FROM pg_class WHERE relkind IN ('i', 'I')")}
    assert set().union(*(question.index_names for question in QUESTIONS.values())) <= existing


def test_there_are_twenty_five() -> None:
    """There are as many questions as are promised, each with its parameters."""
    assert len(QUESTIONS) == 25


@pytest.mark.parametrize("name", PAGES)
def test_pages_hold_every_row_once(filled: Connection[Any], name: str) -> None:
    """Page after page gives the rows of all pages in their order, though many happened at the same time."""
    keys, table, condition = PAGES[name]
    values = BUSIEST | MONTH | FIRST | ({"before": "infinity"} if name != "audit_of_actor" else {})
    expected = [row[0] for row in filled.execute(f"SELECT id FROM {table} WHERE {condition}".encode(), values)]
    found: list[int] = []
    while page := answer(filled, QUESTIONS[name], values):
        found += [row["id"] for row in page]
        values |= {key: page[-1][column] for key, column in keys.items()}
    assert len(expected) > 50, "one page is no proof"
    assert found == expected


def test_the_deleted_are_left_out(filled: Connection[Any]) -> None:
    """Of what is asked for nothing is found any more once everybody and everything is deleted."""
    sets = {name: parameters(filled, QUESTIONS[name], SETS) for name in OF_THE_LIVING}
    assert [name for name in OF_THE_LIVING if not answers(filled, name, sets[name])] == []
    with filled.transaction(force_rollback=True):
        for table in ("users", "projects", "agents", "tasks"):
            run_sql(filled, f"UPDATE {table} SET deleted_at = GREATEST(created_at, now()) WHERE deleted_at IS NULL")
        assert [name for name in OF_THE_LIVING if answers(filled, name, sets[name])] == []
        counts = answers(filled, "task_counts_of_project", [BUSIEST])
    assert {row["tasks"] for row in counts} == {0}


def answers(connection: Connection[Any], name: str, sets: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of a question for several sets of parameters."""
    return [row for values in sets for row in answer(connection, QUESTIONS[name], values)]
