"""What evidence, its history and chains, the audit trail and the feed refuse, and what is like it and passes."""

from __future__ import annotations

from typing import Final

from support.sql import Case
from support.sql_cases import EARLIER, NOW, case, insert, json_object, keys, members, reference, twice

__all__ = ["CASES"]

HEX_64: Final = "repeat('0a', 32)"
UPPER_CASE: Final = "repeat('0A', 32)"
UNIQUE_VIOLATION: Final = "23505"

SOURCE_TYPES: Final = (
    "code commit pull_request issue code_review test_result benchmark static_analysis security_scan build_log "
    "runtime_log metric trace documentation specification research_paper web_page standard expert_opinion "
    "user_feedback incident_report dataset conversation agent_output"
)
VERIFIED: Final = {"verification_status": "'verified'", "verified_at": NOW}
ATTESTED: Final = {
    "attestation_type": "'sigstore'",
    "attestation_issuer": "'https://issuer.example'",
    "attestation_signature": "'c2lnbmF0dXJl'",
    "attested_at": NOW,
}
BOTH_VERIFIED: Final = {"verified_by_user_id": "1", "verified_by_agent_id": "1"}
BOTH_COLLECTED: Final = {"collected_by_user_id": "1", "collected_by_agent_id": "1"}


def score(table: str, column: str) -> list[Case]:
    """Compose the cases of a number from 0 to 1."""
    rule = f"{table}_{column}_check"
    return [
        case(table, rule, {column: "1.0001"}, {column: "1.0"}),
        case(table, rule, {column: "-0.0001"}, {column: "0.0"}),
    ]


def text_length(table: str, column: str, most: int) -> list[Case]:
    """Compose the cases of a text that is neither blank nor longer than `most`."""
    rule = f"{table}_{column}_check"
    return [
        case(table, rule, {column: "' '"}, {column: "' x '"}),
        case(table, rule, {column: f"repeat('x', {most + 1})"}, {column: f"repeat('x', {most})"}),
    ]


def key_length(table: str, column: str) -> list[Case]:
    """Compose the cases of a key of another system: any text of 1 to 255 characters."""
    rule = f"{table}_{column}_check"
    return [
        case(table, rule, {column: "''"}, {column: "'x'"}),
        case(table, rule, {column: "repeat('x', 256)"}, {column: "repeat('x', 255)"}),
    ]


EVIDENCE: Final = [
    *keys("evidence"),
    reference("evidence", "project_id"),
    reference("evidence", "task_id"),
    reference("evidence", "agent_execution_id"),
    reference("evidence", "collected_by_user_id"),
    reference("evidence", "collected_by_agent_id"),
    case(
        "evidence",
        "evidence_verified_by_user_id_fkey",
        VERIFIED | {"verified_by_user_id": "0"},
        VERIFIED | {"verified_by_user_id": "1"},
    ),
    case(
        "evidence",
        "evidence_verified_by_agent_id_fkey",
        VERIFIED | {"verified_by_agent_id": "0"},
        VERIFIED | {"verified_by_agent_id": "1"},
    ),
    *members("evidence", "source_type", SOURCE_TYPES),
    *text_length("evidence", "title", 500),
    *text_length("evidence", "source_name", 200),
    case("evidence", "evidence_content_sha256_check", {"content_sha256": UPPER_CASE}, {"content_sha256": HEX_64}),
    case(
        "evidence",
        "evidence_source_url_check",
        {"source_url": "'docs.example/a'"},
        {"source_url": "'https://docs.example/a'"},
    ),
    *score("evidence", "credibility_score"),
    *(
        case(
            "evidence",
            "evidence_verification_status_check",
            VERIFIED | {"verification_status": "'unknown'"},
            VERIFIED | {"verification_status": f"'{status}'"},
        )
        for status in ("verified", "disputed", "refuted")
    ),
    *members(
        "evidence",
        "verification_method",
        "manual_review peer_review automated_check reproduction cross_reference formal_proof",
    ),
    case("evidence", "evidence_verified_at_check", {"verification_status": "'verified'"}, VERIFIED),
    case("evidence", "evidence_verified_at_check", {"verified_at": NOW}, {}),
    case("evidence", "evidence_verified_after_collected_check", VERIFIED | {"verified_at": EARLIER}, VERIFIED),
    case("evidence", "evidence_verified_by_check", VERIFIED | BOTH_VERIFIED, VERIFIED | {"verified_by_user_id": "1"}),
    case("evidence", "evidence_verified_by_check", {"verified_by_agent_id": "1"}, {}),
    *(
        case(
            "evidence",
            "evidence_attestation_type_check",
            ATTESTED | {"attestation_type": "'unknown'"},
            ATTESTED | {"attestation_type": f"'{kind}'"},
        )
        for kind in ("signature", "in_toto", "slsa_provenance", "sigstore", "timestamp", "witness")
    ),
    *(case("evidence", "evidence_attestation_check", ATTESTED | {column: "NULL"}, ATTESTED) for column in ATTESTED),
    case("evidence", "evidence_attestation_check", {"attested_at": NOW}, {}),
    case("evidence", "evidence_collected_by_check", BOTH_COLLECTED, {"collected_by_agent_id": "1"}),
    case("evidence", "evidence_expires_at_check", {"expires_at": NOW}, {"expires_at": f"{NOW} + interval '1 day'"}),
    case("evidence", "evidence_tags_check", {"tags": "ARRAY['a', NULL]"}, {"tags": "ARRAY['a', 'b']"}),
    case("evidence", "evidence_tags_check", {"tags": "ARRAY['']"}, {"tags": "'{}'"}),
    json_object("evidence", "metadata"),
]

HISTORY: Final = [
    *keys("evidence_credibility_history"),
    reference("evidence_credibility_history", "evidence_id"),
    *score("evidence_credibility_history", "previous_score"),
    *score("evidence_credibility_history", "new_score"),
    case(
        "evidence_credibility_history",
        "evidence_credibility_history_score_change_check",
        {"new_score": "0.5"},
        {"new_score": "0.5001"},
    ),
    Case(
        "evidence_credibility_history",
        "evidence_credibility_history_immutable",
        "UPDATE public.evidence SET credibility_score = 0.9 WHERE id = 1;"
        "UPDATE public.evidence_credibility_history SET reason = 'Because' WHERE evidence_id = 1;",
        "UPDATE public.evidence SET credibility_score = 0.9, credibility_reason = 'Because' WHERE id = 1;",
    ),
    Case(
        "evidence_credibility_history",
        "evidence_credibility_history_immutable",
        "UPDATE public.evidence SET credibility_score = 0.9 WHERE id = 1;"
        "DELETE FROM public.evidence_credibility_history WHERE evidence_id = 1;",
        "UPDATE public.evidence SET credibility_score = 0.9 WHERE id = 1; DELETE FROM public.evidence WHERE id = 1;",
    ),
]

FIRST_EDGE: Final = insert("evidence_chains")
SECOND_EDGE: Final = insert("evidence_chains", from_evidence_id="2", to_evidence_id="3")
BACK: Final = {"from_evidence_id": "3", "to_evidence_id": "1"}
FORTH: Final = {"from_evidence_id": "1", "to_evidence_id": "3"}

CHAINS: Final = [
    *keys("evidence_chains", relation="'cites'"),
    twice("evidence_chains", "evidence_chains_edge_key", {}, {}, {"to_evidence_id": "3"}),
    twice("evidence_chains", "evidence_chains_edge_key", {}, {}, {"relation": "'refines'"}),
    case("evidence_chains", "evidence_chains_from_evidence_id_fkey", {"from_evidence_id": "0"}, {}),
    case("evidence_chains", "evidence_chains_to_evidence_id_fkey", {"to_evidence_id": "0"}, {}),
    reference("evidence_chains", "created_by_user_id"),
    reference("evidence_chains", "created_by_agent_id"),
    case("evidence_chains", "evidence_chains_self_check", {"to_evidence_id": "1"}, {"to_evidence_id": "3"}),
    *members("evidence_chains", "relation", "supports contradicts derives_from refines supersedes"),
    *members("evidence_chains", "relation", "duplicates cites explains"),
    *score("evidence_chains", "strength"),
    case(
        "evidence_chains",
        "evidence_chains_created_by_check",
        {"created_by_user_id": "1", "created_by_agent_id": "1"},
        {"created_by_user_id": "1"},
    ),
    json_object("evidence_chains", "metadata"),
    # Two edges make a cycle whatever their relations, and so do three.
    twice(
        "evidence_chains",
        "evidence_chains_acyclic",
        {},
        {"from_evidence_id": "2", "to_evidence_id": "1", "relation": "'contradicts'"},
        {"relation": "'contradicts'"},
    ),
    Case(
        "evidence_chains",
        "evidence_chains_acyclic",
        FIRST_EDGE + SECOND_EDGE + insert("evidence_chains", **BACK),
        FIRST_EDGE + SECOND_EDGE + insert("evidence_chains", **FORTH),
    ),
    # An edge that is moved is judged like a new one, a statement by what it leaves behind.
    Case(
        "evidence_chains",
        "evidence_chains_acyclic",
        FIRST_EDGE
        + SECOND_EDGE
        + insert("evidence_chains", **FORTH)
        + "UPDATE public.evidence_chains SET from_evidence_id = 3, to_evidence_id = 1 WHERE from_evidence_id = 1"
        " AND to_evidence_id = 3;",
        FIRST_EDGE
        + SECOND_EDGE
        + "UPDATE public.evidence_chains SET from_evidence_id = to_evidence_id, to_evidence_id = from_evidence_id;",
    ),
    Case(
        "evidence_chains",
        "evidence_chains_acyclic",
        "INSERT INTO public.evidence_chains (from_evidence_id, to_evidence_id, relation)"
        " VALUES (1, 2, 'supports'), (2, 3, 'supports'), (3, 1, 'supports');",
        "INSERT INTO public.evidence_chains (from_evidence_id, to_evidence_id, relation)"
        " VALUES (1, 2, 'supports'), (2, 3, 'supports'), (1, 3, 'supports');",
    ),
]

EVENT_TYPES: Final = (
    "user.created user.updated user.deleted user.restored user.suspended user.role_changed user.login "
    "user.login_failed user.logout user.password_changed project.created project.updated project.archived "
    "project.deleted project.restored project.owner_changed repository.connected repository.synchronized "
    "repository.disconnected task.created task.updated task.assigned task.unassigned task.status_changed "
    "task.priority_changed task.completed task.reopened task.deleted task.restored comment.created comment.updated "
    "comment.deleted attachment.created attachment.downloaded attachment.deleted pull_request.opened "
    "pull_request.reviewed pull_request.merged pull_request.closed agent.registered agent.updated agent.activated "
    "agent.deactivated agent.deleted execution.started execution.completed execution.failed execution.cancelled "
    "execution.timed_out evidence.created evidence.updated evidence.verified evidence.disputed evidence.linked "
    "evidence.credibility_changed evidence.deleted deployment.started deployment.succeeded deployment.failed "
    "deployment.rolled_back security.permission_denied security.token_created security.token_revoked "
    "security.secret_rotated security.scan_failed data.exported data.imported data.purged system.started "
    "system.stopped system.migrated system.configuration_changed"
)
SAME_EVENT: Final = {"id": "501", "external_id": "'00000000-0000-4000-8000-00000000abcd'"}
EVENT: Final = insert("audit_logs")


def same_event(rule: str, column: str) -> Case:
    """Compose the case of a key of the partitioned table, of which created_at is a part; a partition's index speaks."""
    same = {column: SAME_EVENT[column]}
    first = insert("audit_logs", **same)
    later = same | {"created_at": f"{NOW} + interval '1 second'"}
    return Case("audit_logs", rule, first * 2, first + insert("audit_logs", **later), UNIQUE_VIOLATION)


def untouchable(statement: str) -> Case:
    """Compose the case of a statement that would change the trail."""
    rule = "audit_logs_no_truncate" if statement.startswith("TRUNCATE") else "audit_logs_immutable"
    return Case("audit_logs", rule, f"{EVENT} {statement};", EVENT)


AUDIT_LOGS: Final = [
    same_event("audit_logs_pkey", "id"),
    same_event("audit_logs_external_id_key", "external_id"),
    *members("audit_logs", "event_type", EVENT_TYPES),
    *members("audit_logs", "severity", "debug info notice warning critical"),
    *members("audit_logs", "outcome", "success failure denied"),
    *text_length("audit_logs", "actor_name", 200),
    case("audit_logs", "audit_logs_resource_type_check", {"resource_type": "'Task'"}, {"resource_type": "'task_2'"}),
    case("audit_logs", "audit_logs_resource_type_check", {"resource_type": "''"}, {"resource_type": "'t'"}),
    *key_length("audit_logs", "resource_id"),
    *key_length("audit_logs", "request_id"),
    *key_length("audit_logs", "session_id"),
    json_object("audit_logs", "old_values"),
    json_object("audit_logs", "new_values"),
    json_object("audit_logs", "context"),
    untouchable("UPDATE public.audit_logs SET message = 'Nothing happened'"),
    untouchable("UPDATE public.audit_logs_default SET message = 'Nothing happened'"),
    untouchable("DELETE FROM public.audit_logs"),
    untouchable("DELETE FROM public.audit_logs_default"),
    untouchable("TRUNCATE public.audit_logs"),
    untouchable("TRUNCATE public.audit_logs_default"),
]

VERBS: Final = (
    "created updated deleted restored assigned unassigned started completed failed reopened closed commented "
    "mentioned attached opened reviewed approved merged deployed rolled_back released verified disputed archived"
)
OBJECT_TYPES: Final = (
    "project repository task comment attachment pull_request agent execution evidence deployment release user"
)

ACTIVITY_FEED: Final = [
    *keys("activity_feed"),
    reference("activity_feed", "project_id"),
    reference("activity_feed", "task_id"),
    reference("activity_feed", "actor_user_id"),
    reference("activity_feed", "actor_agent_id"),
    case(
        "activity_feed",
        "activity_feed_actor_check",
        {"actor_user_id": "1", "actor_agent_id": "1"},
        {"actor_agent_id": "1"},
    ),
    *text_length("activity_feed", "actor_name", 200),
    *members("activity_feed", "verb", VERBS),
    *(
        case(
            "activity_feed",
            "activity_feed_object_type_check",
            {"object_type": "'unknown'", "object_id": "'1'"},
            {"object_type": f"'{kind}'", "object_id": "'1'"},
        )
        for kind in OBJECT_TYPES.split()
    ),
    *key_length("activity_feed", "object_id"),
    case("activity_feed", "activity_feed_object_check", {"object_type": "'task'"}, {"object_type": "'project'"}),
    *text_length("activity_feed", "object_title", 500),
    *members("activity_feed", "visibility", "private project public"),
    json_object("activity_feed", "payload"),
]

CASES: Final = [*EVIDENCE, *HISTORY, *CHAINS, *AUDIT_LOGS, *ACTIVITY_FEED]
