"""The audit trail only grows, whoever asks and wherever; who sees and adds what, in the trail and in the feed."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest
from psycopg import Connection, errors

from support.sql import ROLES, become, refusal, run_sql, scalar
from support.sql_cases import insert

RELATIONS: Final = ("audit_logs", "audit_logs_default", "audit_logs_2026_03")
EVENT: Final = insert("audit_logs")
SPOILING: Final = {
    "UPDATE": "UPDATE public.{0} SET message = 'Nothing happened'",
    "DELETE": "DELETE FROM public.{0}",
    "TRUNCATE": "TRUNCATE public.{0}",
    "TRUNCATE CASCADE": "TRUNCATE public.{0} CASCADE",
    "MERGE": "MERGE INTO public.{0} AS old USING (VALUES (1)) AS new (one) ON true WHEN MATCHED THEN DELETE",
    "ON CONFLICT": """
    INSERT INTO public.{0} (id, event_type, resource_type, resource_id, created_at) OVERRIDING SYSTEM VALUE
    SELECT id, event_type, resource_type, resource_id, created_at FROM public.{0}
    ON CONFLICT (id, created_at) DO UPDATE SET message = 'Nothing happened'
    """,
}
ALL_ENTRIES: Final = {(1, "private"), (1, "project"), (1, "public"), (2, "private"), (2, "project"), (2, "public")}
READERS: Final[dict[str, set[int | None]]] = {
    "swe_admin": {1, 2, None},
    "swe_manager": {1, 2, None},
    "swe_service": {1, 2, None},
    "swe_user": {2},
}


@pytest.fixture
def trail(connection: Connection[Any]) -> Connection[Any]:
    """A database with a month of its own, and events of user 1, of user 2 and of nobody in it and in DEFAULT."""
    run_sql(connection, "SELECT public.swe_create_audit_partitions('2026-03-01', 1)")
    for user in ("1", "2", "NULL"):
        run_sql(connection, insert("audit_logs", actor_user_id=user))
        run_sql(connection, insert("audit_logs", actor_user_id=user, created_at="'2026-03-15 12:00:00+00'"))
    return connection


@pytest.mark.parametrize("replication_role", ["origin", "replica", "local"])
@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("kind", SPOILING)
def test_nothing_is_changed_or_taken_away(
    trail: Connection[Any], relation: str, kind: str, replication_role: str
) -> None:
    """The superuser can neither change, delete nor truncate, not in a partition and not as a replica either."""
    run_sql(trail, f"SET LOCAL session_replication_role = {replication_role}")
    error = refusal(trail, SPOILING[kind].format(relation))
    assert isinstance(error, errors.IntegrityConstraintViolation)
    assert error.diag.constraint_name in {"audit_logs_immutable", "audit_logs_no_truncate"}
    assert "only grows" in str(error)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("kind", ["UPDATE", "DELETE", "TRUNCATE"])
def test_no_role_has_the_right_to_change_it(trail: Connection[Any], relation: str, kind: str, role: str) -> None:
    """Each role lacks the privilege already, before any guard."""
    become(trail, role, 2)
    assert isinstance(refusal(trail, SPOILING[kind].format(relation)), errors.InsufficientPrivilege)


@pytest.mark.parametrize("role", ROLES)
def test_a_privilege_given_later_opens_nothing(trail: Connection[Any], role: str) -> None:
    """A role that somebody grants everything still meets the guard, or has no row that it may touch."""
    run_sql(trail, f"GRANT ALL ON public.audit_logs TO {role}")
    before = scalar(trail, "SELECT count(*) FROM public.audit_logs WHERE message IS NULL")
    become(trail, role, 2)
    error = refusal(trail, "TRUNCATE public.audit_logs")
    assert isinstance(error, errors.IntegrityConstraintViolation)
    run_sql(trail, "UPDATE public.audit_logs SET message = 'Nothing happened'")
    run_sql(trail, "DELETE FROM public.audit_logs")
    run_sql(trail, "RESET ROLE")
    assert scalar(trail, "SELECT count(*) FROM public.audit_logs WHERE message IS NULL") == before


@pytest.mark.parametrize("statement", ["TRUNCATE public.users CASCADE", "DELETE FROM public.users WHERE id = 2"])
def test_the_trail_outlives_what_it_describes(trail: Connection[Any], statement: str) -> None:
    """The events of a user stay when the user goes, even by the broadest statement there is."""
    run_sql(trail, statement)
    assert scalar(trail, "SELECT count(*) FROM public.audit_logs WHERE actor_user_id = 2") == 2


def test_an_event_needs_three_values(connection: Connection[Any]) -> None:
    """Type and resource are enough; category and actor follow, and updated_at is created_at."""
    run_sql(connection, EVENT)
    row = connection.execute(
        "SELECT event_category, severity, outcome, actor_type, context, updated_at = created_at FROM public.audit_logs"
    ).fetchone()
    assert row == ("task", "info", "success", "system", {}, True)


@pytest.mark.parametrize(
    ("values", "actor"),
    [
        ({"actor_user_id": "1"}, ("user", 1, None)),
        ({"actor_agent_id": "2"}, ("agent", None, 2)),
        ({"actor_user_id": "1", "actor_agent_id": "2"}, ("agent", 1, 2)),
    ],
)
def test_the_kind_of_actor_follows_from_who_it_is(
    connection: Connection[Any], values: dict[str, str], actor: tuple[str, int | None, int | None]
) -> None:
    """An agent is the actor also where it works for a user."""
    run_sql(connection, insert("audit_logs", **values))
    found = connection.execute("SELECT actor_type, actor_user_id, actor_agent_id FROM public.audit_logs").fetchone()
    assert found == actor


def test_the_user_of_the_session_is_the_actor(connection: Connection[Any]) -> None:
    """An event without an actor is that of swe.user_id."""
    run_sql(connection, "SET LOCAL swe.user_id = '2'")
    run_sql(connection, EVENT)
    assert scalar(connection, "SELECT actor_user_id FROM public.audit_logs") == 2


def test_there_are_35_event_types_or_more(connection: Connection[Any]) -> None:
    """The closed set has at least 35 members, in at least eight categories."""
    rule = scalar(
        connection,
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'audit_logs_event_type_check'"
        " AND conrelid = 'public.audit_logs'::regclass",
    )
    types = re.findall(r"'([a-z_]+)\.([a-z_]+)'", rule)
    assert len(set(types)) >= 35
    assert len({category for category, _ in types}) >= 8


@pytest.mark.parametrize("role", ROLES)
def test_who_reads_which_events(trail: Connection[Any], role: str) -> None:
    """Users read what they did themselves, in every partition; the other roles read all."""
    become(trail, role, 2)
    rows = trail.execute("SELECT actor_user_id, count(*) FROM public.audit_logs GROUP BY 1").fetchall()
    assert dict(rows) == dict.fromkeys(READERS[role], 2)


def test_nobody_known_reads_no_event(trail: Connection[Any]) -> None:
    """A user's session that does not say who it is sees nothing."""
    become(trail, "swe_user")
    assert scalar(trail, "SELECT count(*) FROM public.audit_logs") == 0


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("relation", RELATIONS[1:])
def test_partitions_are_closed(trail: Connection[Any], role: str, relation: str) -> None:
    """No role goes past the parent's policies to a partition, and a grant by mistake shows no row of it."""
    run_sql(trail, f"SAVEPOINT closed; SET LOCAL ROLE {role}")
    assert isinstance(refusal(trail, f"SELECT FROM public.{relation}"), errors.InsufficientPrivilege)
    run_sql(trail, f"ROLLBACK TO closed; GRANT SELECT ON public.{relation} TO {role}; SET LOCAL ROLE {role}")
    assert scalar(trail, f"SELECT count(*) FROM public.{relation}") == 0


@pytest.mark.parametrize("role", ROLES)
def test_every_role_adds_events_in_its_own_name(connection: Connection[Any], role: str) -> None:
    """The shortest event passes and is that of the session's user."""
    become(connection, role, 2)
    run_sql(connection, EVENT)
    assert scalar(connection, "SELECT actor_user_id FROM public.audit_logs") == 2


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("other", [{"actor_user_id": "1"}, {"actor_user_id": "2", "actor_agent_id": "1"}])
def test_only_machinery_and_admins_add_events_of_others(
    connection: Connection[Any], role: str, other: dict[str, str]
) -> None:
    """Users and managers cannot put a deed down to somebody else, nor to an agent."""
    become(connection, role, 2)
    error = refusal(connection, insert("audit_logs", **other))
    assert isinstance(error, errors.InsufficientPrivilege) is (role in {"swe_user", "swe_manager"})
    assert (error is None) is (role in {"swe_admin", "swe_service"})


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("values", [{"created_at": "'2020-01-01'"}, {"id": "1"}])
def test_no_role_chooses_the_time(connection: Connection[Any], role: str, values: dict[str, str]) -> None:
    """Events can be neither back-dated nor given a number."""
    become(connection, role, 2)
    assert isinstance(refusal(connection, insert("audit_logs", **values)), errors.InsufficientPrivilege)


@pytest.fixture
def feed(connection: Connection[Any]) -> Connection[Any]:
    """A feed with an entry of each visibility by user 1, in its private project 1 and in project 2 for all."""
    run_sql(connection, "UPDATE public.projects SET visibility = 'private' WHERE id = 1")
    for project in ("1", "2"):
        for visibility in ("private", "project", "public"):
            values = {"project_id": project, "visibility": f"'{visibility}'", "actor_user_id": "1"}
            run_sql(connection, insert("activity_feed", **values))
    return connection


@pytest.mark.parametrize(
    ("role", "user_id", "seen"),
    [
        ("swe_admin", 2, ALL_ENTRIES),
        ("swe_manager", 2, ALL_ENTRIES),
        ("swe_service", 2, ALL_ENTRIES),
        ("swe_user", 1, ALL_ENTRIES),
        ("swe_user", 2, {(1, "public"), (2, "project"), (2, "public")}),
        ("swe_user", None, {(1, "public"), (2, "public")}),
    ],
)
def test_who_reads_which_entries(
    feed: Connection[Any], role: str, user_id: int | None, seen: set[tuple[int, str]]
) -> None:
    """Users read what is public, what is in projects they may see, and their own; the other roles read all."""
    become(feed, role, user_id)
    assert set(feed.execute("SELECT project_id, visibility FROM public.activity_feed").fetchall()) == seen


@pytest.mark.parametrize(
    "values",
    [{"actor_user_id": "1", "project_id": "2"}, {"project_id": "2"}, {"actor_user_id": "2", "project_id": "1"}],
)
def test_users_add_entries_in_their_own_name_where_they_see_the_project(
    feed: Connection[Any], values: dict[str, str]
) -> None:
    """A user adds no entry of somebody else, of nobody, or in a project it cannot see, but its own elsewhere."""
    become(feed, "swe_user", 2)
    assert isinstance(refusal(feed, insert("activity_feed", **values)), errors.InsufficientPrivilege)
    assert refusal(feed, insert("activity_feed", actor_user_id="2", project_id="2")) is None


@pytest.mark.parametrize("role", ROLES)
def test_only_admins_rewrite_the_feed(feed: Connection[Any], role: str) -> None:
    """The other roles have neither UPDATE nor DELETE on the feed."""
    become(feed, role, 1)
    for statement in ("UPDATE public.activity_feed SET payload = '{}'", "DELETE FROM public.activity_feed"):
        assert (refusal(feed, statement) is None) is (role == "swe_admin")


def test_the_feed_goes_with_its_project_and_not_with_its_actor(connection: Connection[Any]) -> None:
    """Entries are deleted with the project, and lose an actor or task that is deleted."""
    run_sql(connection, insert("activity_feed", actor_user_id="2", task_id="1"))
    run_sql(connection, insert("activity_feed", actor_agent_id="2", task_id="1"))
    run_sql(connection, "DELETE FROM public.users WHERE id = 2")
    run_sql(connection, "DELETE FROM public.agents WHERE id = 2; DELETE FROM public.tasks WHERE id = 1")
    left = "SELECT count(*) FROM public.activity_feed WHERE num_nonnulls(actor_user_id, actor_agent_id, task_id) = 0"
    assert scalar(connection, left) == 2
    run_sql(connection, "DELETE FROM public.projects WHERE id = 1")
    assert scalar(connection, "SELECT count(*) FROM public.activity_feed") == 0
