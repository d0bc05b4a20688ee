SELECT from_evidence_id AS evidence_id
FROM draws
JOIN evidence_chains ON evidence_chains.id = 1 + floor(fraction * (SELECT max(id) FROM evidence_chains))::bigint
ORDER BY draw
