"""Every rule of the schema: a row that breaks it is refused for that reason, and one like it that keeps it passes."""

from __future__ import annotations

from typing import Any, Final

import pytest
from psycopg import Connection

from sql import cases_evidence_and_audit, cases_people_and_work
from support.sql import Case, refusal

CASES: Final = [*cases_people_and_work.CASES, *cases_evidence_and_audit.CASES]

# What partitions inherit is their parent's. A unique index of a constraint has its name.
RULES: Final = """
    SELECT class.relname, rule.conname
    FROM pg_constraint AS rule JOIN pg_class AS class ON class.oid = rule.conrelid
    WHERE class.relnamespace = 'public'::regnamespace AND NOT class.relispartition
      AND rule.contype IN ('c', 'f', 'p', 'u', 'x')
    UNION
    SELECT class.relname, entry.indexrelid::regclass::text
    FROM pg_index AS entry JOIN pg_class AS class ON class.oid = entry.indrelid
    WHERE class.relnamespace = 'public'::regnamespace AND NOT class.relispartition AND entry.indisunique
    UNION
    SELECT class.relname, rule.tgname
    FROM pg_trigger AS rule
    JOIN pg_class AS class ON class.oid = rule.tgrelid
    JOIN pg_proc AS proc ON proc.oid = rule.tgfoid
    WHERE class.relnamespace = 'public'::regnamespace AND NOT class.relispartition AND NOT rule.tgisinternal
      AND proc.prosrc LIKE '%RAISE EXCEPTION%'
"""

# It refuses an isolation level, which a case cannot set; test_evidence.py has it.
NO_CASE: Final = {("evidence_chains", "evidence_chains_serial")}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_what_breaks_a_rule_is_refused_and_what_keeps_it_passes(connection: Connection[Any], case: Case) -> None:
    """The refused statements fail at this rule and no other; the accepted ones do not fail."""
    error = refusal(connection, case.refused)
    assert error is not None, "nothing was refused"
    found = error.diag.constraint_name if case.sqlstate is None else error.sqlstate
    assert found == (case.sqlstate or case.rule), error
    assert refusal(connection, case.accepted) is None


def test_every_rule_has_a_case(connection: Connection[Any]) -> None:
    """The cases name every CHECK, key, unique index, foreign key and refusing trigger, and nothing else."""
    rules = {(table, name) for table, name in connection.execute(RULES.encode())}
    assert {(case.table, case.rule) for case in CASES} == rules - NO_CASE
    assert rules >= NO_CASE
