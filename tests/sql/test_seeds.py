"""The rows that every database begins with."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import psycopg
import pytest
from psycopg import Connection, sql
from psycopg.errors import UniqueViolation

from support.sql import apply_migrations, apply_seeds, run_file, run_sql, scalar, wait_until_blocked

SEEDED: Final = {"users": 5, "agents": 10, "projects": 5}
SEED_FILES: Final = ("seeds/01_users.sql", "seeds/02_agents.sql", "seeds/03_projects.sql")
AGENT_TYPES: Final = (
    "orchestrator",
    "architect",
    "planner",
    "codegen",
    "reviewer",
    "tester",
    "security",
    "deployer",
    "debugger",
    "documentation",
)
PROJECTS: Final = ["AI Engineering Platform", "MoE Router", "Frontend UI", "Agent Library", "Integration Hub"]


def tables(connection: Connection[Any]) -> list[str]:
    """Return the names of all tables but partitions."""
    query = """
    SELECT relname FROM pg_catalog.pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY relname
    """
    return [row[0] for row in connection.execute(query)]


def contents(url: str, columns: str = "to_jsonb(t)::text") -> dict[str, list[tuple[Any, ...]]]:
    """Return what all tables and sequences hold."""
    with psycopg.connect(url) as connection:
        select = "SELECT {columns} FROM public.{table} AS t ORDER BY 1"
        held = {
            name: connection.execute(
                sql.SQL(select).format(columns=sql.SQL(columns), table=sql.Identifier(name))
            ).fetchall()
            for name in tables(connection)
        }
        held["sequences"] = connection.execute(
            "SELECT schemaname, sequencename, last_value FROM pg_catalog.pg_sequences ORDER BY 1, 2"
        ).fetchall()
    return held


def test_nothing_else_is_seeded(seeded: Connection[Any]) -> None:
    """Users, agents and projects have rows, and no other table has any."""
    counts = {name: scalar(seeded, f"SELECT count(*) FROM public.{name}") for name in tables(seeded)}
    assert len(counts) == 13
    assert {name: count for name, count in counts.items() if count} == SEEDED


def test_people(seeded: Connection[Any]) -> None:
    """There are an admin, one service account, the orchestrator's, and three engineers of different levels."""
    roles = dict(seeded.execute("SELECT username, role FROM public.users").fetchall())
    levels = {row[0] for row in seeded.execute("SELECT metadata ->> 'level' FROM public.users")} - {None}
    assert [name for name, role in roles.items() if role == "admin"] == ["admin"]
    assert [name for name, role in roles.items() if role == "service"] == ["orchestrator"]
    assert len(levels) == 3


def test_agents(seeded: Connection[Any]) -> None:
    """There is one active agent of each type, complete with capabilities and configuration, and none has run."""
    rows = seeded.execute(
        "SELECT agent_type, slug, jsonb_array_length(capabilities) >= 5, status, total_executions, success_rate,"
        " configuration ?& ARRAY['model', 'tools', 'limits', 'behaviour'] FROM public.agents ORDER BY id"
    ).fetchall()
    assert rows == [(kind, kind, True, "active", 0, None, True) for kind in AGENT_TYPES]


def test_projects(seeded: Connection[Any]) -> None:
    """There are the platform's five projects, each with its repository on GitHub."""
    rows = seeded.execute(
        "SELECT name, repository_provider, github_full_name FROM public.projects ORDER BY id"
    ).fetchall()
    assert [row[0] for row in rows] == PROJECTS
    assert {(row[1], row[2].partition("/")[0]) for row in rows} == {("github", "swe-example")}


def test_the_service_account_may_be_deleted(seeded: Connection[Any]) -> None:
    """Nothing that is seeded holds on to the service account."""
    assert seeded.execute("DELETE FROM public.users WHERE role = 'service'").rowcount == 1


@pytest.mark.parametrize("table", SEEDED)
def test_times_are_fixed_and_past(seeded: Connection[Any], table: str) -> None:
    """Seeded rows were made at one fixed time, and never changed since."""
    query = f"SELECT DISTINCT created_at::date::text, created_at = updated_at FROM public.{table}"
    assert seeded.execute(query).fetchall() == [("2025-01-06", True)]


def test_more_runs_change_nothing(new_database: Callable[[], str]) -> None:
    """After three runs rows, row versions and sequences are those after the first."""
    url = new_database()
    apply_migrations(url)
    apply_seeds(url)
    versions = "external_id::text, xmin::text, ctid::text"
    with psycopg.connect(url) as connection:
        query = " UNION ALL ".join(f"SELECT '{name}', {versions} FROM public.{name}" for name in SEEDED)
        first = contents(url), connection.execute(query).fetchall()
        connection.commit()
        apply_seeds(url)
        apply_seeds(url)
        assert (contents(url), connection.execute(query).fetchall()) == first


def test_the_same_rows_in_every_database(new_database: Callable[[], str]) -> None:
    """Ids, external ids and times are the same in another database, whatever its session's settings."""
    urls = [new_database(), new_database()]
    for url in urls:
        apply_migrations(url)
    apply_seeds(urls[0])
    with psycopg.connect(urls[1]) as connection:
        run_sql(connection, "SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'SQL, DMY'; SET search_path = ''")
        for path in SEED_FILES:
            run_file(connection, path)
    assert contents(urls[0]) == contents(urls[1])


def test_changes_of_others_stay(seeded: Connection[Any]) -> None:
    """A seeded row that somebody changed or deleted softly is not reset by another run."""
    run_sql(seeded, "UPDATE public.users SET email = 'ada@swe.example', deleted_at = CURRENT_TIMESTAMP WHERE id = 1")
    run_sql(seeded, "UPDATE public.agents SET status = 'paused', slug = 'coder' WHERE slug = 'codegen'")
    for path in SEED_FILES:
        run_file(seeded, path)
    assert scalar(seeded, "SELECT email FROM public.users WHERE id = 1") == "ada@swe.example"
    assert scalar(seeded, "SELECT string_agg(slug, ' ') FROM public.agents WHERE status = 'paused'") == "coder"


def test_a_name_that_is_taken_is_an_error(seeded: Connection[Any]) -> None:
    """A seed whose name somebody else has taken is refused, not left out silently."""
    run_sql(seeded, "DELETE FROM public.users WHERE username = 'orchestrator'")
    run_sql(
        seeded,
        "INSERT INTO public.users (username, email, display_name) VALUES ('Orchestrator', 'o@swe.example', 'Other')",
    )
    with pytest.raises(UniqueViolation, match="users_username_living_key"):
        run_file(seeded, SEED_FILES[0])


def test_two_runs_at_once(new_database: Callable[[], str]) -> None:
    """A second run that overlaps with the first waits for it and adds nothing."""
    url = new_database()
    apply_migrations(url)
    with psycopg.connect(url) as first, ThreadPoolExecutor() as pool:
        for path in SEED_FILES:
            run_file(first, path)
        second = pool.submit(apply_seeds, url)
        wait_until_blocked(first, second)
        first.commit()
        second.result()
        assert {name: scalar(first, f"SELECT count(*) FROM public.{name}") for name in SEEDED} == SEEDED
