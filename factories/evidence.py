"""Evidence, how its credibility changed, and how one piece leads to another."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Any, Final

from swe_db.factories.base import KeyedFactory
from swe_db.factories.content import chosen, latest
from swe_db.factories.declarations import related, value
from swe_db.factories.draw import Draw
from swe_db.factories.evidence_words import SOURCES, Source
from swe_db.factories.rows import Evidence, EvidenceChain, EvidenceCredibilityHistory

__all__ = ["EvidenceChainFactory", "EvidenceCredibilityHistoryFactory", "EvidenceFactory"]

RELATIONS: Final = (
    "supports", "contradicts", "derives_from", "refines", "supersedes", "duplicates", "cites", "explains",
)  # fmt: skip
FINDINGS: Final = {
    "verified": "Found it again independently, with the same result.",
    "disputed": "A second run gave another result; both are kept.",
    "refuted": "The number came from a warm cache; it does not hold.",
}
RATIONALES: Final = {
    "supports": "Both measure the same and agree.",
    "contradicts": "They cannot both be true of one version.",
    "derives_from": "It was computed from the other's numbers.",
    "refines": "It says the same, for one endpoint.",
    "supersedes": "It is newer and measured on the same host.",
    "duplicates": "It is the same run, reported twice.",
    "cites": "It names the other as its source.",
    "explains": "It is the cause of what the other shows.",
}


def _source(row: Any) -> Source:
    return SOURCES.get(row.source_type, SOURCES["web_page"])


def _project_of(row: Any) -> Any:
    return None if row is None else row.project_id


def _score(row: Any, draw: Draw) -> Decimal:
    if row.verification_status == "refuted":
        return draw.decimal("0.0000", "0.1000")
    low, high = _source(row).credibility
    return draw.decimal(low, high)


def _if_verified(row: Any, what: str) -> str | None:
    return None if row.verification_status == "unverified" else what


def _begin(row: Any) -> Any:
    return latest(row.project, row.task, row.agent_execution, row.collected_by_user, row.collected_by_agent)


def _verified_at(row: Any, draw: Draw) -> Any:
    if row.verification_status == "unverified":
        return None
    return draw.after(max(row.collected_at, latest(row.verified_by_user)), 1, 96)


class EvidenceFactory(KeyedFactory[Evidence]):
    """Makes evidence of any source type, not yet verified and about nothing, if nothing else is said.

    `source_type` decides what else is made: title, content, source, credibility.
    """

    class Meta:
        model = Evidence
        traits = (
            ("verified", "disputed", "refuted"),
            ("by_user", "by_agent"),
            ("for_project", "for_task", "for_execution"),
            ("attested",),
            ("expiring",),
        )

    project = related("project_id", "swe_db.factories.projects.ProjectFactory", when="for_project")
    task = related("task_id", "swe_db.factories.tasks.TaskFactory", when="for_task", share=("project",))
    agent_execution = related(
        "agent_execution_id",
        "swe_db.factories.agents.AgentExecutionFactory",
        when="for_execution",
        share=("project", "task"),
        succeeded=True,
    )
    collected_by_user = related("collected_by_user_id", "swe_db.factories.users.UserFactory", when="by_user")
    collected_by_agent = related("collected_by_agent_id", "swe_db.factories.agents.AgentFactory", when="by_agent")
    verified_by_user = related(
        "verified_by_user_id",
        "swe_db.factories.users.UserFactory",
        when=lambda row: row.verification_status != "unverified",
        unless=("verified_by_agent", "verified_by_agent_id"),
    )
    project_id = value(lambda row, draw: _project_of(row.task) or _project_of(row.agent_execution))
    source_type = value(lambda row, draw: draw.choice(list(SOURCES)))
    title = value(lambda row, draw: _source(row).title.replace("{n}", str(draw.integer(2, 90))))
    content = value(lambda row, draw: _source(row).content)
    content_sha256 = value(lambda row, draw: hashlib.sha256(row.content.encode()).hexdigest())
    source_url = value(lambda row, draw: _source(row).url.replace("{n}", str(draw.integer(100, 9999))))
    source_name = value(lambda row, draw: _source(row).name)
    verification_status = value(
        lambda row, draw: chosen(row, "verified", "disputed", "refuted", otherwise="unverified")
    )
    credibility_score = value(_score)
    credibility_reason = value(lambda row, draw: f"As usual for {row.source_type.replace('_', ' ')}.")
    verification_method = value(lambda row, draw: _if_verified(row, _source(row).method))
    verification_notes = value(lambda row, draw: FINDINGS.get(row.verification_status))
    attestation_type = value(
        lambda row, draw: draw.choice(("signature", "sigstore", "witness")) if row.attested else None
    )
    attestation_issuer = value(lambda row, draw: "https://sigstore.people.example" if row.attestation_type else None)
    attestation_signature = value(lambda row, draw: draw.hex(128) if row.attestation_type else None)
    attested_at = value(lambda row, draw: draw.after(row.collected_at, 0, 2) if row.attestation_type else None)
    tags = value(lambda row, draw: [row.source_type, *draw.sample(("latency", "reliability", "cost", "safety"), 2)])
    created_at = value(
        lambda row, draw: draw.not_after(draw.after(_begin(row), 1, 72), "collected_at", "verified_at", "expires_at")
    )
    collected_at = value(lambda row, draw: row.created_at)
    source_published_at = value(lambda row, draw: draw.after(row.collected_at, -24 * 90, -1))
    verified_at = value(_verified_at)
    expires_at = value(lambda row, draw: draw.after(row.collected_at, 24 * 30, 24 * 365) if row.expiring else None)


def _new_score(row: Any, draw: Draw) -> Decimal:
    rises = row.raised or (not row.lowered and draw.chance(0.5))
    return draw.decimal("0.6500", "0.9900") if rises else draw.decimal("0.0100", "0.2500")


class EvidenceCredibilityHistoryFactory(KeyedFactory[EvidenceCredibilityHistory]):
    """Makes changes of the score of new evidence; the trigger of the database writes them itself at every change."""

    class Meta:
        model = EvidenceCredibilityHistory
        traits = (("raised", "lowered"), ("by_user",))

    evidence = related("evidence_id", "swe_db.factories.evidence.EvidenceFactory")
    changed_by_user = related("changed_by_user_id", "swe_db.factories.users.UserFactory", when="by_user")
    previous_score = value(lambda row, draw: draw.decimal("0.3000", "0.6000"))
    new_score = value(_new_score)
    score_change = value(lambda row, draw: Decimal(row.new_score) - Decimal(row.previous_score))
    reason = value(lambda row, draw: draw.choice(list(FINDINGS.values())))
    created_at = value(lambda row, draw: draw.after(latest(row.evidence, row.changed_by_user), 1, 96))


def _last_of_edge(row: Any) -> Any:
    return latest(row.from_evidence, row.to_evidence, row.created_by_user, row.created_by_agent)


class EvidenceChainFactory(KeyedFactory[EvidenceChain]):
    """Makes edges between two pieces of new evidence, so that no cycle comes of it."""

    class Meta:
        model = EvidenceChain
        traits = (RELATIONS, ("by_user", "by_agent"))

    from_evidence = related("from_evidence_id", "swe_db.factories.evidence.EvidenceFactory")
    to_evidence = related("to_evidence_id", "swe_db.factories.evidence.EvidenceFactory")
    created_by_user = related("created_by_user_id", "swe_db.factories.users.UserFactory", when="by_user")
    created_by_agent = related("created_by_agent_id", "swe_db.factories.agents.AgentFactory", when="by_agent")
    relation = value(lambda row, draw: chosen(row, *RELATIONS, otherwise=draw.choice(RELATIONS)))
    strength = value(lambda row, draw: draw.decimal("0.3000", "1.0000"))
    rationale = value(lambda row, draw: RATIONALES.get(row.relation))
    created_at = value(lambda row, draw: draw.after(_last_of_edge(row), 0.1, 48))
