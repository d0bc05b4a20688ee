-- What a decision rests on: the evidence that is reached from it by the edges of the chain, with the fewest steps first.
--
-- Parameters: evidence that an edge begins at.
-- Bounded: six steps and 200 edges, each step by an index.
-- Indexes: evidence_chains_edge_key, evidence_pkey
WITH RECURSIVE chain (evidence_id, relation, steps) AS (
  SELECT to_evidence_id, relation, 1
  FROM evidence_chains
  WHERE from_evidence_id = %(evidence_id)s
  UNION
  SELECT edge.to_evidence_id, edge.relation, chain.steps + 1
  FROM chain
  JOIN evidence_chains AS edge ON edge.from_evidence_id = chain.evidence_id
  WHERE chain.steps < 6
)
SELECT reached.steps, reached.relation, evidence.id, evidence.source_type, evidence.title, evidence.credibility_score,
  evidence.verification_status
FROM (SELECT * FROM chain LIMIT 200) AS reached
JOIN evidence ON evidence.id = reached.evidence_id
ORDER BY reached.steps, evidence.id
