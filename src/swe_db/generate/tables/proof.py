"""Rows of evidence, of the history of its credibility, and of the chains between evidence."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from swe_db.generate.tables.children import UNVERIFIED, EvidenceItems
from swe_db.generate.values import words
from swe_db.generate.values.calendar import DAY, MINUTE
from swe_db.generate.values.draws import Ints
from swe_db.generate.values.texts import (
    Array,
    constant,
    decimals,
    hexadecimal,
    integers,
    json_object,
    label_lists,
    numbers,
    optional,
    pick,
    text,
    timestamps,
    uuids,
)

__all__ = ["SOURCE_TYPES", "VERDICTS", "chain_rows", "evidence_rows", "evidence_titles", "history_rows"]

SOURCE_TYPES: Final = tuple(source.type for source in words.SOURCES)
VERDICTS: Final = ("unverified", "verified", "disputed", "refuted")
_BEFORE: Final = tuple(source.before for source in words.SOURCES)
_AFTER: Final = tuple(source.after for source in words.SOURCES)
_CONTENTS: Final = tuple(source.content for source in words.SOURCES)
_HOSTS: Final = tuple(f"https://{source.host}.people.example/" for source in words.SOURCES)
_NAMES: Final = tuple(source.name for source in words.SOURCES)
_METHODS: Final = tuple(source.method for source in words.SOURCES)
_TAGS: Final = ("decision", "design", "performance", "quality", "reliability", "security", "cost", "users")
_REASONS: Final = (
    "Verified by a second source",
    "Reproduced independently",
    "Contradicted by a newer measurement",
    "Author withdrew the claim",
)


def evidence_titles(items: EvidenceItems) -> Array:
    """Return what each piece of evidence says, in one line."""
    number = numbers(2 + items.stream("number").below(240, items.key))
    return text(pick(_BEFORE, items.source), number, pick(_AFTER, items.source))


def evidence_rows(items: EvidenceItems, first: int, first_run: int) -> pa.Table:
    """Return the rows of evidence.

    Args:
        items: What they say.
        first: The id of the first.
        first_run: The id of the first execution of the same story.
    """
    story, key = items.story, items.key
    ids = first + np.arange(len(key), dtype=np.int64)
    known = items.verdict != UNVERIFIED
    ages = items.stream("expires").chance(150, key)
    count = 1 + items.stream("tags").below(3, key)
    choices = (items.stream("tag").below(len(_TAGS), key)[:, None] + np.arange(3) * 3) % len(_TAGS)
    digest = [hexadecimal(items.stream(f"sha256.{part}").bits(key)) for part in range(4)]
    return pa.table(
        {
            "id": integers(ids),
            "external_id": uuids(story.world.plan.source, "evidence", ids),
            "source_type": pick(SOURCE_TYPES, items.source),
            "title": evidence_titles(items),
            "content": pick(_CONTENTS, items.source),
            "content_sha256": text(*digest),
            "source_url": text(pick(_HOSTS, items.source), numbers(story.rows[items.task] + 1), "/", numbers(ids)),
            "source_name": pick(_NAMES, items.source),
            "source_published_at": timestamps(
                items.made - items.stream("published").between(1, 700, key) * DAY,
                items.stream("dated").chance(600, key),
            ),
            "credibility_score": decimals(items.score, 5, 4),
            "credibility_reason": pick(_REASONS, _reason(items), items.rescored),
            **_verification(items, digest),
            "project_id": integers(items.project + 1),
            "task_id": integers(story.rows[items.task] + 1),
            "agent_execution_id": integers(first_run + items.run, items.run >= 0),
            "collected_by_user_id": integers(items.user + 1, items.user >= 0),
            "collected_by_agent_id": integers(items.agent + 1, items.agent >= 0),
            "collected_at": timestamps(items.made),
            "expires_at": timestamps(items.made + items.stream("expires_at").between(90, 720, key) * DAY, ages),
            "tags": label_lists(_TAGS, choices, count),
            "metadata": json_object({"collector": pick(('"manual"', '"pipeline"', '"crawler"'), key % 3)}),
            "created_at": timestamps(items.made),
            "updated_at": timestamps(np.where(known, items.judged, items.made)),
        }
    )


def _verification(items: EvidenceItems, digest: list[Array]) -> dict[str, Array]:
    """Return the columns on how evidence was verified and attested."""
    story, key = items.story, items.key
    known = items.verdict != UNVERIFIED
    sealed = items.stream("attestation").chance(90, key)
    return {
        "verification_status": pick(VERDICTS, items.verdict),
        "verification_method": pick(_METHODS, items.source, known),
        "verification_notes": pa.nulls(len(key), pa.string()),
        "verified_at": timestamps(items.judged, known),
        "verified_by_user_id": integers(items.judge + 1, items.judge >= 0),
        "verified_by_agent_id": integers(items.judging_agent + 1, items.judging_agent >= 0),
        "attestation_type": pick(("signature", "in_toto", "slsa_provenance"), items.source % 3, sealed),
        "attestation_issuer": pick(("https://ca.people.example",), np.zeros(len(key), np.int64), sealed),
        "attestation_signature": optional(text("sig:", digest[1], digest[0]), sealed),
        "attested_at": timestamps(np.minimum(items.made + MINUTE, story.world.end - 1), sealed),
    }


def _reason(items: EvidenceItems) -> Ints:
    return np.where(items.score > items.first_score, 0, 2) + items.key % 2


def history_rows(items: EvidenceItems, first: int, first_evidence: int) -> pa.Table:
    """Return the changes of credibility; `first` is the id of the first, `first_evidence` that of the items."""
    changed = np.flatnonzero(items.rescored)
    ids = first + np.arange(len(changed), dtype=np.int64)
    return pa.table(
        {
            "id": integers(ids),
            "external_id": uuids(items.story.world.plan.source, "evidence_credibility_history", ids),
            "evidence_id": integers(first_evidence + changed),
            "previous_score": decimals(items.first_score[changed], 5, 4),
            "new_score": decimals(items.score[changed], 5, 4),
            "reason": pick(_REASONS, _reason(items)[changed]),
            "changed_by_user_id": integers(items.judge[changed] + 1, items.judge[changed] >= 0),
            "created_at": timestamps(items.judged[changed]),
        }
    )


def chain_rows(items: EvidenceItems, first: int, first_evidence: int) -> pa.Table:
    """Return the edges from each piece of evidence to the older one that it rests on."""
    source = np.flatnonzero(items.rests_on >= 0)
    ids = first + np.arange(len(source), dtype=np.int64)
    key = items.key[source]
    made = np.maximum(items.made[source], items.made[items.rests_on[source]])
    relation = items.stream("relation").weighted([one.share for one in words.RELATIONS], key)
    return pa.table(
        {
            "id": integers(ids),
            "external_id": uuids(items.story.world.plan.source, "evidence_chains", ids),
            "from_evidence_id": integers(first_evidence + source),
            "to_evidence_id": integers(first_evidence + items.rests_on[source]),
            "relation": pick(tuple(one.name for one in words.RELATIONS), relation),
            "strength": decimals(items.stream("strength").between(3000, 10000, key), 5, 4),
            "rationale": pick(("Same cause", "Newer measurement", "Repeats the experiment"), key % 3, key % 5 < 2),
            "created_by_user_id": integers(items.user[source] + 1, items.user[source] >= 0),
            "created_by_agent_id": integers(items.agent[source] + 1, items.agent[source] >= 0),
            "metadata": constant("{}", len(source)),
            "created_at": timestamps(made),
            "updated_at": timestamps(made),
        }
    )
